"""The journal: the one writer of a process, which commits what many sessions say in few transactions."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from events.absence import Absence
from events.boarding import Boarding
from events.entries import Entry, fail_all, follows, merged, refuse, refuse_behind, settle
from events.prepared import PreparedAppend, prepare
from events.store import Append, Appended, Outcome, StoreError, StoreUnavailableError

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0
_WORTH_SHARING: Final = 16
"""Appends: a flush has a price of its own, so that shares of fewer would cost more than they save."""


class JournalFullError(StoreError):
    """The journal's queue is full: wait with `append`, or give up."""


class JournalClosedError(StoreError):
    """The journal is not started, or takes nothing more."""


class EventWriter(Protocol):
    """What a session needs of a journal."""

    def submit(self, append: Append) -> asyncio.Future[Appended]:
        """Queue an append at once; the result comes when it is durable."""
        ...

    async def append(self, append: Append) -> Appended:
        """Wait for room, queue an append and wait until it is durable."""
        ...


class GroupStore(Protocol):
    """What a journal needs of a store."""

    async def append_group(self, appends: Sequence[PreparedAppend]) -> Sequence[Outcome]:
        """Append to several streams in one transaction, each append accepted or refused for itself."""
        ...


class Journal:
    """Group commit: a flush takes what queued while the last one ran, and a patient append takes the next flush.

    Appends of one stream are committed in the order of submission; several of them in one flush become one. A flush
    that the database did not answer is sent again with the same ids, which makes it exactly once. When the database
    has been away for longer than the journal's patience, everything queued fails with `StoreUnavailableError`, and
    what comes later gets one attempt until the database is back. Belongs to the event loop that started it.
    """

    def __init__(
        self,
        store: GroupStore,
        *,
        patience_s: float = 30.0,
        max_queued: int = 4096,
        max_queued_bytes: int = 64 * 1024 * 1024,
        max_flush_events: int = 1000,
        max_flush_bytes: int = 8 * 1024 * 1024,
        flights: int = 2,
        company_s: float = 0.1,
    ) -> None:
        """Set the bounds.

        Args:
            store: where flushes go.
            patience_s: seconds of a database's absence after which appends fail.
            max_queued: appends that may wait.
            max_queued_bytes: bytes of events and recordings that may wait; the last append may go beyond.
            max_flush_events: events in one flush; a single append may hold more.
            max_flush_bytes: bytes in one flush; a single append may hold more.
            flights: flushes under way at once, never two with the same stream: while the database writes one, the next
                is sealed, encoded and sent.
            company_s: seconds that a patient append waits at most for one to be written with.
        """
        self._store = store
        self._patience_s = patience_s
        self._max_queued = max_queued
        self._max_queued_bytes = max_queued_bytes
        self._max_flush_events = max_flush_events
        self._max_flush_bytes = max_flush_bytes
        self._flights = flights
        self._queue: deque[Entry] = deque()
        self._queued_bytes = 0
        self._waiting_for_room: deque[asyncio.Future[None]] = deque()
        self._aloft: set[str] = set()
        self._idle: list[asyncio.Future[None]] = []
        self._boarding = Boarding(self._wake_one, company_s)
        self._absence = Absence(patience_s)
        self._writers: list[asyncio.Task[None]] = []
        self._open = False

    async def start(self) -> None:
        """Start writing."""
        if not self._writers:
            self._open = True
            self._writers = [asyncio.create_task(self._fly(), name=f"journal-{n}") for n in range(self._flights)]

    async def close(self) -> None:
        """Take nothing more, commit what is queued and stop writing."""
        self._open = False
        self._close_the_line()
        self._wake_all()
        ended = await asyncio.gather(*self._writers, return_exceptions=True)
        self._writers = []
        for error in filter(None, ended):
            raise error

    def _close_the_line(self) -> None:
        for waiting in self._waiting_for_room:
            if not waiting.done():
                waiting.set_exception(JournalClosedError("the journal was closed"))

    def submit(self, append: Append) -> asyncio.Future[Appended]:
        """Queue an append at once.

        Returns:
            A future of where it landed, once it is durable. It raises `WrongExpectedPositionError`,
            `StreamErasedError`, `WrongTenantError`, `StoreUnavailableError` or `StoreError`. Cancelling it does not
            take the append back.

        Raises:
            JournalFullError: the queue is full, or others wait for room already.
            JournalClosedError: the journal is not open.
            CodecError: an event cannot be kept.
        """
        if not self._has_room() or self._waiting_for_room:
            raise JournalFullError("the journal's queue is full")
        return self._enqueue(append)

    async def append(self, append: Append) -> Appended:
        """Wait for room, in turn, queue an append and wait until it is durable. Raises as `submit` and its future."""
        try:
            if self._waiting_for_room or not self._has_room():
                await self._wait_in_line()
            done = self._enqueue(append)
        finally:
            self._give_room()
        return await done

    async def _wait_in_line(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting_for_room.append(turn)
        self._boarding.call()
        try:
            await turn
        finally:
            self._waiting_for_room.remove(turn)

    def _enqueue(self, append: Append) -> asyncio.Future[Appended]:
        if not self._open:
            raise JournalClosedError("the journal is not open")
        entry = Entry(prepare(append), asyncio.get_running_loop().create_future())
        if refuse_behind(entry):
            return entry.done
        self._queue.append(entry)
        self._queued_bytes += entry.append.size
        if self._boarding.admit(patient=append.patient) and entry.append.stream not in self._aloft:
            self._wake_one()
        return entry.done

    def _has_room(self) -> bool:
        return len(self._queue) < self._max_queued and self._queued_bytes < self._max_queued_bytes

    def _give_room(self) -> None:
        """Let the first in line go on; it lets the next one go on after it has queued."""
        if self._waiting_for_room and self._has_room() and not self._waiting_for_room[0].done():
            self._waiting_for_room[0].set_result(None)

    def _wake_one(self) -> None:
        while self._idle:
            waiting = self._idle.pop()
            if not waiting.done():
                waiting.set_result(None)
                return

    def _wake_all(self) -> None:
        while self._idle:
            self._wake_one()

    async def _fly(self) -> None:
        """Write one flush after another, side by side with the other flights, until the journal is closed and empty."""
        groups: list[list[Entry]] = []
        try:
            while self._queue or self._open:
                groups = self._take() if self._boarding.due or not self._open else []
                self._give_room()
                if groups:
                    if self._queue:
                        self._wake_one()
                    streams = {group[0].append.stream for group in groups}
                    self._aloft |= streams
                    try:
                        await self._flush(groups)
                    finally:
                        self._aloft -= streams
                else:
                    # Nothing, or only what has to wait until another flight has landed, which takes it then.
                    waiting = asyncio.get_running_loop().create_future()
                    self._idle.append(waiting)
                    await waiting
        except BaseException:
            # The writer was cancelled: nobody may be left waiting.
            self._open = False
            stopped = JournalClosedError("the journal was stopped; what became of this append is not known")
            fail_all([entry for group in groups for entry in group], stopped)
            self._fail_queue(stopped)
            self._close_the_line()
            raise
        finally:
            self._wake_all()

    def _take(self) -> list[list[Entry]]:
        """Take a flush from the queue, grouped by stream, and leave what must not overtake anything of its stream.

        While nothing is under way it takes its share of the streams, so that one share is encoded while another is
        being written.
        """
        groups: dict[str, list[Entry]] = {}
        waits = set(self._aloft)
        left: list[Entry] = []
        most = len(self._queue)
        if not self._aloft and most >= _WORTH_SHARING:
            most = -(-len({entry.append.stream for entry in self._queue}) // self._flights)
        events = size = 0
        while self._queue:
            entry = self._queue[0]
            append = entry.append
            group = groups.get(append.stream)
            if refuse_behind(entry):
                self._queued_bytes -= append.size
            elif append.stream in waits or not (len(groups) < most if group is None else follows(append, group)):
                waits.add(append.stream)
                left.append(entry)
            else:
                events += len(append.rows)
                size += append.size
                if groups and (events > self._max_flush_events or size > self._max_flush_bytes):
                    break
                self._queued_bytes -= append.size
                groups.setdefault(append.stream, []).append(entry)
            self._queue.popleft()
        self._queue.extendleft(reversed(left))
        self._boarding.depart(leaving=bool(self._queue))
        return list(groups.values())

    async def _flush(self, groups: list[list[Entry]]) -> bool:
        """Write, tell everybody, and return whether the database was there all along."""
        try:
            outcomes = await self._persist([merged(group) for group in groups])
        except StoreUnavailableError as error:
            fail_all([entry for group in groups for entry in group], error)
            return False
        except Exception as error:
            return await self._apart([entry for group in groups for entry in group], error)
        there = True
        for group, outcome in zip(groups, outcomes, strict=True):
            if isinstance(outcome, Appended):
                settle(group, outcome)
            else:
                there = await self._apart(group, outcome) and there
        return there

    async def _apart(self, entries: Sequence[Entry], error: Exception) -> bool:
        """After a refusal, write each by itself, so that only those at fault are refused; return as `_flush`."""
        if len(entries) == 1:
            refuse(entries[0], error)
            return True
        for number, entry in enumerate(entries, 1):
            if not refuse_behind(entry) and not await self._flush([[entry]]):
                # Written now, the others of a stream would come before the one that failed and may be repeated.
                fail_all(entries[number:], StoreUnavailableError("the database went away before this append's turn"))
                return False
        return True

    async def _persist(self, appends: Sequence[PreparedAppend]) -> Sequence[Outcome]:
        loop = asyncio.get_running_loop()
        pause, since = _FIRST_PAUSE_S, loop.time()
        while True:
            try:
                with self._absence.asking(loop):
                    return await self._store.append_group(appends)
            except StoreUnavailableError as error:
                if self._absence.is_too_long(loop.time() + pause, since):
                    # Where another flight was answered meanwhile, it is these that cannot be written, and not the rest.
                    if self._absence.answered_at < since:
                        self._fail_queue(error)
                    raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _fail_queue(self, error: StoreError) -> None:
        fail_all(self._queue, error)
        self._queue.clear()
        self._queued_bytes = 0
        self._give_room()
