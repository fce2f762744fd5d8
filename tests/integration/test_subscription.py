"""Subscriptions: all that is there, then all that comes, once each and in order."""

import asyncio
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from events.catalogue import SpeechStarted, SubjectErased
from events.journal import Journal
from events.postgres import PostgresStore
from events.queries import EventReader, MissingEventsError
from events.selection import Selection
from events.store import Append
from events.subscribers import Subscriptions
from events.subscription import Subscription, subscribe
from events.watch import Watch
from tests.events_at_hand import new_event


@pytest.fixture
async def subscriptions(store: PostgresStore, postgres_url: str) -> AsyncIterator[Subscriptions]:
    async with await Subscriptions.open(postgres_url, store, poll_s=0.02) as opened:
        yield opened


async def write(store: PostgresStore, *streams: str, count: int = 1, tenant: str = "123456") -> None:
    for stream in streams:
        events = [new_event(SpeechStarted(phrase=n, sample_start=0)) for n in range(count)]
        await store.append(Append(stream=stream, tenant=tenant, events=events))


async def take(subscription: Subscription, count: int) -> list[int]:
    """The positions of the next events."""
    return [(await anext(subscription)).position for _ in range(count)]


async def kill(url: str, application: str) -> int:
    """Terminate the backends of an application in this test's database, and say how many there were."""
    connection = await asyncpg.connect(url)
    killed = await connection.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = $1",
        application,
    )
    await connection.close()
    return len(killed)


async def test_what_is_there_and_what_comes_is_given_once_and_in_order(
    store: PostgresStore, subscriptions: Subscriptions
) -> None:
    journal = Journal(store)
    await journal.start()
    await write(store, "a", "b", count=600)

    async def talk(stream: str, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(60):
            events = [new_event() for _ in range(chance.randint(1, 4))]
            await journal.append(Append(stream=stream, tenant="1", events=events))

    talking = [asyncio.create_task(talk(f"s-{n}", n)) for n in range(12)]
    slow, quick = subscriptions.subscribe(page=7), subscriptions.subscribe(after=100)
    first = await take(quick, 1500)
    await asyncio.gather(*talking)
    await journal.close()
    head = await store.last_position()
    assert first + await take(quick, head - 1600) == list(range(101, head + 1))
    assert await take(slow, head) == list(range(1, head + 1))
    assert slow.position == quick.position == head


async def test_a_subscriber_that_waits_is_woken(store: PostgresStore, subscriptions: Subscriptions) -> None:
    subscription = subscriptions.subscribe()
    waiting = asyncio.create_task(take(subscription, 2))
    await write(store, "a", "b")
    assert await waiting == [1, 2]


async def test_only_what_was_selected_is_given_and_the_rest_is_passed(
    store: PostgresStore, subscriptions: Subscriptions
) -> None:
    chosen = subscriptions.subscribe(
        selection=Selection(category="session", tenant="7", types=("SpeechStarted", "SubjectErased")), page=2
    )
    waiting = asyncio.create_task(take(chosen, 4))
    await write(store, "session-1", "counter-1", tenant="7", count=2)
    await write(store, "session-2", tenant="8", count=3)
    end = new_event(SubjectErased(reason="asked"))
    await store.append(Append(stream="session-1", tenant="7", events=[end, new_event()]))
    assert await waiting == [1, 2, 8, 9]
    assert chosen.position == 9


class CountingReader:
    """A store that counts what is asked of it."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self.fetch_rows = store.fetch_rows
        self.cold_ranges = store.cold_ranges
        self.read_cold = store.read_cold
        self.last_position = store.last_position
        self.pages: list[int] = []

    async def fetch_events(self, query: str, *arguments: object, anew: bool = False) -> list:  # type: ignore[type-arg] # as the store's
        events = await self._store.fetch_events(query, *arguments, anew=anew)
        self.pages.append(len(events))
        return events


async def test_a_slow_consumer_holds_one_page_and_reads_no_more_until_it_is_used_up(
    store: PostgresStore, postgres_url: str
) -> None:
    reader = CountingReader(store)
    contract: EventReader = reader
    async with Watch(postgres_url) as watch:
        subscription = subscribe(contract, watch, page=10)
        await write(store, "a", count=100)
        assert await take(subscription, 3) == [1, 2, 3]
        await write(store, "b", count=100)
        assert reader.pages == [10]
        assert subscription.position == 3
        assert await take(subscription, 8) == list(range(4, 12))
        assert reader.pages == [10, 10]


async def test_it_polls_where_listening_is_not_to_be_had(store: PostgresStore, postgres_url: str) -> None:
    async with Watch(postgres_url, poll_s=0.01, listen=False) as watch:
        waiting = asyncio.create_task(take(subscribe(store, watch), 2))
        await write(store, "a", count=2)
        assert await waiting == [1, 2]


async def test_a_false_notification_makes_it_look_and_nothing_else(store: PostgresStore, postgres_url: str) -> None:
    async with Watch(postgres_url, poll_s=0.01) as watch:
        waiting = asyncio.create_task(take(subscribe(store, watch), 1))
        connection = await asyncpg.connect(postgres_url)
        for payload in ("1000000", "", "no number"):
            await connection.execute("SELECT pg_notify('balto_events', $1)", payload)
        await connection.close()
        await write(store, "a")
        assert await waiting == [1]


async def test_it_sees_what_nobody_tells_it_even_after_it_was_told_something(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.watch.CHANNEL", "another")  # so that it hears this test, but no append
    async with Watch(postgres_url, poll_s=0.01) as watch:
        subscription = subscribe(store, watch)
        await write(store, "a")
        assert await take(subscription, 1) == [1]
        connection = await asyncpg.connect(postgres_url)
        await connection.execute("SELECT pg_notify('another', '')")
        await connection.close()
        await write(store, "b")
        assert await take(subscription, 1) == [2]


async def test_it_lives_through_the_loss_of_the_watchs_connection(store: PostgresStore, postgres_url: str) -> None:
    async with Watch(postgres_url, poll_s=0.01) as watch:
        subscription = subscribe(store, watch, page=5)
        given: list[int] = []
        killed = 0
        for n in range(8):
            waiting = asyncio.create_task(take(subscription, 20))
            await write(store, f"s-{n}", count=20)
            killed += await kill(postgres_url, "balto watch")
            given += await waiting
        assert given == list(range(1, 161))
        assert killed


async def test_a_hole_in_the_ledger_is_raised_and_never_passed(
    store: PostgresStore, subscriptions: Subscriptions, postgres_url: str
) -> None:
    await write(store, "a", count=20)
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("ALTER TABLE events DISABLE TRIGGER USER")
    await connection.execute("DELETE FROM events WHERE position = 12")
    await connection.close()
    subscription = subscriptions.subscribe(page=5)
    assert await take(subscription, 10) == list(range(1, 11))
    for _ in range(2):
        with pytest.raises(MissingEventsError, match="after position 11"):
            await anext(subscription)
    assert subscription.position == 10


async def test_a_durable_subscription_goes_on_where_it_was_acknowledged(
    store: PostgresStore, subscriptions: Subscriptions
) -> None:
    await write(store, "a", count=10)
    first = await subscriptions.durable("mail", start=2)
    assert await take(first, 4) == [3, 4, 5, 6]
    await first.ack(4)
    with pytest.raises(ValueError, match="up to 6 only"):
        await first.ack(7)
    second = await subscriptions.durable("mail")
    assert await take(second, 3) == [5, 6, 7]
    await second.ack()
    await first.ack(5)  # later than the other one's: it never goes back
    assert await take(await subscriptions.durable("mail"), 1) == [8]
    assert [(slot.position, slot.lag) for slot in await subscriptions.status("mail")] == [(7, 3)]
    await subscriptions.forget("mail")
    assert await take(await subscriptions.durable("mail"), 1) == [1]
