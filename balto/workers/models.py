"""`python -m balto.workers.models`: loads the local models, which the other processes of a server ask over a socket."""

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from actors.llm.encoder import encoder_installed, shared_encoder
from actors.llm.remote import EncodingDesk
from actors.runtime.line import Line
from actors.stt.remote import hear
from actors.stt.transcriber import TranscriptionError
from actors.stt.weights import WeightsError, ensure_weights
from actors.stt.whisper import WhisperTranscriber
from balto.cli.common import fail, load_settings
from balto.workers.entry import run_as_child

_NICENESS: Final = 5
"""A phrase takes seconds anyway; what is live and would wait for it goes first."""
_STUCK_S: Final = 120.0
"""For one phrase, which takes seconds on the busiest machine: a model that is longer at it never comes back."""
_FAREWELL_S: Final = 30.0
"""For workers that still drain after their parent was killed."""

logger = logging.getLogger(__name__)


def main() -> None:
    """Serve on the listening socket whose handle is the one argument, until standard input ends."""
    run_as_child(_serve(socket.socket(fileno=int(sys.argv[1]))))


class Desk:
    """Answers what the other processes ask.

    Args:
        whisper: None where nobody hears here.
        encoding: None where there is no encoder.
        stuck_s: how long the model may be at one phrase; beyond that the process no longer says that it lives.
    """

    def __init__(
        self, whisper: WhisperTranscriber | None, encoding: EncodingDesk | None, *, stuck_s: float = _STUCK_S
    ) -> None:
        self._whisper = whisper
        self._encoding = encoding
        self._stuck_s = stuck_s
        self._seen: tuple[Future[Any] | None, float] = None, 0.0
        """What the model was at when it was last looked at, and since when."""

    async def __call__(self, what: str, about: Any, body: bytes) -> Any:
        """As `actors.runtime.line.Answer`."""
        match what:
            case "ready":
                return None
            case "lives":
                if self._is_stuck():
                    await asyncio.get_running_loop().create_future()
                return None
            case "hear" if self._whisper is not None:
                return await hear(self._whisper, about, body)
            case "encode" if self._encoding is not None:
                return await self._encoding.encode(about)
            case _:
                raise LookupError(what)

    def _is_stuck(self) -> bool:
        now, work = asyncio.get_running_loop().time(), None if self._whisper is None else self._whisper.under_way
        seen, since = self._seen
        if work is None or work is not seen:
            self._seen = work, now
            return False
        return now - since > self._stuck_s


async def _serve(listening: socket.socket) -> None:
    settings = load_settings("local-models")
    os.nice(_NICENESS)
    # Who stops it closes its standard input; a signal would cut off what workers still wait for.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)
    whisper = WhisperTranscriber(settings.whisper_weights) if "local" in settings.transcribers else None
    try:
        if whisper is not None:
            if settings.whisper_model is None:
                await asyncio.to_thread(ensure_weights, Path(settings.whisper_weights))
            await whisper.warm()
    except (WeightsError, TranscriptionError) as error:
        fail(str(error))
    desk = Desk(whisper, EncodingDesk(shared_encoder()) if encoder_installed() else None)
    callers: set[asyncio.Task[None]] = set()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = asyncio.create_task(Line(reader, writer, desk).run(), name="caller")
        callers.add(caller)
        caller.add_done_callback(callers.discard)

    server = await asyncio.start_unix_server(take, sock=listening)
    logger.info("the local models are loaded: %s", "the sentence encoder" if whisper is None else whisper.model)
    try:
        await _until_the_end()
        # A parent that was killed could not do it.
        shutil.rmtree(Path(listening.getsockname()).parent, ignore_errors=True)
    finally:
        server.close()
        if callers:
            await asyncio.wait(callers, timeout=_FAREWELL_S)
        if whisper is not None:
            await whisper.close()


async def _until_the_end() -> None:
    """Wait until standard input ends: whoever started this process wants it no longer, or is no more."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


if __name__ == "__main__":
    main()
