"""A database that is away fills no log: who waits for it says so once, and again only when it was there meanwhile."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import pytest

from events.presence import Presence
from events.troubles import Trouble
from events.watch import Watch
from projections.leading import while_leading

NOWHERE = "postgresql://balto@127.0.0.1:1/balto"


def test_a_trouble_is_told_when_it_begins_and_when_it_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble(logging.getLogger("somebody"), "somebody waits: %s")
    trouble.goes_on(ValueError("a"))
    trouble.goes_on(ValueError("b"))
    trouble.is_over()
    trouble.is_over()
    trouble.goes_on(ValueError("c"))
    assert caplog.messages == ["somebody waits: a", "somebody waits: c"]


async def lead() -> None:
    await while_leading(NOWHERE, asyncio.Event().wait)  # type: ignore[arg-type]


async def stay() -> None:
    async with Presence(NOWHERE):
        await asyncio.Event().wait()


async def watch() -> None:
    async with Watch(NOWHERE):
        await asyncio.Event().wait()


@pytest.mark.parametrize("waits", [lead, stay, watch])
async def test_who_waits_for_a_database_that_is_away_says_so_once(
    waits: Callable[[], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.0):  # long enough for some attempts: the first pauses are of 0.2 s at most
            await waits()
    (line,) = caplog.messages
    assert line.endswith("the database did not answer: ConnectionRefusedError")
