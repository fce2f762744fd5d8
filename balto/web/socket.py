"""The WebSocket at `/ws`: handshake, the client's bytes in, the session's messages out."""

import asyncio
import logging
from typing import Final

import structlog
from aiohttp import WSMessage, WSMsgType, web

from actors.messages import AudioArrived, AudioFinished, RecommendationReply
from actors.session.calls import ConnectionLost
from actors.session.ports import FlowWindow
from actors.session.restoring import NotResumableError, SessionOverError
from actors.values import VadSettings
from balto.accounts import Counter
from balto.app import Balto
from balto.listening import with_stages
from balto.security.tokens import is_resume_token, resume_token
from balto.sessions import Draining, Overloaded, Session
from balto.web.answers import RequestError
from balto.web.gate import recognise, remote_of
from balto.web.gathering import Gathering
from balto.web.http import BALTO
from balto.web.lowwater import LowWater, Tide
from balto.web.outbox import SocketOutbox, offer, tell
from balto.web.parting import PartingSocket
from balto.web.silence import Silence
from balto.web.wire import (
    OFFSET_BYTES,
    CloseCode,
    Echo,
    Finish,
    Handshake,
    HandshakeError,
    Reply,
    farewell,
    parse_control,
    parse_handshake,
    problem,
    split_frame,
    vad_settings,
)
from events.store import StoreError

logger = logging.getLogger(__name__)

SUBPROTOCOL: Final = "balto.v2"
SOCKETS: Final = web.AppKey("sockets", list[web.WebSocketResponse])
TIDE: Final = web.AppKey("tide", Tide)
_SIGNS: Final = frozenset({WSMsgType.PING, WSMsgType.PONG})
"""Of life, and nothing more."""
_LOOKUP_S: Final = 10.0
"""For finding out whose key it is; a database that takes longer is as good as away."""


class _Refused(Exception):  # noqa: N818 - carries the close frame up to where the socket is closed
    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


async def socket(request: web.Request) -> web.WebSocketResponse:
    """Serve one client from handshake to close. Every way out has a code of `CloseCode`."""
    # No heartbeat of the server library's: it would take a client for dead whom we ourselves keep from being read.
    ws = PartingSocket(
        request,
        max_msg_size=request.app[BALTO].settings.max_frame_bytes + OFFSET_BYTES,
        autoping=False,
        compress=False,
        protocols=(SUBPROTOCOL,),
    )
    await ws.prepare(request)
    request.app[SOCKETS].append(ws)
    try:
        handshake, counter = await _shake_hands(request, ws)
        await _serve(request, ws, handshake, counter)
    except _Refused as refused:
        await ws.close(code=refused.code, message=refused.reason.encode())
    finally:
        request.app[SOCKETS].remove(ws)
        await ws.linger()
    return ws


async def close_sockets(app: web.Application) -> None:
    """Send away whoever is still connected when the server stops: handshakes, and clients that do not hang up."""
    for ws in app[SOCKETS].copy():
        await ws.close(code=CloseCode.GOING_AWAY, message=b"servidor reiniciando")


async def _shake_hands(request: web.Request, ws: web.WebSocketResponse) -> tuple[Handshake, Counter]:
    try:
        async with asyncio.timeout(request.app[BALTO].settings.handshake_timeout_s):
            first = await _first_frame(ws)
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


async def _first_frame(ws: web.WebSocketResponse) -> WSMessage:
    """Return the first frame that is not a ping or pong."""
    while (frame := await ws.receive()).type in _SIGNS:
        await _answer(frame, ws)
    return frame


async def _answer(sign: WSMessage, ws: web.WebSocketResponse) -> None:
    if sign.type is WSMsgType.PING:
        await ws.pong(sign.data)


async def _find_counter(request: web.Request, api_key: str) -> Counter:
    try:
        async with asyncio.timeout(_LOOKUP_S):
            counter = await recognise(request.app, remote_of(request), api_key)
    except RequestError as refused:
        raise _Refused(CloseCode.OVERLOADED, refused.message) from None
    except (StoreError, TimeoutError):
        raise _Refused(CloseCode.TRY_AGAIN, "banco de dados indisponível") from None
    if counter is None:
        logger.info("a key was refused")
        raise _Refused(CloseCode.INVALID_KEY, "chave inválida")
    return counter


async def _serve(request: web.Request, ws: web.WebSocketResponse, handshake: Handshake, counter: Counter) -> None:
    def cut_off() -> None:
        if request.transport is not None:
            request.transport.abort()

    flow = FlowWindow()
    outbox = SocketOutbox(ws, handshake, cut_off)
    if handshake.resume is not None:
        # Before the session is there: what it says first, it says while it is being taken up.
        outbox.introduce(handshake.resume.session, resume_token(counter.key_sha256, handshake.resume.session))
    try:
        session_id, session = await _open_session(request.app[BALTO], handshake, counter, outbox, flow)
    except SessionOverError as over:
        await outbox.tell_the_end(over.last, over.byte_end)
        raise _Refused(*farewell(over.last)) from None
    outbox.introduce(session_id, resume_token(counter.key_sha256, session_id))
    structlog.contextvars.bind_contextvars(session=session_id)
    gathering, silence = Gathering.of(handshake.format), Silence(ws)
    water = LowWater(request.transport, request.app[TIDE], gathering.bytes_per_s, silence.is_watched)
    reading = asyncio.create_task(
        read_frames(ws, session, flow, outbox, handshake, gathering, silence, water), name="socket"
    )
    writing = asyncio.create_task(outbox.run(session), name="outbox")
    watching = asyncio.create_task(silence.outlasts_patience(), name="silence")
    try:
        await asyncio.wait({reading, writing, watching}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        water.close()
        try:
            await _pass_on(gathering.rest(), session)
        finally:
            tell(session, ConnectionLost(outbox, greeted=outbox.written))
            for task in (reading, writing, watching):
                task.cancel()
            outcome, *_ = await asyncio.gather(reading, writing, watching, return_exceptions=True)
    if isinstance(outcome, _Refused):
        raise outcome
    if outbox.goodbye is not None:
        # Only now that nobody reads any more: a socket that is closed while it is read from is cut off instead.
        raise _Refused(*outbox.goodbye)


async def _open_session(
    balto: Balto, handshake: Handshake, counter: Counter, outbox: SocketOutbox, flow: FlowWindow
) -> tuple[str, Session]:
    sessions = balto.sessions
    balto.budgets.learn(counter.counter_id, counter.code, counter.terms.daily_budget_usd)
    try:
        if handshake.resume is None:
            return sessions.start(
                tenant=counter.code,
                counter_id=counter.counter_id,
                outbox=outbox,
                flow=flow,
                vad=with_stages(vad_settings(handshake, counter.vad), balto.settings),
                audio=handshake.format,
                engines=counter.terms.engines(),
                protocol=handshake.protocol,
                resumable=handshake.resumable,
            )
        wanted = handshake.resume.session
        if not is_resume_token(handshake.resume.token, counter.key_sha256, wanted):
            raise _Refused(CloseCode.POLICY, "sessão desconhecida ou encerrada")
        return wanted, await sessions.resume(wanted, counter_id=counter.counter_id, outbox=outbox, flow=flow)
    except Draining as draining:
        raise _Refused(CloseCode.GOING_AWAY, str(draining)) from None
    except Overloaded as full:
        raise _Refused(CloseCode.OVERLOADED, str(full)) from None
    except SessionOverError:
        raise
    except NotResumableError:
        raise _Refused(CloseCode.POLICY, "sessão desconhecida ou encerrada") from None
    except StoreError:
        raise _Refused(CloseCode.TRY_AGAIN, "banco de dados indisponível") from None


async def read_frames(
    ws: web.WebSocketResponse,
    session: Session,
    flow: FlowWindow,
    outbox: SocketOutbox,
    handshake: Handshake,
    gathering: Gathering,
    silence: Silence,
    water: LowWater,
) -> None:
    """Take a client's frames, in order, until it is through or its connection is."""
    counted = handshake.resumable
    while True:
        silence.begins()
        while (frame := await ws.receive()).type in _SIGNS:
            silence.stirs()
            await _answer(frame, ws)
        silence.is_broken()
        if frame.type is WSMsgType.BINARY:
            if not frame.data:
                continue
            byte_start, data = _placed(frame.data) if counted else (None, frame.data)
            if not flow.take(len(data)):
                await flow.acquire(len(data))
            if ready := gathering.take(data, byte_start):
                await _pass_on(ready, session)
                water.await_more(gathering.missing, len(data), len(frame.data))
            else:
                water.passed(len(frame.data))
            continue
        water.lower()
        await _pass_on(gathering.rest(), session)
        if frame.type is not WSMsgType.TEXT:
            return
        await _take_text(frame.data, session, outbox, handshake)


def _placed(frame: bytes) -> tuple[int, bytes]:
    try:
        return split_frame(frame)
    except HandshakeError as error:
        raise _Refused(CloseCode.POLICY, str(error)) from None


async def _pass_on(arrived: list[AudioArrived], session: Session) -> None:
    for each in arrived:
        await offer(session, each)


async def _take_text(text: str, session: Session, outbox: SocketOutbox, handshake: Handshake) -> None:
    match parse_control(text):
        case Finish():
            tell(session, AudioFinished("client_finished"))
        case Reply() as reply:
            await offer(session, RecommendationReply(reply.id, reply.resultado))
        case Echo() if handshake.protocol == 2:
            outbox.say({"comando": "eco"})
        case None if handshake.protocol == 2:
            outbox.say(problem("mensagem_desconhecida", "mensagem de texto não reconhecida"))
        case _:
            logger.debug("a text frame of an older client was ignored")
