"""Commands for the read models: how far they are, building them anew, leaving out what does not fold."""

import dataclasses
from typing import Annotated, Any

import typer

from balto.cli.common import AsJson, err, fail, out, print_json, print_rows
from balto.cli.opening import bar, with_store

projections = typer.Typer(
    help="The read models: what they are, how far they are, build them anew.", no_args_is_help=True
)

_COLUMNS = ("name", "state", "position", "lag", "stopped_at", "reason")


@projections.command("list")
def list_projections(as_json: AsJson = False) -> None:
    """List the read models and how far they are, after bringing them up to date."""

    async def work(library: Any) -> Any:
        await library.projector.catch_up()
        return await library.projector.status()

    _show(with_store(work), as_json=as_json)


@projections.command()
def status(as_json: AsJson = False) -> None:
    """List the read models as they stand: how far, where one is stopped and why, what is being rebuilt or skipped."""
    _show(with_store(lambda library: library.projector.status()), as_json=as_json)


@projections.command()
def rebuild(
    name: Annotated[str, typer.Argument(help="Name of the read model, or `all`.")], as_json: AsJson = False
) -> None:
    """Build a read model anew from the events; readers keep the old rows until it is done.

    Broken off, it goes on from where it was when it is asked for again.
    """

    async def work(library: Any) -> dict[str, int]:
        known = [row.name for row in await library.projector.status()]
        if name not in (*known, "all"):
            fail(f"there is no projection {name}; there are {', '.join(known)}")
        with bar(f"rebuilding {name}") as moved:
            if name == "all":
                return dict(await library.projector.rebuild_all(moved))
            return {name: await library.projector.rebuild(name, moved)}

    built = sorted(with_store(work).items())
    if as_json:
        print_json([{"name": one, "position": position} for one, position in built])
        return
    for one, position in built:
        out.print(f"rebuilt {one} up to event {position}")


@projections.command()
def skip(
    name: Annotated[str, typer.Argument(help="Name of the read model.")],
    position: Annotated[int, typer.Argument(help="Of the event at which it, or its rebuild, is stopped.")],
    as_json: AsJson = False,
) -> None:
    """Leave out the event that stops a read model, now and in every rebuild; `status` shows what is left out."""

    async def work(library: Any) -> str:
        from projections.skips import NotStoppedThereError
        from projections.status import UnknownProjectionError

        try:
            reason = await library.projector.skip(name, position)
        except (NotStoppedThereError, UnknownProjectionError) as error:
            fail(f"{error} (`balto projections status` shows what is stopped, and where)")
        await library.projector.catch_up(name)
        return str(reason)

    reason = with_store(work)
    if as_json:
        print_json({"name": name, "position": position, "reason": reason})
    else:
        out.print(f"{name} leaves out event {position} ({reason})", markup=False)


def tell_of(compared: list[Any]) -> None:
    """Say how many read models are as a rebuild makes them, and on standard error which are not."""
    sound = sum(one.sound for one in compared)
    out.print(f"{sound} of {len(compared)} read models equal their rebuild")
    for one in compared:
        if one.not_compared is not None:
            said = f"was not compared: {one.not_compared}"
        elif not one.sound:
            said = (
                f"is not what its events make of it: {one.missing} rows are missing or other, {one.extra} too many or"
                f" other (`balto projections rebuild {one.name}`)"
            )
        else:
            continue
        err.print(f"balto: read model {one.name} {said}", markup=False, soft_wrap=True)


def _show(rows: list[Any], *, as_json: bool) -> None:
    print_rows(rows, _COLUMNS, title="Projections", as_json=as_json)
    if as_json:
        return
    for row in rows:
        if row.rebuilt_to is not None:
            stopped = f", stopped at event {row.rebuild_stopped_at}: {row.rebuild_reason}" if row.rebuild_reason else ""
            out.print(f"{row.name} is being rebuilt, up to event {row.rebuilt_to}{stopped}", markup=False)
        if row.skipped:
            out.print(f"{row.name} leaves out on purpose: {', '.join(map(str, row.skipped))}", markup=False)


def as_json(compared: list[Any]) -> list[dict[str, Any]]:
    """Return comparisons as JSON values."""
    return [{**dataclasses.asdict(one), "sound": one.sound} for one in compared]
