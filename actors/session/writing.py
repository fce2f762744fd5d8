"""The session's pen: wraps events in envelopes, cuts the recording that goes with them, hands both to the journal."""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import pykka

from actors.messages import AudioArrived
from actors.session.ports import SessionServices, SessionSpec
from actors.session.unrecorded import Unrecorded
from events.catalogue import (
    AudioBookmarked,
    AudioFormatDetected,
    AudioReceived,
    Event,
    RecommendationAnswered,
    RecommendationDelivered,
    RecommendationSent,
)
from events.envelope import NewEvent
from events.ids import phrase_id
from events.journal import JournalFullError
from events.store import Append, Appended, Lane, RecordingChunk

_PATIENT: Final = frozenset(
    {
        AudioReceived,
        AudioBookmarked,
        AudioFormatDetected,
        RecommendationDelivered,
        RecommendationAnswered,
    }
)
"""No engine and no attendant waits for them: all that follows is an `ack`, room for more bytes, and a session's end."""


def _failed(error: Exception) -> asyncio.Future[Appended]:
    failed: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
    failed.set_exception(error)
    return failed


@dataclass(frozen=True, slots=True)
class Durable:
    """Journal → session: these events are durable, or the journal gave up on them."""

    events: tuple[Event, ...]
    error: Exception | None = None
    position: int = 0
    """Of the last of them in the ledger."""


class Writer:
    """Writes one session's stream. Answers every `write` with `Durable` to the session.

    Args:
        spec: whose stream it is.
        services: journal, clock and id source.
        session: whom to tell.
        recorded_to: bytes that are in the recording already.
        began_us: when the session started, on the clock's monotonic time.
    """

    def __init__(
        self,
        spec: SessionSpec,
        services: SessionServices,
        session: pykka.ActorRef[Any],
        *,
        recorded_to: int = 0,
        began_us: int,
    ) -> None:
        self._spec = spec
        self._services = services
        self._session = session
        self.began_us = began_us
        """When the session started, on the clock's monotonic time."""
        self._lane = Lane()
        self._unrecorded = Unrecorded()
        self._recorded_to = recorded_to
        self._phrases: dict[int, UUID] = {}
        self._last_of_phrase: dict[int, UUID] = {}
        self._waiting: deque[tuple[Append, asyncio.Future[Appended]]] = deque()
        self._line: asyncio.Task[None] | None = None
        self.pending = 0
        """Writes that are not durable yet."""

    @property
    def bytes_received(self) -> int:
        """Bytes received from the client so far."""
        return self._recorded_to + len(self._unrecorded)

    def fresh(self, message: AudioArrived) -> bytes | None:
        """Return the part of a client's bytes that is not there yet, or None where bytes before it are missing."""
        known = 0 if message.byte_start is None else self.bytes_received - message.byte_start
        return None if known < 0 else message.data[known:]

    def receive(self, data: bytes) -> None:
        """Keep a client's bytes until the event that records them."""
        self._unrecorded.append(data)

    def received(self, start: int, size: int) -> bytes:
        """Return up to `size` of the bytes that are not recorded yet, from byte `start` of the session."""
        return self._unrecorded.read(start - self._recorded_to, size)

    def write(self, events: list[Event], expected: int) -> None:
        """Submit events, which go to the stream after position `expected`, with the recordings they speak of."""
        append = Append(
            stream=self._spec.stream,
            tenant=self._spec.tenant,
            events=[self._wrap(event) for event in events],
            expected=expected,
            recordings=[self._cut(event) for event in events if isinstance(event, AudioReceived)],
            lane=self._lane,
            patient=all(type(event) in _PATIENT for event in events),
        )
        self.pending += 1
        written = tuple(events)
        self._submit(append).add_done_callback(lambda done: self._report(written, done))

    def _submit(self, append: Append) -> asyncio.Future[Appended]:
        # At once, so that appends reach the journal in their order; where it is full, all wait in one line.
        if self._line is None:
            try:
                return self._services.journal.submit(append)
            except JournalFullError:
                self._line = asyncio.create_task(self._work_off(), name="journal-line")
            except Exception as error:
                return _failed(error)
        later: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._waiting.append((append, later))
        return later

    async def _work_off(self) -> None:
        while self._waiting:
            append, later = self._waiting.popleft()
            try:
                later.set_result(await self._services.journal.append(append))
            except Exception as error:
                later.set_exception(error)
        self._line = None

    def settled(self) -> None:
        """Count one write as answered."""
        self.pending -= 1

    def forget_all_but(self, under_way: Collection[int], undelivered: Iterable[RecommendationSent]) -> None:
        """Forget what led to the events of phrases that no further event is about."""
        if not self._last_of_phrase:
            return
        wanted = {*under_way, *(sent.phrase for sent in undelivered)}
        for number in [n for n in self._last_of_phrase if n not in wanted]:
            del self._last_of_phrase[number], self._phrases[number]

    def _report(self, events: tuple[Event, ...], done: asyncio.Future[Appended]) -> None:
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        failure = error if error is None or isinstance(error, Exception) else RuntimeError("the journal was closed")
        position = 0 if error is not None else done.result().position
        if self._session.is_alive():
            self._session.tell(Durable(events, failure, position))

    def _wrap(self, event: Event) -> NewEvent:
        clock = self._services.clock
        event_id = self._services.new_id()
        number: int | None = getattr(event, "phrase", None)
        correlation = causation = None
        if number is not None:
            correlation = self._phrases.get(number) or phrase_id(self._spec.session_id, number)
            self._phrases[number] = correlation
            causation = self._last_of_phrase.get(number)
            self._last_of_phrase[number] = event_id
        return NewEvent(
            event_id=event_id,
            event=event,
            occurred_at=clock.utc(),
            elapsed_us=clock.monotonic_us() - self.began_us,
            correlation_id=correlation,
            causation_id=causation,
        )

    def _cut(self, event: AudioReceived) -> RecordingChunk:
        data = self._unrecorded.cut(event.byte_end - self._recorded_to)
        self._recorded_to = event.byte_end
        return RecordingChunk(byte_start=event.byte_start, data=data)
