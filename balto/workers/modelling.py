"""The local models' process, as whoever starts it sees it: Whisper and the sentence encoder, once for all workers."""

import asyncio
import contextlib
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import psutil

from actors.llm.encoder import encoder_installed
from actors.runtime.caller import Caller
from actors.runtime.line import LineClosedError, UnansweredError
from balto.library import Say, StartError
from balto.place import Colleagues, Place
from balto.settings import Settings
from balto.telemetry.exposition import resident
from balto.workers.child import Child
from balto.workers.heartbeat import watch_heart
from events.guard import ReviveError, guarded

_BACKLOG: Final = 128


class LocalModels(Child):
    """The process, which takes over a socket that outlives it: who calls while there is none waits in its queue.

    Args:
        path: of that socket.
        listening: the socket, bound and listening.
        say: told what is being done.
        patience_s: with a process that does not answer; then it is killed and started again.
        module: that it runs.
    """

    def __init__(
        self,
        path: Path,
        listening: socket.socket,
        say: Say,
        patience_s: float,
        module: str = "balto.workers.models",
    ) -> None:
        handle = listening.fileno()
        super().__init__("local models", module, (str(handle),), (handle,))
        self.path = path
        self.is_ready = asyncio.Event()
        self._patience_s = patience_s
        self._caller = Caller(path)
        self.stack = contextlib.AsyncExitStack()
        """Left before it is stopped for good."""
        self._say = say

    async def summon(self) -> None:
        """Start it, and from now on again whenever it dies.

        Raises:
            StartError: they cannot be loaded.
        """
        self._say("loading the local models in a process of their own")
        try:
            await self.start()
        except ReviveError as error:
            raise StartError(f"the local models cannot be loaded: {error}") from None
        await self.stack.enter_async_context(guarded(self, name=self.name))
        watching = asyncio.create_task(watch_heart(self, self._patience_s), name=f"heart of {self.name}")
        self.stack.push_async_callback(self._caller.close)
        self.stack.callback(watching.cancel)

    def figures(self) -> list[str]:
        """Return what there is to tell Prometheus of it."""
        try:
            return [] if self.pid is None else [resident(self.name, psutil.Process(self.pid))]
        except psutil.NoSuchProcess:
            return []

    async def ready(self) -> None:
        """Wait until they are loaded."""
        probe = Caller(self.path)
        try:
            await probe.until_it_answers("ready")
        finally:
            await probe.close()
        self.is_ready.set()

    async def died(self) -> None:
        """As `Child.died`."""
        await super().died()
        self.is_ready.clear()

    async def lives(self) -> None:
        """As `Heart.lives`."""
        with contextlib.suppress(LineClosedError, UnansweredError, OSError):
            await self._caller.ask("lives")


class ModelsAlone(Colleagues):
    """The one other process of a server without workers.

    Args:
        models: that process.
    """

    def __init__(self, models: LocalModels) -> None:
        self._models = models
        self.place = Place(models=models.path, summon_models=models.summon, colleagues=self)
        """Of the server's process."""

    async def figures(self) -> list[str]:
        """As `Colleagues.figures`."""
        return self._models.figures()


@contextlib.asynccontextmanager
async def local_models(settings: Settings, say: Say) -> AsyncIterator[LocalModels | None]:
    """Make the local models' process, to be summoned within the block and stopped at its end.

    Yields:
        The process, not started yet; None where there are no models.
    """
    if "local" not in settings.transcribers and not encoder_installed():
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="balto-models-"))
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(folder / "socket"))
            listening.listen(_BACKLOG)
            process = LocalModels(folder / "socket", listening, say, settings.worker_patience_s)
            try:
                async with process.stack:
                    yield process
            finally:
                await process.stop(0.0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
