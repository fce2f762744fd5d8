"""Stand-ins for what tests can't have or must control: a clock, engines that answer from a script."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from actors.llm.understanding import UnderstandingError
from actors.stt.transcriber import TranscriptionError
from actors.values import Classified, Normalised, Pcm, Transcript
from events.catalogue import Entity


class FakeClock:
    """A clock that stands until it is told to go on."""

    def __init__(self) -> None:
        self.now_us = 0

    def utc(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.now_us)

    def monotonic_us(self) -> int:
        return self.now_us

    def advance(self, seconds: float) -> None:
        self.now_us += int(seconds * 1e6)


class ScriptedTranscriber:
    """Answers each phrase with the next line of a script; a line that is an error is raised. The last line repeats."""

    provider = "scripted"
    model = "script"

    def __init__(self, *script: str | TranscriptionError, provider: str = "scripted") -> None:
        self.provider = provider
        self._script: Sequence[str | TranscriptionError] = script or ("estou com dor de cabeça",)
        self.heard: list[Pcm] = []

    async def warm(self) -> None:
        return

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        line = self._script[min(len(self.heard), len(self._script) - 1)]
        self.heard.append(pcm)
        await asyncio.sleep(0)
        if isinstance(line, TranscriptionError):
            raise line
        return Transcript(text=line)

    async def close(self) -> None:
        return


class FailingUnderstanding:
    """An understanding engine that always fails."""

    engine = "failing"
    model = "none"

    def __init__(self, error: Callable[[], UnderstandingError]) -> None:
        self._error = error

    async def warm(self) -> None:
        return

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        raise self._error()

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        raise self._error()

    async def close(self) -> None:
        return
