"""Speech-to-text by AssemblyAI, one request a phrase, on the real SDK."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import TYPE_CHECKING

from actors.stt.cloud import (
    KEEPALIVE_S,
    READ_TIMEOUT_S,
    REHEARSAL_S,
    cost_usd,
    error_of_status,
    usable_keyterms,
    wire_bytes,
)
from actors.stt.guard import Evidence, reason_to_reject
from actors.stt.transcriber import TranscriptionError
from actors.stt.vocabulary import PRODUCT_NAMES
from actors.values import SAMPLE_RATE, Pcm, Transcript
from events.catalogue import Word

if TYPE_CHECKING:
    from assemblyai import AsyncClient, AsyncSyncTranscriber
    from assemblyai.types import SyncTranscriptionConfig, SyncTranscriptResponse

NAME = "assemblyai"
MAX_KEYTERMS = 100
MAX_KEYTERM_CHARACTERS = 80


class AssemblyAITranscriber:
    """AssemblyAI's one-request API; implements `Transcriber`.

    Errors that come from a reply have no `__cause__`, since the SDK's texts quote the reply, and a reply may quote
    speech.

    Args:
        api_key: sent as `authorization`, with no scheme.
        model: such as `universal-3-5-pro`.
        base_url: another server than the provider's; None for the provider's.
        usd_per_hour: price of an hour of audio.
        keyterms: words to listen for; those that break the API's limits are left out.
    """

    def __init__(
        self,
        api_key: str,
        model: str,
        base_url: str | None,
        usd_per_hour: float,
        *,
        keyterms: Sequence[str] = PRODUCT_NAMES,
    ) -> None:
        self._api_key = api_key
        self._model = model
        self._base_url = base_url
        self._usd_per_hour = usd_per_hour
        self._keyterms = tuple(keyterms)
        self._client: AsyncClient | None = None
        self._transcriber: AsyncSyncTranscriber | None = None
        self._connecting = asyncio.Lock()

    @property
    def provider(self) -> str:
        """Always `assemblyai`."""
        return NAME

    @property
    def model(self) -> str:
        """Model asked for."""
        return self._model

    async def warm(self) -> None:
        """Import the SDK in a thread and open a connection; cheap enough to be called when speech begins.

        Never fails for want of a network: the first phrase will meet and report that.
        """
        transcriber = await self._connected()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REHEARSAL_S):
                await transcriber.warm()

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        """Write down one phrase; see `Transcriber.transcribe`.

        Raises:
            TranscriptionError: with every code.
        """
        try:
            async with asyncio.timeout(budget_s):
                transcriber = await self._connected()
                config = self._config(terms) if terms else None
                reply = await self._answer(transcriber.transcribe(wire_bytes(pcm), config))
        except TimeoutError as error:
            raise TranscriptionError("timeout", f"{NAME} took longer than {budget_s:g} s") from error
        return self._transcript(reply, pcm)

    async def upload(self, pieces: AsyncIterator[bytes], terms: Sequence[str]) -> "SyncTranscriptResponse":
        """Upload a phrase while it is being said, and return the reply, whose text may be blank.

        Not by the SDK's `open_live`, whose `abort` waits for the reply once the audio is complete: cancelling this
        closes the request whenever it is done.

        Args:
            pieces: little-endian 16-bit samples at 16 kHz, as they come.
            terms: words to listen for before all others.

        Raises:
            TranscriptionError: with every code.
        """
        transcriber = await self._connected()
        return await self._answer(transcriber.transcribe_live(pieces, self._config(terms) if terms else None))

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
        self._client = self._transcriber = None

    async def _connected(self) -> "AsyncSyncTranscriber":
        async with self._connecting:
            if self._transcriber is None:
                self._transcriber = await asyncio.to_thread(self._connect)
            return self._transcriber

    def _connect(self) -> "AsyncSyncTranscriber":
        import assemblyai as aai  # noqa: PLC0415 - a quarter of a second, so in a thread

        settings = aai.Settings(
            api_key=self._api_key, keepalive_expiry=KEEPALIVE_S, sync_live_http_timeout=READ_TIMEOUT_S
        )
        if self._base_url is not None:
            settings.base_url = settings.sync_base_url = self._base_url
        self._client = aai.AsyncClient(settings=settings)
        return aai.AsyncSyncTranscriber(client=self._client, config=self._config(()))

    def _config(self, terms: Sequence[str]) -> "SyncTranscriptionConfig":
        from assemblyai.types import SyncTranscriptionConfig  # noqa: PLC0415 - loaded by now

        every = (*terms, *self._keyterms)
        keyterms = usable_keyterms(every, most=MAX_KEYTERMS, characters=MAX_KEYTERM_CHARACTERS, words=10, total=8_000)
        return SyncTranscriptionConfig(
            model=self._model,
            language_codes=["pt"],
            keyterms_prompt=keyterms or None,
            sample_rate=SAMPLE_RATE,
            channels=1,
        )

    async def _answer(self, call: "Awaitable[SyncTranscriptResponse]") -> "SyncTranscriptResponse":
        import httpx  # noqa: PLC0415 - loaded by now
        from assemblyai.types import SyncTranscriptError  # noqa: PLC0415 - the same

        try:
            return await call
        except SyncTranscriptError as error:
            raise error_of_status(NAME, error.status_code, error.retry_after) from None
        except httpx.TimeoutException as error:
            raise TranscriptionError("timeout", f"{NAME} stopped answering") from error
        except httpx.HTTPError as error:
            raise TranscriptionError("transient", f"{NAME}: {type(error).__name__}") from error
        except (ValueError, TypeError, AttributeError) as error:
            if "text" in _missing_fields(error):
                raise TranscriptionError("empty", f"{NAME} wrote nothing") from None
            raise TranscriptionError("transient", f"{NAME} sent no reply: {type(error).__name__}") from None

    def _transcript(self, reply: "SyncTranscriptResponse", pcm: Pcm) -> Transcript:
        if not reply.text.strip():
            raise TranscriptionError("empty", f"{NAME} wrote nothing")
        evidence = Evidence(avg_logprob=logprob_of(reply.confidence), duration_s=pcm.size / SAMPLE_RATE)
        return Transcript(
            text=reply.text.strip(),
            words=words_of(reply),
            confidence=min(1.0, max(0.0, reply.confidence)),
            cost_usd=cost_usd(pcm, self._usd_per_hour),
            rejected=reason_to_reject(reply.text, evidence, known=self._keyterms),
        )


def logprob_of(confidence: float) -> float | None:
    """Return the natural logarithm of a confidence from 0 to 1; None of one that is no probability."""
    return math.log(confidence) if confidence > 0 else None


def words_of(reply: "SyncTranscriptResponse") -> tuple[Word, ...]:
    """Return a reply's words, which have no times."""
    return tuple(Word(text=w.text, confidence=w.confidence) for w in reply.words)


def _missing_fields(error: Exception) -> set[str]:
    """Name the fields that a validation error is about; the SDK's own pydantic may be of either generation."""
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return set()
    return {str(place) for entry in errors() for place in entry.get("loc", ())[:1]}
