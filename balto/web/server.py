"""The web server: the socket and the routes on one port, and a graceful stop."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from balto.app import Balto, StartError
from balto.orphans import look_after_orphans
from balto.web.http import add_routes
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


@contextlib.asynccontextmanager
async def serving(balto: Balto) -> AsyncIterator[str]:
    """Serve until the block ends, then drain the sessions and stop.

    Yields:
        The server's address, with the port that was taken if the setting was 0.

    Raises:
        StartError: the port is taken or may not be used.
    """
    settings = balto.settings
    runner = web.AppRunner(build_app(balto), access_log=None, handler_cancellation=False, shutdown_timeout=5.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise StartError(
                f"cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0).lower()}; "
                "set BALTO_PORT to another port"
            ) from error
        host, port = runner.addresses[0][:2]
        projector = balto.library.projector
        watch = Watch(balto.library.dsn)
        watch.start()
        background = [
            asyncio.create_task(projector.run(watch=watch), name="projector"),
            asyncio.create_task(
                look_after_orphans(balto.sessions, projector, grace_s=settings.grace_s), name="orphans"
            ),
        ]
        try:
            yield f"http://{host}:{port}"
        finally:
            left = await balto.sessions.drain(patience_s=DRAIN_PATIENCE_S)
            if left:
                logger.warning("%d sessions had not ended in time and were cut off", left)
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await watch.close()
    finally:
        await runner.cleanup()


async def until_told_to_stop() -> None:
    """Return at SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
