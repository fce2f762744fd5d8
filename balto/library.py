"""The library: the store and its read models, opened on whichever PostgreSQL the settings name."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

from balto.settings import Settings
from events.absence import named, what_to_do
from events.embedded import EmbeddedPostgres, EmbeddedPostgresError
from events.guard import guarded
from events.postgres import PostgresStore
from events.sealing import MasterKeys, SealingError
from events.store import StoreError, StoreUnavailableError
from projections.projector import Projector

_HOST: Final = r"(?:\[[0-9A-Fa-f:.%\w]+\]|[^\[\]/?#@:,\s]*)(?::\d{1,5})?"
_ADDRESS: Final = re.compile(
    # A raw @ after the host would mean that a part of the password was taken for the host.
    rf"postgres(?:ql)?://(?:[^/?#\s]*@)?(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/[^?#@\s]*)?(?:\?[^#@\s]*)?"
)
_USUAL_CONNECTIONS: Final = 100
_CONNECTIONS_A_WORKER: Final = 25
"""Eight for reading the store, eight for the read models, three for appending, and those that listen or hold locks."""
_SPARE_CONNECTIONS: Final = 20
"""For commands, and for people who look."""


_HINTS: Final = {
    "Privilege": "; its owner brings it up to date (`balto store migrate`)",
    "InvalidPassword": "; see the password in BALTO_DATABASE_URL",
    "InvalidAuthorization": "; see the login in BALTO_DATABASE_URL",
    "InvalidCatalogName": "; it has no database of the name in BALTO_DATABASE_URL",
}
"""What to do about what a database refuses, by the name of the refusal."""


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


Say = Callable[[str], None]
"""Takes one line about what is being done, for whoever waits for the start."""


def silent(_: str) -> None:
    """Tell nobody."""


@contextlib.asynccontextmanager
async def open_database(settings: Settings, say: Say = silent) -> AsyncIterator[str]:
    """Yield the address of the database, having started the embedded PostgreSQL if no other is set.

    The embedded one is started again if it dies within the block.

    Raises:
        StartError: it cannot be started.
    """
    given_master_keys(settings)  # before anything slow begins
    async with contextlib.AsyncExitStack() as stack:
        try:
            dsn = own_database(settings) or await _embedded(settings, stack, say)
        except EmbeddedPostgresError as error:
            raise StartError(str(error)) from error
        yield dsn


@contextlib.asynccontextmanager
async def open_library(settings: Settings, say: Say = silent, *, dsn: str | None = None) -> AsyncIterator[Library]:
    """Open the store and its read models.

    Args:
        settings: name the database.
        say: told what is being done.
        dsn: of a database that somebody else keeps and has brought up to date; without it all of that is done here.

    Raises:
        StartError: the database cannot be started or reached.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            if dsn is None:
                dsn = await stack.enter_async_context(open_database(settings, say))
                await _prepare_as_owner(settings, say)
            store = await PostgresStore.connect(dsn, masters=master_keys(settings), archive=settings.archive)
            stack.push_async_callback(store.close)
            projector = await Projector.connect(dsn, archive=settings.archive)
            stack.push_async_callback(projector.close)
        except StoreError as error:
            raise StartError(f"{_place(settings)}{_refusal(error)}") from error
        yield Library(settings=settings, dsn=dsn, store=store, projector=projector)


async def prepare_library(settings: Settings, dsn: str, say: Say = silent) -> None:
    """Bring the schema and the read models' tables up to date, for those who open the library by its address.

    Raises:
        StartError: the database cannot be reached, or refuses.
    """
    await _prepare_as_owner(settings, say)
    async with open_library(settings, say, dsn=dsn):
        return


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
        StartError: those that are set are none.
        SealingError: they cannot be had.
    """
    return given_master_keys(settings) or MasterKeys.load(settings.data_dir / "master.key")


def given_master_keys(settings: Settings) -> MasterKeys | None:
    """Return the master keys that are set, None where there are none.

    Raises:
        StartError: what is set is none.
    """
    if settings.master_key is None:
        return None
    try:
        return MasterKeys.parse(settings.master_key.get_secret_value())
    except SealingError as error:
        raise StartError(f"BALTO_MASTER_KEY: {error}") from None


async def _embedded(settings: Settings, stack: contextlib.AsyncExitStack, say: Say) -> str:
    say("starting the embedded PostgreSQL")
    connections = max(_USUAL_CONNECTIONS, _CONNECTIONS_A_WORKER * settings.worker_count + _SPARE_CONNECTIONS)
    postgres = EmbeddedPostgres(settings.data_dir, {"max_connections": str(connections)})
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
        if given is not None and not is_postgres_address(given.get_secret_value()):
            raise StartError(
                f"BALTO_DATABASE_{name} is not a PostgreSQL address: postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
            )
    return settings.database_url.get_secret_value()


def is_postgres_address(text: str) -> bool:
    """Return whether a text is an address of a PostgreSQL."""
    return _ADDRESS.fullmatch(text) is not None


def _refusal(error: StoreError) -> str:
    if isinstance(error, StoreUnavailableError) and error.__cause__ is not None:
        return f" does not answer ({named(error.__cause__)}): {what_to_do(error.__cause__)}"
    return f": {error}{next((hint for name, hint in _HINTS.items() if name in str(error)), '')}"


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
