"""Subscriptions that begin where the ledger is cold: through the files and on to what comes, no gap and no double."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asyncpg.pool import PoolConnectionProxy

from events.archive import ArchiveError
from events.catalogue import SpeechStarted
from events.cold import freeze
from events.consumer import Batch
from events.postgres import PostgresStore
from events.selection import Selection
from events.store import Append
from events.subscribers import Subscriptions
from events.subscription import Subscription
from events.thaw import thaw
from tests.events_at_hand import new_event
from tests.postgres import MASTERS, divide

pytest.importorskip("pyarrow", reason="Parquet needs the extra `export`")

LATER = datetime(2100, 1, 1, tzinfo=UTC)
EVERYTHING = 1 << 60
STREAMS = 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
async def ledger(postgres_url: str, folder: Path) -> AsyncIterator[PostgresStore]:
    """A store with 60 events in partitions of ten, of streams that lie among one another."""
    await divide(postgres_url, 10)
    store = await PostgresStore.connect(postgres_url, masters=MASTERS, archive=folder)
    await write(store, 60)
    yield store
    await store.close()


@pytest.fixture
async def subscriptions(ledger: PostgresStore, postgres_url: str) -> AsyncIterator[Subscriptions]:
    async with await Subscriptions.open(postgres_url, ledger, poll_s=0.02) as opened:
        yield opened


async def write(store: PostgresStore, count: int) -> None:
    for number in range(count):
        event = new_event(SpeechStarted(phrase=number, sample_start=0)) if number % 3 else new_event()
        await store.append(Append(stream=f"session-{number % STREAMS}", tenant=f"t{number % 2}", events=[event]))


async def take(subscription: Subscription, count: int) -> list[int]:
    return [(await anext(subscription)).position for _ in range(count)]


async def test_a_subscription_goes_from_the_files_into_the_table_and_on_to_what_comes(
    ledger: PostgresStore, subscriptions: Subscriptions, postgres_url: str, folder: Path
) -> None:
    done = await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    assert [one.outcome for one in done] == ["frozen"] * 6
    for page in (7, 500):
        subscription = subscriptions.subscribe(after=4, page=page)
        head = await ledger.last_position()
        given = await take(subscription, head - 4)
        waiting = asyncio.create_task(take(subscription, 5))
        await write(ledger, 5)
        assert given + await waiting == list(range(5, head + 6))


async def test_what_goes_cold_or_comes_back_under_a_subscription_is_given_once(
    ledger: PostgresStore, subscriptions: Subscriptions, postgres_url: str, folder: Path
) -> None:
    subscription = subscriptions.subscribe(page=4)
    given = await take(subscription, 3)
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    given += await take(subscription, 19)
    await thaw(postgres_url, folder, first=20)
    given += await take(subscription, 5)
    await thaw(postgres_url, folder, first=40)
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    given += await take(subscription, 33)
    assert given == list(range(1, 61))


async def test_a_selection_is_the_same_in_files_as_in_the_table(
    ledger: PostgresStore, subscriptions: Subscriptions, postgres_url: str, folder: Path
) -> None:
    chosen = Selection(tenant="t1", types=("SpeechStarted",))
    before = await take(subscriptions.subscribe(selection=chosen, page=3), 20)
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    assert await take(subscriptions.subscribe(selection=chosen, page=3), 20) == before


async def test_a_durable_subscription_goes_on_in_the_files_where_it_was_acknowledged(
    ledger: PostgresStore, subscriptions: Subscriptions, postgres_url: str, folder: Path
) -> None:
    first = await subscriptions.durable("mail", page=5)
    await take(first, 8)
    await first.ack(7)
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    again = await subscriptions.durable("mail", page=5)
    assert await take(again, 53) == list(range(8, 61))
    await again.ack()
    assert [(slot.position, slot.lag) for slot in await subscriptions.status("mail")] == [(60, 0)]


async def test_a_consumer_group_shares_out_what_is_cold_and_what_comes_once_each(
    ledger: PostgresStore, subscriptions: Subscriptions, postgres_url: str, folder: Path
) -> None:
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    seen: list[tuple[str, int]] = []
    over = asyncio.Event()

    async def handle(_: PoolConnectionProxy, batch: Batch) -> None:
        seen.extend((event.stream, event.position) for event in batch.events)
        if len(seen) >= 70:
            over.set()

    members = [await subscriptions.consumer("desk", slots=4, page=3) for _ in range(3)]
    working = [asyncio.create_task(member.run(handle)) for member in members]
    await write(ledger, 10)
    await over.wait()
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    assert sorted(position for _, position in seen) == list(range(1, 71))
    by_stream = {stream: [p for s, p in seen if s == stream] for stream, _ in seen}
    assert all(positions == sorted(positions) for positions in by_stream.values())
    assert Counter(stream for stream, _ in seen).keys() == {f"session-{n}" for n in range(STREAMS)}


async def test_without_the_archive_nothing_is_passed(ledger: PostgresStore, postgres_url: str, folder: Path) -> None:
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    store = await PostgresStore.connect(postgres_url, masters=MASTERS)
    async with await Subscriptions.open(postgres_url, store, poll_s=0.02) as opened:
        subscription = opened.subscribe(page=5)
        for _ in range(2):
            with pytest.raises(ArchiveError, match="not at hand"):
                await anext(subscription)
        assert subscription.position == 0
    await store.close()
