"""A session's end of the line to its client: who is there, what they are told, how many bytes they may send ahead."""

from actors.session.ports import FlowWindow, Goodbye, Outbox
from events.catalogue import Event

MAX_PHRASES_UNDER_WAY = 8
"""Captured phrases without an outcome beyond which the client's bytes are held back."""


class Connection:
    """The line to the client: open, broken for a while, or given up. Only its session touches it.

    Args:
        outbox: the way to the client; None where nobody is there yet.
        flow: told how many bytes have been worked through.
        received: bytes that the session had before.
    """

    def __init__(self, outbox: Outbox | None, flow: FlowWindow, received: int = 0) -> None:
        self._outbox = outbox
        self._flow = flow
        self._released = received
        self.generation = 0
        """Grows whenever the line breaks or is taken up; a timer of an earlier one has no say."""
        self.awaited = True
        """Whether a client is there or may come back: only then is there somebody to advise."""

    @property
    def open(self) -> bool:
        """Whether somebody is there now."""
        return self._outbox is not None

    def attach(self, outbox: Outbox, flow: FlowWindow, received: int) -> None:
        """Take up a new line; whoever was on the old one is told that it was taken over."""
        self.close("taken_over")
        self._flow.open()
        self._outbox, self._flow = outbox, flow
        self._released = received
        self.generation += 1

    def lose(self, outbox: Outbox) -> bool:
        """Note that a line broke; False where it was not the present one."""
        if self._outbox is not outbox:
            return False
        self._outbox = None
        self._flow.open()
        self.generation += 1
        return True

    def give_up(self) -> None:
        """Wait for nobody any more."""
        self.awaited = False

    def publish(self, event: Event) -> None:
        """Tell the client of a durable event."""
        if self._outbox is not None:
            self._outbox.publish(event)

    def close(self, reason: Goodbye) -> None:
        """Say goodbye to whoever is there."""
        if self._outbox is not None:
            self._outbox.close(reason)

    def work_through(self, byte_end: int) -> None:
        """Let the client send as much more as is durable."""
        if byte_end > self._released:
            self._flow.release(byte_end - self._released)
            self._released = byte_end

    def discard(self, size: int) -> None:
        """Give room back for bytes that are not wanted."""
        self._flow.release(size)

    def end(self) -> None:
        """Let whoever still sends through; nothing is taken any more."""
        self._flow.open()
