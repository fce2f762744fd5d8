"""Daily budgets on a real ledger: summed as costs become durable, set right by the read model, recorded once a day."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from balto.accounts import register_client, register_counter
from balto.app import Balto
from balto.budgets import Budgets
from balto.preferences import change_terms
from balto.terms import CounterTerms
from events.catalogue import BudgetReached, SessionStarted, TranscriptionReceived
from events.store import Append, StoreUnavailableError
from tests.events_at_hand import new_event
from tests.fakes import FakeClock

NOON = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
"""In São Paulo; the day ends there at three in the morning in UTC."""


class Calendar(FakeClock):
    def utc(self) -> datetime:
        return NOON + timedelta(microseconds=self.now_us)


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
async def counter_id(balto: Balto) -> str:
    code = await register_client(balto.library.store, email="a@b.example", legal_name="A")
    counter_id, _ = await register_counter(balto.library.store, code, "Balcão 1")
    await change_terms(balto.library, counter_id, lambda _: CounterTerms(daily_budget_usd=2.5))
    return counter_id


@pytest.fixture
def budgets(balto: Balto, calendar: Calendar) -> Budgets:
    return Budgets(balto.library.store, balto.library.projector, calendar)


async def spend(balto: Balto, counter_id: str, usd: float, at: datetime, session: str = "s1") -> int:
    """Record a session with one call; return the position of what it cost."""
    events = [
        SessionStarted(
            session_id=session, counter_id=counter_id, protocol=1, encoding="auto", settings={}, versions={}
        ),
        TranscriptionReceived(
            phrase=1, provider="elevenlabs", model="m", text="oi", confidence=None, latency_ms=1.0, cost_usd=usd
        ),
    ]
    landed = await balto.library.store.append(
        Append(stream=f"session-{session}", tenant="t", events=[new_event(e, occurred_at=at) for e in events])
    )
    return landed.position


async def look(balto: Balto, budgets: Budgets) -> None:
    await balto.library.projector.catch_up()
    await budgets.look()


async def reached(balto: Balto) -> list[BudgetReached]:
    found = [r.event async for r in balto.library.store.read_all(types=["BudgetReached"])]
    return [event for event in found if isinstance(event, BudgetReached)]


async def test_a_counter_is_stopped_as_soon_as_its_own_costs_come_to_its_budget(
    balto: Balto, budgets: Budgets, counter_id: str
) -> None:
    budgets.learn(counter_id, "t", 2.5)
    budgets.charge(counter_id, 2.4, 10)
    assert not budgets.allowance(counter_id).stopped
    budgets.charge("another", 99.0, 11)
    budgets.charge(counter_id, 0.1, 12)
    allowance = budgets.allowance(counter_id)
    assert (allowance.stopped, allowance.day, allowance.budget_usd) == (True, "2026-03-02", 2.5)
    assert allowance.spent_usd == pytest.approx(2.5)
    assert not budgets.allowance("another").stopped


async def test_what_other_nodes_spent_counts_and_nothing_counts_twice(
    balto: Balto, budgets: Budgets, counter_id: str
) -> None:
    ours = await spend(balto, counter_id, 1.0, NOON, "ours")
    budgets.charge(counter_id, 1.0, ours)
    await spend(balto, counter_id, 1.2, NOON, "theirs")
    await look(balto, budgets)
    assert budgets.allowance(counter_id).spent_usd == pytest.approx(2.2)
    # Durable after the read model was last looked at: it is only here.
    budgets.charge(counter_id, 0.4, ours + 1_000)
    assert budgets.allowance(counter_id).spent_usd == pytest.approx(2.6)
    await look(balto, budgets)
    assert budgets.allowance(counter_id).stopped


async def test_it_goes_on_at_the_next_midnight_of_the_counters(
    balto: Balto, budgets: Budgets, counter_id: str, calendar: Calendar
) -> None:
    await spend(balto, counter_id, 3.0, NOON)
    await look(balto, budgets)
    assert budgets.allowance(counter_id).stopped
    calendar.advance(12 * 3600 - 1)
    await look(balto, budgets)
    assert budgets.allowance(counter_id).stopped
    calendar.advance(1)
    allowance = budgets.allowance(counter_id)
    assert (allowance.stopped, allowance.day, allowance.spent_usd) == (False, "2026-03-03", 0.0)
    await look(balto, budgets)
    assert not budgets.allowance(counter_id).stopped


async def test_that_it_is_reached_is_recorded_once_a_counter_and_day_by_all_nodes_together(
    balto: Balto, budgets: Budgets, counter_id: str, calendar: Calendar
) -> None:
    await spend(balto, counter_id, 3.0, NOON)
    other = Budgets(balto.library.store, balto.library.projector, calendar)
    await balto.library.projector.catch_up()
    await asyncio.gather(budgets.look(), other.look())
    await look(balto, budgets)
    assert await reached(balto) == [
        BudgetReached(counter_id=counter_id, day="2026-03-02", budget_usd=2.5, spent_usd=3.0)
    ]
    calendar.advance(24 * 3600)
    await spend(balto, counter_id, 4.0, calendar.utc(), "s2")
    await look(balto, budgets)
    assert [event.day for event in await reached(balto)] == ["2026-03-02", "2026-03-03"]


async def test_a_day_that_begins_while_yesterdays_end_is_recorded_is_told_by_itself(
    balto: Balto, budgets: Budgets, counter_id: str, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    await spend(balto, counter_id, 3.0, NOON)
    await spend(balto, counter_id, 4.0, NOON + timedelta(days=1), "s2")
    append = balto.library.store.append

    async def slowly(batch: Append) -> object:
        landed = await append(batch)
        calendar.advance(24 * 3600)
        # A session asks meanwhile.
        assert budgets.allowance(counter_id).day == "2026-03-03"
        monkeypatch.undo()
        return landed

    await balto.library.projector.catch_up()
    monkeypatch.setattr(balto.library.store, "append", slowly)
    await budgets.look()
    await look(balto, budgets)
    assert [event.day for event in await reached(balto)] == ["2026-03-02", "2026-03-03"]


async def test_a_raised_budget_lets_it_go_on_at_once(balto: Balto, budgets: Budgets, counter_id: str) -> None:
    await spend(balto, counter_id, 3.0, NOON)
    await look(balto, budgets)
    await change_terms(balto.library, counter_id, lambda terms: CounterTerms(daily_budget_usd=5.0))
    await look(balto, budgets)
    assert not budgets.allowance(counter_id).stopped
    await change_terms(balto.library, counter_id, lambda terms: CounterTerms(daily_budget_usd=1.0))
    await look(balto, budgets)
    assert budgets.allowance(counter_id).stopped
    assert [event.budget_usd for event in await reached(balto)] == [2.5, 1.0]


@pytest.mark.parametrize("budget_usd", [0.0, 2.5])
async def test_a_budget_that_is_taken_away_stops_nothing_any_more(
    balto: Balto, budgets: Budgets, counter_id: str, budget_usd: float
) -> None:
    await change_terms(balto.library, counter_id, lambda _: CounterTerms(daily_budget_usd=budget_usd))
    landed = await spend(balto, counter_id, 3.0, NOON)
    await look(balto, budgets)
    assert budgets.allowance(counter_id).stopped
    await change_terms(balto.library, counter_id, lambda _: CounterTerms())
    await look(balto, budgets)
    allowance = budgets.allowance(counter_id)
    assert (allowance.stopped, allowance.spent_usd) == (False, 3.0)
    budgets.charge(counter_id, 99.0, landed + 1_000)
    assert not budgets.allowance(counter_id).stopped
    await look(balto, budgets)
    assert not budgets.allowance(counter_id).stopped
    assert [event.budget_usd for event in await reached(balto)] == [budget_usd]


async def test_while_the_database_is_away_what_was_known_holds(
    balto: Balto, budgets: Budgets, counter_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await spend(balto, counter_id, 3.0, NOON)
    await look(balto, budgets)

    async def away(*_: object) -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr("balto.budgets.spent_on", away)
    with pytest.raises(StoreUnavailableError):
        await budgets.look()
    assert budgets.allowance(counter_id).stopped
