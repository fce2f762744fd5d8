"""The desk: a connection on which what is new is laid out once for all read models, and folded by plans that stay."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Self

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from projections.database import describe, passes
from projections.folding import FOLD_TIMEOUT_S, UnfoldableError
from projections.projection import Projection, reads

MOST: Final = 500
"""Events that are laid out, at most: there is no index on what is laid out, and none is needed for so few."""
RENEWED_S: Final = 3600.0
"""Seconds after which a desk is given up: no vacuum gets at a temporary table, which must not age for months."""
_REPLANNED_S: Final = 1.0
# Temporary tables come first wherever names are looked up, so the ledger is read by the view that stands on it.
_OPEN: Final = """
CREATE TEMPORARY TABLE events (LIKE folding.events) ON COMMIT DELETE ROWS;
PREPARE desk_firsts (bigint) AS
 INSERT INTO pg_temp.events
 SELECT b.* FROM (SELECT DISTINCT stream_id FROM pg_temp.events) t
   JOIN streams s ON s.id = t.stream_id AND s.first_pos <= $1
   JOIN folding.events b ON b.position = s.first_pos;
PREPARE desk_advance (text[], bigint) AS
 UPDATE projections.checkpoints SET position = $2, updated_at = clock_timestamp() WHERE name = ANY ($1);
SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false),
       set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false), set_config('synchronous_commit', 'off', false)
"""
# The driver executes it with a snapshot taken after its locks: a partition that is still seen is not detached any more.
_LAY_OUT: Final = """
WITH run AS (
    INSERT INTO pg_temp.events
    SELECT * FROM folding.events WHERE position > $1 AND position <= $2
    RETURNING type
)
SELECT type, count(*) AS events FROM run GROUP BY type
"""

logger = logging.getLogger(__name__)


class Desk:
    """Folds a small run into many read models: one reading of the ledger, one round trip for all folds.

    Planning takes most of what a small fold costs. A plan that is kept knows nothing of the run but that it is in a
    small table, which is all that it needs to know: the run is found first, all else by keys. Over the ledger itself
    it would have to be right about a two-hundredth of all events.
    """

    def __init__(self, connection: PoolConnectionProxy, path: str, now: float) -> None:
        self._connection = connection
        self._path = path
        self._opened = self._planned = now
        self._prepared: dict[tuple[str, str], str] = {}

    @classmethod
    async def open(cls, connection: PoolConnectionProxy, now: float) -> Self:
        """Make a connection a desk; until it is closed, `events` on it is what is laid out.

        Args:
            connection: in no transaction, of a role that may make temporary tables.
            now: monotonic seconds.
        """
        path = str(await connection.fetchval("SELECT current_setting('search_path')"))
        await connection.execute(_OPEN)
        return cls(connection, path, now)

    @property
    def connection(self) -> PoolConnectionProxy:
        """For the transaction in which is folded."""
        return self._connection

    def is_worn(self, now: float) -> bool:
        """Tell whether it should be given up for a new one."""
        return self._connection.is_closed() or now - self._opened >= RENEWED_S

    async def replan(self, now: float) -> None:
        """Forget plans that may be of a time when tables were much smaller."""
        if now - self._planned >= _REPLANNED_S:
            await self._connection.execute("DISCARD PLANS")
            self._planned = now

    async def lay_out(self, after: int, upto: int) -> frozenset[str] | None:
        """Lay out a run, for the rest of the transaction.

        Returns:
            The types of its events; None where some are not in the table: they are cold, or missing.
        """
        found = await self._connection.fetch(_LAY_OUT, after, upto, timeout=FOLD_TIMEOUT_S)
        if sum(row["events"] for row in found) != upto - after:
            return None
        return frozenset(row["type"] for row in found)

    async def fold(
        self, projections: Sequence[tuple[Projection, str]], after: int, upto: int, types: frozenset[str]
    ) -> None:
        """Fold the run that is laid out into read models, and move their checkpoints.

        Args:
            projections: each with the schema of its tables.
            after: the last event that is in all of them already.
            upto: the last event of the run.
            types: of the run's events.

        Raises:
            UnfoldableError: one of them cannot take it. The transaction is of no use then.
        """
        try:
            folding: list[str] = []
            for projection, schema in projections:
                folds = [fold for fold in projection.folds if (reads(fold) or types) & types]
                if folds:
                    folding.append(self._enter(schema, "pg_temp"))
                    folding += [f"EXECUTE {await self._prepare(schema, fold)} ({after}, {upto})" for fold in folds]
            names = ", ".join(f"'{projection.name}'" for projection, _ in projections)
            # A plan is made anew where the path is another than it was made for.
            before = [self._enter(), f"EXECUTE desk_firsts ({after})"]
            behind = [self._enter(), f"EXECUTE desk_advance (ARRAY[{names}], {upto})"]
            await self._connection.execute("; ".join([*before, *folding, *behind]), timeout=FOLD_TIMEOUT_S)
        except asyncpg.PostgresError as error:
            if passes(error):
                raise
            raise UnfoldableError(after, upto, describe(error)) from None

    async def close(self) -> None:
        """Make it an ordinary connection again."""
        deallocations = [f"DEALLOCATE {name}" for name in ("desk_firsts", "desk_advance", *self._prepared.values())]
        await self._connection.execute("; ".join(["DROP TABLE pg_temp.events", *deallocations, "RESET ALL"]))

    def _enter(self, *schemas: str) -> str:
        path = ", ".join(filter(None, (*schemas, self._path)))
        return f"SET LOCAL search_path TO {path or "''"}"

    async def _prepare(self, schema: str, fold: str) -> str:
        if (schema, fold) not in self._prepared:
            name = f"desk_{len(self._prepared)}"
            await self._connection.execute(f"{self._enter(schema, 'pg_temp')}; PREPARE {name} AS {fold}")
            self._prepared[schema, fold] = name
        return self._prepared[schema, fold]


class Seat:
    """Where a follower finds its desk: made when first needed, and anew when worn or left in disorder."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._desk: Desk | None = None
        self._keepers = 0
        self._lock = asyncio.Lock()
        # A desk keeps its connection, and what it cannot fold takes another one.
        self._possible = pool.get_max_size() > 1

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the desk between one taking and the next, until the last such block ends."""
        self._keepers += 1
        try:
            yield
        finally:
            self._keepers -= 1
            if not self._keepers:
                # Whoever comes while the desk is being cleared finds it taken.
                async with self._lock:
                    if not self._keepers:
                        await self._leave()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Desk | None]:
        """Take the desk for oneself; None where there is none to be had. Inside `kept`."""
        if not self._possible or self._lock.locked():
            yield None
            return
        async with self._lock:
            try:
                yield await self._sit_down()
            except UnfoldableError:
                raise  # the transaction is rolled back, and the desk as it was
            except BaseException:
                await self._abandon()
                raise

    async def _sit_down(self) -> Desk | None:
        now = asyncio.get_running_loop().time()
        if self._desk is not None and self._desk.is_worn(now):
            await self._leave()
        if self._desk is not None:
            await self._desk.replan(now)
            return self._desk
        connection = await self._pool.acquire()
        try:
            self._desk = await Desk.open(connection, now)
        except asyncpg.InsufficientPrivilegeError:
            logger.warning("projections are slower than they could be: the role may not make temporary tables")
            self._possible = False
        finally:
            if self._desk is None:
                await self._pool.release(connection)
        return self._desk

    async def _leave(self) -> None:
        """Give the connection back as it was."""
        if self._desk is not None and not self._desk.connection.is_closed():
            try:
                await self._desk.close()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
                await self._abandon()
        if self._desk is not None:
            desk, self._desk = self._desk, None
            await self._pool.release(desk.connection)

    async def _abandon(self) -> None:
        """Give up the connection with all that is on it."""
        desk, self._desk = self._desk, None
        if desk is not None:
            desk.connection.terminate()
            await self._pool.release(desk.connection)
