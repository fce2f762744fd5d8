"""Speech-to-text by ElevenLabs Scribe, one request a phrase, on the real SDK."""

import asyncio
import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from actors.stt.cloud import (
    READ_TIMEOUT_S,
    REHEARSAL_S,
    cost_usd,
    error_of_status,
    retry_after_s,
    usable_keyterms,
    wire_bytes,
)
from actors.stt.guard import Evidence, confidence_of, reason_to_reject
from actors.stt.transcriber import TranscriptionError
from actors.stt.vocabulary import PRODUCT_NAMES
from actors.values import SAMPLE_RATE, Pcm, Transcript
from events.catalogue import Word

if TYPE_CHECKING:
    import httpx
    from elevenlabs.client import AsyncElevenLabs

NAME = "elevenlabs"
MAX_KEYTERMS = 100
"""The API takes 1000, but bills at least 20 s for a request with more than 100."""


class ElevenLabsTranscriber:
    """ElevenLabs' batch Scribe; implements `Transcriber`.

    The SDK never retries: its second POST drops the form's fields. Errors that come from a reply have no `__cause__`,
    since the SDK's texts quote the reply, and a reply may quote speech.

    Args:
        api_key: sent as `xi-api-key`.
        model: such as `scribe_v2`.
        base_url: another server than the provider's; None for the provider's.
        usd_per_hour: price of an hour of audio, with the provider's surcharge for key terms.
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
        self._http: httpx.AsyncClient | None = None
        self._client: AsyncElevenLabs | None = None
        self._connecting = asyncio.Lock()

    @property
    def provider(self) -> str:
        """Always `elevenlabs`."""
        return NAME

    @property
    def model(self) -> str:
        """Model asked for."""
        return self._model

    async def warm(self) -> None:
        """Import the SDK in a thread, run its code once without a network, and open a connection.

        Never fails for want of a network: the first phrase will meet and report that.
        """
        import httpx  # noqa: PLC0415 - comes with the SDK, kept off the start path

        await self._connected()
        if self._http is not None:
            with contextlib.suppress(httpx.HTTPError, TimeoutError):
                async with asyncio.timeout(REHEARSAL_S):
                    await self._http.head(self._base_url or "https://api.elevenlabs.io")

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        """Write down one phrase; see `Transcriber.transcribe`.

        Raises:
            TranscriptionError: with every code.
        """
        try:
            async with asyncio.timeout(budget_s):
                reply = await self._convert(await self._connected(), wire_bytes(pcm), self._listened_for(terms))
        except TimeoutError as error:
            raise TranscriptionError("timeout", f"{NAME} took longer than {budget_s:g} s") from error
        return self._transcript(reply, pcm)

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
        self._http = self._client = None

    async def _connected(self) -> "AsyncElevenLabs":
        async with self._connecting:
            if self._client is None:
                self._client = await asyncio.to_thread(self._connect)
            return self._client

    def _connect(self) -> "AsyncElevenLabs":
        import httpx  # noqa: PLC0415 - half a second with the SDK, so in a thread
        from elevenlabs.client import AsyncElevenLabs  # noqa: PLC0415 - the same

        from actors.exchange import Exchange  # noqa: PLC0415 - stands on aiohttp
        from actors.stt.slim import SlimTransport  # noqa: PLC0415 - stands on httpx

        rehearse()
        self._http = httpx.AsyncClient(timeout=READ_TIMEOUT_S, transport=SlimTransport(Exchange(httpx)))
        return AsyncElevenLabs(api_key=self._api_key, base_url=self._base_url, httpx_client=self._http)

    def _listened_for(self, terms: Sequence[str]) -> list[str]:
        return usable_keyterms((*terms, *self._keyterms), most=MAX_KEYTERMS, characters=50, words=5)

    # The SDK's models are unchecked.
    async def _convert(self, client: "AsyncElevenLabs", audio: bytes, keyterms: list[str]) -> Any:
        import httpx  # noqa: PLC0415 - loaded by now
        from elevenlabs.core.api_error import ApiError  # noqa: PLC0415 - the same

        from actors.stt.slim import terms_of_request  # noqa: PLC0415 - the same

        terms_of_request.set(keyterms)
        try:
            return await client.speech_to_text.convert(
                model_id=self._model,
                file=audio,
                file_format="pcm_s16le_16",
                language_code="por",
                tag_audio_events=False,
                timestamps_granularity="word",
                temperature=0.0,
                request_options={"max_retries": 0},
            )
        except ApiError as error:
            wait = retry_after_s({k.lower(): v for k, v in (error.headers or {}).items()}.get("retry-after"))
            raise error_of_status(NAME, error.status_code, wait) from None
        except httpx.TimeoutException as error:
            raise TranscriptionError("timeout", f"{NAME} stopped answering") from error
        except httpx.HTTPError as error:
            raise TranscriptionError("transient", f"{NAME}: {type(error).__name__}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise TranscriptionError("transient", f"{NAME} sent no reply: {type(error).__name__}") from None

    def _transcript(self, reply: Any, pcm: Pcm) -> Transcript:
        text = getattr(reply, "text", None)
        if not isinstance(text, str) or not text.strip():
            raise TranscriptionError("empty", f"{NAME} wrote nothing")
        from actors.stt.slim import words_of_reply  # noqa: PLC0415 - loaded by now

        words, average = spoken(words_of_reply.get([]))
        evidence = Evidence(avg_logprob=average, duration_s=pcm.size / SAMPLE_RATE)
        return Transcript(
            text=text.strip(),
            words=words,
            confidence=None if average is None else confidence_of(average),
            cost_usd=cost_usd(pcm, self._usd_per_hour),
            rejected=reason_to_reject(text, evidence, known=self._keyterms),
        )


def spoken(words: Iterable[object]) -> tuple[tuple[Word, ...], float | None]:
    """Read the words of a reply: those that were spoken, and the average of their log probabilities (natural)."""
    good = [w for w in words if isinstance(w, dict) and w.get("type") == "word" and isinstance(w.get("text"), str)]
    scores = [w["logprob"] for w in good if isinstance(w.get("logprob"), int | float)]
    return tuple(_word(w) for w in good), sum(scores) / len(scores) if scores else None


def _word(word: Mapping[str, Any]) -> Word:
    score = word.get("logprob")
    return Word(
        text=word["text"],
        start_s=_seconds(word.get("start")),
        end_s=_seconds(word.get("end")),
        confidence=confidence_of(score) if isinstance(score, int | float) else None,
    )


def _seconds(moment: object) -> float | None:
    return float(moment) if isinstance(moment, int | float) else None


def rehearse() -> None:
    """Run the SDK once against a canned reply, since it imports half of itself at the first call.

    To be called in a thread without a running loop. Nothing leaves the process.
    """
    import httpx  # noqa: PLC0415 - in a thread, with the SDK
    from elevenlabs.client import AsyncElevenLabs  # noqa: PLC0415 - the same

    reply = {"language_code": "por", "language_probability": 1.0, "text": "sim", "words": []}

    async def call() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, content=json.dumps(reply)))
        async with httpx.AsyncClient(transport=transport) as http:
            client = AsyncElevenLabs(api_key="rehearsal", base_url="http://localhost", httpx_client=http)
            await client.speech_to_text.convert(model_id="rehearsal", file=b"", request_options={"max_retries": 0})

    asyncio.run(call())
