"""Questions and answers between processes of one machine, over a stream socket, both ways at once."""

import asyncio
import contextlib
import itertools
import logging
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson

_LENGTHS: Final = struct.Struct("!II")
"""Bytes of the head, which is JSON, and of the body, which is whatever the question is about."""
_LARGEST: Final = 64 * 1024 * 1024

type Answer = Callable[[str, Any, bytes], Awaitable[Any]]
"""Takes what is asked, about what, and a body; returns what JSON can hold."""

logger = logging.getLogger(__name__)


class LineClosedError(Exception):
    """The other end is gone; whether it did what it was asked is not known."""


class NotTakenError(LineClosedError):
    """The other end was gone before it took the question, which may be asked again."""


class UnansweredError(Exception):
    """The other end failed at a question. The message is the type of its error, which quotes nobody."""


async def _nothing(what: str, _about: Any, body: bytes) -> Any:
    raise LookupError(f"nobody here answers {what}, {len(body)} bytes")


class Line:
    """One end of a connection on which either end may ask; questions are answered side by side.

    Both ends are processes of one server: what comes is believed. Belongs to the event loop that made it.

    Args:
        reader: of the connection.
        writer: of the same.
        answer: answers the other end's questions; by default there are none.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer = _nothing) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._taken: set[int] = set()
        self._answering: dict[int, asyncio.Task[None]] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the other end is gone."""
        return self._closed

    async def ask(self, what: str, about: Any = None, body: bytes = b"") -> Any:
        """Ask, and wait for the answer. Who stops waiting takes the question back.

        Raises:
            NotTakenError: the other end is gone, and never took the question.
            LineClosedError: it took the question, and went.
            UnansweredError: it failed.
        """
        number, future = next(self._numbers), asyncio.get_running_loop().create_future()
        self._asked[number] = future
        try:
            self._send({"ask": what, "number": number, "about": about}, body)
            return await future
        except asyncio.CancelledError:
            with contextlib.suppress(LineClosedError):
                self._send({"forget": number})
            raise
        finally:
            self._asked.pop(number, None)
            self._taken.discard(number)

    async def run(self) -> None:
        """Answer, and bring answers, until the other end is gone or this is cancelled."""
        try:
            while True:
                head, body = await self._receive()
                self._take(head, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._close()

    def _take(self, head: dict[str, Any], body: bytes) -> None:
        match head:
            case {"ask": str() as what, "number": int() as number}:
                task = asyncio.create_task(self._reply(number, what, head.get("about"), body), name=f"answer-{what}")
                self._answering[number] = task
                with contextlib.suppress(LineClosedError):
                    self._send({"taken": number})
            case {"taken": int() as number}:
                self._taken.add(number)
            case {"forget": int() as number}:
                if number in self._answering:
                    self._answering[number].cancel()
            case {"number": int() as number}:
                future = self._asked.pop(number, None)
                if future is None or future.done():
                    return
                if "failed" in head:
                    future.set_exception(UnansweredError(head["failed"]))
                else:
                    future.set_result(head.get("answer"))

    async def _reply(self, number: int, what: str, about: Any, body: bytes) -> None:
        try:
            said = {"number": number, "answer": await self._answer(what, about, body)}
        except Exception as error:
            logger.exception("a question of another process could not be answered: %s", what)
            said = {"number": number, "failed": type(error).__name__}
        finally:
            self._answering.pop(number, None)
        with contextlib.suppress(LineClosedError):
            self._send(said)

    def _send(self, head: dict[str, Any], body: bytes = b"") -> None:
        # A broken connection is known to the loop first, and not every loop lets one write to it.
        if self._closed or self._writer.is_closing():
            raise NotTakenError("the other end is gone")
        said = orjson.dumps(head)
        self._writer.write(_LENGTHS.pack(len(said), len(body)) + said + body)

    async def _receive(self) -> tuple[dict[str, Any], bytes]:
        of_head, of_body = _LENGTHS.unpack(await self._reader.readexactly(_LENGTHS.size))
        if max(of_head, of_body) > _LARGEST:
            raise ConnectionError("no process of this server says so much at once")
        head = orjson.loads(await self._reader.readexactly(of_head))
        return head, await self._reader.readexactly(of_body)

    def _close(self) -> None:
        self._closed = True
        for task in list(self._answering.values()):
            task.cancel()
        for number, future in self._asked.items():
            if not future.done():
                gone = LineClosedError if number in self._taken else NotTakenError
                future.set_exception(gone("the other end is gone"))
        self._writer.close()
