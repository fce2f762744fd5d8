"""How a session that lived before hears again: from which place of its recording, and reading that back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from actors.messages import JumpTo, Rehear, RehearOver
from actors.session.calls import Unreadable
from actors.session.ports import AudioFormat, FlowWindow, SessionMemory
from actors.session.state import SETTLING, SessionState, needed_from
from actors.vad.resumed import listen_from
from actors.values import Offered, Resumption
from events.catalogue import Bookmark
from events.store import StoreError

WITHOUT_AUDIO: Final = frozenset({"gathering", "normalising", "classifying"})
"""Stages of a phrase that need its words alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """From where decoding and listening go on."""

    bookmark: Bookmark | None
    """None where the decoder must begin at the first byte."""
    resumption: Resumption
    to_byte: int
    """Up to here it is heard again."""

    def format_of(self, declared: AudioFormat) -> AudioFormat:
        """Return what the decoder is to be opened for."""
        if self.bookmark is None or self.bookmark.encoding == declared.encoding:
            return declared
        return replace(AudioFormat(), encoding=self.bookmark.encoding)


def hearing_of(state: SessionState) -> Hearing:
    """Return how a session in a state goes on hearing.

    From there on its phrases are those of a session that was never interrupted; what came of the recording before is
    in the stream. Audio that is heard again takes as long as the detector's memory, under a minute, and what phrases
    under way add to that.
    """
    needed = needed_from(state)
    start = listen_from(needed)
    usable = [bookmark for bookmark in state.bookmarks if bookmark.sample <= start - SETTLING]
    bookmark = usable[-1] if usable else None
    waiting = [phrase.captured for _, phrase in sorted(state.open_phrases.items()) if phrase.stage not in WITHOUT_AUDIO]
    return Hearing(
        bookmark=bookmark,
        resumption=Resumption(
            first_sample=bookmark.sample if bookmark else 0,
            needed_from=needed,
            closed_to=state.closed_to,
            next_number=state.last_closed + 1,
            last_offer=state.last_offer,
            offered=_offered(state),
            awaited=tuple(captured for captured in waiting if captured is not None),
        ),
        to_byte=state.bytes_recorded,
    )


def _offered(state: SessionState) -> Offered | None:
    phrase = state.open_phrases.get(state.last_closed + 1)
    # What was offered to a stream died with it, and is offered to another engine under a number of its own.
    if phrase is None or phrase.offer is None or phrase.offered_to_stream:
        return None
    event = phrase.offer.event
    return Offered(offer=event.offer, sample_start=event.sample_start, sample_end=event.sample_end)


class Rehearsal:
    """Reads a session's recording back to it: `JumpTo`, `Rehear`… and `RehearOver`, or `Unreadable`.

    Args:
        stream: of the session.
        memory: where its recording is.
        tell: takes the messages.
    """

    def __init__(self, stream: str, memory: SessionMemory, tell: Callable[[Any], None]) -> None:
        self._stream = stream
        self._memory = memory
        self._tell = tell
        self._task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Read no further."""
        if self._task is not None:
            self._task.cancel()

    async def read(self, hearing: Hearing, window: FlowWindow) -> None:
        """Read what is heard again, no faster than the window lets through."""
        self._task = asyncio.current_task()
        try:
            await self._read(hearing, window)
        except StoreError as error:
            self._tell(Unreadable(error))
        finally:
            self._task = None

    async def _read(self, hearing: Hearing, window: FlowWindow) -> None:
        at = 0
        if hearing.bookmark is not None:
            at = hearing.bookmark.byte_offset
            self._tell(JumpTo(await self._header(hearing.bookmark.header_bytes), hearing.bookmark))
        if at < hearing.to_byte:
            async for chunk in self._memory.recording(self._stream, at):
                if chunk.byte_start > at:
                    break  # a part of it is no longer kept
                data = chunk.data[at - chunk.byte_start :]
                await window.acquire(len(data))
                self._tell(Rehear(data))
                at += len(data)
        self._tell(RehearOver(complete=at >= hearing.to_byte))

    async def _header(self, size: int) -> bytes:
        header = bytearray()
        if size:
            async for chunk in self._memory.recording(self._stream, 0):
                header += chunk.data
                if len(header) >= size:
                    break
        return bytes(header[:size])
