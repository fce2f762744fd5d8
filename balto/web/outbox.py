"""The way from a session to its client's socket: a bounded queue and one writer."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

import orjson
import pykka
from aiohttp import web

from actors.messages import Delivered
from actors.session.ports import Goodbye
from balto.sessions import Session
from balto.web.said import Said
from balto.web.wire import CLOSE_CODES, MISLED, CloseCode, Handshake, acknowledgement, to_client
from events.catalogue import Event, RecommendationSent, SessionResumed, SessionStarted

logger = logging.getLogger(__name__)

_WRITE_PATIENCE_S: Final = 10.0
_MAX_UNSENT_BYTES: Final = 1 << 20


class SocketOutbox:
    """Writes what a client is to be told, in order; see `actors.session.ports.Outbox`.

    A client that leaves a megabyte unread, or takes longer than 10 s for a message, is cut off.

    Args:
        ws: the client's socket.
        handshake: what it asked for.
        cut_off: breaks the connection at once.
    """

    def __init__(self, ws: web.WebSocketResponse, handshake: Handshake, cut_off: Callable[[], None]) -> None:
        self._ws = ws
        self._handshake = handshake
        self._cut_off = cut_off
        self._queue: asyncio.Queue[tuple[bytes, Delivered | None] | tuple[CloseCode, str]] = asyncio.Queue()
        self._unsent = 0
        self._gone = False
        self._greeted = False
        self.written = False
        """Whether anything may have reached the client."""
        self._session_id = self._token = ""
        self.goodbye: tuple[CloseCode, str] | None = None
        """How the connection is to be closed, once `run` has returned."""

    def introduce(self, session_id: str, token: str) -> None:
        """Say which session this is, for the messages that name it."""
        self._session_id, self._token = session_id, token

    def publish(self, event: Event) -> None:
        """Queue an event, if it is one for this client."""
        self._greeted = self._greeted or isinstance(event, SessionStarted | SessionResumed)
        message = to_client(event, self._handshake, self._session_id, self._token)
        if message is None:
            return
        delivered = None
        if isinstance(event, RecommendationSent):
            delivered = Delivered(number=event.phrase, recommendation_id=event.recommendation_id)
        self._put(orjson.dumps(message), delivered)

    def say(self, message: Said) -> None:
        """Queue a message that stands for no event."""
        self._put(orjson.dumps(message), None)

    def close(self, reason: Goodbye) -> None:
        """Close the connection after what is queued."""
        if self._gone:
            return
        # Who never had the session here lost it to nobody: a former owner took them in that did not know it was one.
        misled = reason == "taken_over" and not self._greeted
        self._queue.put_nowait(MISLED if misled else CLOSE_CODES[reason])

    def _put(self, message: bytes, delivered: Delivered | None) -> None:
        if self._gone:
            return
        self._unsent += len(message)
        if self._unsent > _MAX_UNSENT_BYTES:
            self._gone = True
            logger.warning("a client does not read what it is sent and is cut off")
            self._cut_off()
            return
        self._queue.put_nowait((message, delivered))

    async def tell_the_end(self, events: Sequence[Event], byte_end: int) -> None:
        """Write how much was recorded of a session that is over already, and its last events."""
        for message in (
            acknowledgement(byte_end, self._handshake),
            *(to_client(event, self._handshake, self._session_id, self._token) for event in events),
        ):
            if message is not None:
                await self._ws.send_str(orjson.dumps(message).decode())

    async def run(self, session: Session) -> None:
        """Write until the connection is to be closed, or lost."""
        try:
            while not self._gone:
                match await self._queue.get():
                    case (CloseCode() as code, str(reason)):
                        self.goodbye = code, reason
                        return
                    case (bytes(message), delivered):
                        await self._write(message, session, delivered)
        except (ConnectionError, TimeoutError) as error:
            logger.info("a client's connection was lost: %s", type(error).__name__)
            self._cut_off()
        finally:
            self._gone = True

    async def _write(self, message: bytes, session: Session, delivered: object) -> None:
        self.written = True
        async with asyncio.timeout(_WRITE_PATIENCE_S):
            await self._ws.send_str(message.decode())
        self._unsent -= len(message)
        if delivered is not None:
            tell(session, delivered)


def tell(session: Session, message: object) -> None:
    """Tell a session something that is of no use to it any more if it has ended."""
    try:
        session.tell(message)
    except pykka.ActorDeadError:
        logger.debug("a session had ended before %s", type(message).__name__)


async def offer(session: Session, message: object) -> None:
    """Tell a session something as soon as it has room, so that a slow one keeps its client's socket from being read."""
    try:
        await session.offer(message)
    except pykka.ActorDeadError:
        logger.debug("a session had ended before %s", type(message).__name__)
