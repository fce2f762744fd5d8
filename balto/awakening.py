"""What only sessions need, and what is slow to import: loaded when the first session of a process begins."""

import asyncio
import logging
from collections.abc import Callable
from typing import Self

from actors.audio import biometrics, clean, decode
from actors.llm.by_example import learnt
from actors.vad.silero import speech_model
from events import codec

logger = logging.getLogger(__name__)


class Awakening:
    """Loads, in a thread and in the order of need, what hears and cleans: a second of CPU and a hundred megabytes.

    A process without sessions does without: that is every worker of an idle server, and every command that opens one.

    Args:
        loads: what else there is to load, before what cleans.
    """

    def __init__(self, *loads: Callable[[], object]) -> None:
        self._loads: tuple[Callable[[], object], ...] = (
            decode.warm,
            speech_model,
            codec.warm,
            *loads,
            learnt,
            biometrics.warm,
            clean.warm,
        )
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
        for load in self._loads:
            try:
                await asyncio.to_thread(load)
            except (ImportError, OSError):
                logger.exception("something that sessions need cannot be loaded")
        logger.info("what sessions need is loaded")
