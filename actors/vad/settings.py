"""Voice-detection settings as clients send them, checked."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from actors.values import VadSettings

RANGES: Final[dict[str, tuple[float, float]]] = {
    "threshold_multiplier": (1.0, 10.0),
    "min_energy": (0.0, 5_000.0),
    "mode": (0, 3),
    "neural_threshold": (0.3, 0.95),
    "onset_ms": (30, 1_000),
    "pre_roll_ms": (0, 2_000),
    "hangover_ms": (90, 5_000),
    "offer_ms": (0, 5_000),
    "min_phrase_ms": (0, 5_000),
    "max_phrase_ms": (2_000, 60_000),
}
"""Least and greatest value of every setting."""
_FRACTIONS: Final = frozenset({"threshold_multiplier", "min_energy", "neural_threshold"})
_STAGES: Final = ("energy_gate", "webrtc", "neural")
_OLDER_NAME: Final = "min_energy_threshold"


def vad_settings_from(raw: object, base: VadSettings | None = None) -> VadSettings:
    """Read the handshake's `vad_settings`.

    Args:
        raw: None, or a mapping with `threshold_multiplier` and `min_energy` (or its older name
            `min_energy_threshold`), each optional; what is missing or null is as in `base`, and unknown fields are
            ignored.
        base: the counter's preset; the defaults where there is none.

    Raises:
        ValueError: not a mapping, or a value of the wrong type or out of range; one line says which.
    """
    settings = base or VadSettings()
    if raw is None:
        return settings
    if not isinstance(raw, Mapping):
        raise ValueError("vad_settings must be an object")  # noqa: TRY004 - it is the value of a client, not a bug
    multiplier, energy = raw.get("threshold_multiplier"), raw.get("min_energy")
    if energy is None:
        energy = raw.get(_OLDER_NAME)
    if multiplier is not None:
        settings = replace(settings, threshold_multiplier=_number("threshold_multiplier", multiplier))
    if energy is not None:
        settings = replace(settings, min_energy=_number("min_energy", energy))
    return settings


def check(settings: VadSettings) -> VadSettings:
    """Return the settings if every one of them is in range.

    Raises:
        ValueError: one isn't; one line says which.
    """
    for name, (least, greatest) in RANGES.items():
        value = getattr(settings, name)
        if name not in _FRACTIONS and (isinstance(value, bool) or not isinstance(value, int)):
            raise ValueError(f"{name} must be a whole number")
        if not least <= _number(name, value) <= greatest:
            raise ValueError(_out_of_range(name))
    stages = [getattr(settings, name) for name in _STAGES]
    if not all(isinstance(stage, bool) for stage in stages) or not any(stages):
        raise ValueError(f"{', '.join(_STAGES)} must be true or false, and one of them true")
    return settings


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number")  # noqa: TRY004 - it is the value of a client, not a bug
    least, greatest = RANGES[name]
    # an int may be too large for a float: compare before converting; NaN compares false
    if not least <= value <= greatest or math.isnan(value):
        raise ValueError(_out_of_range(name))
    return float(value)


def _out_of_range(name: str) -> str:
    least, greatest = RANGES[name]
    return f"{name} must be between {least:g} and {greatest:g}"
