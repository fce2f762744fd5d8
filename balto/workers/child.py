"""A process that a server starts, watches and starts again."""

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from typing import Final

from events.guard import ReviveError

START_S: Final = 300.0
"""For a process to be ready: seconds on an idle machine, minutes on a cold disk that is busy. Beyond that it hangs."""
_PATIENCE_S: Final = 30.0
"""For a process that was told to end, beyond what it was granted: then it is killed."""

logger = logging.getLogger(__name__)


class Child:
    """A process of a module of ours; implements `events.guard.Mortal`.

    It has no terminal and is no member of the terminal's group, so that Ctrl-C there reaches the parent alone. Its
    standard input is a pipe that ends when the parent does, however that happens.

    Args:
        name: what the log calls it.
        module: that it runs.
        arguments: of the command line.
        handles: open files that it is given, under the same numbers.
    """

    def __init__(self, name: str, module: str, arguments: Sequence[str] = (), handles: Sequence[int] = ()) -> None:
        self.name = name
        self.arguments = arguments
        self.handles = handles
        self.wanted_gone = False
        """Whether its next end is nothing to be told of."""
        self._module = module
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, None where there is none."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and alive else None

    async def start(self) -> None:
        """Start it, and return as soon as it is ready.

        Raises:
            ReviveError: it ended before it was, or was not within `START_S` and is killed.
        """
        command = (sys.executable, "-m", self._module, *self.arguments)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, pass_fds=self.handles, start_new_session=True
            )
        except OSError as error:
            raise ReviveError(f"it cannot be run: {error.strerror}") from None
        process = self._process
        logger.info("%s is process %d", self.name, process.pid)
        tasks = [asyncio.ensure_future(self.ready()), asyncio.ensure_future(process.wait())]
        try:
            done, _ = await asyncio.wait(tasks, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            await self.stop(0.0)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not done and process.returncode is None:
            process.kill()
            await process.wait()
            raise ReviveError(f"it was not ready within {START_S:g} s and is killed")
        if process.returncode is not None:
            raise ReviveError(f"it ended {_how(process.returncode)} before it was ready")

    async def ready(self) -> None:
        """Wait until the process that was started last can do its work; by default at once."""

    async def died(self) -> None:
        """Wait until it has ended, and say so."""
        if self._process is None:
            return
        pid, code = self._process.pid, await self._process.wait()
        if not self.wanted_gone:
            logger.error("%s (process %d) ended %s; it is started again", self.name, pid, _how(code))

    async def revive(self) -> bool:
        """As `Mortal.revive`."""
        await self.start()
        return True

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def stop(self, patience_s: float) -> None:
        """Have it end in order, and kill it where it does not in time."""
        if self._process is None:
            return
        self.tell(signal.SIGTERM)
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), patience_s + _PATIENCE_S)
        except TimeoutError:
            logger.error("%s did not end and is killed", self.name)  # noqa: TRY400 - one line
            self._process.kill()
            await self._process.wait()


def _how(code: int) -> str:
    if code >= 0:
        return f"with status {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"
