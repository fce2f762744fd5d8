"""The local Whisper of a machine, which a process of its own serves to all others over a unix socket."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from actors.runtime.caller import Caller
from actors.runtime.line import LineClosedError, UnansweredError
from actors.stt.guard import Evidence
from actors.stt.transcriber import TranscriptionError
from actors.stt.vocabulary import PRODUCT_NAMES
from actors.stt.whisper import WhisperTranscriber, judged, model_name
from actors.values import Pcm, Transcript


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
        self._caller = Caller(path)
        self._model = model_name(weights)
        self._known = tuple(known)

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
        await self._caller.until_it_answers("ready")

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        """Write down one phrase; see `Transcriber.transcribe`.

        Raises:
            TranscriptionError: as `WhisperTranscriber.transcribe`; `transient` also where the process died.
        """
        try:
            async with asyncio.timeout(budget_s):
                about = {"budget_s": budget_s, "terms": list(terms)}
                heard = await self._caller.ask("hear", about, pcm.tobytes())
        except TimeoutError as error:
            raise TranscriptionError("timeout", f"local model took longer than {budget_s:g} s") from error
        except UnansweredError as error:
            raise TranscriptionError("transient", f"the process of the local model failed: {error}") from error
        except (LineClosedError, OSError) as error:
            raise TranscriptionError("transient", "the process of the local model is gone") from error
        if "code" in heard:
            raise TranscriptionError(heard["code"], heard["message"])
        return judged(heard["text"], Evidence(**heard["evidence"]), known=self._known)

    async def close(self) -> None:
        """Hang up."""
        await self._caller.close()


async def hear(whisper: WhisperTranscriber, about: Any, body: bytes) -> Any:
    """Answer `hear` of a `RemoteWhisper`: the process that has the model does.

    Returns:
        `{"text", "evidence"}`, or `{"code", "message"}` of a `TranscriptionError`.
    """
    pcm = np.frombuffer(body, np.int16)
    try:
        text, evidence = await whisper.hear(pcm, budget_s=about["budget_s"], terms=about["terms"])
    except TranscriptionError as error:
        return {"code": error.code, "message": str(error)}
    return {"text": text, "evidence": evidence}
