"""The composition root: the one place where the rooms are put together."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from actors.audio import clean
from actors.basket.entries import BasketFileError
from actors.runtime.clock import Clock, SystemClock
from actors.runtime.system import ActorSystem
from actors.session.inputs import Policy
from actors.session.ports import SessionServices
from actors.stt.live import LiveEars
from actors.vad.silero import speech_model
from balto.budgets import Budgets
from balto.engines import EngineError, Engines, build_engines, prepare_weights
from balto.memory import Memory
from balto.provenance import settings_of, versions_of
from balto.resources import ResourceMonitor
from balto.routing import compiler, policy_of, route
from balto.sessions import SessionHost
from balto.settings import Settings
from balto.shelf import Restocker, Shelf, compiled, read_catalogue
from balto.telemetry.telling import Telemetry
from balto.telemetry.traces import TracingError
from events.embedded import EmbeddedPostgres, EmbeddedPostgresError
from events.guard import guarded
from events.ids import RANDOM_BYTES, uuid7
from events.journal import EventWriter, Journal
from events.postgres import PostgresStore
from events.presence import Presence
from events.sealing import MasterKeys
from events.store import StoreError
from projections.projector import Projector

_HOST: Final = r"(?:\[[0-9A-Fa-f:.%\w]+\]|[^\[\]/?#@:,\s]*)(?::\d{1,5})?"
_ADDRESS: Final = re.compile(
    # A raw @ after the host would mean that a part of the password was taken for the host.
    rf"postgres(?:ql)?://(?:[^/?#\s]*@)?(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/[^?#@\s]*)?(?:\?[^#@\s]*)?"
)


class StartError(Exception):
    """Balto cannot start; the message is one clear line for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The store and its read models, open: what commands about the past need."""

    settings: Settings
    dsn: str = field(repr=False)
    """Address of the database, its password included."""
    store: PostgresStore
    projector: Projector


@dataclass(frozen=True, slots=True, kw_only=True)
class Balto:
    """Everything, open and running."""

    library: Library
    journal: Journal
    shelf: Shelf
    engines: Engines
    services: SessionServices
    sessions: SessionHost
    presence: Presence
    budgets: Budgets
    clock: Clock
    telemetry: Telemetry

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.library.settings


Say = Callable[[str], None]
"""Takes one line about what is being done, for whoever waits for the start."""


def _silent(_: str) -> None:
    return


@contextlib.asynccontextmanager
async def open_library(settings: Settings, say: Say = _silent) -> AsyncIterator[Library]:
    """Open the store and its read models, starting the embedded PostgreSQL if no other is set.

    Raises:
        StartError: the database cannot be started or reached.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            dsn = own_database(settings) or await _embedded(settings, stack, say)
            await _prepare_as_owner(settings, say)
            store = await PostgresStore.connect(dsn, masters=master_keys(settings), archive=settings.archive)
            stack.push_async_callback(store.close)
            projector = await Projector.connect(dsn, archive=settings.archive)
            stack.push_async_callback(projector.close)
        except EmbeddedPostgresError as error:
            raise StartError(str(error)) from error
        except StoreError as error:
            hint = "; its owner brings it up to date (`balto store migrate`)" if "Privilege" in str(error) else ""
            raise StartError(f"{_place(settings)}: {error}{hint}") from error
        yield Library(settings=settings, dsn=dsn, store=store, projector=projector)


async def _prepare_as_owner(settings: Settings, say: Say) -> None:
    """Bring the schema and the read models' tables up to date as the owner, where Balto itself runs as another."""
    if settings.database_owner_url is None:
        return
    say("bringing the schema up to date")
    async with open_library(settings.as_owner()) as library:
        await library.projector.renew()


def master_keys(settings: Settings) -> MasterKeys:
    """Return the master keys that are set, or those of the data folder.

    Raises:
        SealingError: they cannot be had.
    """
    if settings.master_key is not None:
        return MasterKeys.parse(settings.master_key.get_secret_value())
    return MasterKeys.load(settings.data_dir / "master.key")


async def _embedded(settings: Settings, stack: contextlib.AsyncExitStack, say: Say) -> str:
    say("starting the embedded PostgreSQL")
    postgres = EmbeddedPostgres(settings.data_dir)
    starting = asyncio.ensure_future(postgres.start())
    try:
        dsn = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # A server that is half started would outlive us: see its start to the end, then stop it.
        await asyncio.wait([starting])
        if starting.exception() is None:
            await postgres.stop()
        raise
    stack.push_async_callback(postgres.stop)
    await stack.enter_async_context(guarded(postgres))
    return dsn


def own_database(settings: Settings) -> str | None:
    """Return the address of the operator's own database, None where Balto brings one.

    Raises:
        StartError: what is set is no address of a PostgreSQL.
    """
    if settings.database_url is None:
        if settings.database_owner_url is not None:
            raise StartError(
                "BALTO_DATABASE_OWNER_URL is set, but not BALTO_DATABASE_URL, which the server itself uses"
            )
        return None
    for name, given in (("URL", settings.database_url), ("OWNER_URL", settings.database_owner_url)):
        if given is not None and _ADDRESS.fullmatch(given.get_secret_value()) is None:
            raise StartError(
                f"BALTO_DATABASE_{name} is not a PostgreSQL address: postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
            )
    return settings.database_url.get_secret_value()


def _place(settings: Settings) -> str:
    if settings.database_url is None:
        return "the embedded database"
    match = _ADDRESS.fullmatch(settings.database_url.get_secret_value())
    hosts = match["hosts"] if match else ""
    if not hosts:
        return "the database of BALTO_DATABASE_URL"
    return "the database at " + ",".join(
        host if re.search(r":\d+$", host) else f"{host}:5432" for host in hosts.split(",")
    )


@contextlib.asynccontextmanager
async def open_balto(settings: Settings, say: Say = _silent, *, engines: Engines | None = None) -> AsyncIterator[Balto]:
    """Open the store, load the engines and the baskets, and start the actor system.

    Args:
        settings: what to open.
        say: told what is being done.
        engines: instead of those that the settings ask for; closed with the rest.

    Raises:
        StartError: something that was asked for cannot be had.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            # What is quickly known to be wrong is told before anything slow begins.
            baskets = read_catalogue(settings)
            given, engines = engines, engines or build_engines(settings, baskets)
            telemetry = Telemetry.of(settings)
        except (BasketFileError, EngineError, TracingError) as error:
            raise StartError(str(error)) from error
        library = await stack.enter_async_context(open_library(settings, say))
        clock = SystemClock()
        routed = route(settings, engines, baskets, clock)
        stack.push_async_callback(routed.close)
        try:
            if any(engine.provider == "local" for engine in engines.transcribers):
                say("preparing the local speech model")
                await asyncio.to_thread(prepare_weights, settings)
            say("loading the engines")
            await asyncio.gather(engines.warm(), asyncio.to_thread(clean.warm), asyncio.to_thread(speech_model))
        except EngineError as error:
            raise StartError(str(error)) from error
        journal = Journal(library.store)
        await journal.start()
        stack.push_async_callback(journal.close)
        stack.push_async_callback(telemetry.close)
        system = await stack.enter_async_context(ActorSystem())
        monitor = await stack.enter_async_context(ResourceMonitor())
        presence = await stack.enter_async_context(Presence(library.dsn))
        budgets = Budgets(library.store, library.projector, clock)
        live = routed.streaming if isinstance(routed.streaming, LiveEars) else None
        policy = policy_of(settings, routed, engines, live)
        shelf = Shelf(compiled(settings, baskets, routed.understandings))
        told = telemetry.watching(journal)
        services = shelf.serve(_services(settings, routed, policy, live, library.store, told, monitor, budgets, clock))
        sessions = SessionHost(
            system,
            services,
            versions=versions_of(baskets),
            settings=settings_of(settings),
            max_sessions=settings.max_sessions,
            idle_s=settings.idle_s,
            presence=presence,
            overload=monitor.overload,
        )
        compile_ = None if given else compiler(settings, engines, clock)
        restocker = Restocker(shelf, settings, journal, clock, services.new_id, compile_understandings=compile_)
        restocker.served = lambda catalogue: sessions.tell_versions(versions_of(catalogue))
        await stack.enter_async_context(restocker.running())
        yield Balto(
            library=library,
            journal=journal,
            shelf=shelf,
            engines=engines,
            services=services,
            sessions=sessions,
            presence=presence,
            budgets=budgets,
            clock=clock,
            telemetry=telemetry,
        )


def _services(
    settings: Settings,
    engines: Engines,
    policy: Policy,
    live: LiveEars | None,
    store: PostgresStore,
    journal: EventWriter,
    monitor: ResourceMonitor,
    budgets: Budgets,
    clock: Clock,
) -> SessionServices:
    return SessionServices(
        journal=journal,
        transcribers=engines.transcribers,
        understandings=engines.understandings,
        policy=policy,
        clock=clock,
        memory=Memory(store),
        new_id=lambda: new_event_id(clock),
        sample_resources=monitor.sample,
        stt_budget_s=settings.stt_budget_s,
        llm_budget_s=settings.llm_budget_s,
        streaming=live,
        grace_s=settings.grace_s,
        purse=budgets,
    )


def new_event_id(clock: Clock) -> UUID:
    """Return a fresh UUIDv7."""
    return uuid7(int(clock.utc().timestamp() * 1000), os.urandom(RANDOM_BYTES))
