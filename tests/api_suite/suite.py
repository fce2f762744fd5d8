"""Checks in their order: how one is written, run within its time, and told."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

from balto.client.errors import explained
from tests.api_suite.visit import LOG, Visit

type Verdict = Literal["ok", "failed", "skipped"]
type Work = Callable[[Visit], Awaitable[None]]


class Failed(Exception):  # noqa: N818 - a verdict
    """The server did not do what the protocol says."""


class Skipped(Exception):  # noqa: N818 - a verdict
    """The check cannot be made here; the message says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One sentence of the protocol and what proves it."""

    part: str
    says: str
    work: Work
    needs_admin: bool = False
    vital: bool = False
    """Whether nothing can follow where this fails."""
    slow: bool = False
    """Whether it only waits, so that it may run beside the others."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a check."""

    check: Check
    verdict: Verdict
    reason: str
    seconds: float
    log: list[str] = field(default_factory=list)
    follows: bool = False
    """Whether it failed only because something before it had."""

    def as_json(self) -> dict[str, Any]:
        """Return it without its log."""
        told = {"part": self.check.part, "check": self.check.says, "verdict": self.verdict}
        return {**told, "reason": self.reason, "seconds": round(self.seconds, 3)}


class Part:
    """A chapter of the suite; its checks are added by decorating what makes them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.checks: list[Check] = []

    def check(self, says: str, **options: bool) -> Callable[[Work], Work]:
        """Add a check that says this of the server."""

        def add(work: Work) -> Work:
            self.checks.append(Check(self.name, says, work, **options))
            return work

        return add


def expect(met: object, otherwise: str) -> None:
    """Fail the check unless something holds.

    Raises:
        Failed: it does not.
    """
    if not met:
        raise Failed(otherwise)


async def run_checks(
    parts: Sequence[Part], visit: Visit, *, patience_s: float, told: Callable[[Outcome], None]
) -> list[Outcome]:
    """Run every check in turn, the slow ones beside the rest, each within its time.

    Args:
        parts: what to check.
        visit: whom.
        patience_s: of a check; one that takes longer has failed.
        told: of each outcome as it comes.
    """
    outcomes: list[Outcome] = []
    beside: list[asyncio.Task[Outcome]] = []
    lost = ""
    for check in (check for part in parts for check in part.checks):
        if check.slow and not lost:
            beside.append(asyncio.create_task(_run(check, visit, patience_s, lost)))
            continue
        outcome = await _run(check, visit, patience_s, lost)
        if check.vital and outcome.verdict == "failed" and not lost:
            lost = f"needs what failed: {check.says}"
        outcomes.append(outcome)
        told(outcome)
    for task in beside:
        outcome = await task
        outcomes.append(outcome)
        told(outcome)
    return outcomes


async def _run(check: Check, visit: Visit, patience_s: float, lost: str) -> Outcome:
    log: list[str] = []
    token = LOG.set(log)
    began = time.monotonic()
    verdict, reason = await _verdict(check, visit, patience_s, lost)
    LOG.reset(token)
    return Outcome(check, verdict, reason, time.monotonic() - began, log, follows=bool(lost))


async def _verdict(check: Check, visit: Visit, patience_s: float, lost: str) -> tuple[Verdict, str]:
    if lost:
        return "failed", lost
    if check.needs_admin and visit.password is None:
        return "skipped", "needs --admin-password-file"
    try:
        async with asyncio.timeout(patience_s):
            await check.work(visit)
    except Skipped as skipped:
        return "skipped", str(skipped)
    except Failed as failed:
        return "failed", str(failed)
    except TimeoutError:
        return "failed", f"no answer within {patience_s:g} s"
    except (aiohttp.ClientError, OSError) as error:
        return "failed", f"{type(error).__name__}: {explained(error)}"
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        # An answer of another shape than the check reads.
        return "failed", f"the answer has another shape: {type(error).__name__}: {error}"
    return "ok", ""


def counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return how many had each verdict."""
    return {verdict: sum(o.verdict == verdict for o in outcomes) for verdict in ("ok", "failed", "skipped")}


def by_part(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, list[Outcome]]]:
    """Give the outcomes of each part, in the order of the parts."""
    for name in dict.fromkeys(outcome.check.part for outcome in outcomes):
        yield name, [outcome for outcome in outcomes if outcome.check.part == name]
