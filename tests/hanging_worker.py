"""`python -m tests.hanging_worker HANDLE`: a worker that serves nobody, and hangs when it is asked to."""

import asyncio
import socket
import sys
from typing import Any

from actors.runtime.line import Line


async def answer(what: str, about: Any, body: bytes) -> Any:
    del about, body
    while what == "hang":
        pass


async def main() -> None:
    to_parent = socket.socket(fileno=int(sys.argv[1]))
    line = Line(*await asyncio.open_unix_connection(sock=to_parent), answer)
    talking = asyncio.create_task(line.run())
    await line.ask("ready")
    await talking


if __name__ == "__main__":
    asyncio.run(main())
