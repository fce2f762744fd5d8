"""The projector: keeps every read model up with the ledger, each by itself, one projector at a time in the cluster."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

import asyncpg

from events.store import StoreError
from events.watch import Watch
from projections.cadence import Cadence
from projections.checks import Comparison, compare
from projections.database import open_pool, translated
from projections.folding import UnfoldableError
from projections.following import Followed, Follower, stop
from projections.generations import grant_all, install
from projections.projection import Projection, standard
from projections.shadows import Shadow, Told, alone, rebuild
from projections.skips import skip
from projections.status import ProjectionBusyError, ProjectionStatus, UnknownProjectionError, statuses

_LONGEST_PAUSE_S: Final = 5.0
_AT_ONCE: Final = 2
_OUTDATED: Final = "SELECT definition <> $2 FROM projections.checkpoints WHERE name = $1"

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
        self._archive = archive
        self._follower = Follower(pool, batch=batch, archive=archive)
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

    async def catch_up(self, name: str | None = None, *, renew: bool = True) -> int:
        """Fold what the ledger held at the call into one read model, or into all; stopped ones stay as they are.

        Args:
            name: of the read model, by default all.
            renew: rebuild those whose SQL has changed, however long it takes, unless another projector is at it.

        Returns:
            How many events this projector folded, counted once for each read model.

        Raises:
            UnknownProjectionError: there is no such read model.
            StoreUnavailableError: the database is away; what was folded so far stays.
        """
        names = list(self._projections) if name is None else [self._named(name).name]
        await self.install()
        with translated():
            for outdated in self._outdated_of(names) if renew else ():
                with contextlib.suppress(ProjectionBusyError):
                    await self._renew(outdated, wait=False)
            followed = await self._follower.follow([self._projections[each] for each in names], None, wait=True)
            return followed.folded

    async def run(self, *, watch: Watch | None = None, poll_s: float = 0.2) -> None:
        """Keep all read models up until cancelled. Survives the database's absence, and whatever else goes wrong.

        Args:
            watch: wakes it when the ledger has grown; without one it looks by itself.
            poll_s: seconds between two looks at a ledger in which nothing happens; with a watch, the shortest time.
        """
        renewing = asyncio.create_task(self._keep_renewed(poll_s), name="renewing projections")
        try:
            async with self._follower.seated():
                await self._keep_up(Cadence(watch, poll_s))
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _keep_up(self, cadence: Cadence) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                folded, head = await self._round()
            except Exception as error:
                _tell(error)
                await cadence.failed()
            else:
                await cadence.done(folded / len(self._projections), head, loop.time() - began)

    async def _keep_renewed(self, poll_s: float) -> None:
        """Rebuild read models whose SQL has changed while the others are kept up."""
        pause = poll_s
        while True:
            try:
                await self.install()
                with translated():
                    for name in self._outdated_of(list(self._projections)):
                        await self._renew(name, wait=False)
            except ProjectionBusyError:
                pause = poll_s  # by another node: what it leaves to do is seen then
            except Exception as error:
                pause = min(2 * pause, _LONGEST_PAUSE_S)
                _tell(error)
            if self._outdated is not None and not self._outdated:
                return
            await asyncio.sleep(pause)

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
            head = await rebuild(self._pool, projection, self._archive, told)
        self._settle(name)
        return head

    async def rebuild_all(self, told: Told | None = None) -> dict[str, int]:
        """Rebuild every read model, two at a time; what `rebuild` raises breaks off both, to be gone on with later.

        Args:
            told: told of the progress, over all of them.

        Returns:
            By name, the position that each is built up to.
        """
        built: dict[str, int] = {}
        folded: dict[str, int] = {}
        left = iter(self._projections)

        async def work() -> None:
            for name in left:

                def moved(done: int, of: int, name: str = name) -> None:
                    folded[name] = done
                    if told is not None:
                        told(sum(folded.values()), len(self._projections) * of)

                built[name] = await self.rebuild(name, moved)

        tasks = [asyncio.create_task(work(), name="rebuilding") for _ in range(_AT_ONCE)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return built

    async def skip(self, name: str, position: int) -> str:
        """Leave out the event at which a read model, or its rebuild, is stopped: from now on and in every rebuild.

        Returns:
            Why it could not be folded.

        Raises:
            UnknownProjectionError: there is no such read model.
            NotStoppedThereError: it is not stopped there.
        """
        self._named(name)
        await self.install()
        with translated():
            async with self._pool.acquire() as connection:
                return await skip(connection, name, position)

    async def verify(self, told: Told | None = None) -> list[Comparison]:
        """Compare every read model with what comes of all events once more; see `projections.checks.compare`."""
        await self.install()
        return await compare(self._pool, self._projections.values(), archive=self._archive, told=told)

    async def _renew(self, name: str, *, wait: bool = True) -> None:
        """Rebuild a read model whose SQL has changed, unless another projector has; stop it where that fails."""
        projection = self._projections[name]
        with self._follower.without_the_archive(name):
            async with self._pool.acquire() as connection, alone(connection, name, wait=wait):
                if await connection.fetchval(_OUTDATED, name, projection.definition):
                    try:
                        await Shadow(connection, projection, self._archive).build()
                    except UnfoldableError as error:
                        await stop(connection, name, None, error)
            self._settle(name)

    async def _round(self) -> Followed:
        """Fold up to wherever the ledger is."""
        await self.install()
        with translated():
            return await self._follower.follow(list(self._projections.values()), None, wait=False)

    def _named(self, name: str) -> Projection:
        if name not in self._projections:
            raise UnknownProjectionError(f"there is no projection {name}")
        return self._projections[name]

    def _outdated_of(self, names: list[str]) -> list[str]:
        return [name for name in names if name in (self._outdated or ())]

    def _settle(self, name: str) -> None:
        if self._outdated is not None:
            self._outdated.discard(name)


def _tell(error: Exception) -> None:
    # Only our own errors are known to quote nothing of what was said.
    logger.warning("projections wait: %s", error if isinstance(error, StoreError) else type(error).__name__)
