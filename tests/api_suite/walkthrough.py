"""A run as a page to read: every check with what was sent and what came back."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.api_suite.suite import Outcome, by_part, counted
from tests.api_suite.visit import Visit

_MARKS = {"ok": "✓", "failed": "✗", "skipped": "–"}
_MOST_LINES = 30


def walkthrough(visit: Visit, outcomes: Sequence[Outcome], seconds: float) -> str:
    """Return the page, in Markdown."""
    count = counted(outcomes)
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    whence = f"Python {platform.python_version()} on {platform.machine()}"
    lines = [
        "# Walkthrough of the protocol",
        "",
        f"Written by a run of `tests/api_suite/run_protocol.py` on {now} against `{visit.url}`, from {whence}.",
        "Keys, tokens and passwords are left out.",
        "",
        f"**{count['ok']} passed, {count['failed']} failed, {count['skipped']} skipped** in {seconds:.1f} s.",
    ]
    for part, of_part in by_part(outcomes):
        lines += ["", f"## {part}"]
        for outcome in of_part:
            lines += ["", f"### {_MARKS[outcome.verdict]} {outcome.check.says}", ""]
            told = f"{outcome.verdict}, {outcome.seconds * 1000:.0f} ms"
            lines.append(f"{told}: {outcome.reason}" if outcome.reason else told)
            if outcome.log:
                lines += ["", "```", *_shortened(outcome.log), "```"]
    lines += ["", "## What it left", "", *left(visit)]
    return "\n".join(lines) + "\n"


def left(visit: Visit) -> list[str]:
    """Say what a run leaves behind: the ledger forgets nothing by itself."""
    if not visit.code:
        return ["Nothing: no client was registered."]
    named = " and ".join(f"`{one.name}` ({one.id})" for one in visit.counters)
    sessions = f"{len(visit.sessions)} sessions that are known by id"
    return [
        f"The client `{visit.code}` ({visit.email}), its counters {named or '(none)'} and {sessions}.",
        "Events are never deleted; what was said in a session goes with its key:",
        "",
        "```sh",
        *(f'balto erase {session} --yes --reason "protocol suite"' for session in visit.sessions),
        "```",
    ]


def _shortened(log: list[str]) -> list[str]:
    if len(log) <= _MOST_LINES:
        return log
    half = _MOST_LINES // 2
    return [*log[:half], f"… {len(log) - 2 * half} lines …", *log[-half:]]
