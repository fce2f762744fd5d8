"""The desk: a connection on which what is new is laid out once for all read models, and folded by plans that stay."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple, Self

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from projections.database import describe, passes
from projections.folding import FOLD_TIMEOUT_S
from projections.projection import Projection
from projections.rounds import CALL, SIGNATURE, Turn, entering, round_function

MOST: Final = 500
"""Events that are laid out, at most: there is no index on what is laid out, and none is needed for so few."""
RENEWED_S: Final = 3600.0
"""Seconds after which a desk is given up: no vacuum gets at a temporary table, which must not age for months."""
_REPLANNED_S: Final = 1.0
"""Seconds between two times that all is planned anew, at least, however fast the ledger grows."""
_TRUSTED_S: Final = 60.0
"""Seconds after which plans are made anew where it does not grow by so much."""
_OUTGROWN: Final = 1.5
"""Times as many events as when plans were made, that have them made anew."""
# Temporary tables come first wherever names are looked up, so the ledger is read by the view that stands on it.
_OPEN: Final = """
CREATE TEMPORARY TABLE events (LIKE folding.events) ON COMMIT DELETE ROWS;
SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false),
       set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false), set_config('synchronous_commit', 'off', false)
"""
_ATTEMPTS: Final = 3
_GENERATIONS: Final = "SELECT name, generation FROM projections.checkpoints WHERE name = ANY ($1) ORDER BY name"

logger = logging.getLogger(__name__)


class Step(NamedTuple):
    """What one transaction did."""

    folded: int
    """Events, counted once for each read model."""
    more: bool
    """Whether there may be more to fold."""
    head: int
    """The last event that was to be folded."""


class RefusedAtDeskError(Exception):
    """The database refused to fold a run; which read model cannot take which event is not known yet."""


class Desk:
    """Folds a small run into many read models: one reading of the ledger, one round trip for all of it.

    Planning takes most of what a small fold costs. A plan that is kept knows nothing of the run but that it is in a
    small table, which is all that it needs to know: the run is found first, all else by keys. Over the ledger itself
    it would have to be right about a two-hundredth of all events.
    """

    def __init__(self, connection: PoolConnectionProxy, path: str, now: float) -> None:
        self._connection = connection
        self._path = path
        self._opened = self._planned = now
        self._planned_at = self._reached = 0
        self._prepared: dict[tuple[str, str], str] = {}
        self._known: dict[str, Projection] = {}

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
        """What it stands on."""
        return self._connection

    def is_worn(self, now: float) -> bool:
        """Tell whether it should be given up for a new one."""
        return self.is_lost() or now - self._opened >= RENEWED_S

    def is_lost(self) -> bool:
        """Tell whether its connection is gone."""
        try:
            return self._connection.is_closed()
        except asyncpg.InterfaceError:
            return True  # the pool took it back when its server went away

    async def round(self, known: Mapping[str, Projection], head: int | None, batch: int, *, wait: bool) -> Step | None:
        """Fold a run into each read model that is behind, and move their checkpoints, all or none.

        Args:
            known: read models by name, at least one.
            head: the last event to fold; None for the ledger's last one at this moment.
            batch: events to fold, at most.
            wait: wait for those that another projector is at, instead of leaving them to it.

        Returns:
            What was done; None where it takes more than a desk: they are not all at the same event, or some of the run
            is cold, missing, to be skipped or too much.

        Raises:
            RefusedAtDeskError: one of them cannot take it; nothing has changed.
        """
        await self._replan()
        for _ in range(_ATTEMPTS):
            if not known.items() <= self._known.items():
                await self._learn(known)
            meant = None if len(known) == len(self._known) else list(known)
            outcome, folded, upto, last = await self._call(head, batch, MOST, meant, wait)
            if outcome != "moved":
                break
            self._known = {}  # rebuilt since: the rows that are shown are in other tables now
        if outcome not in {"folded", "idle"}:
            return None
        self._reached = upto
        return Step(folded, outcome == "folded" and upto < last, last)

    async def close(self) -> None:
        """Make it an ordinary connection again."""
        deallocations = [f"DEALLOCATE {name}" for name in self._prepared.values()]
        dropped = [f"DROP FUNCTION IF EXISTS {SIGNATURE}", "DROP TABLE pg_temp.events"]
        await self._connection.execute("; ".join([*dropped, *deallocations, "RESET ALL"]))

    async def _call(self, *arguments: object) -> tuple[str, int, int, int]:
        try:
            row = await self._connection.fetchrow(CALL, *arguments, timeout=FOLD_TIMEOUT_S)
        except asyncpg.PostgresError as error:
            if passes(error):
                raise
            raise RefusedAtDeskError(describe(error)) from None
        if row is None:
            raise RefusedAtDeskError("a round came to nothing")
        return row["outcome"], row["folded"], row["upto"], row["head"]

    async def _learn(self, known: Mapping[str, Projection]) -> None:
        """Prepare for rounds of these read models as well, in the tables that are shown now."""
        known = {**self._known, **known}
        rows = await self._connection.fetch(_GENERATIONS, list(known))
        turns = [await self._turn(known[row["name"]], row["generation"]) for row in rows]
        await self._connection.execute(round_function(turns, self._path))
        self._known = known

    async def _turn(self, projection: Projection, generation: int) -> Turn:
        schema = projection.schema(generation)
        statements = [await self._prepare(schema, fold) for fold in projection.folds]
        return Turn(projection=projection, generation=generation, statements=statements)

    async def _prepare(self, schema: str, fold: str) -> str:
        """Return the name of a prepared fold; of one that is not there, where the database does not take it."""
        if (schema, fold) not in self._prepared:
            name = f"desk_{len(self._prepared)}"
            path = entering(schema, self._path)
            try:
                await self._connection.execute(f"SET LOCAL search_path TO {path}; PREPARE {name} AS {fold}")
            except asyncpg.PostgresError as error:
                if passes(error):
                    raise
                return "desk_none"  # who is to fold by it is refused then, and nobody else
            self._prepared[schema, fold] = name
        return self._prepared[schema, fold]

    async def _replan(self) -> None:
        """Forget plans that may be of a time when tables were much smaller."""
        now = asyncio.get_running_loop().time()
        outgrown = self._reached > _OUTGROWN * self._planned_at and now - self._planned >= _REPLANNED_S
        if outgrown or now - self._planned >= _TRUSTED_S:
            await self._connection.execute("DISCARD PLANS")
            self._planned, self._planned_at = now, self._reached


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
            except RefusedAtDeskError:
                raise  # the transaction is rolled back, and the desk as it was
            except BaseException:
                await self._abandon()
                raise

    async def _sit_down(self) -> Desk | None:
        now = asyncio.get_running_loop().time()
        if self._desk is not None and self._desk.is_worn(now):
            await self._leave()
        if self._desk is not None:
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
        if self._desk is not None and not self._desk.is_lost():
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
            with contextlib.suppress(asyncpg.InterfaceError):  # the pool took it back when its server went away
                desk.connection.terminate()
            await self._pool.release(desk.connection)
