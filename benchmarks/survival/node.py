"""One `balto serve` process that is killed and started again."""

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from typing import Self

import aiohttp


class Node:
    """A server of its own process on a fixed loopback port.

    Args:
        environment: settings beside the port.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.port = _free_port()
        self._environment = {**os.environ, **environment, "BALTO_PORT": str(self.port)}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self) -> None:
        """Start the process and wait until it answers."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "balto",
            "serve",
            env=self._environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with aiohttp.ClientSession() as http, asyncio.timeout(60):
            while True:
                try:
                    async with http.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                if self._process.returncode is not None:
                    raise RuntimeError(f"balto serve ended with {self._process.returncode}")
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """Kill the process as the kernel would, without a word."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
