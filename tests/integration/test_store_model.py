"""The event store against a model of it: whatever is done in whatever order, both hold and say the same."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from events.catalogue import SubjectErased
from events.embedded import EmbeddedPostgres
from events.store import (
    ANY,
    Append,
    Appended,
    RecordingChunk,
    StoreError,
    StoreUnavailableError,
    WrongExpectedPositionError,
)
from tests.events_at_hand import new_event
from tests.integration.store_model import STREAMS, TENANTS, an_event
from tests.integration.store_readings import StoreReadings, streams
from tests.postgres import BARE

KILL = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

kinds = st.lists(st.sampled_from(["clear", "personal"]), min_size=1, max_size=4)
gaps = st.sampled_from([None, 0, 0, 0, -1, 1, 5])
"""How far from the truth an append's expected position is; None for ANY."""


class StoreMachine(StoreReadings):
    """Does things to a store on a database of its own and to the model alike."""

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
        self.model.snapshots.pop(stream, None)
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


def test_the_store_and_its_model_hold_and_say_the_same_whatever_is_done(postgres_server: EmbeddedPostgres) -> None:
    class Machine(StoreMachine):
        server = postgres_server
        template = BARE

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
