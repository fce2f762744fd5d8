"""Consumers: exactly once with what they write, in order within a stream, whoever is killed, joins or leaves."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator

import asyncpg
import pytest
from asyncpg.pool import PoolConnectionProxy

from events.consumer import Batch, Consumer
from events.journal import Journal
from events.postgres import PostgresStore
from events.selection import Selection
from events.store import Append
from events.subscribers import SubscriptionMismatchError, Subscriptions
from tests.events_at_hand import new_event
from tests.integration.test_subscription import kill, write


@pytest.fixture
async def subscriptions(store: PostgresStore, postgres_url: str) -> AsyncIterator[Subscriptions]:
    async with await Subscriptions.open(postgres_url, store, poll_s=0.02, max_size=20) as opened:
        yield opened


@pytest.fixture
async def effects(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database where consumers note what they handled, in the order in which they did."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(
        "CREATE TABLE effects (n bigint GENERATED ALWAYS AS IDENTITY, position bigint, stream text, member text)"
    )
    yield connection
    await connection.close()


async def note(connection: PoolConnectionProxy, batch: Batch, member: str = "") -> None:
    await connection.executemany(
        "INSERT INTO effects (position, stream, member) VALUES ($1, $2, $3)",
        [(event.position, event.stream, member) for event in batch.events],
    )


async def noted(effects: asyncpg.Connection) -> list[int]:
    return [row["position"] for row in await effects.fetch("SELECT position FROM effects ORDER BY n")]


async def until_done(subscriptions: Subscriptions, name: str, *members: asyncio.Task[None]) -> None:
    """Wait until a group has handled all that the ledger holds."""
    consumed = subscriptions.watch.head
    while any(slot.position < consumed for slot in await subscriptions.status(name)):
        assert not any(member.done() for member in members)
        await asyncio.sleep(0.005)


async def until_noted(effects: asyncpg.Connection, count: int, *members: asyncio.Task[None]) -> None:
    while len(await noted(effects)) < count:
        assert not any(member.done() and not member.cancelled() for member in members)
        await asyncio.sleep(0.005)


async def stop(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_batch_and_its_place_are_one_transaction(
    store: PostgresStore, subscriptions: Subscriptions, effects: asyncpg.Connection
) -> None:
    await write(store, "a", count=10)
    consumer = await subscriptions.consumer("totals", page=4)

    async def note_and_fail() -> None:
        async with consumer.transaction() as (connection, batch):
            await note(connection, batch)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await note_and_fail()
    assert await noted(effects) == []
    for upto in (4, 8, 10):
        async with consumer.transaction() as (connection, batch):
            await note(connection, batch)
            assert batch.upto == upto
    assert await noted(effects) == list(range(1, 11))
    assert [slot.position for slot in await subscriptions.status("totals")] == [10]


async def test_two_consumers_of_one_slot_take_turns(
    store: PostgresStore, subscriptions: Subscriptions, effects: asyncpg.Connection
) -> None:
    await write(store, "a", count=200)
    members = [await subscriptions.consumer("totals", page=3) for _ in range(3)]
    running = [asyncio.create_task(member.run(note)) for member in members]
    await subscriptions.watch.beyond(199)
    await until_done(subscriptions, "totals", *running)
    await stop(*running)
    assert await noted(effects) == list(range(1, 201))


async def test_what_is_not_selected_is_passed_without_a_write_for_each(
    store: PostgresStore, subscriptions: Subscriptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.consumer._WORTH_WRITING", 50)
    consumer = await subscriptions.consumer("mail", selection=Selection(category="counter"))
    waiting = asyncio.create_task(next_batch(consumer))
    for n in range(12):
        await write(store, f"session-{n}", count=10)
    await write(store, "counter-1")
    assert [event.position for event in (await waiting).events] == [121]
    assert [slot.position for slot in await subscriptions.status("mail")] == [121]


async def next_batch(consumer: Consumer) -> Batch:
    async with consumer.transaction() as (_, batch):
        return batch


async def test_a_group_shares_its_streams_out_and_keeps_each_in_order_while_members_are_killed_join_and_leave(
    store: PostgresStore, subscriptions: Subscriptions, effects: asyncpg.Connection, postgres_url: str
) -> None:
    journal = Journal(store)
    await journal.start()

    async def talk(stream: str) -> None:
        for _ in range(30):
            await journal.append(Append(stream=stream, tenant="1", events=[new_event(), new_event()]))

    talking = [asyncio.create_task(talk(f"session-{n}")) for n in range(30)]

    async def join(number: int) -> asyncio.Task[None]:
        consumer = await subscriptions.consumer("group", slots=5, page=11)

        async def handle(connection: PoolConnectionProxy, batch: Batch) -> None:
            await note(connection, batch, f"{number}")
            await connection.execute("SELECT pg_sleep(0.002)")

        return asyncio.create_task(consumer.run(handle))

    members = [await join(number) for number in range(3)]
    killed = 0
    for round_ in range(12):
        await until_noted(effects, 60 * round_, *members)
        killed += await kill(postgres_url, "balto consumer")
        if round_ % 4 == 1:
            members.append(await join(len(members)))
        if round_ % 4 == 3:
            await stop(members[round_ // 4])
    await asyncio.gather(*talking)
    await journal.close()
    await subscriptions.watch.beyond(1_799)
    await until_done(subscriptions, "group")
    await stop(*members)
    assert killed >= 6
    assert Counter(await noted(effects)) == Counter(range(1, 1_801))
    by_stream: dict[str, list[int]] = defaultdict(list)
    for row in await effects.fetch("SELECT stream, position FROM effects ORDER BY n"):
        by_stream[row["stream"]].append(row["position"])
    assert all(positions == sorted(positions) for positions in by_stream.values())
    assert len(set(await effects.fetch("SELECT DISTINCT member FROM effects"))) > 3


async def test_a_groups_slots_divide_all_streams_evenly_enough(
    store: PostgresStore, subscriptions: Subscriptions, effects: asyncpg.Connection
) -> None:
    await store.append_atomically([Append(stream=f"s-{n}", tenant="1", events=[new_event()]) for n in range(400)])
    consumer = await subscriptions.consumer("group", slots=4)
    sizes: Counter[int] = Counter()
    for _ in range(4):
        async with consumer.transaction() as (connection, batch):
            await note(connection, batch)
            sizes[batch.slot] += len(batch.events)
    assert sorted(await noted(effects)) == list(range(1, 401))
    assert min(sizes.values()) > 80


async def test_a_group_is_not_joined_with_another_number_of_slots(subscriptions: Subscriptions) -> None:
    joined = await asyncio.gather(*(subscriptions.consumer("group", slots=n) for n in (2, 3)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in joined) == ["Consumer", "SubscriptionMismatchError"]
    with pytest.raises(SubscriptionMismatchError, match="not 7"):
        await subscriptions.consumer("group", slots=7)
