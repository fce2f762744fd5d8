"""What two runs were given: settings, versions, audio, the client's doings; and which of it an event depends on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from actors.values import SAMPLE_RATE
from balto.replay.contrast import Difference, differing
from balto.replay.run import Run
from balto.replay.semantic import content, type_name
from events.catalogue import AudioReceived, ReplayStarted
from events.catalogue.incidental import circumstance
from events.store import RecordingChunk

InputKind = Literal["audio", "setting", "version", "client", "engine", "answer"]


@dataclass(frozen=True, slots=True)
class Given:
    """An input that differs between two runs."""

    kind: InputKind
    name: str
    a: Any
    b: Any


_HEARING: Final = ("audio", "setting:vad", "setting:audio", "setting:encoding", "version:vad")
_ASKING: Final = ("setting:stt", "setting:engines", "client:PaidEngines")
_UNDERSTANDING: Final = ("setting:llm", "setting:engines", "setting:prompt", "setting:baskets", "version:baskets")
_GATHERING: Final = ("setting:gather_ms", "setting:conversation_silence_s", "version:baskets", "setting:baskets")
_ADVISING: Final = (
    "version:baskets",
    "setting:baskets",
    "setting:cooldown_s",
    "setting:conversation_silence_s",
    "client:",
)
_DEPENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "AudioFormatDetected": ("audio", "setting:audio", "setting:encoding"),
    "AudioRejected": ("audio", "setting:audio", "setting:encoding"),
    "SpeechStarted": _HEARING,
    "PhraseCaptured": _HEARING,
    "PhraseDiscarded": _HEARING,
    "PhraseCleaned": _HEARING,
    "PhraseMeasured": _HEARING,
    "TranscriptionReceived": (*_ASKING, "audio"),
    "TranscriptionRejected": (*_ASKING, "audio"),
    "TranscriptionFailed": (*_ASKING, "audio"),
    "UtteranceGathered": _GATHERING,
    "PhraseGathered": _GATHERING,
    "CircumstancesNoted": _GATHERING,
    "CircumstancesDenied": _GATHERING,
    "ConversationEnded": _GATHERING,
    "NormalisationCompleted": (*_UNDERSTANDING, *_GATHERING),
    "NormalisationFailed": _UNDERSTANDING,
    "ClassificationCompleted": _UNDERSTANDING,
    "ClassificationFailed": _UNDERSTANDING,
    "BasketResolved": _ADVISING,
    "RecommendationSent": _ADVISING,
    "RecommendationWithheld": _ADVISING,
}
"""By type of event, what of the inputs a decision of it depends on beside the events before it."""
_ANY: Final = ("version:balto", "setting:replay")


def inputs_that_differ(a: Run, b: Run) -> list[Given]:
    """Return the inputs that differ, those that work first coming first."""
    return [*_audio(a, b), *_settings(a, b), *_client(a, b)]


def bears_on(given: Given, event_type: str) -> bool:
    """Tell whether an input can by itself change an event of a type."""
    place = f"{given.kind}:{given.name}"
    # What nobody has said anything of may depend on everything.
    wanted = (*_DEPENDS[event_type], *_ANY) if event_type in _DEPENDS else ("",)
    return any(place.startswith(each) for each in wanted)


def _settings(a: Run, b: Run) -> Iterator[Given]:
    if a.started is None or b.started is None:
        return
    for name in ("protocol", "encoding"):
        yield from _given("setting", differing(getattr(a.started, name), getattr(b.started, name), name))
    yield from _given("setting", differing(a.started.settings, b.started.settings))
    yield from _given("setting", differing(_replayed(a), _replayed(b), "replay"))
    yield from _given("version", differing(a.started.versions, b.started.versions))


def _replayed(run: Run) -> dict[str, Any]:
    """Return what a replay was told to do differently that its session's settings do not show."""
    told = next((event for event in run.events if isinstance(event, ReplayStarted)), None)
    if told is None or run.started is None:
        return {}
    shown = _names(run.started.settings)
    asked = {"transcription": told.transcription, "understanding": told.understanding}
    changes = {name: value for name, value in told.changes.items() if name not in shown}
    return changes | {name: source for name, source in asked.items() if source != "recorded"}


def _names(settings: Mapping[str, Any], path: str = "") -> set[str]:
    names: set[str] = set()
    for name, value in settings.items():
        names |= _names(value, f"{path}{name}.") if isinstance(value, dict) else {f"{path}{name}"}
    return names


def _given(kind: InputKind, found: Iterator[Difference]) -> Iterator[Given]:
    return (Given(kind, each.field, each.a, each.b) for each in found)


def _client(a: Run, b: Run) -> Iterator[Given]:
    mine, theirs = _doings(a), _doings(b)
    for name in [*mine, *(name for name in theirs if name not in mine)]:
        yield from _given("client", differing(mine.get(name, []), theirs.get(name, []), name))


def _doings(run: Run) -> dict[str, list[Any]]:
    done: dict[str, list[Any]] = {}
    for event in run.events:
        if circumstance(type_name(event)) == "client":
            done.setdefault(type_name(event), []).append(content(event))
    return done


def _audio(a: Run, b: Run) -> Iterator[Given]:
    """Compare the bytes where both runs have any: a replay has none of its own."""
    if not a.audio or not b.audio:
        return
    at = _first_difference(a.audio, b.audio)
    if at is not None:
        yield Given("audio", f"from byte {at}, about {_second_of(a, at):.2f} s, on", _length(a), _length(b))


def _length(run: Run) -> str:
    return f"{sum(len(chunk.data) for chunk in run.audio)} bytes"


def _first_difference(a: tuple[RecordingChunk, ...], b: tuple[RecordingChunk, ...]) -> int | None:
    mine, theirs = _joined(a), _joined(b)
    if mine == theirs:
        return None
    low, high = 0, min(len(mine), len(theirs))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if mine[:middle] == theirs[:middle] else (low, middle - 1)
    return low


def _joined(audio: tuple[RecordingChunk, ...]) -> bytes:
    """Put chunks together; where some are missing, zeros."""
    whole = bytearray()
    for chunk in audio:
        whole += bytes(max(0, chunk.byte_start - len(whole)))
        whole[chunk.byte_start :] = chunk.data
    return bytes(whole)


def _second_of(run: Run, byte: int) -> float:
    for event in run.events:
        if isinstance(event, AudioReceived) and event.byte_end > byte:
            share = (byte - event.byte_start) / (event.byte_end - event.byte_start)
            return (event.sample_start + share * (event.sample_end - event.sample_start)) / SAMPLE_RATE
    return 0.0
