"""A counter's client: streams audio to a Balto server and yields what comes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import av
import orjson

CHUNK_S: Final = 0.1


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

    def chunks(self) -> Iterable[bytes]:
        """Yield the bytes in pieces of about 100 ms of audio."""
        size = max(1, int(len(self.data) * CHUNK_S / max(self.duration_s, CHUNK_S)))
        for start in range(0, len(self.data), size):
            yield self.data[start : start + size]


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


async def stream(
    url: str,
    api_key: str,
    audio: AudioFile,
    *,
    speed: float = 1.0,
    want: Iterable[str] = (),
) -> AsyncIterator[dict[str, Any]]:
    """Stream audio and yield the server's messages until it has answered everything.

    Args:
        url: of the server, `http://…` or `ws://…/ws`.
        api_key: of the counter.
        audio: what to send.
        speed: times real time; 0 sends as fast as the server takes it.
        want: kinds of messages beside recommendations: `transcript`, `vad`, `metrics`.

    Raises:
        ClientError: no connection, or the server closed it with an error code.
    """
    hello = {"api_key": api_key, "protocol": 2, "want": ["recommendation", *want]}
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        try:
            ws = await stack.enter_async_context(http.ws_connect(_socket_url(url), max_msg_size=0))
        except (aiohttp.ClientError, OSError) as error:
            raise ClientError(f"no Balto answers at {url}: {error}") from error
        await ws.send_str(orjson.dumps(hello).decode())
        sender = asyncio.create_task(_send(ws, audio, speed))
        try:
            async for frame in ws:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    yield orjson.loads(frame.data)
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await sender
        if ws.close_code != 1000:
            raise ClientError(f"the server closed the connection with code {ws.close_code}", ws.close_code)


async def _send(ws: aiohttp.ClientWebSocketResponse, audio: AudioFile, speed: float) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number, chunk in enumerate(audio.chunks()):
        if speed > 0:
            await asyncio.sleep(began + number * CHUNK_S / speed - loop.time())
        await ws.send_bytes(chunk)
    await ws.send_str('{"tipo": "fim"}')


def _socket_url(url: str) -> str:
    base = url.rstrip("/")
    return base if base.endswith("/ws") else f"{base}/ws"
