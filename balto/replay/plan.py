"""What a replay changes: settings of the session, engines, the catalogue, prompts, answers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from actors.session.terms import KEY, Terms, terms_of
from actors.vad.settings import check
from actors.values import VadSettings
from balto.replay.pins import Pins
from balto.settings import Settings
from events.catalogue import AnswerSource

_VAD: Final = "vad."
_TERMS: Final = f"{KEY}."
_OWN: Final = ("gather_ms", "cooldown_s", "conversation_silence_s", "stt_budget_s", "llm_budget_s")
"""Settings that a session records under their own names and decides by."""


class PlanError(Exception):
    """What is wanted of a replay makes no sense; the message is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a replay is to do differently; by default nothing. It can be sent to another process."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the session by name, such as `vad.threshold_multiplier`."""
    stt: str | None = None
    """The engine of speech-to-text that is asked anew; None for whoever answered then."""
    live_stt: bool = False
    live_llm: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Texts of prompts by stage: `normalise`, `classify`."""
    baskets: Path | None = None
    """Another catalogue."""
    pins: Pins | None = None
    seed: int | None = None
    """Of the schedule; None for first come, first served."""
    chunk_bytes: int = 32_768
    """In which the client's bytes are sent. No phrase depends on it."""

    @property
    def transcription(self) -> AnswerSource:
        """Where texts come from."""
        if self.live_stt or self.stt is not None:
            return "live"
        return "pinned" if self.pins is not None and self.pins.of_transcription else "recorded"

    @property
    def understanding(self) -> AnswerSource:
        """Where the answers of a language model come from."""
        if self.live_llm or self.prompts:
            return "live"
        return "pinned" if self.pins is not None and self.pins.of_understanding else "recorded"

    @property
    def told(self) -> dict[str, Any]:
        """What is changed, as `ReplayStarted` tells it."""
        told = dict(self.changes)
        if self.stt is not None:
            told["stt"] = self.stt
        if self.baskets is not None:
            told["baskets"] = self.baskets.name
        for stage in self.prompts:
            told[f"prompt.{stage}"] = "given"
        if self.pins is not None:
            told["pinned"] = len(self.pins.file.transcripts) + len(self.pins.file.normalised)
        return told


def parse_changes(given: Sequence[str]) -> dict[str, Any]:
    """Read `name=value` as `--set` takes it; values are JSON, or else text.

    Raises:
        PlanError: a name is no setting that a replay can change, or a value is out of its range.
    """
    changes: dict[str, Any] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals:
            raise PlanError(f"--set {one}: write NAME=VALUE")
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = text
        changes[name.strip()] = value
    changed_settings({}, changes, Settings(_env_file=None))
    return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The settings that a replay of a session goes by."""

    vad: VadSettings
    snapshot: dict[str, Any]
    """As its `SessionStarted` records them."""
    settings: Settings
    remarks: tuple[str, ...] = ()


def changed_settings(snapshot: Mapping[str, Any], changes: Mapping[str, Any], settings: Settings) -> InForce:
    """Return the settings of a session with changes.

    Args:
        snapshot: as the session recorded them.
        changes: by name.
        settings: what the session did not record is taken from here.

    Raises:
        PlanError: as `parse_changes`.
    """
    vad = {k: v for k, v in dict(snapshot.get("vad") or {}).items() if k in _names(VadSettings)}
    terms = asdict(terms_of(snapshot))
    own = {name: snapshot[name] for name in _OWN if name in snapshot}
    missing = [name for name in _OWN[:3] if name not in snapshot]
    for name, value in changes.items():
        if name.startswith(_VAD) and name.removeprefix(_VAD) in _names(VadSettings):
            vad[name.removeprefix(_VAD)] = value
        elif name.startswith(_TERMS) and name.removeprefix(_TERMS) in _names(Terms):
            terms[name.removeprefix(_TERMS)] = value
        elif name in _OWN:
            own[name] = value
        else:
            raise PlanError(f"--set {name}: there is no such setting; there are {', '.join(settable())}")
    chosen = _validated(settings, own)
    try:
        detection = check(VadSettings(**_whole(vad)))
        agreed = TypeAdapter(Terms).validate_python(terms)
    except ValidationError as error:
        first = error.errors()[0]
        raise PlanError(f"--set {_TERMS}{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValueError, TypeError) as error:
        raise PlanError(f"--set {_VAD}{error}") from None
    own = {name: getattr(chosen, name) for name in _OWN}
    now = {**snapshot, **own, KEY: replace(agreed).recorded(), "vad": asdict(detection)}
    remarks = [f"{', '.join(missing)}: the session did not record it, so it is as set now"] if missing else []
    return InForce(vad=detection, snapshot=now, settings=chosen, remarks=tuple(remarks))


def settable() -> list[str]:
    """Return the names of what `--set` can change."""
    return [*(_VAD + name for name in _names(VadSettings)), *(_TERMS + name for name in _names(Terms)), *_OWN]


def _names(of: type[Any]) -> list[str]:
    return [each.name for each in fields(of)]


def _whole(vad: Mapping[str, Any]) -> dict[str, Any]:
    # JSON knows one kind of number: 2 is as good as 2.0 where a fraction is meant.
    floats = {each.name for each in fields(VadSettings) if each.type in (float, "float")}
    return {name: float(value) if name in floats and type(value) is int else value for name, value in vad.items()}


def _validated(settings: Settings, own: Mapping[str, Any]) -> Settings:
    try:
        return Settings.model_validate({**settings.model_dump(exclude_unset=True), **own})
    except ValidationError as error:
        first = error.errors()[0]
        raise PlanError(f"--set {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
