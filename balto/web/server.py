"""The web server: the socket and the routes on one port, and a graceful stop."""

import asyncio
import contextlib
import logging
import signal
import socket as sockets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

from aiohttp import web

from balto.app import Balto, StartError
from balto.orphans import Orphans
from balto.security.admin import AdminDoor
from balto.settings import Settings
from balto.web.http import add_routes
from balto.web.port import in_url, take_port
from balto.web.socket import SOCKETS, close_sockets, socket
from events.watch import Watch

logger = logging.getLogger(__name__)

DRAIN_PATIENCE_S: Final = 20.0


def build_app(balto: Balto) -> web.Application:
    """Return the aiohttp application of everything that the network can reach."""
    app = web.Application(client_max_size=25 * 1024 * 1024)
    add_routes(app, balto)
    app.router.add_get("/ws", socket)
    app[SOCKETS] = []
    app.on_shutdown.append(close_sockets)
    return app


@contextlib.contextmanager
def doorway(settings: Settings) -> Iterator[list[sockets.socket]]:
    """Check what the server needs before anything slow begins, and hold its port for the length of the block.

    Raises:
        StartError: the host, the port or the administrator's password cannot be used.
    """
    try:
        AdminDoor.check(settings.admin_password)
    except ValueError as error:
        raise StartError(str(error)) from None
    taken = take_port(settings)
    try:
        yield taken
    finally:
        for one in taken:
            one.close()


@contextlib.asynccontextmanager
async def serving(balto: Balto, taken: list[sockets.socket] | None = None) -> AsyncIterator[str]:
    """Serve until the block ends, then drain the sessions and stop. A signal during the drain cuts it short.

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
    try:
        for one in take_port(balto.settings) if taken is None else taken:
            await web.SockSite(runner, one).start()
        host, port = runner.addresses[0][:2]
        projector = balto.library.projector
        watch = Watch(balto.library.dsn)
        watch.start()
        orphans = Orphans(
            balto.sessions, projector, balto.presence, grace_s=balto.settings.grace_s, clock=time.monotonic
        )
        background = [
            asyncio.create_task(projector.run(watch=watch), name="projector"),
            asyncio.create_task(orphans.look_after(), name="orphans"),
            asyncio.create_task(balto.budgets.look_after(), name="budgets"),
        ]
        try:
            yield f"http://{in_url(host)}:{port}"
        finally:
            left = await _drain(balto)
            if left:
                logger.warning("%d sessions had not ended in time and were cut off", left)
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await watch.close()
    finally:
        await runner.cleanup()


async def _drain(balto: Balto) -> int:
    draining = asyncio.ensure_future(balto.sessions.drain(patience_s=DRAIN_PATIENCE_S))
    with _on_signals(draining.cancel):
        await asyncio.wait([draining])
    return balto.sessions.live if draining.cancelled() else draining.result()


async def until_told_to_stop(ready: Callable[[], None] = lambda: None) -> None:
    """Return at SIGINT or SIGTERM; `ready` is called as soon as they are heard."""
    stop = asyncio.Event()
    with _on_signals(stop.set):
        ready()
        await stop.wait()


@contextlib.contextmanager
def _on_signals(act: Callable[[], object]) -> Iterator[None]:
    """Act on SIGINT and SIGTERM for the length of the block; where others run the loop, signals stay theirs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    loop = asyncio.get_running_loop()
    for number in before:
        loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
