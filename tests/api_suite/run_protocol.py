"""Asks a Balto at any address whether it keeps the protocol: registers a client, then tries HTTP and the socket.

    python tests/api_suite/run_protocol.py --url https://balto.example --admin-password-file FILE

Exits with 0 if no check failed, with 1 if one did. One that takes too long has failed.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

if __name__ == "__main__":  # as a file, its own folder is on the path instead of the project's
    sys.path[0] = str(Path(__file__).parents[2])

from tests.api_suite.added import ADDED
from tests.api_suite.kept import KEPT
from tests.api_suite.past import COUNTERS, PAST
from tests.api_suite.proof import ProofError, db_proof
from tests.api_suite.rest import HEALTH, REGISTRATION, TRIALS
from tests.api_suite.suite import Check, Outcome, Part, counted, run_checks
from tests.api_suite.visit import Visit, visiting
from tests.api_suite.walkthrough import left, walkthrough

PARTS: Final = (HEALTH, REGISTRATION, TRIALS, COUNTERS, KEPT, ADDED, PAST)
_COLOURS: Final = {"ok": "green", "failed": "red", "skipped": "yellow"}
_RESULTS: Final = Path("protocol-results")
"""Under the folder that one is in: the sample beside this file is written over only by who names it."""

err = Console(stderr=True, highlight=False)


async def run(
    url: str,
    password: str | None,
    *,
    dsn: str | None = None,
    patience_s: float = 60.0,
    results: Path | None = None,
    console: Console = err,
    parts: Sequence[Part] = PARTS,
) -> tuple[list[Outcome], Visit]:
    """Run the suite and write its results.

    Args:
        url: of the server.
        password: the administrator's; without it what needs one is skipped.
        dsn: of the event store, for the proof.
        patience_s: of a check; one that takes longer has failed.
        results: the folder to write `walkthrough.md` and, with a `dsn`, `db_proof.txt` to.
        console: told of each check as it ends.
        parts: what to check.
    """
    total = sum(len(part.checks) for part in parts) + (dsn is not None)
    outcomes: list[Outcome] = []

    def tell(outcome: Outcome) -> None:
        outcomes.append(outcome)
        _tell(console, outcome, len(outcomes), total)

    began = time.monotonic()
    async with visiting(url, password) as visit:
        await run_checks(parts, visit, patience_s=patience_s, told=tell)
        if dsn is not None:
            tell(await _prove(dsn, visit, results))
    if results is not None:
        await asyncio.to_thread(
            _write, results / "walkthrough.md", walkthrough(visit, outcomes, time.monotonic() - began)
        )
    return outcomes, visit


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


async def _prove(dsn: str, visit: Visit, results: Path | None) -> Outcome:
    async def nothing(_: Visit) -> None:
        return

    check = Check(
        "The event store", "What the run left is whole, in order and sealed, and nobody may change it", nothing
    )
    began = time.monotonic()
    try:
        text = await db_proof(dsn, visit)
    except ProofError as error:
        return Outcome(check, "failed", str(error), time.monotonic() - began)
    if results is not None:
        await asyncio.to_thread(_write, results / "db_proof.txt", text)
    return Outcome(check, "ok", "", time.monotonic() - began)


def _tell(console: Console, outcome: Outcome, number: int, total: int) -> None:
    if outcome.follows:
        return
    colour = _COLOURS[outcome.verdict]
    told = f"[dim]{number:>2}/{total}[/dim] [{colour}]{outcome.verdict:<7}[/{colour}] {escape(outcome.check.says)}"
    console.print(f"{told} [dim]{outcome.seconds * 1000:.0f} ms[/dim]", soft_wrap=True)
    if outcome.reason:
        console.print(f"              {escape(outcome.reason.splitlines()[0])}", style=colour, soft_wrap=True)


def main(
    url: Annotated[str, typer.Option(help="The server.")] = "http://127.0.0.1:8765",
    admin_password_file: Annotated[
        Path | None,
        typer.Option(help="A file with the administrator's password; or set BALTO_ADMIN_PASSWORD.", exists=True),
    ] = None,
    dsn: Annotated[
        str | None,
        typer.Option(envvar="BALTO_SUITE_DSN", help="The event store, as who may read it, for db_proof.txt."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that a check may take.")] = 60.0,
    results: Annotated[Path, typer.Option(help="Where walkthrough.md and db_proof.txt are written.")] = _RESULTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Ask a Balto at any address whether it keeps the protocol, over HTTP and its socket.

    It registers a client and two counters of its own and says in the end what it leaves behind. Where nobody logs in as
    administrator, registration must be open.
    """
    password = os.environ.get("BALTO_ADMIN_PASSWORD") or None
    if admin_password_file is not None:
        password = admin_password_file.read_text(encoding="utf-8").rstrip("\n")
    if "://" not in url:
        url = f"http://{url}"
    outcomes, visit = asyncio.run(run(url, password, dsn=dsn, patience_s=timeout, results=results))
    count = counted(outcomes)
    if following := sum(outcome.follows for outcome in outcomes):
        err.print(f"{following} more failed, for they need what failed", style="red")
    err.print(f"{count['ok']} passed, {count['failed']} failed, {count['skipped']} skipped; written to {results}")
    for line in left(visit)[:1]:
        err.print(f"[dim]left: {escape(line)}[/dim]", soft_wrap=True)
    if as_json:
        told = {"url": url, **count, "client": visit.code, "sessions": visit.sessions}
        sys.stdout.write(
            json.dumps({**told, "checks": [outcome.as_json() for outcome in outcomes]}, ensure_ascii=False)
        )
        sys.stdout.write("\n")
    raise typer.Exit(1 if count["failed"] else 0)


if __name__ == "__main__":
    typer.run(main)
