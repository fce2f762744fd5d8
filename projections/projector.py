"""The projector: keeps every read model up with the ledger, each by itself, one projector at a time in the cluster."""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import asyncpg

from events.archive import ArchiveError
from events.store import StoreError
from events.watch import Watch
from projections.database import Connection, open_pool, translated
from projections.generations import FOLD_TIMEOUT_S, Told, UnfoldableError, fold, grant_all, install, refold
from projections.projection import Projection, standard
from projections.status import ProjectionStatus, ProjectionStoppedError, UnknownProjectionError, statuses

_LONGEST_PAUSE_S: Final = 5.0
_CLAIM: Final = (
    "SELECT generation, position FROM projections.checkpoints"
    " WHERE name = $1 AND definition = $2 AND stopped_at IS NULL AND position < $3 FOR UPDATE"
)

logger = logging.getLogger(__name__)


class Projector:
    """Folds new events into the read models.

    A batch and its checkpoint are one transaction under a lock on the checkpoint's row: any number of projectors may
    run, each event is folded once. Positions are dense, so a missing one is seen and never passed. An event that a
    read model cannot take stops that read model alone, at the event before it; `rebuild` starts it again. Read models
    whose SQL has changed are rebuilt when first caught up. Their rows are in the views `projections.NAME`.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        projections: Iterable[Projection] | None = None,
        *,
        batch: int = 5_000,
        archive: Path | None = None,
    ) -> None:
        """Take connections and read models.

        Args:
            pool: connections to a migrated store's database; `close` closes it.
            projections: what to keep up, by default `standard()`.
            batch: events folded in one transaction, at most.
            archive: folder of the files of what is cold. Without it, a read model that needs them stays where it is.
        """
        self._pool = pool
        self._projections = {projection.name: projection for projection in projections or standard()}
        self._batch = batch
        self._archive = archive
        self._waiting: set[str] = set()
        self._outdated: set[str] | None = None
        self._installing = asyncio.Lock()

    @classmethod
    async def connect(
        cls, dsn: str, *, max_size: int = 8, timeout_s: float = 15.0, archive: Path | None = None
    ) -> Self:
        """Connect to the database of a migrated store and make the tables of read models that have none.

        Raises:
            StoreUnavailableError: the server cannot be reached.
            StoreError: it refused.
        """
        pool = await open_pool(dsn, max_size=max_size, timeout_s=timeout_s)
        projector = cls(pool, archive=archive)
        try:
            await projector.install()
        except BaseException:
            pool.terminate()
            raise
        return projector

    @property
    def pool(self) -> asyncpg.Pool:
        """The connections, which reports may share."""
        return self._pool

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def install(self) -> None:
        """Make the tables of read models that have none. Every other method does it when it is first needed."""
        async with self._installing:
            if self._outdated is None:
                with translated():
                    async with self._pool.acquire() as connection:
                        self._outdated = set(await install(connection, list(self._projections.values())))

    async def renew(self) -> None:
        """As the database's owner: rebuild read models whose SQL has changed, and grant all to the ledger's roles."""
        await self.install()
        with translated():
            for outdated in self._outdated_of(list(self._projections)):
                await self._renew(outdated)
            async with self._pool.acquire() as connection:
                await grant_all(connection, list(self._projections.values()))

    async def catch_up(self, name: str | None = None) -> int:
        """Fold what the ledger held at the call into one read model, or into all; stopped ones stay as they are.

        Returns:
            How many events this projector folded, counted once for each read model.

        Raises:
            UnknownProjectionError: there is no such read model.
            StoreUnavailableError: the database is away; what was folded so far stays.
        """
        names = list(self._projections) if name is None else [self._named(name).name]
        await self.install()
        with translated():
            for outdated in self._outdated_of(names):
                await self._renew(outdated)
            head = int(await self._pool.fetchval("SELECT position FROM head"))
            return sum([await self._follow(self._projections[each], head, wait=True) for each in names])

    async def run(self, *, watch: Watch | None = None, poll_s: float = 0.2) -> None:
        """Keep all read models up until cancelled. Survives the database's absence, and whatever else goes wrong.

        Args:
            watch: wakes it when the ledger has grown; without one it looks by itself.
            poll_s: seconds between two looks at a ledger in which nothing happens.
        """
        pause = poll_s
        while True:
            seen = watch.head if watch is not None else 0
            try:
                moved = await self._round()
            except Exception as error:
                # Only our own errors are known to quote nothing of what was said.
                logger.warning("projections wait: %s", error if isinstance(error, StoreError) else type(error).__name__)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
                await asyncio.sleep(pause)
                continue
            pause = poll_s
            if not moved:
                await (asyncio.sleep(poll_s) if watch is None else watch.stir(poll_s, seen=seen))

    async def status(self) -> list[ProjectionStatus]:
        """Return where each read model stands, by name."""
        await self.install()
        return await statuses(self._pool, self._projections)

    async def rebuild(self, name: str, told: Told | None = None) -> int:
        """Fold all events into a new generation of a read model while readers see the old one, then change over.

        Args:
            name: of the read model.
            told: told of the progress.

        Returns:
            The position that it is built up to.

        Raises:
            UnknownProjectionError: there is no such read model.
            ArchiveError: what is cold cannot be read; nothing has changed.
            ProjectionStoppedError: an event does not fold; the old rows and their checkpoint are as they were.
            StoreUnavailableError: the database is away; nothing has changed.
        """
        projection = self._named(name)
        await self.install()
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await _lock(connection, name)
                head: int = await connection.fetchval("SELECT position FROM head")
                try:
                    await refold(connection, projection, head, self._archive, told)
                except UnfoldableError as error:
                    raise ProjectionStoppedError(f"{name} stops at event {error.upto}: {error.reason}") from None
        self._settle(name)
        return head

    async def _renew(self, name: str) -> None:
        """Rebuild a read model whose SQL has changed, unless another projector has; stop it where that fails."""
        projection = self._projections[name]
        with self._without_the_archive(name):
            await self._refold_outdated(projection)

    async def _refold_outdated(self, projection: Projection) -> None:
        name = projection.name
        async with self._pool.acquire() as connection, connection.transaction():
            checkpoint = await _lock(connection, name)
            if checkpoint["definition"] != projection.definition:
                head: int = await connection.fetchval("SELECT position FROM head")
                try:
                    await refold(connection, projection, head, self._archive)
                except UnfoldableError as error:
                    await _stop(connection, name, checkpoint["position"], error)
        self._settle(name)

    async def _round(self) -> int:
        await self.install()
        with translated():
            for name in self._outdated_of(list(self._projections)):
                await self._renew(name)
            rows = await self._pool.fetch(
                "SELECT c.name, h.position AS head FROM projections.checkpoints c, head h"
                " WHERE c.position < h.position AND c.stopped_at IS NULL AND c.name = ANY ($1) ORDER BY c.position",
                list(self._projections),
            )
            return sum([await self._follow(self._projections[row["name"]], row["head"], wait=False) for row in rows])

    async def _follow(self, projection: Projection, head: int, *, wait: bool) -> int:
        """Fold up to `head`; where a batch does not fold, halve it until the event at fault is found."""
        folded, size = 0, self._batch
        while True:
            moved = 0
            try:
                with self._without_the_archive(projection.name):
                    moved = await self._step(projection, head, size, wait=wait)
            except UnfoldableError as error:
                size = (error.upto - error.after) // 2
                if size == 0:
                    async with self._pool.acquire() as connection:
                        await _stop(connection, projection.name, error.after, error)
                    return folded
            else:
                if moved == 0:
                    return folded
                folded += moved

    async def _step(self, projection: Projection, head: int, size: int, *, wait: bool) -> int:
        """Fold one batch and move the checkpoint; 0 where there is nothing to do, or another projector is at it."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                _CLAIM if wait else f"{_CLAIM} SKIP LOCKED",
                projection.name,
                projection.definition,
                head,
                timeout=FOLD_TIMEOUT_S,
            )
            if row is None:
                return 0
            after: int = row["position"]
            upto = min(after + size, head)
            await fold(connection, projection, row["generation"], after, upto, self._archive)
            await connection.execute(
                "UPDATE projections.checkpoints SET position = $2, updated_at = clock_timestamp() WHERE name = $1",
                projection.name,
                upto,
            )
            return upto - after

    @contextmanager
    def _without_the_archive(self, name: str) -> Iterator[None]:
        """Leave a read model where it is, and say so once, while what is cold cannot be read: the others go on."""
        try:
            yield
        except ArchiveError as error:
            if name not in self._waiting:
                logger.warning("projection %s waits: %s", name, error)
            self._waiting.add(name)
        else:
            self._waiting.discard(name)

    def _named(self, name: str) -> Projection:
        if name not in self._projections:
            raise UnknownProjectionError(f"there is no projection {name}")
        return self._projections[name]

    def _outdated_of(self, names: list[str]) -> list[str]:
        return [name for name in names if name in (self._outdated or ())]

    def _settle(self, name: str) -> None:
        if self._outdated is not None:
            self._outdated.discard(name)


async def _lock(connection: Connection, name: str) -> asyncpg.Record:
    """Take the lock of a read model for the rest of the transaction and return its checkpoint."""
    query = "SELECT definition, position FROM projections.checkpoints WHERE name = $1 FOR UPDATE"
    row = await connection.fetchrow(query, name, timeout=FOLD_TIMEOUT_S)
    if row is None:
        raise StoreError(f"the checkpoint of {name} is gone")
    return row


async def _stop(connection: Connection, name: str, position: int, error: UnfoldableError) -> None:
    """Stop a read model at the event at fault, unless it has moved on meanwhile."""
    logger.error("projection %s stops at event %d: %s", name, error.upto, error.reason)
    await connection.execute(
        "UPDATE projections.checkpoints SET stopped_at = $3, reason = $4, updated_at = clock_timestamp()"
        " WHERE name = $1 AND position = $2",
        name,
        position,
        error.upto,
        error.reason,
    )
