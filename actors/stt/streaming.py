"""The port of speech-to-text while the customer speaks, and what the streams of all engines have in common."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from actors.live import LiveStream
from actors.stt.cloud import wire_bytes
from actors.stt.guard import Evidence, reason_to_reject
from actors.stt.transcriber import TranscriptionError, TranscriptionErrorCode
from actors.values import SAMPLE_RATE, Pcm, Transcript
from events.catalogue import Word

LONGEST_S: Final = 60.0
"""A stream older than this is given up: a phrase has 15 s at most, and providers bill what is left open."""
_FAREWELL_S: Final = 2.0
"""Seconds that a stream has to say goodbye in before its connection is cut."""
_BYTES_PER_MS: Final = 2 * SAMPLE_RATE // 1000
LEAST_BYTES: Final = 200 * _BYTES_PER_MS
"""Audio is sent in pieces of this size or more: a frame of its own for every 20 ms costs CPU and hastens nothing."""
MOST_BYTES: Final = 500 * _BYTES_PER_MS
"""And of this size or less: providers refuse pieces of more than a second."""
_SHORTEST_BYTES: Final = 50 * _BYTES_PER_MS
"""Providers refuse shorter pieces; what is left at a commit is filled up with silence."""


class StreamingTranscriber(Protocol):
    """An engine that hears phrases while they are said, shared by all sessions of a process."""

    @property
    def provider(self) -> str:
        """Short name, the same as of the provider's `Transcriber`."""
        ...

    @property
    def model(self) -> str:
        """Model asked for."""
        ...

    @property
    def goes_on(self) -> bool:
        """Whether its streams hear on after a commit."""
        ...

    async def warm(self) -> None:
        """Load what is slow to load."""
        ...

    def open(self, terms: Sequence[str] = ()) -> LiveStream:
        """Begin a stream for one phrase. Returns at once; what goes wrong is raised by `LiveStream.transcript`.

        Args:
            terms: words to listen for before all others, the first ones first.
        """
        ...

    async def close(self) -> None:
        """Cancel all streams and release connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The final text of what was fed between two commits."""

    text: str
    words: tuple[Word, ...] = ()
    confidence: float | None = None
    avg_logprob: float | None = None
    """Natural log, average over the words."""


class PhraseStream(ABC):
    """One phrase on its way to an engine; implements `LiveStream`.

    A task of its own connects, sends and listens. It ends by itself once it has failed, and with `cancel`.

    Args:
        provider: as events name it.
        model: the same.
    """

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._model = model
        self._orders: asyncio.Queue[bytes | None] = asyncio.Queue()
        """Audio in order; None is a commit."""
        self._samples = 0
        self._committed = 0
        self._commits = 0
        self._segments: list[Segment] = []
        self._failure: TranscriptionError | None = None
        self._missed = False
        """Whether audio was fed that is not sent any more."""
        self._leaving = False
        self._news = asyncio.Event()
        self._farewell: Callable[[], Awaitable[None]] | None = None
        self._task = asyncio.create_task(self._run(), name=f"{provider}-stream")

    @property
    def provider(self) -> str:
        """As events name it."""
        return self._provider

    @property
    def model(self) -> str:
        """As events name it."""
        return self._model

    @property
    def goes_on(self) -> bool:
        """Whether audio may follow a commit."""
        return True

    @property
    def over(self) -> bool:
        """Whether the connection is closed, or about to be."""
        return self._leaving or self._failure is not None

    def feed(self, pcm: Pcm) -> None:
        """Send the next samples as soon as there is a connection; does nothing once the stream is over."""
        if self._failure is not None or self._leaving or (self._commits and not self.goes_on):
            self._missed = True
        elif pcm.size:
            self._samples += pcm.size
            self._orders.put_nowait(wire_bytes(pcm))

    def commit(self) -> None:
        """Ask for the final text of what was fed since the last commit; does nothing where nothing was."""
        if self._failure is None and self._samples > self._committed:
            self._committed = self._samples
            self._commits += 1
            self._orders.put_nowait(None)

    async def transcript(self, *, budget_s: float) -> Transcript:
        """Commit what is left, and wait for the text of everything; see `LiveStream.transcript`."""
        self.commit()
        try:
            async with asyncio.timeout(budget_s):
                while self._missed or not self._commits or len(self._segments) < self._commits:
                    if self._failure is not None:
                        raise _again(self._failure)
                    if self._missed or not self._commits:
                        raise self._not_sent_all()
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            raise TranscriptionError("timeout", f"{self._provider} took longer than {budget_s:g} s") from error
        return self._joined()

    def cancel(self) -> None:
        """Close the connection; nothing more is sent."""
        self._fail("transient", "was given up")

    async def closed(self) -> None:
        """Wait until the connection is closed."""
        await asyncio.wait([self._task])

    def when_closed(self, told: Callable[["PhraseStream"], None]) -> None:
        """Have somebody told when the connection is closed."""
        self._task.add_done_callback(lambda _: told(self))

    @abstractmethod
    async def _live(self) -> None:
        """Connect, then send and listen for as long as the stream lives; set `_farewell` once there is a connection.

        Raises:
            TranscriptionError: the stream is over.
        """
        ...

    def _heard(self, segment: Segment) -> None:
        """Note the text that a commit was answered with."""
        self._segments.append(segment)
        self._news.set()

    def _fail(self, code: TranscriptionErrorCode, what: str, retry_after_s: float | None = None) -> None:
        """End the stream; only the first reason counts. The text never quotes the provider."""
        self._note(TranscriptionError(code, f"{self._provider} {what}", retry_after_s=retry_after_s))
        if not self._leaving:
            self._task.cancel()

    def _note(self, failure: TranscriptionError) -> None:
        if self._failure is None:
            self._failure = failure
            self._news.set()

    async def _pump(self, send: Callable[[bytes], Awaitable[None]], commit: Callable[[], Awaitable[None]]) -> None:
        """Send what is fed, in pieces that providers take, until cancelled."""
        pending = bytearray()
        while True:
            order = await self._orders.get()
            if order is None:
                await send(bytes(pending).ljust(_SHORTEST_BYTES, b"\0"))
                pending.clear()
                await commit()
                continue
            pending += order
            # A short rest always stays, for the commit to be sent with.
            while len(pending) > LEAST_BYTES:
                piece = bytes(pending[:MOST_BYTES] if len(pending) > MOST_BYTES else pending[:LEAST_BYTES])
                del pending[: len(piece)]
                await send(piece)

    async def _until_committed(self) -> AsyncIterator[bytes]:
        """Yield what is fed until the first commit."""
        while (order := await self._orders.get()) is not None:
            yield order

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(LONGEST_S):
                await self._live()
            if not self._commits or len(self._segments) < self._commits:
                self._note(TranscriptionError("transient", f"{self._provider} ended the stream"))
        except TranscriptionError as error:
            self._note(error)
        except TimeoutError:
            code: TranscriptionErrorCode = "unfed" if self._nothing_due else "timeout"
            self._note(TranscriptionError(code, f"{self._provider} was left open for too long"))
        except Exception as error:  # an SDK may raise anything, and its text may quote speech
            self._note(TranscriptionError("transient", f"{self._provider} raised {type(error).__name__}"))
        finally:
            self._leaving = True
            await self._take_leave()

    @property
    def _nothing_due(self) -> bool:
        """Whether all that was fed is sent, and all texts that were asked for are there."""
        return self._orders.empty() and len(self._segments) == self._commits

    def _not_sent_all(self) -> TranscriptionError:
        # Only a stream that could have gone on was ended by its provider; any other was given its audio too late.
        code: TranscriptionErrorCode = "transient" if self._missed and self.goes_on else "unfed"
        return TranscriptionError(code, f"{self._provider} was not sent all of the phrase")

    async def _take_leave(self) -> None:
        if self._farewell is None:
            return
        leaving = asyncio.ensure_future(self._farewell())
        await asyncio.wait([leaving], timeout=_FAREWELL_S)
        if not leaving.done():
            leaving.cancel()
        elif not leaving.cancelled():
            leaving.exception()  # retrieved, or the loop would print it

    def _joined(self) -> Transcript:
        text = " ".join(segment.text.strip() for segment in self._segments if segment.text.strip())
        if not text:
            raise TranscriptionError("empty", f"{self._provider} wrote nothing")
        duration_s = self._samples / SAMPLE_RATE
        logprob = _average([(len(s.text.split()), s.avg_logprob) for s in self._segments])
        return Transcript(
            text=text,
            words=tuple(word for segment in self._segments for word in segment.words),
            confidence=_average([(len(s.text.split()), s.confidence) for s in self._segments]),
            rejected=reason_to_reject(text, Evidence(avg_logprob=logprob, duration_s=duration_s)),
        )


def _again(error: TranscriptionError) -> TranscriptionError:
    return TranscriptionError(error.code, str(error), retry_after_s=error.retry_after_s)  # type: ignore[arg-type] # as above


def _average(weighed: Sequence[tuple[int, float | None]]) -> float | None:
    known = [(weight, value) for weight, value in weighed if value is not None and weight]
    total = sum(weight for weight, _ in known)
    return sum(weight * value for weight, value in known) / total if total else None


class OpenStreams:
    """The streams of an engine that are open, so that closing the engine closes them."""

    def __init__(self) -> None:
        self._open: set[PhraseStream] = set()

    def keep[S: PhraseStream](self, stream: S) -> S:
        """Note a stream until it is closed, and return it."""
        self._open.add(stream)
        stream.when_closed(self._open.discard)
        return stream

    async def close(self) -> None:
        """Cancel all of them and wait until they are closed."""
        streams = list(self._open)
        for stream in streams:
            stream.cancel()
        for stream in streams:
            await stream.closed()
