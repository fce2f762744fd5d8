"""Where answers of a replay come from: the recording, by samples and words; a file; an engine that is asked again."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from actors.llm.router import RoutedUnderstanding
from actors.llm.understanding import Understanding, UnderstandingError
from actors.runtime.clock import Clock
from actors.session.purse import Allowance
from actors.stt.transcriber import Transcriber
from actors.values import Classified, Normalised, Pcm, Transcript
from balto.replay import kit as kits
from balto.replay.ears import SilentStream, SilentStreaming
from balto.replay.engine import execute
from balto.replay.kit import Kit
from balto.replay.outcome import outcome_of
from balto.replay.pins import Pins, PinsError
from balto.replay.plan import Plan
from balto.replay.recorded import Recorded
from balto.replay.semantic import stream_hash
from balto.settings import Settings
from events.catalogue import (
    AttemptStarted,
    Category,
    ClassificationCompleted,
    ComparisonRequested,
    Entity,
    Event,
    NormalisationCompleted,
    NormalisationFailed,
    PaidEnginesStopped,
    RecommendationSent,
    TranscriptCompared,
    TranscriptionReceived,
    TranscriptionStreamClosed,
    TranscriptionStreamOpened,
)
from tests.recordings import conversation
from tests.replays import Reader, kit_of_tests, record

LINES = ("aquela coisa de sempre pra minha cabeça", "tem dipirona?", "quero um xarope para tosse")


class Model:
    """A language model that takes its time, answers everything with a headache, and fails now and then."""

    engine = "openai"
    model = "scripted"

    def __init__(self) -> None:
        self.asked = 0

    async def warm(self) -> None:
        return

    async def close(self) -> None:
        return

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        self.asked += 1
        await asyncio.sleep(0.4)
        if self.asked == 1:
            raise UnderstandingError("transient", "once")
        named = Entity(kind="symptom", name="dor de cabeça", span=text, score=0.8)
        return Normalised(entities=(named,), cost_usd=0.002)

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        self.asked += 1
        await asyncio.sleep(0.3)
        place = Category(macro="DOR_FEBRE_INFLAMACAO", micro=None)
        return Classified(categories=(place,), anchors=(), confidence=0.9, cost_usd=0.001)


class Stream(SilentStream):
    """A stream that wrote something down."""

    async def transcript(self, *, budget_s: float) -> Transcript:
        await asyncio.sleep(0.1)
        return Transcript(text=LINES[2])


class Streaming(SilentStreaming):
    """Opens them."""

    def open(self, terms: Sequence[str] = ()) -> SilentStream:
        return Stream(self.provider, self.model, goes_on=self.goes_on)


class Spent:
    """A purse that is empty from the second look on."""

    def __init__(self) -> None:
        self.looks = 0

    def charge(self, counter_id: str, usd: float, position: int) -> None:
        return

    def allowance(self, counter_id: str) -> Allowance:
        self.looks += 1
        return Allowance(stopped=self.looks > 3, day="2026-11-26", budget_usd=1.0, spent_usd=1.0)


def recorded(**how: Any) -> Recorded:
    pcm = conversation("dor_de_cabeca", "tosse", "gravida", "queria_um_remedio", pause_s=1.5)
    how.setdefault("ears", [Reader(*LINES)])
    return record(kit_of_tests(), pcm.tobytes(), seconds=pcm.size / 16_000, **how)


def routed(model: Understanding) -> Any:
    def head(clock: Clock) -> Understanding:
        return RoutedUnderstanding(model, kit_of_tests().lexicon, clock, sure=kit_of_tests().sure)

    return head


def events_of(session: Recorded) -> list[Event]:
    return [moment.event for moment in session.moments]


def kinds(events: Sequence[Event], *wanted: type[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, wanted)]


def test_what_a_model_answered_is_answered_again_without_it() -> None:
    model = Model()
    session = recorded(head=routed(model))
    asked = model.asked
    execution = execute(session, kit_of_tests())
    assert model.asked == asked > 0
    assert stream_hash(execution.events) == stream_hash(events_of(session))
    for wanted in (NormalisationCompleted, ClassificationCompleted, AttemptStarted):
        assert kinds(execution.events, wanted)
        assert len(kinds(execution.events, wanted)) == len(kinds(events_of(session), wanted))
    answered = kinds(execution.events, NormalisationCompleted)
    assert {event.engine for event in answered} == {"openai", "lexicon"}
    assert outcome_of(execution).cost_usd.now == pytest.approx(outcome_of(execution).cost_usd.then)


def test_a_text_that_a_model_never_saw_has_no_answer(tmp_path: Path) -> None:
    session = recorded(head=routed(Model()))
    first = next(event for event, _ in session.moments if isinstance(event, TranscriptionReceived))
    place = next(
        e for e, _ in session.moments if getattr(e, "sample_end", 0) and getattr(e, "phrase", 0) == first.phrase
    )
    del place
    pins = _pins(tmp_path, session, "uma coisa que ninguém nunca disse aqui antes")
    execution = execute(session, kit_of_tests(), Plan(pins=pins))
    (failed,) = kinds(execution.events, NormalisationFailed)
    assert failed.code == "no_recording"
    assert execution.tally.missing == 1


def test_a_pinned_text_stands_for_the_recorded_one(tmp_path: Path) -> None:
    session = recorded()
    execution = execute(session, kit_of_tests(), Plan(pins=_pins(tmp_path, session, "tem dipirona?")))
    then, now = (kinds(events, TranscriptionReceived) for events in (events_of(session), execution.events))
    assert (now[0].text, now[0].provider) == ("tem dipirona?", "pinned")
    assert [event.text for event in now[1:]] == [event.text for event in then[1:]]


def _pins(folder: Path, session: Recorded, text: str) -> Pins:
    """Pin a text to the first phrase."""
    first = next(e for e in events_of(session) if type(e).__name__ == "PhraseCaptured")
    start, end = getattr(first, "sample_start", 0) / 16, getattr(first, "sample_end", 0) / 16
    file = folder / "pins.json"
    file.write_text(json.dumps({"transcripts": [{"start_ms": start, "end_ms": end, "text": text}]}))
    return Pins.read(file)


def test_a_file_of_pins_that_is_none_is_one_line_without_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "pins.json"
    for text in ("nonsense segredo", '{"transcripts": [{"text": "segredo"}]}', '{"segredos": []}'):
        file.write_text(text)
        with pytest.raises(PinsError) as caught:
            Pins.read(file)
        assert "\n" not in str(caught.value)
        assert 'segredo"' not in str(caught.value)


def test_phrases_that_were_heard_while_they_were_said_are_heard_again() -> None:
    ears = [Reader(*LINES, provider="elevenlabs"), Reader(*LINES, provider="local")]
    session = recorded(ears=ears, live=Streaming("elevenlabs", "realtime", goes_on=True))
    execution = execute(session, kit_of_tests())
    for wanted in (TranscriptionStreamOpened, TranscriptionStreamClosed):
        assert kinds(execution.events, wanted)
        assert len(kinds(execution.events, wanted)) == len(kinds(events_of(session), wanted))
    assert stream_hash(execution.events) == stream_hash(events_of(session))


def test_comparisons_are_made_again_from_the_recording() -> None:
    ears = [Reader(*LINES, provider="elevenlabs"), Reader(*LINES[::-1], provider="assemblyai")]
    session = recorded(ears=ears, terms={"compare": 1.0})
    then = kinds(events_of(session), TranscriptCompared)
    now = kinds(execute(session, kit_of_tests()).events, TranscriptCompared, ComparisonRequested)
    assert then
    assert [(e.phrase, e.text) for e in now if isinstance(e, TranscriptCompared)] == [(e.phrase, e.text) for e in then]


def test_a_budget_that_was_spent_is_spent_again() -> None:
    ears = [Reader(*LINES, provider="elevenlabs"), Reader(*LINES, provider="local")]
    session = recorded(ears=ears, purse=Spent())
    execution = execute(session, kit_of_tests())
    assert kinds(events_of(session), PaidEnginesStopped)
    assert kinds(execution.events, PaidEnginesStopped) == kinds(events_of(session), PaidEnginesStopped)
    assert [e.provider for e in kinds(execution.events, TranscriptionReceived)] == [
        e.provider for e in kinds(events_of(session), TranscriptionReceived)
    ]


class RealEars:
    """Ears that need a real loop: they wait for a thread."""

    provider = "local"
    model = "real"

    async def warm(self) -> None:
        return

    async def close(self) -> None:
        return

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        assert asyncio.get_running_loop().time() > 0
        return await asyncio.to_thread(lambda: Transcript(text=LINES[1]))


def test_an_engine_that_is_asked_again_answers_for_every_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    def built(*_: object) -> tuple[Transcriber, ...]:
        return (RealEars(),)

    monkeypatch.setattr(kits, "build_transcribers", built)
    monkeypatch.setattr("balto.replay.bridge.prepare_weights", lambda _: None)
    session = recorded()
    kit = Kit(Settings(_env_file=None, llm="lexicon"), Plan(stt="local"))
    try:
        asyncio.run(kit.warm())
        execution = execute(session, kit)
    finally:
        kit.close()
    texts = kinds(execution.events, TranscriptionReceived)
    assert {(event.provider, event.text) for event in texts} == {("local", LINES[1])}
    assert len(texts) == len(kinds(events_of(session), TranscriptionReceived))
    assert kinds(execution.events, RecommendationSent)
    assert outcome_of(execution).word_errors > 0
