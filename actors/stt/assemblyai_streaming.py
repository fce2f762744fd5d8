"""Speech-to-text by AssemblyAI while the customer speaks: its one request's upload, or a WebSocket a phrase."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, override

from actors.stt.assemblyai import (
    MAX_KEYTERM_CHARACTERS,
    MAX_KEYTERMS,
    NAME,
    AssemblyAITranscriber,
    logprob_of,
    words_of,
)
from actors.stt.cloud import error_of_status, usable_keyterms
from actors.stt.streaming import OpenStreams, PhraseStream, Segment
from actors.stt.transcriber import TranscriptionError, TranscriptionErrorCode
from actors.stt.vocabulary import PRODUCT_NAMES
from actors.values import SAMPLE_RATE
from events.catalogue import Word

if TYPE_CHECKING:
    from actors.stt.assemblyai_socket import CarefulTranscriber

CONNECT_S: Final = 3.0
"""For the WebSocket's handshake, once: the SDK's own 1 s, three times, is both too short and too long."""
_NEVER_MS: Final = 2_000
"""Pause after which the provider would end a turn of its own accord: longer than any within a phrase."""

_CODES: Final[dict[int, TranscriptionErrorCode]] = {
    1008: "unauthorised",
    4001: "unauthorised",
    4002: "unauthorised",
    4003: "unauthorised",
    1013: "throttled",
    3009: "throttled",
    4029: "throttled",
    4102: "throttled",
    3006: "rejected",
    3007: "rejected",
    4000: "rejected",
    4032: "rejected",
    4033: "rejected",
    4034: "rejected",
    4100: "rejected",
    4101: "rejected",
}
"""Codes of error frames and of closing, above those of HTTP; what is not here is taken for passing trouble."""


class AssemblyAIUpload:
    """AssemblyAI's one-request API, its audio uploaded while it is spoken; implements `StreamingTranscriber`.

    The upload is complete at the first commit: a phrase that goes on after it is not heard by this stream.

    Args:
        engine: whose connections are used; closed by its owner.
    """

    def __init__(self, engine: AssemblyAITranscriber) -> None:
        self._engine = engine
        self._open = OpenStreams()

    @property
    def provider(self) -> str:
        """Always `assemblyai`."""
        return NAME

    @property
    def model(self) -> str:
        """The engine's model, marked as uploaded live, since the two are counted apart."""
        return f"{self._engine.model} (live)"

    @property
    def goes_on(self) -> bool:
        """Never: the request is complete."""
        return False

    async def warm(self) -> None:
        """Import the SDK and open a connection."""
        await self._engine.warm()

    def open(self, terms: Sequence[str] = ()) -> "UploadStream":
        """Begin a stream; see `StreamingTranscriber.open`."""
        return self._open.keep(UploadStream(self.model, self._engine, tuple(terms)))

    async def close(self) -> None:
        """Cancel all streams."""
        await self._open.close()


class UploadStream(PhraseStream):
    """One phrase on its way in one request.

    Args:
        model: as events name it.
        engine: sends it.
        terms: words to listen for before all others.
    """

    def __init__(self, model: str, engine: AssemblyAITranscriber, terms: Sequence[str]) -> None:
        super().__init__(NAME, model)
        self._engine = engine
        self._terms = terms

    @property
    @override
    def goes_on(self) -> bool:
        """Never: the request is complete."""
        return False

    @override
    async def _live(self) -> None:
        reply = await self._engine.upload(self._until_committed(), self._terms)
        logprob = logprob_of(reply.confidence)
        confidence = min(1.0, max(0.0, reply.confidence))
        self._heard(Segment(text=reply.text, words=words_of(reply), confidence=confidence, avg_logprob=logprob))


class AssemblyAIStreaming:
    """AssemblyAI's streaming API, version 3; implements `StreamingTranscriber`.

    The phrase's own pauses end turns, not the provider's endpointing, and the SDK's attempts to connect are one.

    Args:
        api_key: sent as `authorization`, with no scheme.
        model: such as `universal-3-5-pro`.
        base_url: another server than the provider's, `http` or `ws`; None for the provider's.
        keyterms: words to listen for; those that break the API's limits are left out.
    """

    def __init__(
        self, api_key: str, model: str, base_url: str | None, *, keyterms: Sequence[str] = PRODUCT_NAMES
    ) -> None:
        self._api_key = api_key
        self._model = model
        # The SDK puts `wss://` before a host that has no scheme.
        self._host = None if base_url is None else base_url.rstrip("/").replace("http", "ws", 1)
        self._keyterms = tuple(keyterms)
        self._open = OpenStreams()

    @property
    def provider(self) -> str:
        """Always `assemblyai`."""
        return NAME

    @property
    def model(self) -> str:
        """Model asked for, marked as streaming, since its one-request namesake is counted apart."""
        return f"{self._model} (streaming)"

    @property
    def goes_on(self) -> bool:
        """Always: a commit begins another turn."""
        return True

    async def warm(self) -> None:
        """Import the SDK in a thread."""
        await asyncio.to_thread(_load)

    def open(self, terms: Sequence[str] = ()) -> "SocketStream":
        """Begin a stream; see `StreamingTranscriber.open`."""
        return self._open.keep(SocketStream(self.model, self._transcriber, partial(self._params, tuple(terms))))

    async def close(self) -> None:
        """Cancel all streams."""
        await self._open.close()

    def _transcriber(self) -> "CarefulTranscriber":
        return _load()(self._api_key, self._host, connect_s=CONNECT_S)

    def _params(self, terms: Sequence[str]) -> Any:  # the SDK's
        from assemblyai.streaming.v3 import RealTimeParameters  # noqa: PLC0415 - loaded by now

        keyterms = usable_keyterms(
            (*terms, *self._keyterms), most=MAX_KEYTERMS, characters=MAX_KEYTERM_CHARACTERS, words=10
        )
        return RealTimeParameters(
            sample_rate=SAMPLE_RATE,
            speech_model=self._model,
            language_codes=["pt"],
            keyterms_prompt=keyterms or None,
            format_turns=True,
            end_of_turn_confidence_threshold=1.0,
            min_turn_silence=_NEVER_MS,
            max_turn_silence=_NEVER_MS,
        )


def _load() -> "type[CarefulTranscriber]":
    from actors.stt.assemblyai_socket import CarefulTranscriber  # noqa: PLC0415 - stands on the SDK

    return CarefulTranscriber


class SocketStream(PhraseStream):
    """One phrase on its way to the streaming API.

    Args:
        model: as events name it.
        transcriber: makes the SDK's client, which is good for one connection.
        params: makes its parameters.
    """

    def __init__(self, model: str, transcriber: "Callable[[], CarefulTranscriber]", params: Callable[[], Any]) -> None:
        super().__init__(NAME, model)
        self._transcriber = transcriber
        self._params = params

    @override
    async def _live(self) -> None:
        if "actors.stt.assemblyai_socket" not in sys.modules:
            await asyncio.to_thread(_load)
        from assemblyai.streaming.v3 import RealTimeEvents  # noqa: PLC0415 - loaded by now

        try:
            params = self._params()
        except ValueError:
            raise TranscriptionError("rejected", f"{NAME} does not know the model") from None
        client = self._transcriber()
        client.on(RealTimeEvents.Turn, self._on_turn)
        client.on(RealTimeEvents.Error, self._on_error)
        client.on(RealTimeEvents.Termination, self._on_end)
        self._farewell = client.leave
        await client.connect(params)
        client.watch(self._on_end)
        await self._pump(client.stream, client.force_endpoint)

    def _on_turn(self, _: object, turn: Any) -> None:
        # With formatting each turn comes twice, the formatted one last.
        if not (turn.end_of_turn and turn.turn_is_formatted):
            return
        words = tuple(
            Word(text=w.text, start_s=w.start / 1000, end_s=w.end / 1000, confidence=w.confidence) for w in turn.words
        )
        scores = [w.confidence for w in turn.words]
        confidence = sum(scores) / len(scores) if scores else None
        logprob = None if confidence is None else logprob_of(confidence)
        self._heard(Segment(text=turn.transcript, words=words, confidence=confidence, avg_logprob=logprob))

    def _on_error(self, _: object, error: Any) -> None:
        code: int | None = error.code
        known = code if isinstance(code, int) else None
        failure = error_of_status(NAME, known, None)
        self._fail(_CODES.get(known or 0, failure.code), "reported an error")  # type: ignore[arg-type] # its codes are ours

    def _on_end(self, *_: object) -> None:
        self._fail("transient", "closed the connection")
