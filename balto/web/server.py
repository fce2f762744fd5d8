"""The web server: the socket and the routes on one port, and a graceful stop."""

import asyncio
import contextlib
import logging
import signal
import socket as sockets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Final

from aiohttp import web

from balto.app import Balto
from balto.orphans import Orphans
from balto.web.http import add_routes
from balto.web.lowwater import Tide
from balto.web.port import in_url, take_port
from balto.web.socket import SOCKETS, TIDE, close_sockets, socket
from events.watch import Watch
from projections.cadence import WATCH_DOZE_S, WATCH_PACE_S
from projections.leading import while_leading

logger = logging.getLogger(__name__)

DRAIN_PATIENCE_S: Final = 20.0
_BACKLOG: Final = 512
"""Connections that may wait to be taken."""


def build_app(balto: Balto) -> web.Application:
    """Return the aiohttp application of everything that the network can reach."""
    app = web.Application(client_max_size=25 * 1024 * 1024)
    add_routes(app, balto)
    app.router.add_get("/ws", socket)
    app[SOCKETS] = []
    app[TIDE] = Tide(asyncio.get_running_loop())
    app.on_shutdown.append(close_sockets)
    return app


@contextlib.asynccontextmanager
async def serving(balto: Balto, taken: list[sockets.socket] | None = None) -> AsyncIterator[str]:
    """Serve until the block ends, then drain the sessions and stop. A signal during the drain cuts it short.

    Where other processes listen at the same port, this one leaves newcomers to them from the beginning of the drain.

    Args:
        balto: what is served.
        taken: the port, held by `doorway`; without it the port of the settings is taken now.

    Yields:
        The server's address, with the port that was taken if the setting was 0.

    Raises:
        StartError: the port is taken or may not be used.
    """
    runner = web.AppRunner(build_app(balto), access_log=None, handler_cancellation=False, shutdown_timeout=5.0)
    await runner.setup()
    shared = balto.place.of > 1
    try:
        for one in take_port(balto.settings) if taken is None else taken:
            # Of a burst, one connection at a time: the others are for whichever process is free first.
            await web.SockSite(runner, one, backlog=1 if shared else _BACKLOG).start()
            one.listen(_BACKLOG)
        host, port = runner.addresses[0][:2]
        projector = balto.library.projector
        orphans = Orphans(
            balto.sessions, projector, balto.presence, grace_s=balto.settings.grace_s, clock=time.monotonic
        )
        background = [
            asyncio.create_task(while_leading(balto.library.dsn, partial(_project, balto)), name="projector"),
            asyncio.create_task(orphans.look_after(), name="orphans"),
            asyncio.create_task(balto.budgets.look_after(), name="budgets"),
        ]
        try:
            yield f"http://{in_url(host)}:{port}"
        finally:
            if shared:
                await asyncio.gather(*(site.stop() for site in list(runner.sites)))
            left = await _drain(balto)
            if left:
                logger.warning("%d sessions had not ended in time and were cut off", left)
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
    finally:
        await runner.cleanup()


async def _project(balto: Balto) -> None:
    async with Watch(balto.library.dsn, pace_s=WATCH_PACE_S, doze_after_s=WATCH_DOZE_S) as watch:
        await balto.library.projector.run(watch=watch)


async def _drain(balto: Balto) -> int:
    draining = asyncio.ensure_future(balto.sessions.drain(patience_s=DRAIN_PATIENCE_S))
    with on_signals(draining.cancel):
        await asyncio.wait([draining])
    return balto.sessions.live if draining.cancelled() else draining.result()


async def until_told_to_stop(ready: Callable[[], None] = lambda: None) -> None:
    """Return at SIGINT, SIGTERM or SIGHUP; `ready` is called as soon as they are heard."""
    stop = asyncio.Event()
    with on_signals(stop.set):
        ready()
        await stop.wait()


@contextlib.contextmanager
def on_signals(
    act: Callable[[], object], numbers: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
) -> Iterator[None]:
    """Act on signals for the length of the block; where others run the loop, signals stay theirs.

    A SIGHUP that was to be ignored, as under `nohup`, goes on being ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in numbers}
    if before.get(signal.SIGHUP) is signal.SIG_IGN:
        del before[signal.SIGHUP]
    loop = asyncio.get_running_loop()
    for number in before:
        loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
