"""Readers that stop reading, over real sockets: they hold nothing of the server for long."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from balto.app import Balto
from balto.web.keys import LIMITS
from balto.web.watching import FOLLOWERS
from events.catalogue import SubjectErased
from events.store import Append
from tests.events_at_hand import new_event
from tests.integration.balto.door import Client

EXPORT = "/api/v1/projections/phrase_timeline?format="
_FILL = """
INSERT INTO phrase_timeline_g1.phrase_timeline (session_id, phrase, tenant, outcome, first_position, last_position)
SELECT 's' || n, 1, '100000', repeat(md5(n::text), 60), 1, 1 FROM generate_series(1, 6000) n
"""


@contextlib.asynccontextmanager
async def asked(client: Client, path: str) -> AsyncIterator[socket.socket]:
    """Ask for something with a socket that takes little at a time, and read the beginning of the answer."""
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.setblocking(False)
        await loop.sock_connect(sock, (client.host, client.port))
        await loop.sock_sendall(sock, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert (await loop.sock_recv(sock, 15)).startswith(b"HTTP/1.1 200")
        yield sock


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what comes by itself, a minute at most."""
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - another process is asked
            await asyncio.sleep(0.02)


async def is_free(client: Client, balto: Balto) -> bool:
    """Tell whether nothing of an export is held: no connection to the database or the reader, and no place."""
    query = "SELECT FROM pg_stat_activity WHERE application_name = 'balto export' AND datname = current_database()"
    if await balto.library.projector.pool.fetch(query):
        return False
    assert client.app is not None
    return not (client.app[LIMITS].exports.present or client.app[FOLLOWERS].turnstile.present or connections(client))


def connections(client: Client) -> int:
    """Return how many are open at the server."""
    handler = client.server.handler
    assert handler is not None
    return len(handler.connections)


@pytest.mark.parametrize("form", ["csv", "parquet", "xlsx"])
async def test_who_reads_no_export_further_loses_it_and_its_place(
    client: Client, balto: Balto, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr("balto.web.pacing.PATIENCE_S", 0.3)
    # Compressed, what repeats itself is little: random text is as long as it looks.
    await balto.library.projector.pool.execute(
        _FILL if form == "csv" else _FILL.replace("repeat(md5(n::text), 60)", _RANDOM)
    )
    async with asked(client, EXPORT + form):
        assert connections(client) == 1
        await until(lambda: is_free(client, balto))
    whole = await client.get(EXPORT + "csv")
    assert (await whole.read()).count(b"\n") == 6_001


_RANDOM = "(SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 60) m)"


async def test_who_reads_an_export_drop_by_drop_has_a_time_for_all_of_it(
    client: Client, balto: Balto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balto.web.routes.exports.EXPORT_S", 0.5)
    await balto.library.projector.pool.execute(_FILL)
    loop = asyncio.get_running_loop()
    async with asked(client, EXPORT + "csv") as sock:

        async def a_drop_later() -> bool:
            await loop.sock_recv(sock, 1_024)
            return await is_free(client, balto)

        with contextlib.suppress(ConnectionResetError):
            await until(a_drop_later)
        await until(lambda: is_free(client, balto))


async def test_who_follows_and_reads_no_further_is_let_go(
    client: Client, balto: Balto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balto.web.pacing.PATIENCE_S", 0.3)
    long = [new_event(SubjectErased(reason="x" * 8_000)) for _ in range(1_500)]
    await balto.library.store.append(Append(stream="session-1", tenant="100000", events=long))
    async with asked(client, "/api/v1/events?follow=true&after=0"):
        assert connections(client) == 1
        await until(lambda: is_free(client, balto))


async def test_who_follows_is_sent_away_in_order_after_some_hours(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balto.web.routes.events.FOLLOWING_S", 0.3)
    monkeypatch.setattr("balto.web.routes.events._BEAT_S", 0.1)
    async with client.get("/api/v1/events?follow=true") as response, asyncio.timeout(60):
        assert (await response.content.read()).startswith(b": balto\n\n: \n\n")
