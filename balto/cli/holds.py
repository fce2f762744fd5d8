"""Commands for legal holds: what is put on record, listed, lifted."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from balto.cli.common import AsJson, fail, out, print_json, print_rows
from balto.cli.names import existing_stream
from balto.cli.opening import Stream, with_store

hold = typer.Typer(help="Legal holds: what they name is neither erased nor expired.", no_args_is_help=True)


@hold.command("add")
def add_hold(
    reason: Annotated[str, typer.Option("--reason", help="Why; kept on record.")],
    stream: Stream = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="All that a tenant has.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put a session, or all of a tenant's, on legal hold."""
    from events.driver import one_connection
    from events.retention import place_hold

    if (stream is None) == (tenant is None):
        fail("give either --stream or --tenant")

    async def work(library: Any) -> int:
        name = await existing_stream(library, stream)
        async with one_connection(library.dsn, application_name="balto store") as connection:
            return await place_hold(connection, stream=name, tenant=tenant, reason=reason)

    number = with_store(work)
    if as_json:
        print_json({"id": number})
    else:
        out.print(f"hold {number}")


@hold.command("list")
def list_all(
    lifted: Annotated[bool, typer.Option("--all", help="Also those that were lifted.")] = False, as_json: AsJson = False
) -> None:
    """List the holds."""
    from events.retention import list_holds

    rows = _with_connection(lambda connection: list_holds(connection, lifted=lifted))
    columns = ("id", "stream", "tenant", "reason", "placed_at", "lifted_at")
    print_rows(rows, columns, title="Legal holds", as_json=as_json)


@hold.command("remove")
def remove(number: Annotated[int, typer.Argument(help="Number of the hold.")]) -> None:
    """Lift a hold; it stays on record."""
    from events.retention import lift_hold

    if not _with_connection(lambda connection: lift_hold(connection, number)):
        fail(f"there is no hold {number} in force")
    out.print(f"lifted hold {number}")


def _with_connection[T](work: Callable[[Any], Awaitable[T]]) -> T:
    from events.driver import one_connection

    async def go(library: Any) -> T:
        async with one_connection(library.dsn, application_name="balto store") as connection:
            return await work(connection)

    return with_store(go)
