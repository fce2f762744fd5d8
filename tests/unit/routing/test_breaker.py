"""When a circuit opens, how long it rests, and what a budget of hedges allows."""

import pytest

from actors.routing.breaker import Breaker
from actors.routing.hedging import HedgeBudget, Latencies


def test_four_failures_in_a_row_open_the_circuit_and_three_do_not() -> None:
    breaker = Breaker()
    assert not any(breaker.fail("transient", 0.0) for _ in range(3))
    assert breaker.fail("timeout", 10.0)
    assert breaker.probe_at_s == 11.0


def test_an_answer_between_them_starts_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(3):
            assert not breaker.fail("transient", 0.0)
        breaker.succeed()
    assert not breaker.is_open


@pytest.mark.parametrize("code", ["throttled", "unauthorised"])
def test_what_will_fail_again_opens_it_at_once_for_as_long_as_was_asked(code: str) -> None:
    breaker = Breaker()
    assert breaker.fail(code, 5.0, 7.0)
    assert breaker.probe_at_s == 12.0


def test_a_later_answer_may_ask_for_a_longer_rest_and_no_shorter_one() -> None:
    breaker = Breaker()
    breaker.fail("throttled", 0.0, 7.0)
    breaker.fail("throttled", 1.0, 2.0)
    assert breaker.probe_at_s == 7.0
    breaker.fail("throttled", 1.0, 30.0)
    assert breaker.probe_at_s == 31.0


@pytest.mark.parametrize("code", ["rejected", "empty", "refused", "truncated", "invalid_answer"])
def test_what_speaks_of_the_question_never_opens_it(code: str) -> None:
    breaker = Breaker()
    for _ in range(20):
        assert not breaker.fail(code, 0.0)


def test_probes_that_fail_come_ever_later_and_an_answer_ends_that() -> None:
    breaker = Breaker()
    breaker.fail("unauthorised", 0.0)
    rests = []
    for _ in range(7):
        breaker.stay_open(0.0)
        rests.append(breaker.probe_at_s)
    assert rests == [2.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0]
    breaker.succeed()
    breaker.fail("unauthorised", 100.0)
    assert breaker.probe_at_s == 101.0


def test_a_tenth_of_the_calls_may_be_hedged_after_a_handful() -> None:
    budget = HedgeBudget(0.1, saved=5)
    spent = 0
    for _ in range(1_000):
        budget.earn()
        spent += budget.spend()
    assert 100 <= spent <= 105


def test_a_quantile_is_the_nearest_rank_and_none_of_too_few() -> None:
    latencies = Latencies()
    for n in range(1, 20):
        latencies.add(n / 10)
    assert latencies.quantile(0.95) is None
    latencies.add(2.0)
    assert latencies.quantile(0.95) == 1.9
    assert latencies.quantile(0.5) == 1.0
