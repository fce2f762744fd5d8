"""Trials of the engines on what is sent over HTTP, outside any session: bounded, and off the loop where it is long."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from actors.audio.decode import AudioUndecodableError
from actors.stt.transcriber import Transcriber, TranscriptionError
from actors.values import SAMPLE_RATE, Pcm, Phrase, VadSettings
from balto.advising import Advice, Adviser, AdviserError
from balto.app import Balto
from balto.listening import AudioTooLongError, decode_audio, find_phrases
from balto.security.limits import Turnstile
from balto.web.answers import RequestError

MAX_AUDIO_S: Final = 600
"""Of sound in one upload: compressed audio may hold far more than its bytes suggest."""
_WHOLE_S: Final = 15
"""Audio up to this length goes to speech-to-text in one piece, longer audio phrase by phrase."""
_PATIENCE: Final = 4
"""A trial may take this many times the budget of a live phrase: nobody waits at a counter."""
_THREADS: Final = 2


class Workshop:
    """Runs trials for the routes. Close it when the server stops.

    Args:
        balto: whose engines are tried.
    """

    def __init__(self, balto: Balto) -> None:
        self._balto = balto
        self._adviser = Adviser(balto.shelf.understandings, balto.shelf, budget_s=balto.settings.llm_budget_s)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="trial")
        self._uploads = Turnstile(inside=4, waiting=8)
        self._transcriptions = Turnstile(inside=1, waiting=4)

    def upload(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Return the block to receive and work on an upload in; entering it raises `Busy` where there is no room."""
        return self._uploads.passed()

    async def advise(self, text: str) -> Advice:
        """Understand a text and find its basket.

        Raises:
            RequestError: 502, no engine answered.
        """
        try:
            return await self._adviser.advise(text)
        except AdviserError:
            raise RequestError(502, "nenhum motor de análise respondeu") from None

    async def segment(self, audio: bytes, vad: VadSettings) -> list[Pcm]:
        """Return the phrases in an audio file.

        Raises:
            RequestError: 400, it cannot be decoded; 413, it plays too long.
        """
        return await self._on_thread(lambda: _phrases(_decoded(audio), vad))

    async def run[T](self, work: Callable[[], T]) -> T:
        """Run CPU work on one of the trial threads."""
        return await self._on_thread(work)

    async def transcribe(self, audio: bytes, vad: VadSettings, provider: str | None) -> str:
        """Write down an audio file; what was rejected as noise or invention is left out.

        Args:
            audio: a file in any format that the decoder knows.
            vad: cuts audio that is too long for one piece.
            provider: an engine by its name; without it all of them in their order of preference.

        Raises:
            RequestError: 400, unknown provider or undecodable audio; 413, it plays too long; 502 or 503, no engine
                answered.
            Busy: too many transcriptions are waiting.
        """
        engines = [e for e in self._balto.engines.transcribers if provider in (None, e.provider)]
        if not engines:
            raise RequestError(400, "provider desconhecido ou não configurado")
        pieces = await self._on_thread(lambda: _pieces(audio, vad))
        async with self._transcriptions.passed():
            texts = [await self._transcribe_piece(piece, engines) for piece in pieces]
        return " ".join(text for text in texts if text)

    async def _transcribe_piece(self, pcm: Pcm, engines: Sequence[Transcriber]) -> str:
        failure: TranscriptionError | None = None
        for engine in engines:
            try:
                transcript = await engine.transcribe(pcm, budget_s=self._balto.settings.stt_budget_s * _PATIENCE)
            except TranscriptionError as error:
                if error.code == "empty":
                    return ""
                failure = error
            else:
                return "" if transcript.rejected else transcript.text
        if failure is not None and failure.code == "throttled":
            raise RequestError(503, retry_after_s=failure.retry_after_s or 1)
        raise RequestError(502, "nenhum motor de transcrição respondeu") from failure

    async def close(self) -> None:
        """Let go of the threads; work that is under way ends in the background."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _on_thread[T](self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _decoded(audio: bytes) -> Pcm:
    try:
        return decode_audio(audio, max_samples=MAX_AUDIO_S * SAMPLE_RATE)
    except AudioTooLongError:
        raise RequestError(413, f"áudio com mais de {MAX_AUDIO_S // 60} minutos") from None
    except AudioUndecodableError:
        raise RequestError(400, "o áudio não pôde ser decodificado") from None


def _phrases(pcm: Pcm, vad: VadSettings) -> list[Pcm]:
    return [heard.pcm for heard in find_phrases(pcm, vad) if isinstance(heard, Phrase)]


def _pieces(audio: bytes, vad: VadSettings) -> list[Pcm]:
    pcm = _decoded(audio)
    if pcm.size > _WHOLE_S * SAMPLE_RATE:
        return _phrases(pcm, vad)
    return [pcm] if pcm.size else []
