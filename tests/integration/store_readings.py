"""What is read of a store on a database of its own, held against the model of it."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from events.catalogue import Event, TranscriptionReceived
from events.embedded import EmbeddedPostgres
from events.envelope import RecordedEvent
from events.journal import Journal
from events.postgres import PostgresStore
from events.queries import position_at, read
from events.selection import Selection
from events.snapshots import Snapshot, Snapshots
from events.store import (
    RecordingChunk,
)
from tests.integration.store_model import STREAMS, TENANTS, Kept, Model, Text
from tests.postgres import MASTERS

streams = st.sampled_from(STREAMS)
limits = st.none() | st.integers(0, 6)


class StoreReadings(RuleBasedStateMachine):
    """A store and its model, and every way of reading them; what is written is a subclass's."""

    server: EmbeddedPostgres
    template: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.model = Model()
        self.number = 0

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)

    async def admin(self, statement: str) -> None:
        connection = await asyncpg.connect(self.server.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def connect(self) -> None:
        self.store = await PostgresStore.connect(self.server.dsn_of(self.name), masters=MASTERS, max_readers=2)
        self.journal = Journal(self.store)
        await self.journal.start()
        self.snapshots = Snapshots(self.store._readers, self.store, MASTERS, Text())

    async def disconnect(self) -> None:
        await self.journal.close()
        await self.store.close()

    @initialize()
    def begin(self) -> None:
        self.name = f"model_{uuid4().hex}"
        self.run(self.admin(f"CREATE DATABASE {self.name} TEMPLATE {self.template}"))
        self.run(self.connect())

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.run(self.disconnect())
        if hasattr(self, "name"):
            self.run(self.admin(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)"))
        self.runner.close()

    @rule(stream=streams, after=st.integers(0, 12), limit=limits, backwards=st.booleans())
    def read_a_stream(self, stream: str, after: int, limit: int | None, backwards: bool) -> None:
        expected = [kept for kept in self.model.streams.get(stream, []) if kept.stream_position > after]
        expected = expected[::-1] if backwards else expected

        async def read() -> list[RecordedEvent]:
            return [e async for e in self.store.read_stream(stream, after=after, limit=limit, backwards=backwards)]

        self.same(self.run(read()), expected[:limit])

    @rule(
        after=st.integers(0, 40),
        limit=limits,
        types=st.sampled_from([(), ("SpeechStarted",), ("TranscriptionReceived", "SubjectErased"), ("Nothing",)]),
        prefix=st.sampled_from([None, "session-", "session-a", "counter", "%"]),
        tenant=st.sampled_from([None, "t1", "t2", "t3"]),
    )
    def read_all(
        self, after: int, limit: int | None, types: tuple[str, ...], prefix: str | None, tenant: str | None
    ) -> None:
        expected = self.model.selected(Selection(types=types, prefix=prefix, tenant=tenant), after)

        async def read() -> list[RecordedEvent]:
            found = self.store.read_all(after=after, limit=limit, types=types, stream_prefix=prefix, tenant=tenant)
            return [event async for event in found]

        self.same(self.run(read()), expected[:limit])

    @rule(
        chosen=st.builds(
            dict,
            of=st.sampled_from(
                [
                    {},
                    {"stream": "session-a"},
                    {"stream": "session"},
                    {"category": "session"},
                    {"prefix": "session-"},
                    {"tenant": "t1"},
                    {"tenant": "t2", "category": "session"},
                ]
            ),
            types=st.sampled_from([(), ("SpeechStarted",), ("TranscriptionReceived", "SubjectErased")]),
            about=st.sampled_from([None, None, UUID(int=1), UUID(int=2)]),
        ),
        after=st.integers(0, 20),
        share=st.floats(0, 1),
        limit=limits,
        page=st.integers(1, 7),
        backwards=st.booleans(),
    )
    def read_by_condition_as_of_a_position(
        self, chosen: dict[str, Any], after: int, share: float, limit: int | None, page: int, backwards: bool
    ) -> None:
        """Any selection, of the ledger as it was at some position, either way, in pages of any size."""
        upto = round(share * len(self.model.everything))
        selection = Selection(**chosen["of"], types=chosen["types"], correlation_id=chosen["about"])
        expected = self.model.selected(selection, after, upto)[:: -1 if backwards else 1]

        async def found() -> list[RecordedEvent]:
            source = read(self.store, selection, after=after, upto=upto, limit=limit, backwards=backwards, page=page)
            return [event async for event in source]

        self.same(self.run(found()), expected[:limit])

    @rule(data=st.data())
    def read_as_of_a_moment(self, data: st.DataObject) -> None:
        """The position at an event's time is that of the last event that was recorded no later."""
        if not self.model.everything:
            return
        position = data.draw(st.integers(1, len(self.model.everything)))

        async def look() -> tuple[int, list[RecordedEvent]]:
            (event,) = await self.store.read_at([position])
            everything = [e async for e in self.store.read_all()]
            return await position_at(self.store, event.recorded_at), [
                e for e in everything if e.recorded_at <= event.recorded_at
            ]

        found, not_later = self.run(look())
        assert found == not_later[-1].position >= position

    @rule(stream=streams, share=st.floats(0, 1))
    def keep_a_snapshot(self, stream: str, share: float) -> None:
        """Only a stream with a key has snapshots; the latest is kept."""
        at = round(share * self.model.at(stream))
        if at == 0:
            return
        personal = any(isinstance(k.new.event, TranscriptionReceived) for k in self.model.streams[stream])
        keyed = (personal or bool(self.model.recorded.get(stream))) and stream not in self.model.erased
        kept = self.model.streams[stream][at - 1]
        snapshot = Snapshot(stream_position=at, position=kept.position, state=f"state at {at}")
        assert self.run(self.snapshots.save(stream, snapshot)) == keyed
        if keyed and at >= self.model.snapshots.get(stream, 0):
            self.model.snapshots[stream] = at

    @rule(stream=streams)
    def use_a_snapshot(self, stream: str) -> None:
        """What is rebuilt from a snapshot is what is folded from all events, and an erased one is gone."""
        latest = self.run(self.snapshots.latest(stream))
        at = self.model.snapshots.get(stream)
        assert (latest and latest.stream_position) == at
        assert latest is None or latest.state == f"state at {at}"

        def fold(events: Iterable[Event], state: str | None) -> str:
            return f"{state}+{sum(1 for _ in events)}"

        rebuilt = self.run(self.snapshots.rebuild(stream, fold))
        known = f"state at {at}" if at else None
        assert rebuilt.state == f"{known}+{self.model.at(stream) - (at or 0)}"
        assert rebuilt.stream_position == self.model.at(stream)

    @rule(stream=streams, share=st.floats(0, 1))
    def read_a_recording(self, stream: str, share: float) -> None:
        chunks = self.model.recorded.get(stream, [])
        whole = b"".join(chunks)
        start = int(share * len(whole))

        async def read() -> list[RecordingChunk]:
            return [chunk async for chunk in self.store.read_recording(stream, from_byte=start)]

        found = self.run(read())
        if start < len(whole):
            assert b"".join(chunk.data for chunk in found)[start - found[0].byte_start :] == whole[start:]
        else:
            assert found == []

    @invariant()
    def positions_are_dense(self) -> None:
        if hasattr(self, "journal"):
            positions = [kept.position for kept in self.model.everything]
            assert positions == list(range(1, len(positions) + 1))
            assert self.run(self.store.last_position()) == len(positions)

    def same(self, found: list[RecordedEvent], expected: list[Kept]) -> None:
        assert [(e.stream, e.stream_position, e.position, e.event_id, e.correlation_id) for e in found] == [
            (k.stream, k.stream_position, k.position, k.new.event_id, k.new.correlation_id) for k in expected
        ]
        for event, kept in zip(found, expected, strict=True):
            assert event.tenant == TENANTS[kept.stream]
            if kept.stream in self.model.erased and isinstance(kept.new.event, TranscriptionReceived):
                assert "frase" not in repr(event)
            else:
                assert event.event == kept.new.event
