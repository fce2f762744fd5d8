"""Processes that a benchmark starts, listens to, tells to finish and kills."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self


class ChildError(Exception):
    """A process ended by itself; what it said went to standard error."""


class Child:
    """A Python module that runs as a process of its own."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def running(cls, module: str, *arguments: str) -> AsyncIterator[Self]:
        """Start it, and kill it at the end if it is still there."""
        child = await cls.start(module, *arguments)
        try:
            yield child
        finally:
            await child.kill()

    @classmethod
    async def start(cls, module: str, *arguments: str) -> Self:
        """Start it."""
        command = [sys.executable, "-m", module, *arguments]
        # One line may tell of every append of a run.
        return cls(await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=1 << 26))

    async def line(self) -> str:
        """Wait for the next line that it prints.

        Raises:
            ChildError: it ended instead.
        """
        line = await self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line:
            raise ChildError(f"a process ended with status {await self._process.wait()}")
        return line.decode()

    async def finish(self) -> str:
        """Close its input and return the last line that it prints."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        line = await self.line()
        await self._process.wait()
        return line

    async def kill(self) -> None:
        """Kill it without any warning."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
