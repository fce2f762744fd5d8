"""The event store against a model of it: whatever is done in whatever order, both hold and say the same."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from events.catalogue import Event, SpeechStarted, SubjectErased, TranscriptionReceived
from events.embedded import EmbeddedPostgres
from events.envelope import NewEvent, RecordedEvent
from events.journal import Journal
from events.postgres import PostgresStore
from events.store import (
    ANY,
    Append,
    Appended,
    RecordingChunk,
    StoreError,
    StoreUnavailableError,
    StreamErasedError,
    WrongExpectedPositionError,
)
from tests.events_at_hand import new_event
from tests.postgres import MASTERS

STREAMS = ("session-a", "session-b", "session-c", "counter-1")
TENANTS = {"session-a": "t1", "session-b": "t2", "session-c": "t1", "counter-1": "t2"}
KILL = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

streams = st.sampled_from(STREAMS)
kinds = st.lists(st.sampled_from(["clear", "personal"]), min_size=1, max_size=4)
gaps = st.sampled_from([None, 0, 0, 0, -1, 1, 5])
"""How far from the truth an append's expected position is; None for ANY."""
limits = st.none() | st.integers(0, 6)


@dataclass
class Kept:
    """An event as the model keeps it."""

    stream: str
    stream_position: int
    position: int
    new: NewEvent


@dataclass
class Model:
    """What the store should hold."""

    streams: dict[str, list[Kept]] = field(default_factory=dict)
    recorded: dict[str, list[bytes]] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    done: list[tuple[Append, Appended]] = field(default_factory=list)

    @property
    def everything(self) -> list[Kept]:
        return sorted((kept for said in self.streams.values() for kept in said), key=lambda kept: kept.position)

    def at(self, stream: str) -> int:
        return len(self.streams.get(stream, ()))

    def judge(self, append: Append) -> type[StoreError] | None:
        """Say how an append of new events should be refused, None if it should not."""
        if append.expected not in (ANY, self.at(append.stream)):
            return WrongExpectedPositionError
        personal = bool(append.recordings) or any(isinstance(new.event, TranscriptionReceived) for new in append.events)
        return StreamErasedError if personal and append.stream in self.erased else None

    def keep(self, append: Append, landed: Appended) -> None:
        said = self.streams.setdefault(append.stream, [])
        assert landed.stream_position == len(said) + len(append.events)
        behind = len(append.events)
        for new in append.events:
            behind -= 1
            said.append(Kept(append.stream, landed.stream_position - behind, landed.position - behind, new))
        self.recorded.setdefault(append.stream, []).extend(chunk.data for chunk in append.recordings)
        self.done.append((append, landed))


def an_event(kind: str, number: int) -> Event:
    if kind == "clear":
        return SpeechStarted(phrase=number, sample_start=160 * number)
    return TranscriptionReceived(
        phrase=number, provider="p", model="m", text=f"frase {number}", confidence=0.5, latency_ms=1.5, cost_usd=0.0
    )


class StoreMachine(RuleBasedStateMachine):
    """Does things to a store on a database of its own and to the model alike."""

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

    def an_append(self, stream: str, said: Sequence[str], gap: int | None, *, at: int | None = None) -> Append:
        truth = self.model.at(stream) if at is None else at
        events = []
        for kind in said:
            self.number += 1
            new = new_event(an_event(kind, self.number))
            events.append(replace(new, correlation_id=UUID(int=self.number % 3)))
        expected = ANY if gap is None else max(0, truth + gap)
        return Append(stream=stream, tenant=TENANTS[stream], events=events, expected=expected)

    async def outcome(self, append: Append) -> Appended | StoreError:
        try:
            return await self.store.append(append)
        except StoreError as error:
            return error

    def compare(self, append: Append, outcome: Appended | StoreError) -> None:
        refusal = self.model.judge(append)
        if refusal is None:
            assert isinstance(outcome, Appended), outcome
            assert outcome.position > (self.model.everything[-1].position if self.model.everything else 0)
            self.model.keep(append, outcome)
        else:
            assert type(outcome) is refusal
        if isinstance(outcome, WrongExpectedPositionError):
            assert (outcome.expected, outcome.actual) == (append.expected, self.model.at(append.stream))

    @rule(stream=streams, said=kinds, gap=gaps, sound=st.none() | st.binary(min_size=1, max_size=40))
    def append(self, stream: str, said: list[str], gap: int | None, sound: bytes | None) -> None:
        append = self.an_append(stream, said, gap)
        if sound is not None:
            start = sum(map(len, self.model.recorded.get(stream, ())))
            append = replace(append, recordings=[RecordingChunk(byte_start=start, data=sound)])
        self.compare(append, self.run(self.outcome(append)))

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        if self.model.done:
            append, landed = data.draw(st.sampled_from(self.model.done))
            assert self.run(self.outcome(append)) == landed

    @rule(data=st.data(), said=kinds, stream=streams)
    def repeat_in_part(self, data: st.DataObject, said: list[str], stream: str) -> None:
        """Events that are there, with new ones behind or on another stream, are refused one way or the other."""
        if not self.model.done:
            return
        append, _ = data.draw(st.sampled_from(self.model.done))
        fresh = self.an_append(stream, said, None)
        if stream == append.stream:
            # A longer append may repeat a merged pair exactly; a new event cannot be there.
            mixed = replace(append, events=[*append.events, *fresh.events], recordings=())
        else:
            mixed = replace(fresh, events=[*fresh.events, *append.events])
        outcome = self.run(self.outcome(mixed))
        assert isinstance(outcome, StoreError)
        assert not isinstance(outcome, StoreUnavailableError)

    @rule(plans=st.dictionaries(streams, st.tuples(kinds, gaps), min_size=2, max_size=4))
    def append_together(self, plans: dict[str, tuple[list[str], int | None]]) -> None:
        appends = [self.an_append(stream, said, gap) for stream, (said, gap) in plans.items()]
        refusals = [refusal for append in appends if (refusal := self.model.judge(append)) is not None]
        if refusals:
            with pytest.raises(tuple(refusals)):
                self.run(self.store.append_atomically(appends))
            return
        landed = self.run(self.store.append_atomically(appends))
        for append, one in zip(appends, landed, strict=True):
            self.model.keep(append, one)

    @rule(plans=st.lists(st.tuples(streams, kinds, gaps), min_size=2, max_size=8))
    def write_through_the_journal(self, plans: list[tuple[str, list[str], int | None]]) -> None:
        """What many submit at once ends as if each stream's appends had come one after the other."""
        ahead: dict[str, int] = {}
        appends = []
        for stream, said, gap in plans:
            at = ahead.get(stream, self.model.at(stream))
            appends.append(self.an_append(stream, said, gap, at=at))
            if gap in (None, 0):
                ahead[stream] = at + len(said)

        async def submit() -> list[Appended | BaseException]:
            return await asyncio.gather(*map(self.journal.submit, appends), return_exceptions=True)

        for append, outcome in zip(appends, self.run(submit()), strict=True):
            refusal = self.model.judge(append)
            if refusal is None:
                assert isinstance(outcome, Appended), outcome
                self.model.keep(append, outcome)
            else:
                assert type(outcome) is refusal

    @rule(stream=streams)
    def erase(self, stream: str) -> None:
        if not self.model.at(stream) or stream in self.model.erased:
            return
        new = new_event(SubjectErased(reason="asked"))
        landed = self.run(self.store.erase(stream, new))
        self.model.keep(Append(stream=stream, tenant=TENANTS[stream], events=[new]), landed)
        self.model.done.pop()
        self.model.erased.add(stream)
        self.model.recorded[stream] = []
        assert self.run(self.store.erase(stream, new_event(new.event))) == landed

    @rule(killed=st.booleans())
    def reconnect(self, killed: bool) -> None:
        if killed:
            self.run(self._lose_connections())
        else:
            self.run(self.disconnect())
            self.run(self.connect())

    async def _lose_connections(self) -> None:
        connection = await asyncpg.connect(self.server.dsn_of(self.name))
        try:
            await connection.fetchval(KILL)
        finally:
            await connection.close()
        append = self.an_append(STREAMS[0], ["clear"], 0)
        self.compare(append, await self.journal.append(append))
        # A reader may be given a connection whose loss it learns of only now; the next one is sound.
        for _ in range(4):
            try:
                assert await self.store.last_position() == len(self.model.everything)
            except StoreUnavailableError:
                continue
            return
        raise AssertionError("the store does not find back")

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
        expected = [
            kept
            for kept in self.model.everything
            if kept.position > after
            and (not types or type(kept.new.event).__name__ in types)
            and (prefix is None or kept.stream.startswith(prefix))
            and (tenant is None or TENANTS[kept.stream] == tenant)
        ]

        async def read() -> list[RecordedEvent]:
            found = self.store.read_all(after=after, limit=limit, types=types, stream_prefix=prefix, tenant=tenant)
            return [event async for event in found]

        self.same(self.run(read()), expected[:limit])

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


def test_the_store_and_its_model_hold_and_say_the_same_whatever_is_done(postgres_server: EmbeddedPostgres) -> None:
    class Machine(StoreMachine):
        server = postgres_server
        template = "balto_template"

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
