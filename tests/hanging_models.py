"""`python -m tests.hanging_models HANDLE`: local models that never finish a phrase, and hang when they are asked to."""

import asyncio
import socket
import sys
from typing import Any

from actors.runtime.line import Line


async def answer(what: str, about: Any, body: bytes) -> Any:
    del about, body
    while what == "hang":
        pass
    if what in ("hear", "encode"):
        await asyncio.get_running_loop().create_future()


async def main() -> None:
    talking: set[asyncio.Task[None]] = set()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.add(asyncio.create_task(Line(reader, writer, answer).run()))

    async with await asyncio.start_unix_server(take, sock=socket.socket(fileno=int(sys.argv[1]))) as server:
        # Whoever started it may be killed, and then it has to go too.
        await asyncio.to_thread(sys.stdin.read)
        server.close()


if __name__ == "__main__":
    asyncio.run(main())
