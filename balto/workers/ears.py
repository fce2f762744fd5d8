"""The local speech model's process, as whoever starts it sees it: one for all workers of a server."""

import contextlib
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import psutil

from actors.stt.remote import RemoteWhisper
from balto.library import Say, StartError
from balto.place import Colleagues, Place
from balto.settings import Settings
from balto.telemetry.exposition import resident
from balto.workers.child import Child
from events.guard import ReviveError, guarded

_BACKLOG: Final = 128


class Ears(Child):
    """The process, which takes over a socket that outlives it: who calls while there is none waits in its queue.

    Args:
        path: of that socket.
        listening: the socket, bound and listening.
        settings: name the model.
        say: told what is being done.
    """

    def __init__(self, path: Path, listening: socket.socket, settings: Settings, say: Say) -> None:
        handle = listening.fileno()
        super().__init__("local speech model", "balto.workers.ear", (str(handle),), (handle,))
        self.path = path
        self.stack = contextlib.AsyncExitStack()
        """Left before it is stopped for good."""
        self._settings = settings
        self._say = say

    async def summon(self) -> None:
        """Start it, and from now on again whenever it dies.

        Raises:
            StartError: the model cannot be loaded.
        """
        self._say("loading the local speech model in a process of its own")
        try:
            await self.start()
        except ReviveError as error:
            raise StartError(f"the local speech model cannot be loaded: {error}") from None
        await self.stack.enter_async_context(guarded(self, name=self.name))

    def figures(self) -> list[str]:
        """Return what there is to tell Prometheus of it."""
        try:
            return [] if self.pid is None else [resident(self.name, psutil.Process(self.pid))]
        except psutil.NoSuchProcess:
            return []

    async def ready(self) -> None:
        """Wait until the model is loaded."""
        probe = RemoteWhisper(self.path, self._settings.whisper_weights)
        try:
            await probe.warm()
        finally:
            await probe.close()


class EarsAlone(Colleagues):
    """The one other process of a server without workers.

    Args:
        ears: that process.
    """

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self.place = Place(ears=ears.path, summon_ears=ears.summon, colleagues=self)
        """Of the server's process."""

    async def figures(self) -> list[str]:
        """As `Colleagues.figures`."""
        return self._ears.figures()


@contextlib.asynccontextmanager
async def ears(settings: Settings, say: Say) -> AsyncIterator[Ears | None]:
    """Make the local speech model's process, to be summoned within the block and stopped at its end.

    Yields:
        The process, not started yet; None where the settings do without the model.
    """
    if "local" not in settings.transcribers:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="balto-ears-"))
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(folder / "socket"))
            listening.listen(_BACKLOG)
            process = Ears(folder / "socket", listening, settings, say)
            try:
                async with process.stack:
                    yield process
            finally:
                await process.stop(0.0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
