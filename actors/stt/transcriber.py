"""The port of speech-to-text: what every engine offers, and the errors it may raise."""

from collections.abc import Sequence
from typing import Literal, Protocol

from actors.routing.attempts import NoAnswerError
from actors.values import Pcm, Transcript

TranscriptionErrorCode = Literal[
    "transient", "throttled", "rejected", "unauthorised", "empty", "timeout", "unfed", "unavailable"
]
"""`unfed` is a stream's alone: it was given nothing for too long, or not all of its phrase; no fault of its engine.
`unavailable`: nobody was asked, as no engine that might be is here."""


class TranscriptionError(NoAnswerError):
    """An engine gave no transcript. The SDK's error is its `__cause__`; the message never quotes speech or keys."""

    def __init__(self, code: TranscriptionErrorCode, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(code, message, retry_after_s=retry_after_s)


class Transcriber(Protocol):
    """A speech-to-text engine, shared by all sessions of a process."""

    @property
    def provider(self) -> str:
        """Short name used in settings and events: `local`, `elevenlabs`, `assemblyai`."""
        ...

    @property
    def model(self) -> str:
        """Model asked for."""
        ...

    async def warm(self) -> None:
        """Load what is slow to load, so that the first phrase is not slower than the rest."""
        ...

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        """Write down one phrase of Brazilian Portuguese.

        Args:
            pcm: int16 mono samples at 16 kHz.
            budget_s: seconds after which the call is cancelled.
            terms: words to listen for, the most likely first, before those that the engine always listens for. What
                is beyond the engine's limits is left out.

        Raises:
            TranscriptionError: there is no transcript; its code says why.
        """
        ...

    async def close(self) -> None:
        """Release connections and threads."""
        ...
