"""`python -m balto.workers.worker`: one process of a server that takes connections, on behalf of its parent."""

import asyncio
import base64
import logging
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from actors.runtime.line import Line, LineClosedError, UnansweredError
from balto.app import Balto, open_balto
from balto.cli.common import fail, load_settings
from balto.collector import held_off, settle_down
from balto.heap import give_back, share_arenas
from balto.library import StartError, silent
from balto.place import Colleagues, Place
from balto.web.routes.metrics import figures_of
from balto.web.server import on_signals, serving
from balto.workers.entry import run_as_child
from balto.workers.shared import SharedMemory

_ANSWER_S: Final = 1.5

logger = logging.getLogger(__name__)


class OtherWorkers(Colleagues):
    """The other workers, whom the parent asks for us.

    Args:
        line: to the parent.
    """

    def __init__(self, line: Line) -> None:
        self._line = line

    async def figures(self) -> list[str]:
        """As `Colleagues.figures`; nothing where the parent does not say so at once."""
        return list(await self._ask("figures", []))

    async def at_work(self) -> int:
        """As `Colleagues.at_work`."""
        return int(await self._ask("at_work", 1))

    async def _ask(self, what: str, otherwise: Any) -> Any:
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await self._line.ask(what)
        except (TimeoutError, LineClosedError, UnansweredError):
            return otherwise


def main() -> None:
    """Serve, with the handle of the line to the parent as the one argument."""
    share_arenas()
    with held_off():
        run_as_child(_work(socket.socket(fileno=int(sys.argv[1]))))


async def _work(to_parent: socket.socket) -> None:
    opened: list[Balto] = []
    line = Line(*await asyncio.open_unix_connection(sock=to_parent), partial(_reply, opened))
    talking = asyncio.create_task(line.run(), name="parent")
    told = await line.ask("place")
    settings = load_settings(f"worker-{told['number']}", host=told["host"], port=told["port"])
    listening = [socket.socket(fileno=handle) for handle in told["listening"]]
    try:
        async with open_balto(settings, silent, place=_place(told, line)) as balto, serving(balto, listening):
            opened.append(balto)
            settle_down()
            give_back()
            stop = asyncio.Event()
            talking.add_done_callback(lambda _: stop.set())
            with on_signals(stop.set):
                await line.ask("ready")
                await stop.wait()
            if talking.done():
                logger.error("the parent is gone: this worker drains and stops too; start the server again")
    except StartError as error:
        fail(str(error))
    finally:
        talking.cancel()


def _place(told: dict[str, Any], line: Line) -> Place:
    memory = SharedMemory(told["memory"], bytes.fromhex(told["memory_key"]))
    return Place(
        number=told["number"],
        of=told["of"],
        boot=UUID(told["boot"]),
        dsn=told["dsn"],
        models=None if told["models"] is None else Path(told["models"]),
        secret=base64.b64decode(told["secret"]),
        census=memory.census(told["number"]),
        colleagues=OtherWorkers(line),
        buckets=memory.buckets,
    )


async def _reply(opened: list[Balto], what: str, about: Any, body: bytes) -> Any:
    del about, body
    match what, opened:
        case "lives", _:
            return None
        case "figures", [balto]:
            return figures_of(balto)
        case _:
            raise LookupError(what)


if __name__ == "__main__":
    main()
