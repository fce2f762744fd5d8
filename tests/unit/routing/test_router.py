"""The router in virtual time: who is asked when, who wins, and what becomes of the others, over seeded schedules."""

import asyncio
import random
from collections.abc import Iterator

import pytest

from actors.routing.attempts import Due
from actors.routing.race import RaceLostError
from actors.runtime.testkit import VirtualSystem
from actors.stt.router import RoutedTranscriber
from tests.unit.routing.engines import (
    FIRST_USD,
    FOREVER,
    SECOND,
    SECOND_USD,
    USD_PER_HOUR,
    Line,
    PlannedTranscriber,
    follow,
    over_seeds,
)

HANGS = Line(after_s=FOREVER)
FAILS = Line(after_s=0.1, error="transient")


def engine(name: str, *lines: Line) -> PlannedTranscriber:
    return PlannedTranscriber(name, follow(*lines or (Line(),)))


def router(system: VirtualSystem, *engines: PlannedTranscriber) -> RoutedTranscriber:
    return RoutedTranscriber(engines, system.time, lambda name: USD_PER_HOUR.get(name, 0.0))


class Notary:
    """A witness that notes what it is told, takes a while, and may refuse."""

    def __init__(self, *, takes_s: float = 0.01, agrees: bool = True) -> None:
        self.due: list[Due] = []
        self._takes_s = takes_s
        self._agrees = agrees

    async def __call__(self, due: Due) -> bool:
        self.due.append(due)
        await asyncio.sleep(self._takes_s)
        return self._agrees


@over_seeds
async def test_a_quick_answer_asks_nobody_else_and_tells_nothing(system: VirtualSystem) -> None:
    first, second, notary = engine("first"), engine("second"), Notary()
    won = await router(system, first, second).route(SECOND, budget_s=8, witness=notary)
    assert (won.answer.text, won.why, won.others) == ("tem dipirona first", "preferred", ())
    assert won.latency_ms == pytest.approx(300)
    assert (second.asked, notary.due) == (0, [])


@over_seeds
async def test_a_silent_engine_is_backed_up_at_the_floor_and_cancelled(system: VirtualSystem) -> None:
    first, second, notary = engine("first", HANGS), engine("second"), Notary()
    won = await router(system, first, second).route(SECOND, budget_s=8, witness=notary)
    assert (won.answer.text, won.why) == ("tem dipirona second", "slow")
    assert second.at_s == [pytest.approx(0.61, abs=1e-4)]
    (due,) = notary.due
    assert (due.attempt, due.engine, due.why) == (2, "second", "slow")
    assert due.cost_usd == pytest.approx(SECOND_USD)
    (other,) = won.others
    assert (other.engine, other.outcome, other.code) == ("first", "cancelled", "slower")
    assert other.cost_usd == pytest.approx(FIRST_USD)
    await asyncio.sleep(0.001)
    assert (first.cancelled, first.under_way) == (1, 0)


@over_seeds
async def test_an_error_is_failed_over_at_once(system: VirtualSystem) -> None:
    first, second = engine("first", FAILS), engine("second")
    won = await router(system, first, second).route(SECOND, budget_s=8)
    assert won.why == "failed"
    assert second.at_s == [pytest.approx(0.1, abs=1e-4)]
    assert [(o.outcome, o.code, o.cost_usd) for o in won.others] == [("failed", "transient", 0.0)]


@over_seeds
async def test_the_local_engine_comes_when_both_are_silent(system: VirtualSystem) -> None:
    first, second, local = engine("first", HANGS), engine("second", HANGS), engine("local")
    won = await router(system, first, second, local).route(SECOND, budget_s=8)
    assert won.answer.text == "tem dipirona local"
    assert local.at_s == [pytest.approx(1.2, abs=1e-4)]
    assert [other.outcome for other in won.others] == ["cancelled", "cancelled"]


@over_seeds
async def test_the_local_engine_comes_at_once_when_both_have_failed(system: VirtualSystem) -> None:
    first, second, local = engine("first", FAILS), engine("second", FAILS), engine("local")
    await router(system, first, second, local).route(SECOND, budget_s=8)
    assert local.at_s == [pytest.approx(0.2, abs=1e-4)]


@over_seeds
async def test_a_backup_that_fails_does_not_end_the_wait_for_the_first(system: VirtualSystem) -> None:
    first, second = engine("first", Line(after_s=1.0)), engine("second", FAILS)
    won = await router(system, first, second).route(SECOND, budget_s=8)
    assert won.answer.text == "tem dipirona first"
    assert [(o.engine, o.outcome) for o in won.others] == [("second", "failed")]


@over_seeds
async def test_the_deadline_holds_though_everybody_is_silent(system: VirtualSystem) -> None:
    engines = [engine(name, HANGS) for name in ("first", "second", "local")]
    began = asyncio.get_running_loop().time()
    with pytest.raises(RaceLostError) as caught:
        await router(system, *engines).route(SECOND, budget_s=3)
    assert asyncio.get_running_loop().time() - began == pytest.approx(3, abs=0.001)
    assert caught.value.code == "timeout"
    assert len(caught.value.others) == 3
    await asyncio.sleep(0.001)
    assert [each.under_way for each in engines] == [0, 0, 0]


@over_seeds
async def test_who_cancels_the_phrase_cancels_every_call(system: VirtualSystem) -> None:
    first, second = engine("first", HANGS), engine("second", HANGS)
    call = asyncio.ensure_future(router(system, first, second).route(SECOND, budget_s=8))
    await asyncio.sleep(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.sleep(0.001)
    assert (first.cancelled, second.cancelled) == (1, 1)


@over_seeds
async def test_a_call_that_nobody_wants_on_record_is_not_made(system: VirtualSystem) -> None:
    first, second = engine("first", Line(after_s=1.0)), engine("second")
    won = await router(system, first, second).route(SECOND, budget_s=8, witness=Notary(agrees=False))
    assert (won.answer.text, second.asked) == ("tem dipirona first", 0)


@over_seeds
async def test_a_backup_that_waits_for_its_record_is_not_judged_as_if_it_had_been_asked(system: VirtualSystem) -> None:
    first, second = engine("first", Line(after_s=2.0)), engine("second")
    routed = router(system, first, second)
    stalled = Notary(takes_s=30.0)
    answers = [await routed.route(SECOND, budget_s=8, witness=stalled) for _ in range(6)]
    others = [other for answer in answers for other in answer.others]
    assert len(others) >= 4
    assert {(o.engine, o.outcome, o.code, o.cost_usd) for o in others} == {("second", "passed_over", "slower", 0.0)}
    assert second.asked == 0
    # Its circuit is closed: it is the one that is asked once the record can be written again.
    first.plan = follow(FAILS)
    assert (await routed.route(SECOND, budget_s=8, witness=Notary())).why == "failed"
    await routed.close()


@over_seeds
async def test_where_nothing_can_be_put_on_record_the_deadline_blames_nobody_that_was_not_asked(
    system: VirtualSystem,
) -> None:
    first, second = engine("first", HANGS), engine("second")
    with pytest.raises(RaceLostError) as caught:
        await router(system, first, second).route(SECOND, budget_s=2, witness=Notary(takes_s=30.0))
    (waited,) = [o for o in caught.value.others if o.engine == "second"]
    assert (waited.outcome, waited.code, waited.cost_usd, waited.latency_ms) == ("passed_over", "deadline", 0.0, 0.0)


@over_seeds
async def test_a_text_in_doubt_waits_for_a_better_one_that_is_under_way(system: VirtualSystem) -> None:
    first, second = engine("first", Line(after_s=0.7, rejected="repetition")), engine("second")
    won = await router(system, first, second).route(SECOND, budget_s=8)
    assert won.answer.text == "tem dipirona second"
    assert [(o.engine, o.outcome, o.code) for o in won.others] == [("first", "lost", "doubtful")]


@over_seeds
async def test_a_text_in_doubt_is_given_where_nothing_better_comes(system: VirtualSystem) -> None:
    first, second = engine("first", Line(rejected="repetition")), engine("second")
    won = await router(system, first, second).route(SECOND, budget_s=8)
    assert (won.answer.rejected, second.asked) == ("repetition", 0)


@over_seeds
async def test_an_empty_text_is_no_answer(system: VirtualSystem) -> None:
    class Mute(PlannedTranscriber):
        async def transcribe(self, pcm, *, budget_s, terms=()):  # type: ignore[no-untyped-def] # as its base
            return (await super().transcribe(pcm, budget_s=budget_s)).__class__(text="  ")

    won = await router(system, Mute("first", follow(Line())), engine("second")).route(SECOND, budget_s=8)
    # The provider was paid for it: it bills the length of what it hears.
    (other,) = won.others
    assert (other.engine, other.code) == ("first", "empty")
    assert other.cost_usd == pytest.approx(FIRST_USD)


@over_seeds
async def test_who_asks_to_wait_is_left_alone_that_long_then_probed_and_asked_again(system: VirtualSystem) -> None:
    throttled = Line(after_s=0.05, error="throttled", retry_after_s=7.0)
    first, second, notary = engine("first", throttled, Line()), engine("second"), Notary()
    routed = router(system, first, second)
    assert (await routed.route(SECOND, budget_s=8)).why == "failed"
    won = await routed.route(SECOND, budget_s=8, witness=notary)
    assert (won.answer.text, won.why) == ("tem dipirona second", "circuit_open")
    assert [(o.engine, o.outcome, o.attempt) for o in won.others] == [("first", "passed_over", 0)]
    assert [due.why for due in notary.due] == ["circuit_open"]
    await asyncio.sleep(6)
    assert first.asked == 1
    await asyncio.sleep(2)
    assert first.asked == 2
    assert first.at_s[1] == pytest.approx(7.05, abs=0.001)
    assert (await routed.route(SECOND, budget_s=8)).answer.text == "tem dipirona first"
    await routed.close()


@over_seeds
async def test_where_all_circuits_are_open_they_are_asked_all_the_same(system: VirtualSystem) -> None:
    refused = Line(after_s=0.05, error="unauthorised")
    first, second = engine("first", refused), engine("second", refused)
    routed = router(system, first, second)
    for _ in range(2):
        with pytest.raises(RaceLostError):
            await routed.route(SECOND, budget_s=8)
    assert first.asked == 2
    await routed.close()


@over_seeds
async def test_hedges_are_a_tenth_of_the_calls_and_silence_is_given_up_all_the_same(system: VirtualSystem) -> None:
    def slow_but_well() -> Iterator[Line]:
        while True:
            yield Line(after_s=2.0)

    first, second = PlannedTranscriber("first", slow_but_well()), engine("second", Line(after_s=5.0))
    routed = router(system, first, second)
    answers = [await routed.route(SECOND, budget_s=8) for _ in range(100)]
    # Five are saved up, a tenth of a hundred calls is earned; the quantile follows what is usual, so even that is much.
    hedges = [other for answer in answers for other in answer.others if other.outcome == "cancelled"]
    assert 0 < len(hedges) <= 15
    await routed.close()
    hung = engine("first", HANGS)
    routed = router(system, hung, engine("second"))
    routed._budget._left = 0.0
    won = await routed.route(SECOND, budget_s=8)
    (other,) = won.others
    assert (other.outcome, other.code) == ("failed", "timeout")
    assert other.latency_ms == pytest.approx(2500, abs=1)


@over_seeds
async def test_no_phrase_is_lost_to_random_trouble_and_nothing_runs_on(system: VirtualSystem) -> None:
    draw = random.Random(asyncio.get_running_loop().random.random())  # type: ignore[attr-defined] # the virtual loop's

    def trouble() -> Iterator[Line]:
        kinds = [Line(after_s=0.3)] * 6 + [HANGS, FAILS, Line(0.1, error="throttled", retry_after_s=3), Line(1.2)]
        while True:
            yield draw.choice(kinds)

    engines = [PlannedTranscriber("first", trouble()), PlannedTranscriber("second", trouble()), engine("local")]
    routed = router(system, *engines)

    async def phrase() -> float:
        await asyncio.sleep(draw.uniform(0, 30))
        began = asyncio.get_running_loop().time()
        won = await routed.route(SECOND, budget_s=8, witness=Notary())
        numbers = [other.attempt for other in won.others if other.attempt]
        assert len(set(numbers)) == len(numbers)
        return asyncio.get_running_loop().time() - began

    took = await asyncio.gather(*(phrase() for _ in range(60)))
    # The worst: a backup at 0.6, the local engine at 1.2, and what it takes.
    assert max(took) < 3.5
    await routed.close()
    await asyncio.sleep(0.001)
    assert [each.under_way for each in engines] == [0, 0, 0]
