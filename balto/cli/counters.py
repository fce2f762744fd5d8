"""Commands for clients and their counters: add, list, set what they prefer and may spend, rotate a key."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, replace
from typing import Annotated, Any, Final, Literal

import typer

from balto.cli.common import AsJson, fail, note, out, print_json, print_rows, with_library
from balto.cli.money import existing_counter

app = typer.Typer(help="Counters and their keys.", no_args_is_help=True)

CounterName = Annotated[str, typer.Argument(help="Name or id of the counter.", metavar="COUNTER")]


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
    from balto.accounts import AccountError, namesakes, register_client, register_counter

    async def work(library: Any) -> dict[str, str]:
        try:
            code = client or await register_client(library.store, email=email or "", legal_name=name.strip())
            for other in await namesakes(library, code, name):
                note(
                    f"this client has a counter of this name already, {other.counter_id}: for a new key of that one, "
                    f"`balto counters rotate-key {other.counter_id}`"
                )
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
    columns = ("counter_id", "code", "name", "prefer", "daily_budget_usd", "registered_at")
    print_rows(rows, columns, title="Counters", as_json=as_json)


@app.command("rotate-key")
def rotate_key(name: CounterName, as_json: AsJson = False) -> None:
    """Give a counter a new key; the old one stops working at once."""
    from balto.accounts import rotate_key as rotate

    async def work(library: Any) -> tuple[str, str]:
        found = await existing_counter(library, name)
        return found, await rotate(library, found)

    counter_id, key = with_library(work)
    if as_json:
        print_json({"counter_id": counter_id, "api_key": key})
    else:
        out.print(f"key [bold]{key}[/bold]  {_NOTE}", soft_wrap=True)


@app.command("set")
def set_terms(
    name: CounterName,
    prefer: Annotated[
        str | None, typer.Option("--prefer", metavar="A,B", help="Speech-to-text engines in order, or `default`.")
    ] = None,
    fast_path: Annotated[
        Literal["on", "off", "default"] | None,
        typer.Option("--fast-path", help="Whether what the lexicon is certain about asks no model."),
    ] = None,
    daily_budget: Annotated[
        str | None,
        typer.Option("--daily-budget", metavar="USD", help="After so much a day only free engines are asked; `none`."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set what a counter prefers of the engines, and what it may spend on them a day; what is left out stays.

    Sessions that start later have the preference; the budget holds at once.
    """
    if prefer is None and fast_path is None and daily_budget is None:
        fail("nothing to set: give --prefer, --fast-path or --daily-budget")
    from balto.preferences import change_terms
    from balto.terms import CounterTerms, TermsError

    changes: dict[str, Any] = {}
    if prefer is not None:
        changes["prefer"] = () if prefer == "default" else tuple(part.strip() for part in prefer.split(","))
    if fast_path is not None:
        changes["fast_path"] = {"on": True, "off": False, "default": None}[fast_path]
    if daily_budget is not None:
        changes["daily_budget_usd"] = None if daily_budget == "none" else _dollars(daily_budget)

    async def work(library: Any) -> tuple[str, CounterTerms]:
        counter_id = await existing_counter(library, name)
        try:
            terms = await change_terms(library, counter_id, lambda terms: replace(terms, **changes))
        except TermsError as error:
            fail(str(error))
        _warn_of_missing(changes.get("prefer", ()), library.settings.transcribers)
        return counter_id, terms

    counter_id, terms = with_library(work)
    if as_json:
        print_json({"counter_id": counter_id, **asdict(terms)})
        return
    fast = {True: "on", False: "off", None: "as the server has it"}[terms.fast_path]
    budget = "none" if terms.daily_budget_usd is None else f"{terms.daily_budget_usd:g} dollars a day"
    out.print(f"counter     {counter_id}")
    out.print(f"prefers     {', '.join(terms.prefer) or 'as the server has it'}")
    out.print(f"fast path   {fast}")
    out.print(f"budget      {budget}")


def _warn_of_missing(preferred: Iterable[str], there: Collection[str]) -> None:
    missing = ", ".join(name for name in preferred if name not in there)
    if missing:
        note(
            f"a server with these settings passes over {missing}: it has no key for it, or was told not to use it"
            f" (its engines: {', '.join(there)})"
        )


def _dollars(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        fail(f"--daily-budget {text} is not a sum: write 2.50, or none")


def _in_english(error: Exception) -> str:
    """Return an account's error as the command line says it; its own message is for clients over HTTP."""
    return _ERRORS.get(type(error).__name__, "the account was refused")


_NOTE: Final = "[dim](kept nowhere else; write it down)[/dim]"
_ERRORS: Final = {
    "InvalidEmailError": "this is not an e-mail address",
    "EmailTakenError": "this e-mail has a client already: use --client CODE (`balto counters list` shows the codes)",
    "UnknownClientError": "there is no client of this code (`balto counters list` shows the codes)",
}
