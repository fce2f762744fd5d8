"""The shelf: the baskets file in force, replaced as a whole while the server runs."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final, Protocol, overload, override
from uuid import UUID, uuid5

from actors.basket.catalogue import BasketCatalogue, load_baskets
from actors.basket.entries import BasketFileError
from actors.basket.resolver import BasketEngine
from actors.llm.understanding import Understanding
from actors.runtime.clock import Clock
from actors.session.conversation import Rules
from actors.session.ports import SessionServices
from actors.values import Classified, Conversation, Resolved, Withheld
from balto.conversing import conversation_rules
from balto.settings import OWN_BASKETS, Settings
from events.catalogue import CATALOGUE_STREAM, CatalogueLoaded, CatalogueRejected, Entity, Event
from events.envelope import NewEvent
from events.store import Append, Appended, StoreError

logger = logging.getLogger(__name__)

_TENANT: Final = "balto"
"""The file is the server's, not a pharmacy's."""
_NOTHING_BEFORE: Final = Conversation()

Signature = tuple[tuple[int, int, int] | None, ...]
"""Modification time in ns, inode and size of each file; None for one that is not there."""


def read_catalogue(settings: Settings) -> BasketCatalogue:
    """Read the baskets file of the settings, and its lookups.

    Raises:
        BasketFileError: one of them can't be used; the message names the place.
    """
    return load_baskets(settings.baskets, lookups=settings.lookups, vocabulary=OWN_BASKETS)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A catalogue and all that is made from it."""

    catalogue: BasketCatalogue
    engine: BasketEngine
    rules: Rules
    """Of conversations."""
    understandings: tuple[Understanding, ...]


def compiled(settings: Settings, catalogue: BasketCatalogue, understandings: tuple[Understanding, ...]) -> Compiled:
    """Make all that is made from a catalogue but its understandings; takes a second, so not on the loop that serves."""
    return Compiled(catalogue, BasketEngine(catalogue), conversation_rules(settings, catalogue), understandings)


def warm(served: Compiled) -> None:
    """Have a catalogue compile what it would else compile under the first phrases. Blocks for a third of a second."""
    served.catalogue.safety.warm()
    served.rules.names_something("")


class _Understandings(Sequence[Understanding]):
    """The understandings of whatever is on the shelf at the moment."""

    def __init__(self, shelf: "Shelf") -> None:
        self._shelf = shelf

    @overload
    def __getitem__(self, index: int) -> Understanding: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Understanding]: ...

    @override
    def __getitem__(self, index: int | slice) -> Understanding | Sequence[Understanding]:
        return self._shelf.compiled.understandings[index]

    @override
    def __len__(self) -> int:
        return len(self._shelf.compiled.understandings)


class Shelf:
    """Holds what is compiled from the baskets file; sessions look here anew for every step of every phrase.

    Args:
        first: what serves first.
    """

    def __init__(self, first: Compiled) -> None:
        self.compiled = first
        self.understandings: Sequence[Understanding] = _Understandings(self)

    @property
    def catalogue(self) -> BasketCatalogue:
        """The catalogue in force."""
        return self.compiled.catalogue

    def resolve(
        self, classified: Classified, entities: tuple[Entity, ...], conversation: Conversation = _NOTHING_BEFORE
    ) -> Resolved | Withheld:
        """Find the basket of a request in the catalogue in force; see `BasketEngine.resolve`."""
        return self.compiled.engine.resolve(classified, entities, conversation)

    @property
    def rules(self) -> Rules:
        """The rules of conversations, by whatever catalogue is in force when they are asked."""
        return replace(self.compiled.rules, names_something=self._names_something, circumstances=self._circumstances)

    def serve(self, services: SessionServices) -> SessionServices:
        """Return services whose sessions take everything from this shelf."""
        policy = replace(services.policy, resolve=self.resolve, rules=self.rules)
        return replace(services, understandings=self.understandings, policy=policy)

    def _names_something(self, text: str) -> bool:
        return self.compiled.rules.names_something(text)

    def _circumstances(self, text: str) -> tuple[str, ...]:
        return self.compiled.rules.circumstances(text)


Compile = Callable[[BasketCatalogue], Awaitable[tuple[Understanding, ...]]]
"""Makes understandings of a new catalogue, warm."""


class Recorder(Protocol):
    """What the shelf needs of a journal."""

    async def append(self, append: Append) -> Appended:
        """Wait until an append is durable."""
        ...


class Restocker:
    """Looks whether the baskets file has changed, and puts the new one on the shelf once it is on record.

    A file that can't be used is put on record too, and the last good one goes on serving.

    Args:
        shelf: what to renew.
        settings: name the files, and how often to look.
        journal: where the events go.
        clock: for their times.
        boot: of the server: its processes, which all look at the same files, put each change on record once together.
        compile_understandings: None where those on the shelf stay.
    """

    def __init__(
        self,
        shelf: Shelf,
        settings: Settings,
        journal: Recorder,
        clock: Clock,
        boot: UUID,
        *,
        compile_understandings: Compile | None = None,
    ) -> None:
        self._shelf = shelf
        self._settings = settings
        self._journal = journal
        self._clock = clock
        self._boot = boot
        self._compile = compile_understandings
        self._files = tuple(path for path in (settings.baskets, settings.lookups) if path is not None)
        self._known = self._signature()
        self._restless: Signature | None = None
        self._own: tuple[Understanding, ...] = ()
        self._retired: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Put what serves first on record, then look for changes until the block is left."""
        self._warn(self._shelf.catalogue)
        await self._record(loaded(self._shelf.catalogue, self._settings.baskets), self._known)
        looking = asyncio.create_task(self._look_on()) if self._settings.baskets_poll_s else None
        try:
            yield
        finally:
            if looking is not None:
                looking.cancel()
                await asyncio.wait([looking])
            for task in self._retired:
                task.cancel()
            for engine in self._own:
                await engine.close()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(self._settings.baskets_poll_s)
            try:
                await self.look()
            except StoreError as error:
                logger.warning("a changed baskets file waits for the database: %s", error)
            except Exception:
                logger.exception("the baskets file could not be looked at; the last good one serves")

    async def look(self) -> bool:
        """Look once; return whether another catalogue serves now.

        A file is taken up when two looks in a row found it the same, so that none is read while it is being written.

        Raises:
            StoreError: the change could not be put on record, so it does not serve yet.
        """
        seen = await asyncio.to_thread(self._signature)
        if seen == self._known:
            self._restless = None
            return False
        if seen != self._restless:
            self._restless = seen
            return False
        try:
            catalogue = await asyncio.to_thread(read_catalogue, self._settings)
        except BasketFileError as error:
            await self._reject(error, seen)
            self._known = seen
            return False
        if catalogue.fingerprint == self._shelf.catalogue.fingerprint and self._settings.lookups is None:
            self._known = seen
            return False
        understandings = await self._understandings(catalogue)
        new = await asyncio.to_thread(compiled, self._settings, catalogue, understandings)
        await asyncio.to_thread(warm, new)
        await self._take(new, seen)
        self._known = seen
        return True

    async def _understandings(self, catalogue: BasketCatalogue) -> tuple[Understanding, ...]:
        return self._shelf.compiled.understandings if self._compile is None else await self._compile(catalogue)

    async def _take(self, new: Compiled, seen: Signature) -> None:
        await self._record(loaded(new.catalogue, self._settings.baskets), seen)
        self._shelf.compiled = new
        if self._compile is not None:
            before, self._own = self._own, new.understandings
            task = asyncio.create_task(self._retire(before))
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)
        self._warn(new.catalogue)
        logger.info("serving baskets %s (%s)", new.catalogue.version, new.catalogue.fingerprint)

    async def _retire(self, engines: tuple[Understanding, ...]) -> None:
        """Close engines that phrases under way may still ask, once those are over."""
        try:
            await asyncio.sleep(2 * self._settings.llm_budget_s + 2)
        finally:
            for engine in engines:
                await engine.close()

    async def _reject(self, error: BasketFileError, seen: Signature) -> None:
        kept = self._shelf.catalogue
        logger.error("%s; the baskets of %s go on serving", error, kept.version)
        rejected = CatalogueRejected(
            file=self._settings.baskets.name,
            reason=str(error),
            kept_version=kept.version,
            kept_fingerprint=kept.fingerprint,
        )
        await self._record(rejected, seen)

    async def _record(self, event: Event, seen: Signature) -> None:
        new = NewEvent(event_id=uuid5(self._boot, f"{seen}/{event}"), event=event, occurred_at=self._clock.utc())
        await self._journal.append(Append(stream=CATALOGUE_STREAM, tenant=_TENANT, events=[new]))

    def _warn(self, catalogue: BasketCatalogue) -> None:
        for warning in catalogue.warnings:
            logger.warning("%s", warning)

    def _signature(self) -> Signature:
        return tuple(map(_stamp, self._files))


def loaded(catalogue: BasketCatalogue, path: Path) -> CatalogueLoaded:
    """Return the event that says what serves."""
    baskets = list(chain.from_iterable(micros.values() for micros in catalogue.baskets.values()))
    return CatalogueLoaded(
        file=path.name,
        version=catalogue.version,
        fingerprint=catalogue.fingerprint,
        baskets=len(baskets),
        items=sum(map(len, (*baskets, *catalogue.fallbacks.values()))),
        lookups=len(catalogue.lookups),
        medicines=len(catalogue.medicines),
        vocabulary=len(catalogue.lexicon) - len(catalogue.medicines),
        warnings=len(catalogue.warnings),
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
