"""Commands for clients and their counters: add, list, rotate a key."""

from typing import Annotated, Any, Final

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
    if not name.strip() or not name.isprintable():
        fail("the counter needs a name")
    from balto.accounts import AccountError, register_client, register_counter

    async def work(library: Any) -> dict[str, str]:
        try:
            code = client or await register_client(library.store, email=email or "", legal_name=name.strip())
            counter_id, key = await register_counter(library.store, code, name.strip())
        except AccountError as error:
            fail(_in_english(error))
        return {"counter_id": counter_id, "client": code, "api_key": key}

    made = with_library(work)
    if as_json:
        print_json(made)
        return
    out.print(f"counter {made['counter_id']} of client {made['client']}")
    out.print(f"key     [bold]{made['api_key']}[/bold]  {_NOTE}", soft_wrap=True)


@app.command("list")
def list_counters(as_json: AsJson = False) -> None:
    """List the counters."""
    from projections import reports

    rows = with_library(lambda library: reports.counters(library.projector.pool))
    print_rows(rows, ("counter_id", "code", "name", "registered_at"), title="Counters", as_json=as_json)


@app.command("rotate-key")
def rotate_key(counter_id: Annotated[str, typer.Argument(help="Id of the counter.")], as_json: AsJson = False) -> None:
    """Give a counter a new key; the old one stops working at once."""
    from balto.accounts import AccountError
    from balto.accounts import rotate_key as rotate

    async def work(library: Any) -> str:
        try:
            return await rotate(library, counter_id)
        except AccountError as error:
            fail(_in_english(error))

    key = with_library(work)
    if as_json:
        print_json({"counter_id": counter_id, "api_key": key})
    else:
        out.print(f"key [bold]{key}[/bold]  {_NOTE}", soft_wrap=True)


def _in_english(error: Exception) -> str:
    """Return an account's error as the command line says it; its own message is for clients over HTTP."""
    return _ERRORS.get(type(error).__name__, "the account was refused")


_NOTE: Final = "[dim](kept nowhere else; write it down)[/dim]"
_ERRORS: Final = {
    "InvalidEmailError": "this is no e-mail address",
    "EmailTakenError": "this e-mail has a client already: use --client CODE (`balto counters list` shows the codes)",
    "UnknownClientError": "there is no client of this code (`balto counters list` shows the codes)",
    "UnknownCounterError": "there is no counter of this id (`balto counters list` shows the ids)",
}
