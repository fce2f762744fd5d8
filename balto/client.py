"""A counter's client: streams audio to a Balto server and yields what comes back."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import av
import orjson

CHUNK_S: Final = 0.1
_NORMAL: Final = 1000
_CLOSED: Final = (
    aiohttp.WSMsgType.CLOSE,
    aiohttp.WSMsgType.CLOSING,
    aiohttp.WSMsgType.CLOSED,
    aiohttp.WSMsgType.ERROR,
)
_COME_BACK: Final = frozenset({None, 1001, 1006, 1011, 1013, 4002, 4003})
"""Close codes after which a session may be taken up again."""


class ClientError(Exception):
    """The server could not be reached, or closed the connection before the audio had ended."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        """Close code, if the server gave one."""


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


def read_audio(path: Path) -> AudioFile:
    """Read a file and how long it plays.

    Raises:
        ClientError: it cannot be read, or holds no audio.
    """
    try:
        data = path.read_bytes()
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise ClientError(f"{path} holds no audio")
            return AudioFile(data, _duration_s(container))
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error.strerror or error}") from error
    except av.FFmpegError as error:
        raise ClientError(f"{path} is no audio file") from error


def _duration_s(container: Any) -> float:
    if container.duration:
        return float(container.duration) / av.time_base
    # Recorders that stream leave the duration out; the last packet tells.
    last = 0.0
    for packet in container.demux(audio=0):
        if packet.pts is not None and packet.time_base is not None:
            last = float((packet.pts + (packet.duration or 0)) * packet.time_base)
    return last


class Stream:
    """One session's worth of audio, streamed over as many connections as it takes.

    A lost connection is taken up where the server's recording ends; a recommendation that comes twice is yielded once.

    Args:
        url: of the server, `http://…` or `ws://…/ws`; or several, tried in turn.
        api_key: of the counter.
        audio: what to send.
        speed: times real time; 0 sends as fast as the server takes it.
        want: kinds of messages beside recommendations: `transcript`, `vad`, `metrics`.
        patience_s: how long to try to come back.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        api_key: str,
        audio: AudioFile,
        *,
        speed: float = 1.0,
        want: Iterable[str] = (),
        patience_s: float = 60.0,
    ) -> None:
        self._urls = [url] if isinstance(url, str) else list(url)
        self._hello: dict[str, Any] = {
            "api_key": api_key,
            "protocol": 2,
            "offsets": True,
            "want": ["recommendation", *want],
        }
        self._audio = audio
        self._speed = speed
        self._patience_s = patience_s
        self._seen: set[str] = set()
        self._began: float | None = None
        self._finished = False
        self.session: str | None = None
        """Id of the session, once the server has said it."""
        self.acknowledged = 0
        """Bytes that the server has recorded for good."""
        self.reconnections = 0

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Stream the audio and yield the server's messages until it has answered everything.

        Raises:
            ClientError: no connection, or the server refused for good.
        """
        loop = asyncio.get_running_loop()
        lost_at: float | None = None
        async with aiohttp.ClientSession() as http:
            for attempt in itertools.count():
                heard = False
                try:
                    async for message in self._converse(http, self._urls[attempt % len(self._urls)]):
                        heard = True
                        yield message
                    break
                except _Interrupted as interrupted:
                    now = loop.time()
                    lost_at = now if heard or lost_at is None else lost_at
                    if self.session is None or now - lost_at > self._patience_s:
                        raise ClientError(str(interrupted), interrupted.code) from interrupted
                self.reconnections += 1
                await asyncio.sleep(min(1.0, 0.05 * 2 ** min(attempt, 5)))

    async def _converse(self, http: aiohttp.ClientSession, url: str) -> AsyncIterator[dict[str, Any]]:
        try:
            ws = await http.ws_connect(_socket_url(url), max_msg_size=0)
        except (aiohttp.ClientError, OSError) as error:
            raise _Interrupted(f"no Balto answers at {url}: {error}") from error
        sender: asyncio.Task[None] | None = None
        try:
            await ws.send_str(orjson.dumps(self._hello).decode())
            while (frame := await ws.receive()).type not in _CLOSED:
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    continue
                message = orjson.loads(frame.data)
                if message["comando"] == "ready":
                    self._greeted(message)
                    sender = asyncio.create_task(self._send(ws, message["offset"]))
                if self._is_new(message):
                    yield message
        except ConnectionError as error:
            raise _Interrupted(f"the connection was lost: {error}") from error
        finally:
            await _end(sender)
            await ws.close()
        if not self._finished or ws.close_code != _NORMAL:
            self._judge(ws.close_code, frame.extra or "")

    def _greeted(self, ready: dict[str, Any]) -> None:
        self.session = ready["session"]
        # Durable too; the line may have broken under the last `ack`.
        self.acknowledged = ready["offset"]
        self._hello["resume"] = {"session": ready["session"], "token": ready["token"]}

    def _is_new(self, message: dict[str, Any]) -> bool:
        match message["comando"]:
            case "ack":
                self.acknowledged = message["offset"]
                return False
            case "recomendar":
                known = message["id"] in self._seen
                self._seen.add(message["id"])
                return not known
            case "ready":
                return self.reconnections == 0
            case "fim":
                self._finished = True
        return True

    def _judge(self, code: int | None, reason: str) -> None:
        message = f"the server closed the connection: {reason or 'no reason given'} ({code})"
        if code in _COME_BACK:
            raise _Interrupted(message, code)
        raise ClientError(message, code)

    async def _send(self, ws: aiohttp.ClientWebSocketResponse, offset: int) -> None:
        loop, audio = asyncio.get_running_loop(), self._audio
        self._began = self._began or loop.time()
        with contextlib.suppress(ConnectionError):
            while offset < len(audio.data):
                if self._speed > 0:
                    due = self._began + offset / audio.bytes_per_s / self._speed
                    await asyncio.sleep(due - loop.time())
                chunk = audio.data[offset : offset + audio.chunk_bytes]
                await ws.send_bytes(offset.to_bytes(8) + chunk)
                offset += len(chunk)
            await ws.send_str('{"tipo": "fim"}')


class _Interrupted(Exception):  # noqa: N818 - a broken line is no fault yet: it is tried again
    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


def stream(
    url: str | Sequence[str], api_key: str, audio: AudioFile, *, speed: float = 1.0, want: Iterable[str] = ()
) -> AsyncIterator[dict[str, Any]]:
    """Stream audio and yield the server's messages; see `Stream`."""
    return Stream(url, api_key, audio, speed=speed, want=want).messages()


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _socket_url(url: str) -> str:
    base = url.rstrip("/")
    return base if base.endswith("/ws") else f"{base}/ws"
