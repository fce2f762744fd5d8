"""The composition root: the one place where the rooms are put together."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from actors.basket.entries import BasketFileError
from actors.runtime.clock import Clock, SystemClock
from actors.runtime.system import ActorSystem
from actors.session.inputs import Policy
from actors.session.ports import SessionServices
from actors.stt.live import LiveEars
from balto import memory
from balto.awakening import Awakening
from balto.budgets import Budgets
from balto.engines import EngineError, Engines, build_engines, prepare_weights
from balto.handles import Handles
from balto.heap import giving_back
from balto.library import Library, Say, StartError, open_library, silent
from balto.place import Place
from balto.provenance import settings_of, versions_of
from balto.resources import ResourceMonitor
from balto.routing import compiler, policy_of, route
from balto.sessions import SessionHost
from balto.settings import Settings
from balto.shelf import Restocker, Shelf, compiled, read_catalogue, warm
from balto.telemetry.telling import Telemetry
from balto.telemetry.traces import TracingError
from events.ids import RANDOM_BYTES, uuid7
from events.journal import EventWriter, Journal
from events.postgres import PostgresStore
from events.presence import Presence


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
    place: Place

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.library.settings


@contextlib.asynccontextmanager
async def open_balto(
    settings: Settings, say: Say = silent, *, engines: Engines | None = None, place: Place | None = None
) -> AsyncIterator[Balto]:
    """Open the store, load the engines and the baskets, and start the actor system.

    Args:
        settings: what to open.
        say: told what is being done.
        engines: instead of those that the settings ask for; closed with the rest.
        place: of this process among those of its server; by itself unless told.

    Raises:
        StartError: something that was asked for cannot be had.
    """
    place = place or Place()
    async with contextlib.AsyncExitStack() as stack:
        try:
            # What is quickly known to be wrong is told before anything slow begins.
            baskets = read_catalogue(settings)
            given, engines = engines, engines or build_engines(settings, baskets, models=place.models)
            telemetry = Telemetry.of(settings)
        except (BasketFileError, EngineError, TracingError) as error:
            raise StartError(str(error)) from error
        library = await stack.enter_async_context(open_library(settings, say, dsn=place.dsn))
        clock = SystemClock()
        routed = route(settings, engines, baskets, clock)
        stack.push_async_callback(routed.close)
        try:
            if place.models is None and any(engine.provider == "local" for engine in engines.transcribers):
                say("preparing the local speech model")
                await asyncio.to_thread(prepare_weights, settings)
            if place.summon_models is not None:
                await place.summon_models()
            say("loading the engines")
            await engines.warm()
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
        handles = Handles()
        await stack.enter_async_context(handles.watching())
        sessions = SessionHost(
            system,
            services,
            versions=lambda: versions_of(shelf.catalogue),
            settings=settings_of(settings),
            max_sessions=settings.max_sessions,
            census=place.census,
            idle_s=settings.idle_s,
            presence=presence,
            overload=monitor.overload,
            shortage=handles.shortage,
        )
        awakening = await stack.enter_async_context(Awakening(lambda: warm(shelf.compiled), memory.warm))
        sessions.at_first = awakening.begin
        await stack.enter_async_context(giving_back(lambda: sessions.awake))
        compile_ = None if given else compiler(settings, engines, clock)
        restocker = Restocker(shelf, settings, journal, clock, place.boot, compile_understandings=compile_)
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
            place=place,
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
        memory=memory.Memory(store),
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
