"""Commands about baskets files: `balto cestas check`, `balto cestas schema`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from balto.cli.common import AsJson, out, print_json

cestas = typer.Typer(help="Baskets files: check one before it is served.", no_args_is_help=True)


@cestas.command()
def check(
    file: Annotated[Path, typer.Argument(help="A cestas.json, a deployed one, or a file of lookups.", metavar="FILE")],
    as_json: AsJson = False,
) -> None:
    """Tell everything that is wrong with a baskets file, with its place; exits with 1 if any of it is an error.

    A file in Balto's own form is held to its schema. A deployed file of the predecessor, and its file of lookups, are
    served without their poor parts, so those are warnings.
    """
    from actors.basket.check import check as check_file
    from balto.settings import OWN_BASKETS

    checked = check_file(file, OWN_BASKETS)
    if as_json:
        print_json({"file": str(file), "ok": checked.ok, **dataclasses.asdict(checked)})
    else:
        for finding in checked.findings:
            place = ":".join(str(part) for part in (file, finding.line, finding.column) if part is not None)
            where = f" ({finding.pointer})" if finding.pointer else ""
            out.print(f"{place}: {finding.severity}: {finding.message}{where}", markup=False, soft_wrap=True)
        errors = sum(finding.severity == "error" for finding in checked.findings)
        held = ", ".join(f"{count} {name}" for name, count in checked.counts.items() if count)
        summary = f"{errors} errors, {len(checked.findings) - errors} warnings"
        out.print(f"{file.name}: {summary}{f'; {held}' if held else ''}", markup=False, soft_wrap=True)
    if not checked.ok:
        raise typer.Exit(1)


@cestas.command()
def schema() -> None:
    """Print the JSON Schema (Draft 2020-12) of Balto's own baskets files."""
    from actors.basket.schema import json_schema

    print_json(json_schema())
