"""Commands for clients and their counters: add, list, rotate a key."""

from typing import Annotated, Any

import typer

from balto.cli.common import AsJson, fail, out, print_json, print_rows, with_library

app = typer.Typer(help="Counters and their keys.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name of the counter.")],
    client: Annotated[str | None, typer.Option("--client", help="Code of its client, if it is registered.")] = None,
    email: Annotated[str | None, typer.Option("--email", help="E-mail of a client to register with it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a counter and print its key, which is shown only now."""
    if (client is None) == (email is None):
        fail("give either --client CODE or, to register a new client, --email ADDRESS")
    from balto.accounts import AccountError, register_client, register_counter

    async def work(library: Any) -> dict[str, str]:
        try:
            code = client or await register_client(library.store, email=email or "", legal_name=name)
            counter_id, key = await register_counter(library.store, code, name)
        except AccountError as error:
            fail(str(error))
        return {"counter_id": counter_id, "client": code, "api_key": key}

    made = with_library(work)
    if as_json:
        print_json(made)
        return
    out.print(f"counter {made['counter_id']} of client {made['client']}")
    out.print(f"key     [bold]{made['api_key']}[/bold]  [dim](kept nowhere else; write it down)[/dim]")


@app.command("list")
def list_counters(as_json: AsJson = False) -> None:
    """List the counters."""
    from projections import reports

    rows = with_library(lambda library: reports.counters(library.projector.pool))
    print_rows(rows, ("counter_id", "code", "legal_name", "name", "registered_at"), title="Counters", as_json=as_json)


@app.command("rotate-key")
def rotate_key(counter_id: Annotated[str, typer.Argument(help="Id of the counter.")], as_json: AsJson = False) -> None:
    """Give a counter a new key; the old one stops working at once."""
    from balto.accounts import AccountError
    from balto.accounts import rotate_key as rotate

    async def work(library: Any) -> str:
        try:
            return await rotate(library, counter_id)
        except AccountError as error:
            fail(str(error))

    key = with_library(work)
    if as_json:
        print_json({"counter_id": counter_id, "api_key": key})
    else:
        out.print(f"key [bold]{key}[/bold]")
