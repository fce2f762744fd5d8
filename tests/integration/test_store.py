"""The contract of the event store, on a real PostgreSQL."""

from events.postgres import PostgresStore
from events.store import NO_STREAM, Append, Appended
from tests.events_at_hand import new_event


async def test_an_append_lands_at_the_next_position_of_its_stream(store: PostgresStore) -> None:
    first = await store.append(Append(stream="a", tenant="t", events=[new_event(), new_event()], expected=NO_STREAM))
    second = await store.append(Append(stream="a", tenant="t", events=[new_event()], expected=2))
    assert first == Appended(stream_position=2, position=2)
    assert second == Appended(stream_position=3, position=3)
