"""The line in front of a full mailbox: senders that wait for room on their loops, the first one first."""

import asyncio
import queue
from collections import deque
from collections.abc import Callable

import pykka

from actors.runtime.letters import SYSTEM_MESSAGES, Letter


class MailboxFullError(queue.Full):
    """The actor's mailbox is bounded and full: wait with `offer`, or do without."""


class Bound:
    """How many messages may wait in a mailbox.

    Args:
        capacity: so many, at least one.
        kinds: types of the messages that it holds for; None for all but the runtime's own.
    """

    __slots__ = ("_kinds", "capacity")

    def __init__(self, capacity: int, kinds: frozenset[type] | None) -> None:
        if capacity < 1:
            raise ValueError("a mailbox holds at least one message")
        self.capacity = capacity
        self._kinds = kinds

    def holds_for(self, letter: Letter) -> bool:
        """Return whether a letter counts."""
        kind = type(letter.message)
        return kind not in SYSTEM_MESSAGES if self._kinds is None else kind in self._kinds

    def room(self, letters: deque[Letter]) -> int:
        """Return how many more may come; with the mailbox's lock held."""
        free = self.capacity - len(letters)
        return free if free > 0 else self.capacity - sum(map(self.holds_for, letters))


class WaitingLine:
    """Letters with what their senders await. The mailbox's lock guards it."""

    __slots__ = ("_line",)

    def __init__(self) -> None:
        self._line: deque[tuple[Letter, asyncio.Future[None]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._line)

    def join(self, letter: Letter) -> asyncio.Future[None]:
        """Put a letter at the end; the future is done when it is in the mailbox. Called on the sender's loop."""
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((letter, admitted))
        return admitted

    def admit(self, letters: deque[Letter], room: int) -> None:
        """Move as many letters into a mailbox as there is room for. Who was cancelled is passed over."""
        while self._line and room > 0:
            letter, admitted = self._line.popleft()
            if not admitted.done():
                letters.append(letter)
                room -= 1
                _on_its_loop(admitted, _succeed)

    def disband(self, heir: Callable[[Letter], None] | None) -> None:
        """Let the heir have the letters, or tell their senders that the actor has stopped."""
        while self._line:
            letter, admitted = self._line.popleft()
            if admitted.done():
                continue
            if heir is not None:
                heir(letter)
            _on_its_loop(admitted, _fail if heir is None else _succeed)


def _on_its_loop(admitted: asyncio.Future[None], settle: Callable[[asyncio.Future[None]], None]) -> None:
    loop = admitted.get_loop()
    if asyncio._get_running_loop() is loop:  # noqa: SLF001 - the public one raises where there is none
        settle(admitted)
    elif not loop.is_closed():
        loop.call_soon_threadsafe(settle, admitted)


def _succeed(admitted: asyncio.Future[None]) -> None:
    if not admitted.done():
        admitted.set_result(None)


def _fail(admitted: asyncio.Future[None]) -> None:
    if not admitted.done():
        admitted.set_exception(pykka.ActorDeadError("the actor stopped before there was room"))
