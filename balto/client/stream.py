"""One session's worth of audio, streamed over as many connections as it takes."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import aiohttp
import orjson

from balto.client.answers import Answers
from balto.client.audio import AudioFile, LiveAudio, Paced, Source
from balto.client.errors import ClientError, explained
from balto.client.messages import Answer, Message, Wish, parsed

_NORMAL: Final = 1000
_HEARTBEAT_S: Final = 20.0
"""After which a server that says nothing is asked whether it is there: a line may be gone without a farewell."""
_CLOSED: Final = (
    aiohttp.WSMsgType.CLOSE,
    aiohttp.WSMsgType.CLOSING,
    aiohttp.WSMsgType.CLOSED,
    aiohttp.WSMsgType.ERROR,
)
_COME_BACK: Final = frozenset({None, 1001, 1005, 1006, 1011, 1013, 4002})
"""Close codes after which a session may be taken up again, as in `balto.js`. Not 4003: somebody else has it now."""

_BEGIN_AGAIN: Final = _COME_BACK - {1011, 4002}
"""Of those, the ones after which a session that has not begun is begun again. Who is full or failed at once says so."""


@dataclass(frozen=True, slots=True)
class Format:
    """What the bytes are. Only samples without a header need to be told."""

    encoding: Literal["auto", "webm-opus", "ogg-opus", "wav", "pcm_s16le"] = "auto"
    sample_rate: int = 16_000
    channels: int = 1


class Stream:
    """One session's worth of audio, streamed over as many connections as it takes.

    A lost connection is taken up where the server's recording ends, one that was lost before the session had begun is
    begun again; a recommendation that comes twice is yielded once.

    Args:
        url: of the server, `http://…` or `ws://…/ws`; or several, tried in turn.
        api_key: of the counter.
        audio: what to send.
        speed: times real time, for a file; 0 sends as fast as the server takes it.
        want: kinds of messages beside recommendations.
        patience_s: how long to try to come back.
        format: what the bytes are; None where their first ones tell.
        vad_settings: other than the counter's preset: `threshold_multiplier`, `min_energy`.
        on_lost: called with the reason each time that the connection is lost, before the first attempt to come back.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        api_key: str,
        audio: AudioFile | LiveAudio,
        *,
        speed: float = 1.0,
        want: Iterable[Wish] = (),
        patience_s: float = 60.0,
        format: Format | None = None,  # noqa: A002 - the word of the protocol
        vad_settings: Mapping[str, float] | None = None,
        on_lost: Callable[[str], None] | None = None,
    ) -> None:
        self._on_lost = on_lost
        self._urls = [url] if isinstance(url, str) else list(url)
        self._hello = _hello(api_key, want, format, vad_settings)
        self._audio: Source = Paced(audio, speed) if isinstance(audio, AudioFile) else audio
        self._patience_s = patience_s
        self._seen: set[str] = set()
        self._answers = Answers()
        self._sent = 0
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._finished = False
        self._reached = False
        self._lost_at: float | None = None
        self._failures = 0
        self._greetings = 0
        self._fault: ClientError | None = None
        self.session: str | None = None
        """Id of the session, once the server has said it."""
        self.acknowledged = 0
        """Bytes that the server has recorded for good."""
        self.reconnections = 0

    async def messages(self) -> AsyncIterator[Message]:
        """Stream the audio and yield the server's messages until it has answered everything.

        Raises:
            ClientError: no connection, or the server refused for good.
        """
        async with aiohttp.ClientSession() as http:
            for turn in itertools.count():
                try:
                    async for raw in self._converse(http, self._urls[turn % len(self._urls)]):
                        yield parsed(raw)
                    break
                except _Interrupted as interrupted:
                    if self._is_hopeless(turn + 1, interrupted.code):
                        raise ClientError(str(interrupted), interrupted.code) from interrupted
                    if self._on_lost is not None and not self._failures:
                        self._on_lost(str(interrupted))
                self.reconnections += self.session is not None
                await asyncio.sleep(min(1.0, 0.05 * 2 ** min(self._failures, 5)))
                self._failures += 1

    def _is_hopeless(self, turns: int, code: int | None) -> bool:
        """Tell whether there is no use in another attempt: every server was asked, or patience is at its end."""
        if self.session is None and not (self._reached and code in _BEGIN_AGAIN):
            return turns >= len(self._urls)
        now = asyncio.get_running_loop().time()
        self._lost_at = now if self._lost_at is None else self._lost_at
        return now - self._lost_at > self._patience_s

    async def answer(self, recommendation: str, result: Answer) -> None:
        """Tell what became of a recommendation: `exibida`, `aceita` or `dispensada`.

        While the connection is lost, the answer waits for the next one; what was written to a line that had died by
        then is told again.

        Args:
            recommendation: its `id`.
            result: what the attendant did with it.
        """
        self._answers.add(recommendation, result)
        if self._ws is not None:
            await self._tell_answers(self._ws)

    async def _converse(self, http: aiohttp.ClientSession, url: str) -> AsyncIterator[dict[str, Any]]:
        try:
            ws = await http.ws_connect(_socket_url(url), max_msg_size=0, heartbeat=_HEARTBEAT_S)
        except (aiohttp.ClientError, OSError) as error:
            raise _Interrupted(f"no Balto answers at {url}: {explained(error)}") from error
        self._reached = True
        sender: asyncio.Task[None] | None = None
        try:
            await ws.send_str(orjson.dumps(self._hello).decode())
            while (frame := await ws.receive()).type not in _CLOSED:
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    continue
                message = orjson.loads(frame.data)
                if message["comando"] == "ready":
                    self._greeted(message)
                    self._ws = ws
                    sender = asyncio.create_task(self._send(ws, message["offset"]))
                if self._is_new(message):
                    yield message
        except ConnectionError as error:
            raise _Interrupted(f"the connection was lost: {error}") from error
        finally:
            self._ws = None
            await _end(sender)
            await ws.close()
        if self._fault is not None:
            raise self._fault
        if not self._finished or ws.close_code != _NORMAL:
            self._judge(ws.close_code, frame.extra or "")

    def _greeted(self, ready: dict[str, Any]) -> None:
        self.session = ready["session"]
        self._lost_at, self._failures = None, 0
        self._greetings += 1
        # Durable too; the line may have broken under the last `ack`.
        self._recorded(ready["offset"])
        self._answers.reconnected()
        self._sent = ready["offset"]
        self._hello["resume"] = {"session": ready["session"], "token": ready["token"]}

    def _recorded(self, offset: int) -> None:
        self.acknowledged = offset
        self._audio.forget(offset)
        self._answers.durable(offset)

    def _is_new(self, message: dict[str, Any]) -> bool:
        match message["comando"]:
            case "ack":
                self._recorded(message["offset"])
                return False
            case "recomendar":
                known = message["id"] in self._seen
                self._seen.add(message["id"])
                return not known
            case "ready":
                return self._greetings == 1
            case "fim":
                self._finished = True
                # Nothing is sent again, though the last `ack` may have been lost with a line.
                self._audio.forget(self._sent)
        return True

    def _judge(self, code: int | None, reason: str) -> None:
        message = f"the server closed the connection: {reason or 'no reason given'} ({code})"
        if code in _COME_BACK:
            raise _Interrupted(message, code)
        raise ClientError(message, code, reason)

    async def _send(self, ws: aiohttp.ClientWebSocketResponse, offset: int) -> None:
        await self._tell_answers(ws)
        with contextlib.suppress(ConnectionError):
            try:
                async for piece in self._audio.pieces(offset):
                    # Before it is written: an answer that is told meanwhile comes after it.
                    self._sent = offset + len(piece)
                    await ws.send_bytes(offset.to_bytes(8) + piece)
                    offset = self._sent
            except ClientError as fault:
                self._fault = fault
                await ws.close()
                return
            await ws.send_str('{"tipo": "fim"}')

    async def _tell_answers(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            while (reply := self._answers.next(self._sent)) is not None:
                await ws.send_str(orjson.dumps(reply).decode())


class _Interrupted(Exception):  # noqa: N818 - a broken line is no fault yet: it is tried again
    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


def stream(
    url: str | Sequence[str], api_key: str, audio: AudioFile, *, speed: float = 1.0, want: Iterable[Wish] = ()
) -> AsyncIterator[Message]:
    """Stream a file and yield the server's messages; see `Stream`."""
    return Stream(url, api_key, audio, speed=speed, want=want).messages()


def _hello(
    api_key: str, want: Iterable[Wish], audio: Format | None, vad_settings: Mapping[str, float] | None
) -> dict[str, Any]:
    hello: dict[str, Any] = {
        "api_key": api_key,
        "protocol": 2,
        "offsets": True,
        "want": ["recommendation", *want],
    }
    if audio is not None:
        hello["audio"] = {
            "encoding": audio.encoding,
            "sample_rate": audio.sample_rate,
            "channels": audio.channels,
        }
    if vad_settings is not None:
        hello["vad_settings"] = dict(vad_settings)
    return hello


async def _end(task: "asyncio.Task[None] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _socket_url(url: str) -> str:
    base = url.rstrip("/")
    return base if base.endswith("/ws") else f"{base}/ws"
