"""What a client streams: a file at the pace of its speech, or live audio, kept until the server has it for good."""

import asyncio
from collections.abc import AsyncIterator, Buffer
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from balto.client.errors import ClientError

CHUNK_S: Final = 0.1
MOST_KEPT: Final = 16 * 2**20
PIECE: Final = 64 * 2**10
"""Bytes of live audio in a frame, at most: a server may not take at once what was kept while the line was lost."""


class Source(Protocol):
    """Audio that can be sent again from an offset."""

    def pieces(self, offset: int) -> AsyncIterator[bytes]:
        """Yield the bytes from an offset on, as they are due, until the audio ends."""
        ...

    def forget(self, offset: int) -> None:
        """Take note that the bytes before an offset are never asked for again."""
        ...


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file as it is streamed: its bytes untouched."""

    data: bytes
    duration_s: float

    @property
    def bytes_per_s(self) -> float:
        """Bytes that play in a second."""
        return len(self.data) / max(self.duration_s, CHUNK_S)

    @property
    def chunk_bytes(self) -> int:
        """Bytes that play in about 100 ms."""
        return max(1, int(self.bytes_per_s * CHUNK_S))


class Paced:
    """A file, sent as if it were spoken.

    Args:
        audio: what to send.
        speed: times real time; 0 sends as fast as the server takes it.
    """

    def __init__(self, audio: AudioFile, speed: float) -> None:
        self._audio = audio
        self._speed = speed
        self._began: float | None = None

    async def pieces(self, offset: int) -> AsyncIterator[bytes]:
        """Yield the file from an offset on; after a lost connection what is overdue comes at once."""
        loop, audio = asyncio.get_running_loop(), self._audio
        self._began = loop.time() if self._began is None else self._began
        while offset < len(audio.data):
            if self._speed > 0:
                due = self._began + offset / audio.bytes_per_s / self._speed
                await asyncio.sleep(due - loop.time())
            piece = audio.data[offset : offset + audio.chunk_bytes]
            yield piece
            offset += len(piece)

    def forget(self, offset: int) -> None:
        """Do nothing: the file stays in memory."""


class LiveAudio:
    """Audio that comes into being while it is streamed, such as a microphone's.

    Bytes are kept until the server has them for good, so that a lost connection loses none.

    Args:
        most_kept: bytes; a feeder waits while so many are not yet durable.
    """

    def __init__(self, most_kept: int = MOST_KEPT) -> None:
        self._most = most_kept
        self._kept = bytearray()
        self._first = 0
        self._ended = False
        self._news = asyncio.Event()

    async def feed(self, data: Buffer) -> None:
        """Add audio; waits while the server is too far behind.

        Args:
            data: anything that holds bytes, such as an array of samples.

        Raises:
            TypeError: it holds none.
            ValueError: the audio has been ended.
        """
        added = bytes(memoryview(data))  # an array would add its numbers to ours
        while len(self._kept) >= self._most and not self._ended:
            await self._news.wait()
        if self._ended:
            raise ValueError("this audio has been ended")
        self._kept += added
        self._wake()

    def end(self) -> None:
        """Say that no more comes: the server answers what is under way, and the stream ends."""
        self._ended = True
        self._wake()

    async def pieces(self, offset: int) -> AsyncIterator[bytes]:
        """Yield what has been fed from an offset on, and what will be.

        Raises:
            ClientError: the offset lies before what the server had acknowledged.
        """
        while True:
            if offset < self._first:
                raise ClientError("the server asks again for audio that it had acknowledged")
            piece = bytes(self._kept[offset - self._first : offset - self._first + PIECE])
            if piece:
                yield piece
                offset += len(piece)
            elif self._ended:
                return
            else:
                await self._news.wait()

    def forget(self, offset: int) -> None:
        """Let go of the bytes before an offset."""
        gone = min(offset - self._first, len(self._kept))
        if gone > 0:
            del self._kept[:gone]
            self._first += gone
            self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def read_audio(path: Path) -> AudioFile:
    """Read a file and how long it plays.

    Raises:
        ClientError: it cannot be read, or holds no audio.
    """
    import av  # noqa: PLC0415 - only files need it, and live clients may do without

    try:
        data = path.read_bytes()
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise ClientError(f"{path} holds no audio")
            return AudioFile(data, _duration_s(container, av.time_base))
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error.strerror or error}") from error
    except av.FFmpegError as error:
        raise ClientError(f"{path} is not an audio file") from error


def _duration_s(container: Any, time_base: int) -> float:
    if container.duration:
        return float(container.duration) / time_base
    # Recorders that stream leave the duration out; the last packet tells.
    last = 0.0
    for packet in container.demux(audio=0):
        if packet.pts is not None and packet.time_base is not None:
            last = float((packet.pts + (packet.duration or 0)) * packet.time_base)
    return last
