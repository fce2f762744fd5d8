"""The session's line to a child: so many messages may be with it, the rest waits here until it answers."""

from collections import deque
from typing import Any

import pykka


class Line:
    """Sends a child no more than it has room for.

    A session never waits for a child, and a child never for its session: answers pass the session's bound, and there
    are no more of them than the messages that this lets through. So neither can hold the other up.

    Args:
        child: who answers every message with exactly one.
        room: messages that may be with it.
    """

    def __init__(self, child: pykka.ActorRef[Any], room: int) -> None:
        self._child = child
        self._room = room
        self._backlog: deque[object] = deque()
        self._out = 0

    @property
    def idle(self) -> bool:
        """Whether nothing is with the child."""
        return not self._out

    def send(self, message: object) -> None:
        """Send a message as soon as there is room."""
        if self._out < self._room:
            self._out += 1
            tell(self._child, message)
        else:
            self._backlog.append(message)

    def answered(self) -> None:
        """Note that the child is through with a message, be it by failing over it."""
        self._out -= 1
        if self._backlog:
            self.send(self._backlog.popleft())


def tell(child: pykka.ActorRef[Any], message: object) -> None:
    """Tell a child something; one that has just died is dealt with when the news of it arrives."""
    try:
        child.tell(message)
    except pykka.ActorDeadError:
        return
