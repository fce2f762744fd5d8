"""All commands, under the names that they are called by."""

import typer

from balto import __version__
from balto.cli import (
    advising,
    baskets,
    bi,
    browsing,
    counters,
    diff,
    export,
    hearing,
    ledger,
    past,
    readmodels,
    replaying,
    retelling,
    serving,
    sessionfiles,
    usage,
)

app = typer.Typer(
    cls=usage.OneLineGroup,
    help="Balto listens at a pharmacy counter and tells the attendant what goes well with what was asked for.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"balto {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    """Settings come from the environment and `.env`, under the prefix BALTO_; see `.env.example`."""


for module in (serving, hearing, advising, past, browsing, retelling, replaying, diff, export, ledger):
    for command in module.COMMANDS:
        app.command()(command)
app.add_typer(baskets.cestas, name="cestas")
app.add_typer(bi.app, name="bi")
app.add_typer(counters.app, name="counters")
app.add_typer(ledger.store, name="store")
app.add_typer(past.report, name="report")
app.add_typer(sessionfiles.session, name="session")
app.add_typer(readmodels.projections, name="projections")
