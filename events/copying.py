"""Copying a ledger to another server: the same positions, times, links and seals; broken off, it goes on."""

from collections.abc import Callable
from pathlib import Path

import asyncpg

from events.faults import translated
from events.transfer import (
    Rewrap,
    TransferError,
    bring_in,
    keep_recordings,
    stored_pages,
    stored_recordings,
    wrapped_keys,
)

Progress = Callable[[int, int], None]
"""Takes the position that the copy has come to, and the last one."""


async def copy_ledger(
    source: asyncpg.Connection,
    target: asyncpg.Connection,
    *,
    archive: Path | None,
    rewrap: Rewrap,
    progress: Progress | None = None,
) -> int:
    """Bring another ledger, empty or an earlier copy of this one, to where this one is.

    Args:
        source: of the owner of this ledger, made by `events.driver`.
        target: of the owner of the other one, which is migrated.
        archive: folder of the files of what is cold here; there it is not.
        rewrap: for whose master key.
        progress: called as it goes on.

    Returns:
        How many events were new there.

    Raises:
        TransferError: there are other events there.
        SealingError: a master key is not at hand.
        StoreUnavailableError: one of the databases is away; copy again.
    """
    with translated():
        upto: int = await source.fetchval("SELECT position FROM head")
        start = await _common(source, target)
        new = 0
        async for page in stored_pages(source, archive, after=start, upto=upto):
            keys = await wrapped_keys(source, list({event.stream for event in page}), rewrap)
            new += await bring_in(target, page, keys)
            if progress is not None:
                progress(page[-1].position, upto)
        async for recordings in stored_recordings(source):
            await keep_recordings(target, recordings)
    return new


async def _common(source: asyncpg.Connection, target: asyncpg.Connection) -> int:
    """Return the last position of the copy, which must be a beginning of the source."""
    query = "SELECT e.position, e.event_id, e.hash FROM events e WHERE e.position = $1"
    there = await target.fetchval("SELECT position FROM head")
    if there == 0:
        return 0
    theirs, ours = await target.fetchrow(query, there), await source.fetchrow(query, there)
    if theirs is None or (ours is not None and theirs != ours):
        raise TransferError("the other ledger holds events of its own: it is no copy of this one")
    # What is cold here cannot be looked up so; bringing it in again compares each event.
    return int(there) if ours is not None else 0
