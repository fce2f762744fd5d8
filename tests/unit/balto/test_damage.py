"""Recordings that are not whole: each flaw is a line, and what is left is heard again."""

import pytest

from balto.replay.engine import execute
from balto.replay.recorded import NotReplayableError, Recorded, recorded_of
from events.catalogue import (
    Event,
    PhraseCaptured,
    RecommendationSent,
    RecordingsExpired,
    SessionEnded,
    SessionStarted,
    SubjectErased,
)
from events.codec import decode, encode
from events.envelope import RecordedEvent, UnknownEvent
from events.store import RecordingChunk
from tests.recordings import conversation, webm
from tests.replays import SESSION, Reader, envelopes, kit_of_tests, record_parts

NAMES = ("dor_de_cabeca", "tosse", "gravida")
STREAM = f"session-{SESSION}"


def parts(encoding: str = "pcm_s16le") -> tuple[list[RecordedEvent], list[RecordingChunk]]:
    pcm = conversation(*NAMES, pause_s=2.0)
    data = webm(pcm) if encoding == "webm-opus" else pcm.tobytes()
    ears = [Reader("estou com dor de cabeça", "quero um xarope para tosse")]
    written, chunks = record_parts(kit_of_tests(), data, seconds=pcm.size / 16_000, ears=ears, encoding=encoding)
    return envelopes(written), chunks


def heard(recorded: Recorded) -> tuple[list[Event], tuple[str, ...]]:
    execution = execute(recorded, kit_of_tests())
    return execution.events, execution.remarks


def places(events: list[Event]) -> list[int]:
    return [event.sample_start for event in events if isinstance(event, PhraseCaptured)]


@pytest.mark.parametrize("encoding", ["pcm_s16le", "webm-opus"])
def test_a_missing_chunk_is_a_line_and_what_follows_is_heard_in_its_place(encoding: str) -> None:
    events, chunks = parts(encoding)
    then = places([each.event for each in events])
    lost = chunks[len(chunks) // 3]
    recorded = recorded_of(events, [chunk for chunk in chunks if chunk is not lost], STREAM)
    now, remarks = heard(recorded)
    assert any(f"bytes {lost.byte_start} to" in line and "missing" in line for line in remarks)
    assert isinstance(now[-1], SessionEnded)
    if encoding == "pcm_s16le":
        assert abs(places(now)[-1] - then[-1]) < 1_600


def test_an_event_of_a_type_that_nobody_knows_is_left_out() -> None:
    events, chunks = parts()
    strange = UnknownEvent("CustomerSmiled", 3, {"phrase": 1, "text": "segredo"})
    events.insert(5, events[4]._replace(event=strange, type="CustomerSmiled", schema_version=3))
    now, remarks = heard(recorded_of(events, chunks, STREAM))
    assert remarks == ("1 × CustomerSmiled version 3: this program does not know it, and leaves it out",)
    assert any(isinstance(event, RecommendationSent) for event in now)


def test_a_recording_that_was_cut_off_is_heard_to_its_last_byte() -> None:
    events, chunks = parts()
    at = next(n for n, each in enumerate(events) if isinstance(each.event, RecommendationSent)) + 1
    upto = max(getattr(each.event, "byte_end", 0) for each in events[:at])
    now, remarks = heard(recorded_of(events[:at], [c for c in chunks if c.byte_start < upto], STREAM))
    assert remarks == ("the recording has no end: it is heard to its last byte",)
    assert isinstance(now[-1], SessionEnded)
    assert any(isinstance(event, RecommendationSent) for event in now)


def test_what_cannot_be_heard_at_all_is_one_line() -> None:
    events, chunks = parts()
    last = events[-1]
    erased = [*events, last._replace(event=SubjectErased(reason="asked"), type="SubjectErased")]
    expired = RecordingsExpired(bytes_deleted=9, older_than=last.occurred_at)
    for given, audio, why in (
        ([], [], "no session"),
        (events[1:], chunks, "no session's stream"),
        (erased, [], "was erased"),
        ([*events, last._replace(event=expired, type="RecordingsExpired")], [], "was deleted"),
        (events, [], "is not there"),
    ):
        with pytest.raises(NotReplayableError, match=why) as caught:
            recorded_of(given, audio, STREAM)
        assert "\n" not in str(caught.value)


def test_a_session_of_older_schemas_is_heard_again() -> None:
    events, chunks = parts()
    old = [_older(each) for each in events]
    assert any(each.schema_version == 1 and each.type == "PhraseCaptured" for each in old)
    now, remarks = heard(recorded_of([_read(each) for each in old], chunks, STREAM))
    assert remarks == (
        "gather_ms, cooldown_s, conversation_silence_s: the session did not record it, so it is as set now",
    )
    assert places(now) == places([each.event for each in events])
    assert any(isinstance(event, RecommendationSent) for event in now)


_DROPPED = {
    "PhraseCaptured": (1, ()),
    "PhraseOffered": (1, ("why",)),
    "TranscriptionRequested": (1, ("why",)),
    "TranscriptionReceived": (1, ("offer", "words_per_minute")),
    "BasketResolved": (1, ("reasons", "catalogue")),
    "RecommendationSent": (1, ("rule", "reasons")),
    "RecommendationWithheld": (1, ("safety_rule",)),
}
"""What version 1 of a type had not yet."""
_SETTINGS = ("gather_ms", "cooldown_s", "conversation_silence_s", "engines")


def _older(recorded: RecordedEvent) -> RecordedEvent:
    """Return an event as version 1 of its type was written."""
    import orjson  # noqa: PLC0415 - used here alone

    data = orjson.loads(encode(recorded.event))
    if isinstance(recorded.event, SessionStarted):
        data["settings"] = {k: v for k, v in data["settings"].items() if k not in _SETTINGS}
    version, dropped = _DROPPED.get(recorded.type, (recorded.schema_version, ()))
    for name in dropped:
        del data[name]
    if recorded.type == "PhraseCaptured":
        data["vad"] = {k: v for k, v in data["vad"].items() if not k.startswith(("loud", "webrtc", "neural"))}
    return recorded._replace(event=UnknownEvent(recorded.type, version, data), schema_version=version)


def _read(recorded: RecordedEvent) -> RecordedEvent:
    import orjson  # noqa: PLC0415 - used here alone

    assert isinstance(recorded.event, UnknownEvent)
    event = decode(recorded.type, recorded.schema_version, orjson.dumps(recorded.event.data))
    return recorded._replace(event=event)
