"""One step of keeping read models up: a batch folded into each of them and their checkpoints, in one transaction."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncpg

from projections.database import Connection
from projections.folding import FOLD_TIMEOUT_S, Folding, UnfoldableError
from projections.projection import Projection

_CLAIM: Final = """
SELECT c.name, c.generation, c.position,
       ARRAY(SELECT k.position FROM projections.skips k
              WHERE k.name = c.name AND k.position > c.position ORDER BY k.position) AS skipped
  FROM projections.checkpoints c
  JOIN unnest($1::text[], $2::bytea[]) AS w (name, definition) ON w.name = c.name AND w.definition = c.definition
 WHERE c.stopped_at IS NULL AND c.position < $3
 ORDER BY c.name
   FOR UPDATE OF c
"""
_ADVANCE: Final = """
UPDATE projections.checkpoints c SET position = w.position, updated_at = clock_timestamp()
  FROM unnest($1::text[], $2::bigint[]) AS w (name, position) WHERE c.name = w.name
"""
_STOP: Final = """
UPDATE projections.checkpoints SET stopped_at = $3, reason = $4, updated_at = clock_timestamp()
 WHERE name = $1 AND position = $2
"""

logger = logging.getLogger(__name__)


async def step(
    pool: asyncpg.Pool, projections: Sequence[Projection], head: int, size: int, *, archive: Path | None, wait: bool
) -> int:
    """Fold a batch into each read model that is behind, all or none.

    Args:
        pool: connections.
        projections: what may be folded, where it is neither stopped nor of other SQL.
        head: the last event to fold.
        size: events for each, at most.
        archive: the folder of the files of what is cold.
        wait: wait for those that another projector is at, instead of leaving them to it.

    Returns:
        How many events were folded, counted once for each read model; 0 where there is nothing to do.

    Raises:
        UnfoldableError: one of them cannot take its batch; nothing was folded.
        ArchiveError: what is cold cannot be read; nothing was folded.
        asyncpg.PostgresError: what may pass by itself.
    """
    known = {projection.name: projection for projection in projections}
    definitions = [projection.definition for projection in projections]
    claim = _CLAIM if wait else f"{_CLAIM} SKIP LOCKED"
    async with pool.acquire() as connection, connection.transaction():
        claimed = await connection.fetch(claim, list(known), definitions, head, timeout=FOLD_TIMEOUT_S)
        if not claimed:
            return 0
        folding = await Folding.begin(connection, archive)
        reached = [min(row["position"] + size, head) for row in claimed]
        for row, upto in zip(claimed, reached, strict=True):
            projection = known[row["name"]]
            schema = projection.schema(row["generation"])
            await folding.fold(projection, schema, row["position"], upto, skipped=row["skipped"])
        await connection.execute(_ADVANCE, [row["name"] for row in claimed], reached)
        return sum(upto - row["position"] for row, upto in zip(claimed, reached, strict=True))


async def stop(connection: Connection, name: str, position: int, error: UnfoldableError) -> None:
    """Stop a read model at the event at fault, unless it has moved on meanwhile."""
    logger.error("projection %s stops at event %d: %s", name, error.upto, error.reason)
    await connection.execute(_STOP, name, position, error.upto, error.reason)
