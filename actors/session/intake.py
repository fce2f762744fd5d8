"""The intake: bytes on their way to the decoder, handed out in pieces, a few at a time."""

from collections import deque
from typing import Any, Final

import pykka

from actors.messages import Decode, FinishDecoding, JumpTo
from actors.session.line import tell
from actors.session.ports import FlowWindow
from actors.session.writing import Writer

PIECE_BYTES: Final = 32_768
"""Bytes decoded in one step: a second of raw PCM. A larger step would hold the loop up for the neighbours."""
PIECES: Final = 4
"""Pieces that may be between the decoder and the detector."""


class Intake:
    """Hands bytes to the decoder while fewer than `PIECES` pieces have not come back from the detector.

    What the client sent waits where it is kept for the recording anyway, however small its frames were; what is heard
    again from the recording comes first.

    Args:
        audio: the decoder.
        writer: keeps the client's bytes.
        rehearing: whether the recording comes first, until `heard_again`.
    """

    def __init__(self, audio: pykka.ActorRef[Any], writer: Writer, *, rehearing: bool) -> None:
        self._audio = audio
        self._writer = writer
        self._rehearing = rehearing
        self._all_read = False
        self._again: deque[bytes] = deque()
        self._handed_to = writer.bytes_received
        self._out = 0
        self._finishing = False
        self._stopped = False
        self.window = FlowWindow(limit=4 * PIECE_BYTES)
        """How much of the recording may wait here."""

    @property
    def idle(self) -> bool:
        """Whether no byte waits or is being listened to."""
        return not (self._out or self._again or self._rehearing or self._waiting)

    @property
    def rehearing(self) -> bool:
        """Whether the recording still comes first."""
        return self._rehearing

    @property
    def _waiting(self) -> int:
        return self._writer.bytes_received - self._handed_to

    def jump(self, message: JumpTo) -> None:
        """Let the decoder go on in the middle; before anything else."""
        tell(self._audio, message)

    def rehear(self, data: bytes) -> None:
        """Take bytes of the recording."""
        self._again.extend(data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES))

    def read_back(self) -> None:
        """Note that no more of the recording will come."""
        self._all_read = True

    def heard_again(self) -> bool:
        """Tell, once, that all of the recording has come back from the detector; the client's bytes may follow."""
        if not (self._rehearing and self._all_read) or self._again or self._out:
            return False
        self._rehearing = False
        self.hand_out(hold=False)
        return True

    def finish(self) -> None:
        """Have what is left in the decoder, once everything has been handed out."""
        self._finishing = True

    def stop(self) -> None:
        """Hand out nothing any more: it cannot be decoded."""
        self._stopped = True
        self._rehearing = False
        self._again.clear()
        self._out = 0
        self._handed_to = self._writer.bytes_received
        self.window.open()

    def came_back(self) -> None:
        """Note that the detector is through with a piece."""
        self._out = max(0, self._out - 1)

    def hand_out(self, *, hold: bool) -> None:
        """Hand out what may be; `hold` keeps the client's bytes back, since what came of earlier ones has piled up."""
        if self._stopped:
            self._handed_to = self._writer.bytes_received
            return
        while self._out < PIECES and (piece := self._next_piece(hold=hold)):
            self._out += 1
            tell(self._audio, Decode(piece))
        if self._finishing and not (self._rehearing or self._again or self._waiting):
            self._finishing = False
            tell(self._audio, FinishDecoding())

    def _next_piece(self, *, hold: bool) -> bytes:
        if self._again:
            piece = self._again.popleft()
            self.window.release(len(piece))
            return piece
        if self._rehearing or hold or not self._waiting:
            return b""
        piece = self._writer.received(self._handed_to, PIECE_BYTES)
        self._handed_to += len(piece)
        return piece
