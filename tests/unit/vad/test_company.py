"""Sessions judged in one call: each is told what it would be told alone, and what is urgent waits for nobody."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pykka
import pytest

from actors.messages import FinishListening, Listen, Listened
from actors.runtime.actor import Actor, ChildFailed
from actors.runtime.testkit import VirtualSystem, over_seeds, run
from actors.vad.actor import VadActor
from actors.vad.cascade import BLOCK_SAMPLES
from actors.vad.company import PATIENCE_S, Answer, Company
from actors.vad.resumed import ResumedSegmenter
from actors.vad.segmenter import Segmenter
from actors.vad.silero import (
    COMPANY,
    CONTEXT,
    WINDOW,
    WITH_OTHERS,
    Judged,
    Memory,
    Question,
    Silero,
    model_file,
    speech_model,
)
from actors.values import Heard, Pcm, Resumption, VadSettings
from tests.hearing import described, everything_heard
from tests.recordings import conversation
from tests.sounds import noise, pcm

SAID = conversation("dor_de_cabeca", "tosse", pause_s=0.7)
HEARD = pcm(SAID / 32_768 + noise(len(SAID) / 16_000, 0.01, 3))
_PATH = model_file()
assert _PATH is not None
MODEL = Silero(_PATH)


class Counted(Silero):
    """Counts how many are judged in each call; may break down."""

    def __init__(self, *, sociable: bool = True) -> None:
        self._run = MODEL._run
        self.sociable = sociable
        self.calls: list[int] = []
        self.broken = False

    def judge(self, samples: Pcm, memory: Memory | None) -> Judged:
        self._note(1)
        return super().judge(samples, memory)

    def judge_together(self, questions: Any) -> list[Judged]:
        self._note(len(questions))
        return super().judge_together(questions)

    def _note(self, count: int) -> None:
        self.calls.append(count)
        if self.broken:
            raise ZeroDivisionError


class Door:
    """A company at work: time stands until it is told to go on."""

    def __init__(self, model: Silero) -> None:
        self.now = 100.0
        self.due: tuple[float, Callable[[], None]] | None = None
        self.company = Company(model, lambda: self.now, self._later)
        self.answers: dict[int, Answer] = {}

    def _later(self, seconds: float, function: Callable[[], None]) -> "Door":
        assert self.due is None
        self.due = self.now + seconds, function
        return self

    def cancel(self) -> None:
        self.due = None

    def ask(self, number: int, *, who: str = "", urgent: bool = False, windows: int = WITH_OTHERS) -> None:
        answer = self.company.ask(
            question(number, windows), who=who or f"{number}", urgent=urgent, wait=lambda: self._answer_to(number)
        )
        if answer is not None:
            self.answers[number] = answer

    def _answer_to(self, number: int) -> Callable[[Answer], None]:
        return lambda answer: self.answers.update({number: answer})

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        if self.due is not None and self.now >= self.due[0]:
            (_, function), self.due = self.due, None
            function()


def question(number: int, windows: int = WITH_OTHERS) -> Question:
    at = number * 3 * WINDOW
    return Question(HEARD[at : at + CONTEXT + windows * WINDOW], None)


def bits(judged: Answer) -> tuple[object, ...]:
    assert not isinstance(judged, Exception)
    told, (hidden, cell) = judged
    return told, hidden.tobytes(), cell.tobytes()


@pytest.mark.skipif(not MODEL.sociable, reason="this processor adds up otherwise in company, so nobody waits for it")
@pytest.mark.parametrize("streams", range(2, COMPANY + 1))
@pytest.mark.parametrize("windows", [1, WITH_OTHERS, 8])
def test_each_stream_is_told_the_same_alone_and_with_others(streams: int, windows: int) -> None:
    memories: list[Memory | None] = [None] * streams
    for step in range(10):
        at = step * windows * WINDOW
        heard = [HEARD[n * 20_000 + at :][: CONTEXT + windows * WINDOW] for n in range(streams)]
        questions = [Question(samples, memory) for samples, memory in zip(heard, memories, strict=True)]
        together = MODEL.judge_together(questions)
        assert [bits(each) for each in together] == [bits(MODEL.judge(*each)) for each in questions]
        memories = [memory for _, memory in together]


def test_a_lonely_question_and_an_urgent_one_wait_for_nobody() -> None:
    model = Counted()
    door = Door(model)
    door.ask(1)
    door.go_on(PATIENCE_S * 2)
    door.ask(2)
    door.ask(3, urgent=True)
    assert sorted(door.answers) == [1, 2, 3]
    assert (model.calls, door.due) == ([1, 1, 1], None)


def test_a_session_is_no_company_to_itself() -> None:
    model = Counted()
    door = Door(model)
    for number in range(4):
        door.ask(number, who="the only one")
    assert (sorted(door.answers), model.calls) == ([0, 1, 2, 3], [1, 1, 1, 1])
    door.ask(4, who="another")
    assert door.due is not None
    door.ask(5, who="the only one", urgent=True)
    assert model.calls[4:] == [2]


def test_questions_that_come_together_are_judged_together_when_patience_ends() -> None:
    model = Counted()
    door = Door(model)
    for number in range(4):
        door.ask(number)
        door.go_on(0.001)
    assert sorted(door.answers) == [0]
    door.go_on(PATIENCE_S)
    assert model.calls == [1, 3]
    for number in range(4):
        assert bits(door.answers[number]) == bits(MODEL.judge(*question(number)))


def test_an_urgent_question_takes_those_that_wait_with_it() -> None:
    model = Counted()
    door = Door(model)
    for number in range(3):
        door.ask(number)
    door.ask(3, urgent=True)
    assert sorted(door.answers) == [0, 1, 2, 3]
    assert (model.calls, door.due) == ([1, 3], None)
    assert bits(door.answers[3]) == bits(MODEL.judge(*question(3)))


def test_a_full_company_waits_no_longer() -> None:
    model = Counted()
    door = Door(model)
    for number in range(COMPANY + 1):
        door.ask(number)
    assert sorted(door.answers) == list(range(COMPANY + 1))
    assert (model.calls, door.due) == ([1, COMPANY], None)


def test_other_numbers_of_windows_go_alone() -> None:
    model = Counted()
    door = Door(model)
    for number, windows in enumerate([4, 2, 10, 4]):
        door.ask(number, windows=windows)
    assert sorted(door.answers) == [0, 1, 2]
    assert door.due is not None
    door.go_on(PATIENCE_S)
    assert bits(door.answers[3]) == bits(MODEL.judge(*question(3)))


def test_where_company_would_change_an_answer_nobody_waits() -> None:
    model = Counted(sociable=False)
    door = Door(model)
    for number in range(4):
        door.ask(number)
    assert (sorted(door.answers), set(model.calls)) == ([0, 1, 2, 3], {1})


@pytest.mark.parametrize("urgent", [True, False])
def test_when_the_model_breaks_down_all_who_wait_are_told(urgent: bool) -> None:
    model = Counted()
    door = Door(model)
    for number in range(3):
        door.ask(number)
    model.broken = True
    if urgent:
        with pytest.raises(ZeroDivisionError):
            door.ask(3, urgent=True)
    door.go_on(PATIENCE_S)
    assert [isinstance(door.answers[number], ZeroDivisionError) for number in (1, 2)] == [True, True]
    model.broken = False
    door.ask(4, urgent=True)
    assert bits(door.answers[4]) == bits(MODEL.judge(*question(4)))


@pytest.mark.parametrize("resumed", [False, True])
def test_a_block_begun_and_gone_on_with_is_heard_as_one_that_is_pushed(resumed: bool) -> None:
    def fresh() -> Segmenter | ResumedSegmenter:
        resumption = Resumption(first_sample=0, needed_from=0, closed_to=20_000, next_number=7)
        return ResumedSegmenter(VadSettings(), resumption, MODEL) if resumed else Segmenter(VadSettings(), MODEL)

    stepwise, whole = fresh(), fresh()
    heard: list[Heard] = []
    for at in range(0, HEARD.size, BLOCK_SAMPLES - 48):
        begun = stepwise.begin(HEARD[at : at + BLOCK_SAMPLES - 48])
        heard += stepwise.go_on(MODEL.judge(*begun)) if isinstance(begun, Question) else begun
    wanted = [*whole.push(HEARD), *whole.flush()]
    assert described([*heard, *stepwise.flush()]) == described(wanted)
    assert len(wanted) >= 4


def test_only_a_block_that_may_end_a_pause_is_urgent() -> None:
    segmenter = Segmenter(VadSettings(), MODEL)
    urgent = []
    for at in range(0, HEARD.size - BLOCK_SAMPLES, BLOCK_SAMPLES):
        was = segmenter.urgent
        heard = segmenter.push(HEARD[at : at + BLOCK_SAMPLES])
        urgent.append(was)
        if any(type(each).__name__ in {"Phrase", "EarlyPhrase"} for each in heard):
            assert was
    assert 2 <= sum(urgent) < len(urgent) / 4


class Counter(Actor):
    """A session that only listens."""

    def __init__(self, over: asyncio.Future[Any]) -> None:
        super().__init__()
        self.vad = self.spawn(VadActor, self.actor_ref, VadSettings())
        self.heard: list[Heard] = []
        self.ends: list[int] = []
        self.over = over

    def on_receive(self, message: Listen | FinishListening | Listened | ChildFailed) -> None:
        match message:
            case Listened():
                self.heard += message.heard
                self.ends.append(message.byte_end)
                if message.final:
                    self.over.set_result(self)
            case ChildFailed():
                self.over.set_result(message.error)
            case _:
                with contextlib.suppress(pykka.ActorDeadError):
                    self.vad.tell(message)


async def speak(system: VirtualSystem, shift: int) -> Any:
    over: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    session = system.spawn(Counter, over)
    said = np.roll(HEARD, -shift)
    await asyncio.sleep(system.random.uniform(0, 0.128))
    at = 0
    while at < said.size and not over.done():
        step = system.random.choice((1_600, BLOCK_SAMPLES, 2_560))
        session.tell(Listen(said[at : at + step], at + step))
        at += step
        await asyncio.sleep(step / 16_000)
    if not over.done():
        session.tell(FinishListening(at))
    return said, await over


@over_seeds(seeds=2)
async def test_sessions_in_company_hear_what_each_hears_alone_and_in_order(system: VirtualSystem) -> None:
    sessions = await asyncio.gather(*(speak(system, shift) for shift in range(0, 60_000, 10_000)))
    for said, session in sessions:
        assert described(session.heard) == described(everything_heard(Segmenter(VadSettings(), MODEL), said))
        assert session.ends == sorted(session.ends)


def test_when_the_model_breaks_down_sessions_fail_as_they_did(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Counted()
    monkeypatch.setattr("actors.vad.actor.speech_model", lambda: model)

    async def scenario(system: VirtualSystem) -> list[Any]:
        system.loop.call_later(2.0, setattr, model, "broken", True)
        return [came for _, came in await asyncio.gather(*(speak(system, shift) for shift in range(0, 8_000, 1_000)))]

    assert run(scenario, 1).value == ["ZeroDivisionError"] * 8
    assert max(model.calls) > 1


def test_the_processs_model_keeps_company_where_it_was_measured() -> None:
    model = speech_model()
    assert isinstance(model, Silero)
    assert model.sociable == MODEL.sociable
