"""Speech-to-text by ElevenLabs Scribe while the customer speaks, over a WebSocket a phrase, on the real SDK."""

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, override

from actors.stt.cloud import error_of_status, retry_after_s, usable_keyterms
from actors.stt.elevenlabs import NAME, spoken
from actors.stt.guard import confidence_of
from actors.stt.streaming import OpenStreams, PhraseStream, Segment
from actors.stt.transcriber import TranscriptionError, TranscriptionErrorCode
from actors.stt.vocabulary import PRODUCT_NAMES
from actors.values import SAMPLE_RATE

if TYPE_CHECKING:
    from elevenlabs.realtime import RealtimeConnection, ScribeRealtime

MAX_KEYTERMS: Final = 50
MAX_KEYTERM_CHARACTERS: Final = 20
_TIMES_MAY_LAG_S: Final = 0.1
"""The words with their times follow the text; a text that they don't follow is taken as it is."""

_CODES: Final[Mapping[str, TranscriptionErrorCode]] = {
    "auth_error": "unauthorised",
    "quota_exceeded": "unauthorised",
    "unaccepted_terms": "unauthorised",
    "rate_limited": "throttled",
    "queue_overflow": "throttled",
    "resource_exhausted": "throttled",
    "commit_throttled": "rejected",
    "input_error": "rejected",
    "invalid_request": "rejected",
    "chunk_size_exceeded": "rejected",
    "insufficient_audio_activity": "empty",
}
"""What is not here is taken for passing trouble."""


class ElevenLabsStreaming:
    """ElevenLabs' realtime Scribe; implements `StreamingTranscriber`.

    The phrase's own pauses commit, not the provider's voice detection. The SDK neither retries nor reconnects.

    Args:
        api_key: sent as `xi-api-key`.
        model: such as `scribe_v2_realtime`.
        base_url: another server than the provider's, `http` or `ws`; None for the provider's.
        keyterms: words to listen for; those that break the realtime API's limits are left out.
    """

    def __init__(
        self, api_key: str, model: str, base_url: str | None, *, keyterms: Sequence[str] = PRODUCT_NAMES
    ) -> None:
        self._api_key = api_key
        self._model = model
        self._base_url = base_url or "wss://api.elevenlabs.io"
        self._keyterms = tuple(keyterms)
        self._scribe: ScribeRealtime | None = None
        self._open = OpenStreams()

    @property
    def provider(self) -> str:
        """Always `elevenlabs`."""
        return NAME

    @property
    def model(self) -> str:
        """Model asked for."""
        return self._model

    @property
    def goes_on(self) -> bool:
        """Always: a commit begins another segment."""
        return True

    async def warm(self) -> None:
        """Import the SDK in a thread."""
        await asyncio.to_thread(self._load)

    def open(self, terms: Sequence[str] = ()) -> "ElevenLabsStream":
        """Begin a stream; see `StreamingTranscriber.open`."""
        return self._open.keep(ElevenLabsStream(self._model, partial(self._connect, tuple(terms))))

    async def close(self) -> None:
        """Cancel all streams."""
        await self._open.close()

    def _load(self) -> "ScribeRealtime":
        if self._scribe is None:
            from elevenlabs.realtime import ScribeRealtime  # noqa: PLC0415 - half a second with the SDK

            # At debug it would print the key, and every frame, audio and text included.
            logging.getLogger("websockets").setLevel(logging.CRITICAL + 1)
            self._scribe = ScribeRealtime(self._api_key, self._base_url)
        return self._scribe

    async def _connect(self, terms: Sequence[str]) -> "RealtimeConnection":
        scribe = await asyncio.to_thread(self._load) if self._scribe is None else self._scribe
        from elevenlabs.realtime import AudioFormat, CommitStrategy  # noqa: PLC0415 - loaded by now
        from websockets.exceptions import InvalidStatus, WebSocketException  # noqa: PLC0415 - comes with the SDK

        try:
            return await scribe.connect(
                {
                    "model_id": self._model,
                    "audio_format": AudioFormat.PCM_16000,
                    "sample_rate": SAMPLE_RATE,
                    "commit_strategy": CommitStrategy.MANUAL,
                    "language_code": "por",
                    "include_timestamps": True,
                    "keyterms": usable_keyterms(
                        (*terms, *self._keyterms), most=MAX_KEYTERMS, characters=MAX_KEYTERM_CHARACTERS, words=5
                    ),
                }
            )
        except InvalidStatus as error:
            wait = retry_after_s(error.response.headers.get("retry-after"))
            raise error_of_status(NAME, error.response.status_code, wait) from None
        except (WebSocketException, OSError) as error:
            raise TranscriptionError("transient", f"{NAME}: {type(error).__name__}") from None


class ElevenLabsStream(PhraseStream):
    """One phrase on its way to the realtime API.

    Args:
        model: asked for.
        connect: opens the connection.
    """

    def __init__(self, model: str, connect: "Callable[[], Awaitable[RealtimeConnection]]") -> None:
        super().__init__(NAME, model)
        self._connect = connect
        self._lagging: tuple[asyncio.TimerHandle, Segment] | None = None
        """A text whose words may follow."""

    @override
    async def _live(self) -> None:
        from elevenlabs.realtime import RealtimeEvents  # noqa: PLC0415 - loaded by connecting

        from actors.stt.uncompressed import send_uncompressed  # noqa: PLC0415 - stands on what comes with the SDK

        connection = await self._connect()
        send_uncompressed(connection.websocket)
        self._farewell = lambda: _leave(connection)
        connection.on(RealtimeEvents.COMMITTED_TRANSCRIPT, self._on_text)
        connection.on(RealtimeEvents.COMMITTED_TRANSCRIPT_WITH_TIMESTAMPS, self._on_words)
        connection.on(RealtimeEvents.ERROR, self._on_error)
        connection.on(RealtimeEvents.CLOSE, self._on_close)

        async def send(audio: bytes) -> None:
            await connection.send({"audio_base_64": base64.b64encode(audio).decode()})

        await self._pump(send, connection.commit)

    # What follows is called by the SDK, which prints what handlers raise: they raise nothing.

    def _on_text(self, data: Mapping[str, Any]) -> None:
        self._take_as_it_is()
        later = asyncio.get_running_loop().call_later(_TIMES_MAY_LAG_S, self._take_as_it_is)
        self._lagging = (later, Segment(text=_text(data)))

    def _on_words(self, data: Mapping[str, Any]) -> None:
        if self._lagging is None or self._lagging[1].text != _text(data):
            return
        given = data.get("words")
        words, average = spoken(given if isinstance(given, list) else ())
        confidence = None if average is None else confidence_of(average)
        segment = Segment(text=_text(data), words=words, confidence=confidence, avg_logprob=average)
        self._lagging = (self._lagging[0], segment)
        self._take_as_it_is()

    def _take_as_it_is(self) -> None:
        lagging, self._lagging = self._lagging, None
        if lagging is not None:
            lagging[0].cancel()
            self._heard(lagging[1])

    def _on_error(self, data: Mapping[str, Any]) -> None:
        self._take_as_it_is()
        kind = data.get("message_type")
        self._fail(_CODES.get(kind, "transient") if isinstance(kind, str) else "transient", "reported an error")

    def _on_close(self, _: Mapping[str, Any]) -> None:
        self._take_as_it_is()
        self._fail("transient", "closed the connection")


async def _leave(connection: "RealtimeConnection") -> None:
    try:
        await connection.close()
    finally:
        connection.websocket.transport.abort()


def _text(data: Mapping[str, Any]) -> str:
    text = data.get("text")
    return text if isinstance(text, str) else ""
