"""Rebuilding beside what is shown: a shadow generation with a checkpoint of its own, and the moment it takes over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import asyncpg

from events.ranges import load_ranges
from events.store import StoreUnavailableError
from projections.cold import demand_files
from projections.database import Connection, describe, passes
from projections.folding import FOLD_TIMEOUT_S, Folding, UnfoldableError
from projections.generations import add_indexes, create, drop, grant, next_generation, show, sweep
from projections.projection import Projection
from projections.skips import skipped_after
from projections.status import ProjectionBusyError, ProjectionStoppedError

BATCH: Final = 50_000
"""Events folded in one transaction, at most: what a kill loses, and what is sorted in memory."""
_LOCK: Final = 471_200_004
# So many events may be left for the transaction that changes over, in which the live projector waits.
_CLOSE: Final = 2_000
# Changing over waits for who reads the view, and new readers wait behind it: briefly, then it makes room again.
_PATIENCE: Final = "SET LOCAL lock_timeout TO '500ms'"
_ATTEMPTS: Final = 240
_PAUSE_S: Final = 0.25

Told = Callable[[int, int], None]
"""Takes how many events are folded, and of how many."""


@asynccontextmanager
async def alone(connection: Connection, name: str, *, wait: bool) -> AsyncIterator[None]:
    """Be the only one in the cluster to rebuild a read model; whoever dies at it makes room at once.

    Raises:
        ProjectionBusyError: another process is at it, and this one was not to wait.
    """
    if wait:
        await connection.execute("SELECT pg_advisory_lock($1, hashtext($2))", _LOCK, name, timeout=FOLD_TIMEOUT_S)
    elif not await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCK, name):
        raise ProjectionBusyError(f"{name} is being rebuilt by another process")
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1, hashtext($2))", _LOCK, name)


async def rebuild(pool: asyncpg.Pool, projection: Projection, archive: Path | None, told: Told | None = None) -> int:
    """Build a read model anew, see `Shadow.build`, unless another process is at it.

    Raises:
        ProjectionBusyError: it is.
        ProjectionStoppedError: an event does not fold; the old rows and their checkpoint are as they were.
        ArchiveError: what is cold cannot be read.
        StoreUnavailableError: a reader would not let go of the view.
    """
    try:
        async with pool.acquire() as connection, alone(connection, projection.name, wait=False):
            return await Shadow(connection, projection, archive, told).build()
    except UnfoldableError as error:
        raise ProjectionStoppedError(f"{projection.name} stops at event {error.upto}: {error.reason}") from None


class Shadow:
    """A generation that is being built; for a connection that is `alone` and in no transaction."""

    def __init__(
        self, connection: Connection, projection: Projection, archive: Path | None, told: Told | None = None
    ) -> None:
        self._connection = connection
        self._projection = projection
        self._archive = archive
        self._told = told
        self._generation = 0
        self._position = 0
        self._indexed = False

    async def build(self) -> int:
        """Fold all events while the old generation is read and kept up, then let the new one be shown instead.

        What an earlier rebuild left half done is gone on with, unless it was by other SQL.

        Returns:
            The position at which the new generation took over.

        Raises:
            UnfoldableError: naming one event, or why the new generation cannot take the old one's place.
            ArchiveError: what is cold cannot be read.
            StoreUnavailableError: a reader would not let go of the view.
            asyncpg.PostgresError: what may pass by itself. Whatever is raised, what was built stays.
        """
        demand_files((await load_ranges(self._connection)).partitions, self._archive)
        try:
            await self._sweep()
            await self._begin()
            head = await self._take_over()
            if self._told is not None:
                self._told(head, head)
            await self._sweep()
        except asyncpg.PostgresError as error:
            if passes(error):
                raise
            head = await self._head()
            raise UnfoldableError(max(head - 1, 0), head, self._reason(error)) from None
        return head

    def _reason(self, error: asyncpg.PostgresError) -> str:
        match error:
            case asyncpg.DependentObjectsStillExistError():
                return f"another view stands on projections.{self._projection.name}; drop it first"
            case asyncpg.InsufficientPrivilegeError():
                return "only the database's owner can build it anew (`balto store migrate`)"
            case _:
                return describe(error)

    async def _begin(self) -> None:
        name, definition = self._projection.name, self._projection.definition
        async with self._connection.transaction():
            row = await self._connection.fetchrow("SELECT * FROM projections.shadows WHERE name = $1", name)
            if row is not None and row["definition"] == definition:
                self._generation, self._position, self._indexed = row["generation"], row["position"], row["indexed"]
                return
            if row is not None:
                await self._connection.execute("DELETE FROM projections.shadows WHERE name = $1", name)
                await drop(self._connection, self._projection, row["generation"])
            self._generation = await next_generation(self._connection, self._projection)
            self._position, self._indexed = 0, False
            await create(self._connection, self._projection, self._generation, indexes=False)
            await self._connection.execute(
                "INSERT INTO projections.shadows (name, definition, generation, position) VALUES ($1, $2, $3, 0)",
                name,
                definition,
                self._generation,
            )

    async def _approach(self, leave: int) -> None:
        """Fold until so little is left; halve a run that does not fold until the event at fault is found."""
        size = BATCH
        while True:
            head = await self._head()
            if self._told is not None:
                self._told(self._position, head)
            if head - self._position <= leave:
                return
            upto = min(self._position + size, head)
            try:
                async with self._connection.transaction():
                    await self._fold(upto)
                    await self._own(
                        "UPDATE projections.shadows SET position = $3, stopped_at = NULL, reason = NULL,"
                        " updated_at = clock_timestamp() WHERE name = $1 AND generation = $2",
                        upto,
                    )
            except UnfoldableError as error:
                size = (error.upto - error.after) // 2
                if size == 0:
                    await self._stop(error)
                    raise
            else:
                self._position = upto

    async def _index(self) -> None:
        """Make the indexes that nothing but readers needs: keeping them up row by row costs a twelfth of a rebuild."""
        async with self._connection.transaction():
            await add_indexes(self._connection, self._projection, self._generation)
            await self._own("UPDATE projections.shadows SET indexed = true WHERE name = $1 AND generation = $2")
        self._indexed = True

    async def _take_over(self) -> int:
        leave = _CLOSE
        for _ in range(_ATTEMPTS):
            await self._approach(leave)
            if not self._indexed:
                await self._index()
                await self._approach(leave)
            try:
                async with self._connection.transaction():
                    return await self._change_over()
            except asyncpg.LockNotAvailableError:
                await asyncio.sleep(_PAUSE_S)
            except UnfoldableError:
                leave = 0
        raise StoreUnavailableError(f"a reader does not let go of projections.{self._projection.name}")

    async def _change_over(self) -> int:
        """Fold what is left while the live projector waits, and show the new generation."""
        connection, projection = self._connection, self._projection
        await connection.execute(_PATIENCE)
        await connection.execute("SELECT FROM projections.checkpoints WHERE name = $1 FOR UPDATE", projection.name)
        head = await self._head()
        await self._fold(head)
        await show(connection, projection, self._generation)
        await grant(connection, projection, self._generation)
        await self._own("DELETE FROM projections.shadows WHERE name = $1 AND generation = $2")
        await connection.execute(
            "UPDATE projections.checkpoints SET definition = $2, generation = $3, position = $4, stopped_at = NULL,"
            " reason = NULL, updated_at = clock_timestamp() WHERE name = $1",
            projection.name,
            projection.definition,
            self._generation,
            head,
        )
        return head

    async def _fold(self, upto: int) -> None:
        skipped = await skipped_after(self._connection, self._projection.name, self._position)
        folding = await Folding.begin(self._connection, self._archive)
        schema = self._projection.schema(self._generation)
        await folding.fold(self._projection, schema, self._position, upto, skipped=skipped)

    async def _own(self, statement: str, *more: object) -> None:
        """Change the shadow's row.

        Raises:
            StoreUnavailableError: it is gone: an event that was folded is to be skipped.
        """
        done = await self._connection.execute(statement, self._projection.name, self._generation, *more)
        if done.endswith(" 0"):
            raise StoreUnavailableError(f"an event of {self._projection.name} was skipped meanwhile; rebuild it again")

    async def _stop(self, error: UnfoldableError) -> None:
        await self._connection.execute(
            "UPDATE projections.shadows SET stopped_at = $2, reason = $3, updated_at = clock_timestamp()"
            " WHERE name = $1",
            self._projection.name,
            error.upto,
            error.reason,
        )

    async def _sweep(self) -> None:
        with suppress(asyncpg.LockNotAvailableError):  # somebody still reads it: the next rebuild drops it
            await sweep(self._connection, self._projection)

    async def _head(self) -> int:
        return int(await self._connection.fetchval("SELECT position FROM head"))
