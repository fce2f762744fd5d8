"""`last` is one session for every command: the one that began last, however far the read models are."""

from types import SimpleNamespace

import asyncpg
import pytest
import typer

from balto.cli.names import existing_stream, known_session, resolve_session, told_session
from events.postgres import PostgresStore
from projections import reports
from projections.projector import Projector
from tests.integration.projections.script import Ledger, captured, started

FIRST, NEXT = "0192f0c1-2d3e-7f40-8a5b-6c7d8e9f0a1b", "0192f0c1-2d3e-7f40-8a5b-6c7d8e9f0a1c"


async def begin(ledger: Ledger, session_id: str, *, at_us: int) -> None:
    """Append a session that has said one phrase."""
    await ledger.append(f"session-{session_id}", "100000", started(session_id, "c1"), captured(1), at_us=at_us)


async def test_the_last_is_the_same_to_all_right_after_a_start(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool, store: PostgresStore
) -> None:
    library = SimpleNamespace(store=store, projector=projector)
    await begin(ledger, FIRST, at_us=0)
    await projector.catch_up()
    await begin(ledger, NEXT, at_us=1_000_000)
    assert await resolve_session(library, "last") == NEXT
    assert await existing_stream(library, "last") == f"session-{NEXT}"
    assert await known_session(library, "last") == NEXT
    await begin(ledger, FIRST[:-1] + "d", at_us=2_000_000)
    newest = await told_session(library, "last")
    assert newest == FIRST[:-1] + "d"
    assert [row.phrase for row in await reports.timeline(pool, newest)] == [1]


async def test_a_session_is_known_by_its_id_and_by_its_streams_name(
    ledger: Ledger, projector: Projector, store: PostgresStore
) -> None:
    library = SimpleNamespace(store=store, projector=projector)
    await begin(ledger, FIRST, at_us=0)
    for name in (FIRST, f"session-{FIRST}"):
        assert await known_session(library, name) == FIRST
        assert await existing_stream(library, name) == f"session-{FIRST}"
    with pytest.raises(typer.Exit):
        await known_session(library, NEXT)
