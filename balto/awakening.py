"""What only sessions need, and what is slow to import: loaded when the first session of a process begins."""

import asyncio
import gc
import logging
from typing import Self

from actors.audio import clean, decode
from actors.vad.silero import speech_model

logger = logging.getLogger(__name__)


class Awakening:
    """Loads, in a thread and in the order of need, what hears and cleans: a second of CPU and a hundred megabytes.

    A process without sessions does without: that is every worker of an idle server, and every command that opens one.
    """

    def __init__(self) -> None:
        self._loading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._loading is not None:
            await asyncio.gather(self._loading, return_exceptions=True)

    def begin(self) -> None:
        """Begin to load; whoever needs something before its turn loads it then."""
        self._loading = asyncio.create_task(self._load(), name="awakening")

    async def _load(self) -> None:
        for load in (decode.warm, speech_model, clean.warm):
            try:
                await asyncio.to_thread(load)
            except ImportError:
                logger.exception("something that sessions need cannot be loaded")


def settle_down() -> None:
    """Let go of what the start of a process left behind, and spare the collector what will stay for good.

    A full collection that looks through the vocabulary and all modules stops the loop for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
