"""The WebSocket at `/ws`: handshake, the client's bytes in, the session's messages out."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Final

import orjson
import pykka
from aiohttp import WSMsgType, web

from actors.messages import AudioArrived, AudioFinished, Delivered, RecommendationReply
from actors.session.actor import SessionActor
from actors.session.ports import FlowWindow
from actors.values import VadSettings
from balto.accounts import Counter, find_counter_by_key
from balto.sessions import Overloaded
from balto.web.gate import remote_of
from balto.web.http import BALTO, LIMITS
from balto.web.wire import (
    CLOSE_CODES,
    CloseCode,
    Finish,
    Handshake,
    HandshakeError,
    Reply,
    parse_control,
    parse_handshake,
    problem,
    to_client,
    vad_settings,
)
from events.catalogue import EndReason, Event, RecommendationSent
from events.store import StoreError

logger = logging.getLogger(__name__)

SUBPROTOCOL: Final = "balto.v2"
_HEARTBEAT_S: Final = 30.0
_WRITE_PATIENCE_S: Final = 10.0
_MAX_UNSENT: Final = 256

Session = pykka.ActorRef[SessionActor]


class _Refused(Exception):  # noqa: N818 - carries the close frame of a refused handshake
    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class SocketOutbox:
    """The way from a session to its client: a bounded queue and one writer.

    A client that reads so slowly that the queue fills, or that takes longer than 10 s for a message, is cut off.
    """

    def __init__(self, ws: web.WebSocketResponse, handshake: Handshake, cut_off: Callable[[], None]) -> None:
        self._ws = ws
        self._cut_off = cut_off
        self._handshake = handshake
        self._queue: asyncio.Queue[Event | dict[str, Any] | tuple[CloseCode, str]] = asyncio.Queue(_MAX_UNSENT)
        self._gone = False

    def publish(self, event: Event) -> None:
        """Queue an event for the client; see `Outbox.publish`."""
        self._put(event)

    def say(self, message: dict[str, Any]) -> None:
        """Queue a message that stands for no event."""
        self._put(message)

    def close(self, reason: EndReason) -> None:
        """Close the connection after what is queued; see `Outbox.close`."""
        self._put(CLOSE_CODES[reason])

    def _put(self, entry: Event | dict[str, Any] | tuple[CloseCode, str]) -> None:
        if self._gone:
            return
        try:
            self._queue.put_nowait(entry)
        except asyncio.QueueFull:
            self._gone = True
            logger.warning("a client does not read what it is sent and is cut off")
            self._cut_off()

    async def run(self, session: Session) -> None:
        """Write until the connection is closed or lost."""
        try:
            while not self._gone:
                entry = await self._queue.get()
                if isinstance(entry, tuple):
                    await self._ws.close(code=entry[0], message=entry[1].encode())
                    return
                await self._write(entry, session)
        except (ConnectionError, TimeoutError) as error:
            logger.info("a client's connection was lost: %s", type(error).__name__)
            self._cut_off()
        finally:
            self._gone = True

    async def _write(self, entry: Event | dict[str, Any], session: Session) -> None:
        message = to_client(entry, self._handshake) if isinstance(entry, Event) else entry
        if message is None:
            return
        async with asyncio.timeout(_WRITE_PATIENCE_S):
            await self._ws.send_str(orjson.dumps(message).decode())
        if isinstance(entry, RecommendationSent):
            _tell(session, Delivered(number=entry.phrase, recommendation_id=entry.recommendation_id))


async def socket(request: web.Request) -> web.WebSocketResponse:
    """Serve one client from handshake to close. Every way out has a code of `CloseCode`."""
    ws = web.WebSocketResponse(
        max_msg_size=request.app[BALTO].settings.max_frame_bytes,
        heartbeat=_HEARTBEAT_S,
        compress=False,
        protocols=(SUBPROTOCOL,),
    )
    await ws.prepare(request)
    try:
        handshake, counter = await _shake_hands(request, ws)
        await _serve(request, ws, handshake, counter)
    except _Refused as refused:
        await ws.close(code=refused.code, message=refused.reason.encode())
    return ws


async def _shake_hands(request: web.Request, ws: web.WebSocketResponse) -> tuple[Handshake, Counter]:
    balto = request.app[BALTO]
    try:
        first = await ws.receive(timeout=balto.settings.handshake_timeout_s)
    except TimeoutError:
        raise _Refused(CloseCode.HANDSHAKE_TOO_LATE, "nenhum quadro inicial a tempo") from None
    if first.type is not WSMsgType.TEXT:
        raise _Refused(CloseCode.POLICY, "o primeiro quadro deve ser texto JSON")
    try:
        handshake = parse_handshake(first.data)
        vad_settings(handshake, VadSettings())
    except HandshakeError as error:
        raise _Refused(CloseCode.POLICY, str(error)) from None
    if ws.ws_protocol == SUBPROTOCOL:
        handshake = handshake.model_copy(update={"protocol": 2})
    return handshake, await _find_counter(request, handshake.api_key)


async def _find_counter(request: web.Request, api_key: str) -> Counter:
    wrong_keys, remote = request.app[LIMITS].wrong_keys, remote_of(request)
    if wrong_keys.take(remote):
        raise _Refused(CloseCode.OVERLOADED, "muitas chaves erradas; tente mais tarde")
    try:
        counter = await find_counter_by_key(request.app[BALTO].library, api_key)
    except StoreError:
        raise _Refused(CloseCode.TRY_AGAIN, "banco de dados indisponível") from None
    if counter is None:
        raise _Refused(CloseCode.INVALID_KEY, "chave inválida")
    wrong_keys.give_back(remote)
    return counter


async def _serve(request: web.Request, ws: web.WebSocketResponse, handshake: Handshake, counter: Counter) -> None:
    balto = request.app[BALTO]

    def cut_off() -> None:
        if request.transport is not None:
            request.transport.abort()

    outbox = SocketOutbox(ws, handshake, cut_off)
    flow = FlowWindow()
    try:
        _, session = balto.sessions.start(
            tenant=counter.code,
            counter_id=counter.counter_id,
            outbox=outbox,
            flow=flow,
            vad=vad_settings(handshake, counter.vad),
            audio=handshake.format,
            protocol=handshake.protocol,
        )
    except Overloaded as full:
        raise _Refused(CloseCode.OVERLOADED, str(full)) from None
    writer = asyncio.create_task(outbox.run(session), name="outbox")
    try:
        await _read(ws, session, flow, outbox, handshake)
    finally:
        _tell(session, AudioFinished("client_left"))
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writer


async def _read(
    ws: web.WebSocketResponse, session: Session, flow: FlowWindow, outbox: SocketOutbox, handshake: Handshake
) -> None:
    finished = False
    async for frame in ws:
        if frame.type is WSMsgType.BINARY:
            if frame.data and not finished:
                await flow.acquire(len(frame.data))
                _tell(session, AudioArrived(frame.data))
            continue
        if frame.type is not WSMsgType.TEXT:
            return
        match parse_control(frame.data):
            case Finish():
                finished = True
                _tell(session, AudioFinished("client_finished"))
            case Reply() as reply:
                _tell(session, RecommendationReply(reply.id, reply.resultado))
            case None if handshake.protocol == 2:
                outbox.say(problem("mensagem_desconhecida", "mensagem de texto não reconhecida"))
            case None:
                logger.debug("a text frame of an older client was ignored")


def _tell(session: Session, message: object) -> None:
    with contextlib.suppress(pykka.ActorDeadError):
        session.tell(message)
