"""Ears that have heard it all before: speech-to-text whose answers come from a recording, in its own time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, override

from actors.routing.attempts import Witness, no_witness
from actors.routing.entrants import Entrant
from actors.routing.lane import Lane
from actors.routing.race import RaceLostError, Won
from actors.runtime.clock import Clock
from actors.session.inputs import StreamingName
from actors.stt.router import RoutedTranscriber
from actors.stt.transcriber import Transcriber, TranscriptionError
from actors.values import Pcm, Transcript
from balto.replay.answer import NO_RECORDING, Answer
from balto.replay.source import Source


@dataclass(frozen=True, slots=True)
class Named:
    """An engine in name only: it is never asked, as its answers are recorded."""

    provider: str
    model: str

    async def warm(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:  # noqa: ARG002 - the port's
        """Refuse: nobody is here."""
        raise TranscriptionError("unavailable", "a recorded engine cannot be asked")


class RecordedEars(RoutedTranscriber):
    """Answers for a phrase what was answered in the recording: the same text after the same time, the same attempts.

    Args:
        engines: by name, in order of preference.
        clock: virtual.
        price: what a transcriber asks for an hour of audio.
        source: of the answers.
    """

    def __init__(
        self, engines: Sequence[Transcriber], clock: Clock, price: Callable[[str], float], source: Source
    ) -> None:
        super().__init__(engines, clock, price)
        self._here = clock
        self._source = source

    @override
    async def route(
        self,
        pcm: Pcm,
        *,
        budget_s: float,
        witness: Witness = no_witness,
        order: Sequence[str] = (),
        terms: Sequence[str] = (),
        first: Entrant[Transcript] | None = None,
        phrase: int = 0,
        offer: int = 0,
    ) -> Won[Transcript]:
        source = self._source
        place = source.place_of(phrase, offer)
        pinned = None if source.pins is None or place is None else source.pins.transcript(place)
        if pinned is not None:
            lane = Lane("pinned", "file", self._here)
            return Won(answer=Transcript(text=pinned), lane=lane, why="preferred", latency_ms=0.0, others=())
        found, how = (None, "exact") if place is None else source.answers.transcript(place, offered=bool(offer))
        if found is None or not found.awaited:
            if offer:
                # Whether it would have been answered in time is not known; whether it holds will be.
                await asyncio.sleep(budget_s)
            self._source.tally.missing += 1
            raise RaceLostError(NO_RECORDING, self._lane_of_first(), ())
        if how == "near":
            self._source.tally.near += 1
        else:
            self._source.tally.exact += 1
        return await play(found, witness, self._here)

    @override
    async def ask(self, provider: str, pcm: Pcm, *, budget_s: float, phrase: int = 0) -> Transcript:
        place = self._source.place_of(phrase, 0)
        found = None if place is None else self._source.answers.comparison(place, provider)
        if found is None:
            self._source.tally.missing += 1
            raise TranscriptionError("unavailable", f"{provider} was not asked about this phrase")
        self._source.tally.exact += 1
        try:
            return (await play(found, no_witness, self._here)).answer
        except RaceLostError as lost:
            code: Any = lost.code
            raise TranscriptionError(code, f"{provider} did not answer") from None

    def _lane_of_first(self) -> Lane:
        return Lane(self.provider, self.model, self._here)


async def play[T](answer: Answer[T], witness: Witness, clock: Clock) -> Won[T]:
    """Take as long as the recorded answer did, put the same calls on record, and give it.

    Raises:
        RaceLostError: that is how it went.
    """
    began = clock.monotonic_us()

    async def until(us: float) -> None:
        left = (began + us - clock.monotonic_us()) / 1e6
        if left > 0:
            await asyncio.sleep(left)

    lane = Lane(answer.engine, answer.model, clock)
    for after_us, due in answer.attempts:
        await until(after_us)
        if not await witness(due):
            raise RaceLostError("unwanted", lane, answer.others)
    await until(answer.latency_ms * 1000)
    if answer.outcome is None:
        raise RaceLostError(answer.error or NO_RECORDING, lane, answer.others)
    return Won(answer=answer.outcome, lane=lane, why="preferred", latency_ms=answer.latency_ms, others=answer.others)


class SilentStream:
    """A stream that hears nothing: what it wrote is in the recording. Implements `actors.live.LiveStream`."""

    def __init__(self, provider: str, model: str, *, goes_on: bool) -> None:
        self.provider = provider
        self.model = model
        self.goes_on = goes_on
        self.over = False

    def feed(self, pcm: Pcm) -> None:
        """Pass over samples."""

    def commit(self) -> None:
        """Do nothing."""

    async def transcript(self, *, budget_s: float) -> Transcript:  # noqa: ARG002 - the port's
        """Refuse: the recorded ears answer for it."""
        raise TranscriptionError("unavailable", "a recorded stream cannot be asked")

    def cancel(self) -> None:
        """Be over."""
        self.over = True


@dataclass(frozen=True, slots=True)
class SilentStreaming:
    """Opens silent streams. Implements `actors.stt.streaming.StreamingTranscriber`."""

    provider: str
    model: str
    goes_on: bool

    @classmethod
    def named(cls, name: StreamingName) -> "SilentStreaming":
        """Return one of an engine's name."""
        return cls(name.name, name.model, name.goes_on)

    async def warm(self) -> None:
        """Do nothing."""

    def open(self, terms: Sequence[str] = ()) -> SilentStream:  # noqa: ARG002 - the port's
        """Begin one."""
        return SilentStream(self.provider, self.model, goes_on=self.goes_on)

    async def close(self) -> None:
        """Do nothing."""
