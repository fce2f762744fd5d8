"""The local Whisper of a machine, which a process of its own serves to all others over a unix socket."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from actors.runtime.line import Line, LineClosedError, UnansweredError
from actors.stt.guard import Evidence
from actors.stt.transcriber import TranscriptionError
from actors.stt.vocabulary import PRODUCT_NAMES
from actors.stt.whisper import WhisperTranscriber, judged, model_name
from actors.values import Pcm, Transcript

_AGAIN_S: Final = 0.1
"""Between two attempts to reach a process that is being started."""


class RemoteWhisper:
    """Whisper in another process; implements `Transcriber`.

    A crash of that process fails the phrases that it had taken, as `transient`. Phrases that come while it is started
    again wait for it as long as their budget lasts.

    Args:
        path: of the unix socket.
        weights: what it serves, as `WhisperTranscriber` has it; only its name is needed here.
        known: names that customers ask for, which the guard holds to a milder limit.
    """

    def __init__(self, path: Path, weights: Path | str, *, known: Sequence[str] = PRODUCT_NAMES) -> None:
        self._path = path
        self._model = model_name(weights)
        self._known = tuple(known)
        self._line: Line | None = None
        self._running: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()

    @property
    def provider(self) -> str:
        """Always `local`."""
        return "local"

    @property
    def model(self) -> str:
        """As of `WhisperTranscriber`."""
        return self._model

    async def warm(self) -> None:
        """Wait until the process has loaded its model, however long that takes."""
        while True:
            try:
                await (await self._reached()).ask("ready")
            except (LineClosedError, OSError):
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        """Write down one phrase; see `Transcriber.transcribe`.

        Raises:
            TranscriptionError: as `WhisperTranscriber.transcribe`; `transient` also where the process died.
        """
        try:
            async with asyncio.timeout(budget_s):
                line = await self._reached()
                about = {"budget_s": budget_s, "terms": list(terms)}
                heard = await line.ask("hear", about, pcm.tobytes())
        except TimeoutError as error:
            raise TranscriptionError("timeout", f"local model took longer than {budget_s:g} s") from error
        except (LineClosedError, UnansweredError, OSError) as error:
            raise TranscriptionError("transient", "the process of the local model died") from error
        if "code" in heard:
            raise TranscriptionError(heard["code"], heard["message"])
        return judged(heard["text"], Evidence(**heard["evidence"]), known=self._known)

    async def close(self) -> None:
        """Hang up."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._line = self._running = None

    async def _reached(self) -> Line:
        async with self._connecting:
            if self._line is None or self._line.closed:
                reader, writer = await asyncio.open_unix_connection(self._path)
                self._line = Line(reader, writer)
                self._running = asyncio.create_task(self._line.run(), name="local-whisper")
            return self._line


async def answer_with(whisper: WhisperTranscriber, what: str, about: Any, body: bytes) -> Any:
    """Answer a `RemoteWhisper`: the process that has the model does.

    Returns:
        `{"text", "evidence"}`, or `{"code", "message"}` of a `TranscriptionError`.

    Raises:
        LookupError: nobody asks that.
    """
    match what:
        case "ready":
            return None
        case "hear":
            pcm = np.frombuffer(body, np.int16)
            try:
                text, evidence = await whisper.hear(pcm, budget_s=about["budget_s"], terms=about["terms"])
            except TranscriptionError as error:
                return {"code": error.code, "message": str(error)}
            return {"text": text, "evidence": evidence}
        case _:
            raise LookupError(what)
