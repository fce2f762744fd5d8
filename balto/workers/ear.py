"""`python -m balto.workers.ear`: loads the local speech model and lets the other processes of a server hear with it."""

import asyncio
import logging
import os
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Final

from actors.runtime.line import Line
from actors.stt.remote import answer_with
from actors.stt.transcriber import TranscriptionError
from actors.stt.weights import WeightsError, ensure_weights
from actors.stt.whisper import WhisperTranscriber
from balto.cli.common import fail, load_settings
from balto.workers.entry import run_as_child

_NICENESS: Final = 5
"""A phrase takes seconds anyway; what is live and would wait for it goes first."""
_FAREWELL_S: Final = 30.0
"""For workers that still drain after their parent was killed."""

logger = logging.getLogger(__name__)


def main() -> None:
    """Serve on the listening socket whose handle is the one argument, until standard input ends."""
    run_as_child(_serve(socket.socket(fileno=int(sys.argv[1]))))


async def _serve(listening: socket.socket) -> None:
    settings = load_settings("local-models")
    os.nice(_NICENESS)
    # Who stops it closes its standard input; a signal would cut off what workers still wait for.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)
    whisper = WhisperTranscriber(settings.whisper_weights)
    try:
        if settings.whisper_model is None:
            await asyncio.to_thread(ensure_weights, Path(settings.whisper_weights))
        await whisper.warm()
    except (WeightsError, TranscriptionError) as error:
        fail(str(error))
    callers: set[asyncio.Task[None]] = set()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = asyncio.create_task(Line(reader, writer, partial(answer_with, whisper)).run(), name="caller")
        callers.add(caller)
        caller.add_done_callback(callers.discard)

    server = await asyncio.start_unix_server(take, sock=listening)
    logger.info("the local speech model %s is loaded", whisper.model)
    try:
        await _until_the_end()
    finally:
        server.close()
        if callers:
            await asyncio.wait(callers, timeout=_FAREWELL_S)
        await whisper.close()


async def _until_the_end() -> None:
    """Wait until standard input ends: whoever started this process wants it no longer, or is no more."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


if __name__ == "__main__":
    main()
