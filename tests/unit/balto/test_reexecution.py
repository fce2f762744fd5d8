"""Sessions heard again: the same comes of them, whatever the schedule and however their bytes are cut."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest

from actors.audio.examiner import ExaminerActor
from actors.messages import Examine
from actors.session import crew
from actors.values import Pcm
from balto.replay.determinism import variations
from balto.replay.engine import execute
from balto.replay.outcome import outcome_of
from balto.replay.plan import Plan, PlanError, parse_changes
from balto.replay.recorded import Recorded
from balto.replay.semantic import stream_hash
from events.catalogue import (
    AttemptEnded,
    AttemptStarted,
    Event,
    PhraseCaptured,
    PhraseOffered,
    RecommendationAnswered,
    RecommendationDelivered,
    RecommendationSent,
    RecommendationWithheld,
    SessionEnded,
    SessionPaused,
    SessionResumed,
    TranscriptionFailed,
    TranscriptionReceived,
)
from tests.recordings import conversation, ogg, wav, webm
from tests.replays import Reader, kit_of_tests, record

NAMES = ("queria_um_remedio", "pra_dor_de_cabeca", "tosse", "gravida")
LINES = ("estou com dor de cabeça", "tem dipirona?", "quero um xarope para tosse", "bom dia", "queria um remédio pra")


@cache
def spoken(pause_s: float = 0.5) -> Pcm:
    return conversation(*NAMES, pause_s=pause_s)


def recorded(
    encode: Callable[[Pcm], bytes] = lambda pcm: pcm.tobytes(), encoding: str = "pcm_s16le", **how: Any
) -> Recorded:
    pcm = how.pop("pcm", spoken())
    ears = how.pop("ears", (Reader(*LINES),))
    return record(kit_of_tests(), encode(pcm), seconds=pcm.size / 16_000, encoding=encoding, ears=ears, **how)


def events_of(session: Recorded) -> list[Event]:
    return [moment.event for moment in session.moments]


def kinds(events: Sequence[Event], *wanted: type[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, wanted)]


@pytest.mark.parametrize(
    ("encode", "encoding"),
    [(lambda pcm: pcm.tobytes(), "pcm_s16le"), (wav, "auto"), (webm, "webm-opus"), (ogg, "ogg-opus")],
)
def test_a_session_heard_again_comes_to_the_same(encode: Callable[[Pcm], bytes], encoding: str) -> None:
    session = recorded(encode, encoding)
    execution = execute(session, kit_of_tests())
    assert kinds(events_of(session), RecommendationSent)
    assert stream_hash(execution.events) == stream_hash(events_of(session))
    assert not execution.remarks
    assert execution.tally.missing == 0


@pytest.mark.parametrize("how", [{"step_s": 0.02}, {"step_s": 1.0}, {"at_once": True}, {"leaves": True}])
def test_however_the_client_sent_it_the_same_comes_of_it(how: dict[str, Any]) -> None:
    session = recorded(**how)
    assert stream_hash(execute(session, kit_of_tests()).events) == stream_hash(events_of(session))


@pytest.mark.parametrize(("encode", "encoding"), [(lambda pcm: pcm.tobytes(), "pcm_s16le"), (webm, "webm-opus")])
def test_neither_schedule_nor_chunking_makes_a_difference(encode: Callable[[Pcm], bytes], encoding: str) -> None:
    session = recorded(encode, encoding)
    assert len(set(variations(session, kit_of_tests(), range(7)))) == 1


class HastyExaminer(ExaminerActor):
    """Reads a clock of its own, as no handler may."""

    def on_receive(self, message: Examine) -> None:
        phrase = message.phrase
        shift = time.perf_counter_ns() % 997
        super().on_receive(replace(message, phrase=replace(phrase, pcm=np.roll(phrase.pcm, shift))))


def test_a_clock_read_in_a_handler_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    session = recorded()
    monkeypatch.setattr(crew, "ExaminerActor", HastyExaminer)
    assert len(set(variations(session, kit_of_tests(), range(4)))) > 1


def test_what_the_client_did_is_done_again() -> None:
    session = recorded(answer="aceita", away=(4.0, 6.5))
    execution = execute(session, kit_of_tests())
    wanted = (SessionPaused, SessionResumed, RecommendationDelivered, RecommendationAnswered)
    assert {type(event) for event in kinds(events_of(session), *wanted)} == set(wanted)
    assert kinds(execution.events, *wanted) == kinds(events_of(session), *wanted)
    assert stream_hash(execution.events) == stream_hash(events_of(session))


def test_attempts_of_a_slow_engine_are_made_again() -> None:
    ears = (Reader(*LINES, provider="slow", slowest_s=3.0), Reader(*LINES, provider="quick", slowest_s=0.1))
    session = recorded(ears=ears)
    execution = execute(session, kit_of_tests())
    for wanted in (AttemptStarted, AttemptEnded, TranscriptionReceived):
        then, now = kinds(events_of(session), wanted), kinds(execution.events, wanted)
        assert then
        assert [(e.phrase, getattr(e, "engine", getattr(e, "provider", ""))) for e in now] == [
            (e.phrase, getattr(e, "engine", getattr(e, "provider", ""))) for e in then
        ]


def test_another_setting_makes_other_phrases_and_what_was_never_asked_is_said() -> None:
    session = recorded()
    plan = Plan(changes=parse_changes(["vad.hangover_ms=2500"]))
    execution = execute(session, kit_of_tests(), plan)
    captured = kinds(execution.events, PhraseCaptured)
    assert len(captured) < len(kinds(events_of(session), PhraseCaptured))
    failed = kinds(execution.events, TranscriptionFailed)
    assert failed
    assert {event.code for event in failed} == {"no_recording"}
    assert execution.tally.missing == len(failed)
    assert kinds(execution.events, RecommendationWithheld)
    outcome = outcome_of(execution)
    assert outcome.phrases.now == len(captured)
    assert outcome.phrases_lost - outcome.phrases_gained == outcome.phrases.then - outcome.phrases.now
    assert outcome.advice_lost


def test_without_early_offers_the_same_texts_are_found() -> None:
    session = recorded()
    assert kinds(events_of(session), PhraseOffered)
    execution = execute(session, kit_of_tests(), Plan(changes=parse_changes(["vad.offer_ms=0"])))
    assert not kinds(execution.events, PhraseOffered)
    texts = [e.text for e in kinds(execution.events, TranscriptionReceived)]
    assert texts == [e.text for e in kinds(events_of(session), TranscriptionReceived)]
    assert execution.tally.missing == 0


def test_a_setting_that_is_none_is_one_line() -> None:
    for given in ("vad.loudness=3", "vad.mode=9", "gather_ms=-1", "engines.compare=often", "vad.mode"):
        with pytest.raises(PlanError, match=r"^--set [^\n]*$"):
            parse_changes([given])


def test_a_session_of_nothing_but_silence_ends_as_it_did() -> None:
    quiet = np.zeros(16_000 * 3, dtype=np.int16)
    session = recorded(pcm=quiet)
    execution = execute(session, kit_of_tests())
    assert kinds(execution.events, SessionEnded) == kinds(events_of(session), SessionEnded)


def test_hours_of_events_keep_their_times() -> None:
    session = recorded(step_s=0.1)
    then = {e.phrase: us for e, us in session.moments if isinstance(e, PhraseCaptured)}
    now = {e.phrase: us for e, us in execute(session, kit_of_tests()).moments if isinstance(e, PhraseCaptured)}
    assert now.keys() == then.keys()
    assert all(abs(now[phrase] - us) < 300_000 for phrase, us in then.items())
    assert list(islice(sorted(now.values()), 1))
