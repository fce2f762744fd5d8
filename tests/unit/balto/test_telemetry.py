"""What is told of phrases while they are worked on: figures and spans, and no word of what was said."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from balto.telemetry.figures import Figures, outcome_of
from balto.telemetry.hops import hops
from balto.telemetry.stories import ObservedWriter, Stories, Story
from balto.telemetry.traces import Traces, TracingError
from events.catalogue import (
    ClassificationCompleted,
    Event,
    NormalisationCompleted,
    PhraseCaptured,
    PhraseGathered,
    RecommendationDelivered,
    RecommendationSent,
    SessionEnded,
    TranscriptionFailed,
    TranscriptionReceived,
    TranscriptionRequested,
    VadSnapshot,
)
from events.envelope import NewEvent
from events.store import Append, Appended, StoreUnavailableError

BEGAN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET = "palavra secreta"
VAD = VadSnapshot(noise_floor_rms=1, threshold_rms=2, threshold_multiplier=1.5, min_energy=1, voiced_ratio=1, mode=3)


def captured(phrase: int = 1) -> PhraseCaptured:
    return PhraseCaptured(phrase=phrase, sample_start=0, sample_end=16_000, cut_reason="pause", vad=VAD)


TOLD: list[tuple[int, Event]] = [
    (0, captured()),
    (2, TranscriptionRequested(phrase=1, provider="a", model="m", audio_ms=1000)),
    (300, TranscriptionFailed(phrase=1, provider="a", model="m", code="transient", latency_ms=298)),
    (
        700,
        TranscriptionReceived(
            phrase=1, provider="b", model="m", text=SECRET, confidence=None, latency_ms=400, cost_usd=0
        ),
    ),
    (
        705,
        NormalisationCompleted(
            phrase=1, engine="lexicon", model="1", entities=(), entity_count=0, latency_ms=5, cost_usd=0
        ),
    ),
    (
        715,
        ClassificationCompleted(
            phrase=1, engine="lexicon", model="1", categories=(), anchors=(), confidence=1, latency_ms=10, cost_usd=0
        ),
    ),
    (716, RecommendationSent(phrase=1, recommendation_id="r", basket="B", items=())),
    (720, RecommendationDelivered(phrase=1, recommendation_id="r")),
]


def append(*told: tuple[int, Event], stream: str = "session-s") -> Append:
    events = [
        NewEvent(
            event_id=UUID(int=ms + 1), event=event, occurred_at=BEGAN + timedelta(milliseconds=ms), elapsed_us=ms * 1000
        )
        for ms, event in told
    ]
    return Append(stream=stream, tenant="t", events=events)


def stories_of(*appends: Append, most_open: int = 100) -> list[Story]:
    told: list[Story] = []
    stories = Stories(told.append, most_open=most_open)
    for one in appends:
        stories.take(one)
    return told


def test_a_phrase_is_one_story_however_its_events_are_appended() -> None:
    (whole,) = stories_of(append(*TOLD))
    (piecewise,) = stories_of(*(append(one) for one in TOLD))
    assert whole == piecewise
    assert [type(new.event) for new in whole.events] == [type(event) for _, event in TOLD]


def test_a_phrase_that_never_ended_is_told_at_its_sessions_end_and_the_oldest_are_forgotten() -> None:
    end = SessionEnded(reason="client_finished", bytes_received=0, samples=0, phrases=0, recommendations=0)
    (story,) = stories_of(append((0, captured())), append((9, end)))
    assert outcome_of(story) == "unfinished"
    assert stories_of(append((0, captured())), append((0, captured(2))), append((9, end)), most_open=1)[0].phrase == 2
    assert stories_of(append((0, captured()), stream="counter-1"), append((9, end))) == []


def test_a_phrase_that_is_understood_with_a_later_one_ends_there_as_gathered() -> None:
    (story,) = stories_of(append((0, captured()), (400, PhraseGathered(phrase=1, into=2))))
    assert outcome_of(story) == "gathered"


def test_hops_are_those_of_the_timeline() -> None:
    (story,) = stories_of(append(*TOLD))
    assert [(hop.name, hop.ms) for hop in hops(story)] == [
        ("audio", 2), ("stt", 400), ("ai1", 5), ("ai2", 10), ("ws", 4), ("total", 720),
    ]  # fmt: skip


def test_figures_count_phrases_hops_and_calls() -> None:
    figures = Figures()
    for story in stories_of(append(*TOLD)):
        figures.take(story)
    value = figures.registry.get_sample_value
    assert value("balto_phrases_total", {"outcome": "recommended"}) == 1
    assert value("balto_hop_seconds_sum", {"hop": "total"}) == 0.72
    assert value("balto_hop_seconds_bucket", {"hop": "stt", "le": "0.3"}) == 0
    assert value("balto_hop_seconds_bucket", {"hop": "stt", "le": "0.5"}) == 1
    failed = {"hop": "stt", "engine": "a", "model": "m", "outcome": "transient"}
    assert value("balto_provider_calls_total", failed) == 1


@pytest.mark.parametrize(
    ("heard_s", "after_ms", "hurried"), [(30, 29_500, 0), (30, 2_000, 1), (3, 1_900, 1), (300, 275_000, 0)]
)
def test_phrases_that_were_sent_faster_than_speech_are_counted_and_not_timed(
    heard_s: int, after_ms: int, hurried: int
) -> None:
    said = replace(captured(), sample_end=16_000 * heard_s)
    told = append((after_ms, said), *((after_ms + ms, event) for ms, event in TOLD[1:]))
    figures = Figures()
    for story in stories_of(told):
        figures.take(story)
    value = figures.registry.get_sample_value
    assert value("balto_phrases_hurried_total") == hurried
    assert value("balto_hop_seconds_count", {"hop": "total"}) == 1 - hurried
    assert value("balto_phrases_total", {"outcome": "recommended"}) == 1


def spans_of(story: Story) -> Sequence[ReadableSpan]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    Traces(provider).take(story)
    return exporter.get_finished_spans()


def test_a_phrase_is_one_trace_with_a_span_for_each_hop_and_nothing_that_was_said() -> None:
    (story,) = stories_of(append(*TOLD))
    *parts, whole = spans_of(story)
    assert [span.name for span in parts] == ["audio", "stt", "ai1", "ai2", "ws", "stt"]
    assert {span.context.trace_id for span in parts if span.context} == {whole.context and whole.context.trace_id}
    assert whole.attributes is not None
    assert whole.attributes["balto.outcome"] == "recommended"
    assert (whole.end_time or 0) - (whole.start_time or 0) == 720_000_000
    assert [span.attributes and span.attributes["balto.event_id"] for span in parts[:2]] == [
        str(UUID(int=3)),
        str(UUID(int=701)),
    ]
    assert (parts[-1].attributes or {})["error.type"] == "transient"
    assert not parts[-1].status.is_ok
    assert SECRET not in "".join(span.to_json() for span in (*parts, whole))


def test_what_is_no_address_is_told() -> None:
    with pytest.raises(TracingError):
        Traces.sending_to("collector:4318", version="1")


class Journal:
    """A journal that answers when it is told to."""

    def __init__(self) -> None:
        self.future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()

    def submit(self, _: Append) -> asyncio.Future[Appended]:
        return self.future

    async def append(self, _: Append) -> Appended:
        return await self.future


@pytest.mark.parametrize("fails", [True, False])
async def test_only_what_is_durable_is_told(fails: bool) -> None:
    told: list[Append] = []
    journal = Journal()
    writer = ObservedWriter(journal, told.append)
    submitted, one = writer.submit(append(*TOLD)), append(TOLD[0])
    appending = asyncio.ensure_future(writer.append(one))
    await asyncio.sleep(0)
    assert told == []
    if fails:
        journal.future.set_exception(StoreUnavailableError("away"))
    else:
        journal.future.set_result(Appended(stream_position=1, position=1))
    await asyncio.gather(submitted, appending, return_exceptions=True)
    await asyncio.sleep(0)
    assert len(told) == (0 if fails else 2)
