"""On what terms a session asks engines: what its counter prefers, what is compared, when the cheaper comes first."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

KEY: Final = "engines"
"""Of the settings snapshot in `SessionStarted` that holds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Fixed at a session's start."""

    prefer: tuple[str, ...] = ()
    """Speech-to-text engines in order; those not named follow as the server has them."""
    fast_path: bool = True
    """Whether what the lexicon is certain about asks no model."""
    compare: float = 0.0
    """Share of phrases that the other engines hear too, 0 to 1."""
    cheaper_snr_db: float | None = None
    """From this SNR on the cheapest paid engine comes first; None for never."""
    cheaper_s: float = 0.0
    """Seconds that such a phrase lasts at least."""

    def recorded(self) -> dict[str, Any]:
        """Return them as the settings snapshot holds them."""
        # As JSON gives it back.
        return {**asdict(self), "prefer": list(self.prefer)}


def terms_of(settings: Mapping[str, Any]) -> Terms:
    """Return what a settings snapshot holds.

    Sessions of before there were terms have the defaults, and the fast path as they recorded it.
    """
    kept = settings.get(KEY) or {"fast_path": settings.get("fast_path", True)}
    given = {field.name: kept[field.name] for field in fields(Terms) if field.name in kept}
    return Terms(**{**given, "prefer": tuple(given.get("prefer", ()))})
