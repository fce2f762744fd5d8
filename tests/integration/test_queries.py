"""Reading by every condition gives what reading everything and choosing gives."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from events.catalogue import SpeechStarted, SubjectErased
from events.envelope import NewEvent, RecordedEvent
from events.paging import JsonPathError, check_path, read_some
from events.postgres import PostgresStore
from events.queries import MissingEventsError, _prepare, position_at, read, read_page, read_page_backwards
from events.selection import Selection
from events.store import Append
from tests.events_at_hand import new_event

PHRASES = [uuid4() for _ in range(3)]


async def fill(store: PostgresStore) -> list[RecordedEvent]:
    """Append sixty events to six streams of two kinds and two tenants; return all of them."""
    cause: UUID | None = None
    for n in range(20):
        stream = f"{'session' if n % 3 else 'counter'}-{n % 6}"
        events: list[NewEvent] = []
        for m in range(3):
            event = SpeechStarted(phrase=n, sample_start=m) if m else SubjectErased(reason="asked")
            new = replace(new_event(event), correlation_id=PHRASES[n % 3] if m else None, causation_id=cause)
            cause = new.event_id if m == 1 else None
            events.append(new)
        cause = None
        await store.append(Append(stream=stream, tenant=str(n % 2), events=events))
    return [event async for event in store.read_all()]


async def chosen(store: PostgresStore, selection: Selection, **how: int | bool) -> list[RecordedEvent]:
    return [event async for event in read(store, selection, page=4, **how)]  # type: ignore[arg-type] # names of read's


SELECTIONS: list[tuple[Selection, Callable[[RecordedEvent], bool]]] = [
    (Selection(), lambda _: True),
    (Selection(stream="session-1"), lambda e: e.stream == "session-1"),
    (Selection(prefix="session-4"), lambda e: e.stream.startswith("session-4")),
    (Selection(category="counter"), lambda e: e.stream.startswith("counter-")),
    (Selection(types=("SubjectErased",)), lambda e: e.type == "SubjectErased"),
    (Selection(types=("SubjectErased", "SpeechStarted")), lambda _: True),
    (Selection(types=("Never",)), lambda _: False),
    (Selection(tenant="1"), lambda e: e.tenant == "1"),
    (Selection(where="$.phrase > 10"), lambda e: getattr(e.event, "phrase", 0) > 10),
    (Selection(where="$.phrase ? (@ > 10)"), lambda e: getattr(e.event, "phrase", 0) > 10),
    (Selection(where='$.reason == "asked"', tenant="1"), lambda e: (e.type, e.tenant) == ("SubjectErased", "1")),
    (Selection(where="$.never"), lambda _: False),
    (Selection(where="$.phrase / 0 > 1"), lambda _: False),
    (Selection(where="$.phrase == 7"), lambda e: getattr(e.event, "phrase", 0) == 7),
    (Selection(where="exists($.reason) || $.sample_start == 2"), lambda e: getattr(e.event, "sample_start", 2) == 2),
    (
        Selection(where="$.sample_start == 1 && !($.phrase > 10)"),
        lambda e: getattr(e.event, "sample_start", 0) == 1 and getattr(e.event, "phrase", 0) <= 10,
    ),
    (Selection(where='$.type() ? (@ == "object")'), lambda _: True),
    (Selection(where="strict $.reason"), lambda e: e.type == "SubjectErased"),
    (Selection(correlation_id=PHRASES[1]), lambda e: e.correlation_id == PHRASES[1]),
    (
        Selection(tenant="0", category="session", types=("SpeechStarted",), correlation_id=PHRASES[2]),
        lambda e: (e.tenant, e.stream[:8], e.correlation_id) == ("0", "session-", PHRASES[2]),
    ),
    (
        Selection(tenant="0", category="session", types=("SpeechStarted",)),
        lambda e: (e.tenant, e.stream[:8], e.type) == ("0", "session-", "SpeechStarted"),
    ),
]


@pytest.mark.parametrize("short", [0, 1_000], ids=["by stream", "by position"])
@pytest.mark.parametrize(("selection", "fits"), SELECTIONS)
async def test_a_selection_gives_the_events_that_fit_in_both_directions_and_within_bounds(
    store: PostgresStore,
    monkeypatch: pytest.MonkeyPatch,
    selection: Selection,
    fits: Callable[[RecordedEvent], bool],
    short: int,
) -> None:
    monkeypatch.setattr("events.queries._SHORT", short)
    monkeypatch.setattr("events.queries._WINDOW", 7)
    fitting = [event for event in await fill(store) if fits(event)]
    assert await chosen(store, selection) == fitting
    assert await chosen(store, selection, backwards=True) == fitting[::-1]
    assert await chosen(store, selection, limit=5) == fitting[:5]
    assert await chosen(store, selection, backwards=True, limit=5) == fitting[::-1][:5]
    within = [event for event in fitting if 10 < event.position <= 41]
    assert await chosen(store, selection, after=10, upto=41) == within
    assert await chosen(store, selection, after=10, upto=41, backwards=True) == within[::-1]


async def test_what_an_event_led_to_is_found(store: PostgresStore) -> None:
    everything = await fill(store)
    for event in everything:
        if event.causation_id is not None:
            (cause,) = (each for each in everything if each.event_id == event.causation_id)
            assert await chosen(store, Selection(causation_id=cause.event_id)) == [event]
    assert await chosen(store, Selection(causation_id=uuid4())) == []


async def test_a_time_range_gives_what_was_recorded_in_it_the_end_excluded(store: PostgresStore) -> None:
    everything = await fill(store)
    first, last = everything[9].recorded_at, everything[42].recorded_at
    inside = [event for event in everything if first <= event.recorded_at < last]
    assert await chosen(store, Selection(since=first, until=last)) == inside
    assert await chosen(store, Selection(since=last + timedelta(days=1))) == []
    assert await chosen(store, Selection(until=first - timedelta(days=1))) == []


async def test_the_position_at_a_moment_is_that_of_the_last_event_recorded_by_then(store: PostgresStore) -> None:
    assert await position_at(store, datetime.now(UTC)) == 0
    everything = await fill(store)
    for event in everything:
        by_then = [each.position for each in everything if each.recorded_at <= event.recorded_at]
        assert await position_at(store, event.recorded_at) == max(by_then)
    assert await position_at(store, everything[0].recorded_at - timedelta(hours=1)) == 0
    assert await position_at(store, everything[0].recorded_at + timedelta(hours=1)) == 60


async def test_pages_say_how_far_they_looked(store: PostgresStore) -> None:
    await fill(store)
    page = await read_page(store, Selection(types=("SubjectErased",)), after=0, upto=50, limit=5)
    assert [event.position for event in page.events] == [1, 4, 7, 10, 13]
    assert page.upto == 13
    page = await read_page(store, Selection(types=("SubjectErased",)), after=13, upto=20, limit=5)
    assert ([event.position for event in page.events], page.upto) == ([16, 19], 20)
    page = await read_page_backwards(store, Selection(types=("SubjectErased",)), upto=20, limit=2)
    assert ([event.position for event in page.events], page.after) == ([19, 16], 15)


async def test_a_hole_is_raised_and_nothing_behind_it_given(store: PostgresStore, postgres_url: str) -> None:
    await fill(store)
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("ALTER TABLE events DISABLE TRIGGER USER; DELETE FROM events WHERE position = 30")
    await connection.close()
    reading = read(store, page=8)
    assert [(await anext(reading)).position for _ in range(24)] == list(range(1, 25))
    with pytest.raises(MissingEventsError) as hole:
        await anext(reading)
    assert (hole.value.after, hole.value.upto) == (29, 31)


@pytest.mark.parametrize(
    ("selection", "index"),
    [
        (Selection(), "events_from_0_pkey"),
        (Selection(types=("SpeechStarted",)), "events_from_0_pkey"),
        (Selection(stream="session-3"), "events_from_0_stream_id_position_idx"),
        (Selection(prefix="session-3"), "events_from_0_stream_id_position_idx"),
        (Selection(tenant="3"), "events_from_0_stream_id_position_idx"),
        (Selection(correlation_id=PHRASES[0]), "events_from_0_correlation_id_idx"),
        (Selection(causation_id=PHRASES[1]), "events_from_0_stream_id_position_idx"),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
async def test_an_index_finds_what_is_selected(
    store: PostgresStore, postgres_url: str, selection: Selection, index: str, *, backwards: bool
) -> None:
    for n in range(12):
        events = [replace(new_event(), correlation_id=uuid4()) for _ in range(600)]
        if n == 3:
            events[7] = replace(events[7], event_id=PHRASES[1])
        await store.append(Append(stream=f"session-{n}", tenant=f"{n}", events=events))
    query, arguments, _ = await _prepare(store, selection, 0, 7_200, limit=50, backwards=backwards)
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("ANALYZE events, streams")
    plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}", 0, 7_200, 50, *arguments))
    await connection.close()
    assert index in plan
    assert "Seq Scan on events" not in plan


def test_a_selection_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="prefix"):
        Selection(category="session", prefix="s")
    with pytest.raises(ValueError, match="zone"):
        Selection(since=datetime(2026, 1, 1))  # noqa: DTZ001 # it is the point


PARTITION = "events_from_0"
INDEXES: list[tuple[Selection, str]] = [
    (Selection(), f"{PARTITION}_pkey"),
    (Selection(types=("SpeechStarted",)), f"{PARTITION}_pkey"),
    (Selection(since=datetime(2020, 1, 1, tzinfo=UTC)), f"{PARTITION}_pkey"),
    (Selection(where="$.phrase > 3"), f"{PARTITION}_pkey"),
    (Selection(stream="session-1"), f"{PARTITION}_stream_id_position_idx"),
    (Selection(category="session"), f"{PARTITION}_stream_id_position_idx"),
    (Selection(tenant="1"), f"{PARTITION}_stream_id_position_idx"),
    (Selection(correlation_id=PHRASES[0]), f"{PARTITION}_correlation_id_idx"),
]


@pytest.mark.parametrize(("selection", "index"), INDEXES)
async def test_an_index_serves_every_condition(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch, selection: Selection, index: str
) -> None:
    """In the order of positions, too: what a type or a JSON path selects is met on the way, in windows."""
    monkeypatch.setattr("events.queries._SHORT", 0)
    await fill(store)
    text, arguments, _ = await _prepare(store, selection, 0, 60, limit=10, backwards=False)
    connection = await asyncpg.connect(postgres_url)
    try:
        # Few rows are read whole, whatever indexes there are: the question is whether one can serve.
        await connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {text}", 0, 60, 10, *arguments))
    finally:
        await connection.close()
    assert index in plan
    assert f"Seq Scan on {PARTITION}" not in plan


@pytest.mark.parametrize("backwards", [False, True])
async def test_pages_of_bounded_effort_give_every_selected_event_once(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, backwards: bool
) -> None:
    monkeypatch.setattr("events.queries._WINDOW", 3)
    monkeypatch.setattr("events.queries._SHORT", 1_000)
    everything = await fill(store)
    selection = Selection(types=("SubjectErased",), tenant="1")
    after, upto = 0, 60
    found: list[RecordedEvent] = []
    while True:
        page, whole = await read_some(store, selection, after=after, upto=upto, limit=2, backwards=backwards)
        assert len(page.events) <= 2
        found += page.events
        if whole:
            break
        after, upto = (after, page.after) if backwards else (page.upto, upto)
    expected = [e for e in everything if e.type == "SubjectErased" and e.tenant == "1"]
    assert found == (expected[::-1] if backwards else expected)


async def test_what_is_no_path_is_told(store: PostgresStore) -> None:
    await check_path(store, "$.a ? (@ > 1)")
    for path in ("", "$.", "a b", "$.x ? (@ > $y", "'; DROP TABLE events; --"):
        with pytest.raises(JsonPathError):
            await check_path(store, path)
