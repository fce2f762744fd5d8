"""Rate limits and the turnstile, on a clock that stands."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balto.security.limits import Busy, KeyGuard, RateLimiter, Turnstile
from tests.fakes import FakeClock


def test_a_burst_passes_and_then_one_call_as_often_as_tokens_come() -> None:
    clock = FakeClock()
    limiter = RateLimiter(per_minute=6, burst=3, clock=clock)
    assert [limiter.take("a") for _ in range(3)] == [0, 0, 0]
    assert limiter.take("a") == pytest.approx(10)
    clock.advance(4)
    assert limiter.take("a") == pytest.approx(6)
    clock.advance(6)
    assert limiter.take("a") == 0
    assert limiter.take("a") == pytest.approx(10)


def test_callers_do_not_spend_each_others_tokens() -> None:
    limiter = RateLimiter(per_minute=1, burst=1, clock=FakeClock())
    assert limiter.take("a") == 0
    assert limiter.take("b") == 0
    assert limiter.take("a") > 0


def test_a_token_given_back_can_be_taken_again_but_never_more_than_the_burst() -> None:
    limiter = RateLimiter(per_minute=1, burst=2, clock=FakeClock())
    limiter.take("a")
    for _ in range(5):
        limiter.give_back("a")
    assert [limiter.take("a") > 0 for _ in range(3)] == [False, False, True]


def test_memory_is_bounded_and_whoever_came_last_is_remembered() -> None:
    limiter = RateLimiter(per_minute=1, burst=1, clock=FakeClock(), max_callers=100)
    for number in range(1000):
        assert limiter.take(str(number)) == 0
    assert len(limiter) == 100
    assert limiter.take("999") > 0


@given(waits=st.lists(st.floats(0, 30), max_size=60))
def test_no_pattern_of_calls_gets_more_than_the_burst_and_what_the_time_gave(waits: list[float]) -> None:
    clock = FakeClock()
    limiter = RateLimiter(per_minute=12, burst=4, clock=clock)
    passed = 0
    for wait in waits:
        clock.advance(wait)
        passed += limiter.take("a") == 0
    assert passed <= 4 + clock.now_us / 5e6 + 1e-6


def test_only_unknown_keys_are_charged_and_good_ones_pass_whoever_guesses_beside_them() -> None:
    clock = FakeClock()
    guard = KeyGuard(RateLimiter(per_minute=30, burst=2, clock=clock), max_known=2)
    assert [guard.wait_s("shop", "good") for _ in range(60)] == [0] * 60
    guard.opened("good")
    assert [guard.missed("shop", "a"), guard.missed("shop", "b"), guard.missed("shop", "c")] == [False, True, False]
    assert guard.wait_s("shop", "d") == pytest.approx(2)
    assert guard.wait_s("shop", "good") == 0
    assert guard.wait_s("elsewhere", "d") == 0
    clock.advance(2)
    assert guard.wait_s("shop", "d") == 0
    assert guard.missed("shop", "d")
    guard.missed("elsewhere", "good")
    assert guard.wait_s("shop", "good") > 0


async def test_the_turnstile_lets_a_few_in_has_a_few_wait_and_turns_the_rest_away() -> None:
    turnstile = Turnstile(inside=1, waiting=1)
    leave, inside = asyncio.Event(), []

    async def visit(name: str) -> None:
        async with turnstile.passed():
            inside.append(name)
            await leave.wait()

    first = asyncio.ensure_future(visit("first"))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(visit("second"))
    await asyncio.sleep(0)
    assert inside == ["first"]
    with pytest.raises(Busy):
        await visit("third")
    leave.set()
    await asyncio.gather(first, second)
    assert inside == ["first", "second"]


async def test_whoever_gives_up_waiting_leaves_the_place_to_another() -> None:
    turnstile = Turnstile(inside=1, waiting=1)
    async with turnstile.passed():
        waiting = asyncio.ensure_future(turnstile.passed().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        again = asyncio.ensure_future(turnstile.passed().__aenter__())
        await asyncio.sleep(0)
        assert not again.done()
    await again


async def test_one_caller_has_a_part_of_the_room_and_half_of_the_places() -> None:
    turnstile = Turnstile(inside=2, waiting=4, each=1)
    leave, inside = asyncio.Event(), []

    async def visit(name: str, caller: str) -> None:
        async with turnstile.passed(caller):
            inside.append(name)
            await leave.wait()

    visits = [asyncio.ensure_future(visit(f"a{n}", "a")) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await visit("a3", "a")
    visits.append(asyncio.ensure_future(visit("b0", "b")))
    await asyncio.sleep(0)
    assert inside == ["a0", "b0"]
    leave.set()
    await asyncio.gather(*visits)
    assert (sorted(inside), turnstile.present) == (["a0", "a1", "a2", "b0"], 0)
