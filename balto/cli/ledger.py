"""Commands for the ledger: verify, erase, status, retention."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from balto.cli import holds, readmodels, transfer
from balto.cli.common import AsJson, cell, err, fail, note, out, print_json
from balto.cli.names import stream_of
from balto.cli.opening import bar, with_store, wrap

store = typer.Typer(help="The store: status, export, import, copies, legal holds, retention.", no_args_is_help=True)
store.add_typer(holds.hold, name="hold")
for _command in transfer.COMMANDS:
    store.command(_command.__name__.rstrip("_"))(_command)


def verify(
    read_models: Annotated[
        bool, typer.Option("--read-models/--ledger-only", help="Fold every read model once more and compare it.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Check every event: chains, gaps, versions, files of the archive; then every read model against its rebuild.

    Exits with 1 at a flaw.
    """
    from events.verify import verify as verify_ledger

    async def work(library: Any) -> tuple[Any, list[Any], list[Any]]:
        with bar("checking events") as moved:
            found = await verify_ledger(library.dsn, archive=library.settings.archive, progress=moved)
        behind = [row for row in await library.projector.status() if row.lag or row.state != "live"]
        if not read_models:
            return found, behind, []
        with bar("checking read models") as moved:
            return found, behind, await library.projector.verify(moved)

    found, behind, compared = with_store(work)
    if as_json:
        lagging = [{"name": row.name, "state": row.state, "lag": row.lag} for row in behind]
        models = {"read_models_behind": lagging, "read_models": readmodels.as_json(compared)}
        print_json({**dataclasses.asdict(found), "whole": found.whole, **models})
    else:
        out.print(f"{found.events} events in {found.streams} streams: {'whole' if found.whole else 'not whole'}")
        for skipped in found.skipped:
            out.print(f"not looked at: {skipped}", markup=False)
        for row in behind:
            out.print(f"read model {row.name} is {row.state}, {row.lag} events behind")
        for flaw in found.flaws:
            err.print(f"balto: {flaw.message}", markup=False, soft_wrap=True)
        if read_models:
            readmodels.tell_of(compared)
    if not found.whole or not all(one.sound for one in compared):
        raise typer.Exit(1)


def erase(
    session: Annotated[str, typer.Argument(help="A session's id, `last`, or a stream's name.", metavar="SESSION")],
    reason: Annotated[str, typer.Option("--reason", help="Kept with the event; nothing personal.")] = "requested",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Destroy for good what a session and its replays hold of a person: their keys and the audio. Numbers stay."""
    from balto.replay.rerun import replays_of
    from events.catalogue import SubjectErased
    from events.residue import clear_residue

    async def work(library: Any) -> tuple[str, int, Any]:
        name = await stream_of(library, session)
        if not await library.store.stream_position(name):
            fail(f"there is no session {session} (`balto sessions` lists them)")
        if not yes and not typer.confirm(f"Erase {name} for good?", err=True):
            raise typer.Exit(1)
        landed = await library.store.erase(name, wrap(SubjectErased(reason=reason)))
        for replay in await library.store.streams(replays_of(name)):
            await library.store.erase(replay, wrap(SubjectErased(reason=reason)))
        return name, landed.position, await clear_residue(library.dsn)

    name, position, residue = with_store(work)
    if as_json:
        print_json({"stream": name, "position": position, "residue": dataclasses.asdict(residue)})
        return
    out.print(f"erased {name} (event {position}); backups made before still hold its key")
    _tell_of(residue)


def _tell_of(residue: Any) -> None:
    """Say on standard error where deleted rows may still lie, and what to do about it."""
    if residue.left:
        note(
            f"deleted rows may still lie on the pages of {', '.join(residue.left)}, since {residue.reason};"
            f" as the database's owner run: {residue.todo}"
        )


@store.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring the schema and the read models up to date, as the database's owner, before a server that may not starts."""

    async def work(library: Any) -> list[Any]:
        await library.projector.renew()
        return list(await library.projector.status())

    rows = with_store(work)
    if as_json:
        print_json([dataclasses.asdict(row) for row in rows])
    else:
        out.print(f"the schema is up to date, and so are the tables of {len(rows)} read models")


@store.command()
def index(as_json: AsJson = False) -> None:
    """Index full partitions by type and data: `balto events --type` and `--where` find at once what is rare there."""
    from events.driver import one_connection
    from events.indexing import index_full

    async def work(library: Any) -> list[str]:
        async with one_connection(library.dsn, application_name="balto index") as connection:
            with bar("indexing") as moved:
                return await index_full(connection, moved)

    made = with_store(work)
    if as_json:
        print_json(made)
    else:
        out.print(f"made {len(made)} indexes" if made else "every full partition has its indexes")


@store.command()
def status(as_json: AsJson = False) -> None:
    """Say how much there is of what, and where readers stand."""
    from events.driver import one_connection
    from events.overview import overview

    async def work(library: Any) -> Any:
        async with one_connection(library.dsn, application_name="balto store") as connection:
            return await overview(connection)

    found = with_store(work)
    if as_json:
        print_json({**dataclasses.asdict(found), "cold": [_cold(one) for one in found.cold]})
        return
    out.print(f"PostgreSQL {found.server}, {_size(found.database_bytes)}")
    out.print(f"last position {found.last_position}; {found.streams} streams, {found.erased_streams} of them erased")
    out.print(f"{found.keys} keys, wrapped by master keys {cell(found.masters) or '–'}")
    out.print(f"{found.recordings} chunks of audio, {_size(found.recording_bytes)}")
    for one in found.partitions:
        out.print(f"partition {one.name}: {one.events} events, {_size(one.bytes)}")
    for one in found.cold:
        left = "" if one.dropped_at else ", table still there"
        out.print(f"cold {one.file}: {one.events} events, {_size(one.size)}{left}")
    for one in found.subscriptions:
        out.print(f"subscription {one.name} {one.slot + 1}/{one.slots}: at {one.position}, {one.lag} behind")
    out.print(f"{len(found.holds)} legal holds")


def _cold(one: Any) -> dict[str, Any]:
    return {**dataclasses.asdict(one), "sha256": one.sha256.hex()}


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


@store.command()
def retain(
    recordings: Annotated[int | None, typer.Option("--recordings-older-than", min=1, help="Days; audio goes.")] = None,
    events: Annotated[int | None, typer.Option("--events-older-than", min=1, help="Days; to the archive.")] = None,
    keep_table: Annotated[bool, typer.Option("--keep-table", help="Detach, but don't drop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let old audio go, and old partitions to the archive. What is on legal hold stays."""
    if recordings is None and events is None:
        fail("say what is old: --recordings-older-than DAYS, --events-older-than DAYS")
    from events.cold import freeze
    from events.driver import one_connection
    from events.residue import clear_residue
    from events.retention import expire_recordings

    async def work(library: Any) -> dict[str, Any]:
        done: dict[str, Any] = {}
        if recordings is not None:
            async with one_connection(library.dsn, application_name="balto retain") as connection:
                with bar("expiring recordings") as moved:
                    gone = await expire_recordings(connection, older_than=_ago(recordings), wrap=wrap, progress=moved)
            residue = await clear_residue(library.dsn, ("recordings",)) if gone.streams else None
            done["recordings"] = {**dataclasses.asdict(gone), "residue": residue and dataclasses.asdict(residue)}
            if residue is not None:
                _tell_of(residue)
        if events is not None:
            await library.projector.catch_up()
            upto = min([row.position for row in await library.projector.status()])
            with bar("freezing partitions") as moved:
                frozen = await freeze(
                    library.dsn,
                    library.settings.archive,
                    older_than=_ago(events),
                    upto=upto,
                    drop=not keep_table,
                    say=lambda _, at, of: moved(at, of),
                )
            done["partitions"] = [dataclasses.asdict(one) for one in frozen]
        return done

    done = with_store(work)
    if as_json:
        print_json(done)
        return
    if "recordings" in done:
        out.print(f"audio of {done['recordings']['streams']} sessions expired, {_size(done['recordings']['bytes'])}")
    for one in done.get("partitions", ()):
        out.print(f"{one['name']}: {one['outcome']}" + (f", {_size(one['size'])}" if one["size"] else ""))


@store.command()
def thaw(
    first: Annotated[int, typer.Argument(help="First position of a cold partition.", min=0)], as_json: AsJson = False
) -> None:
    """Bring a cold partition back into the database, for what reads its tables itself."""
    from events.thaw import thaw as thaw_partition

    count = with_store(lambda library: thaw_partition(library.dsn, library.settings.archive, first=first))
    if as_json:
        print_json({"first": first, "events": count})
    else:
        out.print(f"{count} events are back")


def _ago(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


COMMANDS = (verify, erase)
