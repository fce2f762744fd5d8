"""Keeping read models up: a batch folded into each of them and their checkpoints, in one transaction."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from events.archive import ArchiveError
from events.sql import statement
from projections.database import Connection
from projections.desk import RefusedAtDeskError, Seat, Step
from projections.folding import FOLD_TIMEOUT_S, Folding, UnfoldableError
from projections.projection import Projection

IDLE_TIMEOUT_S: Final = 60
"""Seconds after which the server ends the transaction of a projector that hangs, and another takes over."""
_CLAIM: Final = """
SELECT c.name, c.generation, c.position, set_config('idle_in_transaction_session_timeout', $4, true),
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
 WHERE name = $1 AND ($2::bigint IS NULL OR position = $2)
"""

logger = logging.getLogger(__name__)


class Followed(NamedTuple):
    """What became of a run."""

    folded: int
    """Events, counted once for each read model."""
    head: int
    """The last event that was to be folded."""


class Follower:
    """Folds what is new into read models that have their tables."""

    def __init__(self, pool: asyncpg.Pool, *, batch: int, archive: Path | None) -> None:
        """Take connections.

        Args:
            pool: to a migrated store's database.
            batch: events folded in one transaction, at most, for each read model.
            archive: folder of the files of what is cold. Without it, a read model that needs them stays where it is.
        """
        self._pool = pool
        self._batch = batch
        self._archive = archive
        self._waiting: set[str] = set()
        self._seat = Seat(pool)

    def seated(self) -> AbstractAsyncContextManager[None]:
        """Keep a connection with its plans for as long as the block lasts, and not only for one call."""
        return self._seat.kept()

    async def follow(self, projections: Sequence[Projection], head: int | None, *, wait: bool) -> Followed:
        """Fold up to `head`, all together; where that cannot be, each by itself.

        Args:
            projections: what to fold into, where it is neither stopped nor of other SQL.
            head: the last event to fold; None for the ledger's last one at this moment.
            wait: wait for those that another projector is at, instead of leaving them to it.
        """
        alone = [each for each in projections if each.name in self._waiting]
        together = [each for each in projections if each.name not in self._waiting]
        folded, more = 0, bool(together)
        async with self.seated():
            while more:
                try:
                    step = await self._step(together, head, wait=wait)
                except (RefusedAtDeskError, UnfoldableError, ArchiveError):
                    alone = list(projections)
                    break
                folded, more, head = folded + step.folded, step.more, step.head
        head = await self._known(head)
        return Followed(folded + sum([await self._follow_one(each, head, wait=wait) for each in alone]), head)

    @contextmanager
    def without_the_archive(self, name: str) -> Iterator[None]:
        """Leave a read model where it is, and say so once, while what is cold cannot be read: the others go on."""
        try:
            yield
        except ArchiveError as error:
            if name not in self._waiting:
                logger.warning("projection %s waits: %s", name, error)
            self._waiting.add(name)
        else:
            self._waiting.discard(name)

    async def _follow_one(self, projection: Projection, head: int, *, wait: bool) -> int:
        """Fold up to `head`; where a batch does not fold, halve it until the event at fault is found."""
        folded, size, more = 0, self._batch, True
        while more:
            moved = 0
            try:
                with self.without_the_archive(projection.name):
                    moved, more, _ = await self._step_by_itself({projection.name: projection}, head, size, wait=wait)
            except UnfoldableError as error:
                size = (error.upto - error.after) // 2
                if size == 0:
                    async with self._pool.acquire() as connection:
                        await stop(connection, projection.name, error.after, error)
                    return folded
            else:
                if moved == 0:
                    return folded
                folded += moved
        return folded

    async def _step(self, projections: Sequence[Projection], head: int | None, *, wait: bool) -> Step:
        """Fold a batch into each that is behind, all or none."""
        known = {projection.name: projection for projection in projections}
        async with self._seat.taken() as desk:
            done = None if desk is None else await desk.round(known, head, self._batch, wait=wait)
        if done is not None:
            return done
        return await self._step_by_itself(known, await self._known(head), self._batch, wait=wait)

    async def _known(self, head: int | None) -> int:
        return int(await self._pool.fetchval(statement("last_position"))) if head is None else head

    async def _step_by_itself(self, known: Mapping[str, Projection], head: int, size: int, *, wait: bool) -> Step:
        """Fold a batch into each, wherever each is, whatever is cold."""
        async with self._pool.acquire() as connection, connection.transaction():
            claimed = await _claim(connection, known, head, wait=wait)
            if not claimed:
                return Step(0, more=False, head=head)
            folding = await Folding.begin(connection, self._archive)
            reached = [min(row["position"] + size, head) for row in claimed]
            for row, upto in zip(claimed, reached, strict=True):
                projection = known[row["name"]]
                schema = projection.schema(row["generation"])
                await folding.fold(projection, schema, row["position"], upto, skipped=row["skipped"])
            await connection.execute(_ADVANCE, [row["name"] for row in claimed], reached)
            folded = sum(upto - row["position"] for row, upto in zip(claimed, reached, strict=True))
            return Step(folded, min(reached) < head, head)


async def _claim(
    connection: Connection, known: Mapping[str, Projection], head: int, *, wait: bool
) -> list[asyncpg.Record]:
    """Lock the checkpoints of what is behind, and return them by name."""
    definitions = [projection.definition for projection in known.values()]
    claim = _CLAIM if wait else f"{_CLAIM} SKIP LOCKED"
    idle = f"{IDLE_TIMEOUT_S}s"
    return list(await connection.fetch(claim, list(known), definitions, head, idle, timeout=FOLD_TIMEOUT_S))


async def stop(connection: Connection, name: str, position: int | None, error: UnfoldableError) -> None:
    """Stop a read model at the event at fault, unless it has moved on from a position meanwhile."""
    logger.error("projection %s stops at event %d: %s", name, error.upto, error.reason)
    await connection.execute(_STOP, name, position, error.upto, error.reason)
