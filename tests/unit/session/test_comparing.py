"""Phrases that other engines hear too: which ones, what is recorded of it, and that nobody waits for it."""

import asyncio
from dataclasses import replace

import pytest

from actors.comparison import Compared
from actors.messages import AudioFinished, Listened
from actors.runtime.system import stop
from actors.runtime.testkit import VirtualSystem
from actors.session.actor import SessionActor
from actors.session.comparing import sampled
from actors.session.connection import Connection
from actors.session.inputs import Drained
from actors.session.ports import FlowWindow
from actors.session.purse import Allowance
from actors.session.seat import Seat
from actors.session.terms import KEY, Terms
from actors.stt.router import RoutedTranscriber
from actors.values import SpeechBegan, Transcript
from events.catalogue import (
    AttemptStarted,
    ComparisonFailed,
    ComparisonRequested,
    Event,
    RecommendationSent,
    SessionEnded,
    TranscriptCompared,
    TranscriptionReceived,
    TranscriptionStreamClosed,
)
from tests.unit.routing.engines import FOREVER, Line, PlannedTranscriber, follow, over_seeds
from tests.unit.session.given import SESSION, Session, examined, names, normalised, phrase, progressed, transcribed
from tests.unit.session.stage import SPEC, Client, Ears, Head, Shelf, services
from tests.unit.session.test_choosing import BEGAN, CHEAP, DEAR, LIVE, LOCAL, SPENT, asked, engines, on
from tests.unit.session.test_speculation import of


def heard(provider: str = "dear") -> Session:
    session = on(Terms(compare=1.0))
    asked(session)
    session.when(replace(transcribed("estou com dor de cabeça"), provider=provider))
    return session


def answer(text: str | None, *, provider: str = "cheap", error: str | None = None) -> Compared:
    return Compared(
        number=1,
        provider=provider,
        transcript=None if text is None else Transcript(text=text, cost_usd=0.001),
        word_errors=1,
        chosen_words=5,
        error=error,
        latency_ms=400.0,
    )


def test_the_other_paid_engines_are_asked_after_the_transcript_that_counts() -> None:
    session = heard()
    assert names(session.events)[-3:] == ["TranscriptionReceived", "NormalisationRequested", "ComparisonRequested"]
    assert session.events[-1] == ComparisonRequested(
        phrase=1,
        provider="cheap",
        model="m",
        audio_ms=1000.0,
        may_cost_usd=0.36 / 3600,
        chosen_provider="dear",
        chosen_model="m",
        chosen_latency_ms=300.0,
        chosen_cost_usd=0.0,
    )


def test_the_text_of_a_stream_is_compared_with_what_its_stream_costs() -> None:
    session = on(Terms(compare=1.0), replace(engines(), streaming=replace(LIVE, usd_per_hour=3_600.0)))
    session.when(replace(progressed(BEGAN, sample_end=9_000, byte_end=18_000), streaming=True))
    session.when(progressed(phrase(), sample_end=32_000, byte_end=64_000))
    session.when(examined())
    session.when(replace(transcribed("estou com dor de cabeça"), provider="dear", model="live"))
    (closed,) = of(session.events, TranscriptionStreamClosed)
    (request,) = of(session.events, ComparisonRequested)
    assert (request.chosen_model, request.chosen_cost_usd) == ("live", 1.0)
    assert closed.cost_usd == request.chosen_cost_usd


def test_where_the_last_resort_heard_it_both_providers_are_asked() -> None:
    assert {event.provider for event in of(heard("local").events, ComparisonRequested)} == {"dear", "cheap"}


def test_what_the_other_engine_wrote_changes_nothing_but_the_record() -> None:
    session = heard()
    before = session.state.open_phrases
    (compared,) = session.when(answer("estou com dor na cabeça"))
    assert isinstance(compared, TranscriptCompared)
    assert (compared.text, compared.word_errors, compared.chosen_words) == ("estou com dor na cabeça", 1, 5)
    assert (compared.cost_usd, compared.chosen_provider, compared.latency_ms) == (0.001, "dear", 400.0)
    assert (session.state.open_phrases, session.state.comparing) == (before, ())
    assert session.when(answer("again")) == []


@pytest.mark.parametrize(
    ("code", "cost"), [("transient", 0.0), ("circuit_open", 0.0), ("timeout", 0.36 / 3600), ("empty", 0.36 / 3600)]
)
def test_one_that_fails_is_on_record_with_what_it_may_cost(code: str, cost: float) -> None:
    (failed,) = heard().when(answer(None, error=code))
    assert isinstance(failed, ComparisonFailed)
    assert (failed.code, failed.cost_usd, failed.chosen_provider) == (code, cost, "dear")


def test_a_session_that_ends_gives_its_comparisons_up_and_says_so() -> None:
    session = heard()
    session.when(normalised())
    ended = session.when(Drained(reason="client_left", byte_end=64_000))
    assert names(ended) == ["ComparisonFailed", "SessionEnded"]
    assert ended[0].code == "abandoned"  # type: ignore[attr-defined] # by its name


@pytest.mark.parametrize("spoil", [Allowance(stopped=True, day="d", budget_usd=1.0, spent_usd=1.0), None])
def test_nothing_is_compared_once_the_budget_is_spent_or_where_nobody_else_is(spoil: Allowance | None) -> None:
    session = on(Terms(compare=1.0), engines(DEAR, CHEAP, LOCAL) if spoil else engines(DEAR, LOCAL))
    asked(session)
    if spoil:
        session.when(SPENT)
    session.when(replace(transcribed("estou com dor de cabeça"), provider="dear"))
    assert not of(session.events, ComparisonRequested)


def test_a_share_of_the_phrases_is_compared_the_same_ones_every_time() -> None:
    chosen = [number for number in range(10_000) if sampled(SESSION, number, 0.1)]
    assert 900 < len(chosen) < 1_100
    assert chosen == [number for number in range(10_000) if sampled(SESSION, number, 0.1)]
    assert {n for n in chosen if sampled(SESSION, n, 0.05)} < set(chosen)
    assert not any(sampled(SESSION, number, 0.0) for number in range(100))
    assert all(sampled(SESSION, number, 1.0) for number in range(100))


async def converse(
    system: VirtualSystem, *ears: PlannedTranscriber, phrases: int = 2, linger_s: float = 30.0
) -> tuple[list[Event], float]:
    """Let a session hear phrases on routed engines, all compared; return its events, and how long its end took."""
    shelf, client = Shelf(system), Client()
    routed = RoutedTranscriber(ears, system.time, {"dear": 0.72, "cheap": 0.36}.get)  # type: ignore[arg-type] # they are priced
    spec = replace(SPEC, settings={KEY: Terms(compare=1.0).recorded()})
    stage = services(system, shelf, Ears(), Head())
    given = replace(stage, transcribers=(routed,), policy=replace(engines(DEAR, CHEAP), resolve=stage.policy.resolve))
    seat = Seat(spec=spec, connection=Connection(client, FlowWindow()), on_end=lambda _: None)
    session = system.spawn(SessionActor, seat, given)
    client.session = session
    for number in range(1, phrases + 1):
        start = number * 20_000
        session.tell(Listened(heard=(SpeechBegan(number=number, sample_start=start),), byte_end=0, sample_end=start))
        said = phrase(number, start, start + 16_000)
        session.tell(Listened(heard=(said,), byte_end=0, sample_end=start + 17_000))
        await asyncio.sleep(1.5)
    await asyncio.sleep(linger_s)
    began = asyncio.get_running_loop().time()
    session.tell(AudioFinished("client_finished"))
    assert await client.over == "client_finished"
    took = asyncio.get_running_loop().time() - began
    await stop(session)
    await routed.close()
    return shelf.events, took


@over_seeds
async def test_all_transcripts_are_events_and_one_of_them_is_chosen(system: VirtualSystem) -> None:
    dear, cheap = (
        PlannedTranscriber("dear", follow(Line(after_s=0.1, text="estou com dor"))),
        PlannedTranscriber("cheap", follow(Line(after_s=0.5, text="tenho muita dor"))),
    )
    events, _ = await converse(system, dear, cheap)
    assert [event.provider for event in of(events, TranscriptionReceived)] == ["dear", "dear"]
    compared = of(events, TranscriptCompared)
    assert [(e.phrase, e.provider, e.text) for e in compared] == [
        (1, "cheap", "tenho muita dor cheap"),
        (2, "cheap", "tenho muita dor cheap"),
    ]
    # "estou com dor dear" against "tenho muita dor cheap".
    assert [(e.word_errors, e.chosen_words) for e in compared] == [(3, 4), (3, 4)]
    assert compared[0].latency_ms == pytest.approx(500, abs=1)
    assert (dear.asked, cheap.asked) == (2, 2)
    assert len(of(events, RecommendationSent)) == 2
    assert not of(events, AttemptStarted)


@over_seeds
async def test_one_that_hangs_delays_no_recommendation_and_not_the_end(system: VirtualSystem) -> None:
    dear, cheap = (
        PlannedTranscriber("dear", follow(Line(after_s=0.1))),
        PlannedTranscriber("cheap", follow(Line(after_s=FOREVER))),
    )
    events, took = await converse(system, dear, cheap, phrases=3, linger_s=0.0)
    sent = [at for at, event in enumerate(events) if isinstance(event, RecommendationSent)]
    failed = of(events, ComparisonFailed)
    assert len(sent) == 3
    assert {event.phrase for event in failed} == {1, 2, 3}
    assert {event.code for event in failed} <= {"timeout", "abandoned"}
    assert took < 0.5
    assert isinstance(events[-1], SessionEnded)


@over_seeds
async def test_one_that_fails_is_an_event_and_learns_nothing_of_the_session(system: VirtualSystem) -> None:
    dear = PlannedTranscriber("dear", follow(Line(after_s=0.1)))
    cheap = PlannedTranscriber("cheap", follow(Line(after_s=0.1, error="throttled", retry_after_s=600)))
    events, _ = await converse(system, dear, cheap)
    assert [event.code for event in of(events, ComparisonFailed)] == ["throttled", "circuit_open"]
    assert cheap.asked == 1
    assert len(of(events, RecommendationSent)) == 2
