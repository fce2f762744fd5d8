"""Time that passes when a test wants it to, however slow the machine is."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final
from weakref import WeakKeyDictionary

IN_VAIN_S: Final = 30.0
"""A budget for an answer that never comes."""
_WAIT_S: Final = 60.0
_ahead_s: WeakKeyDictionary[asyncio.AbstractEventLoop, float] = WeakKeyDictionary()


def leap(seconds: float) -> None:
    """Move the clock of the test's own loop on; what was to happen by then happens at once.

    Who keeps the loop's clock, instead of asking the loop for it, keeps one that leaps only if one leap came before.
    """
    loop = asyncio.get_running_loop()
    if loop not in _ahead_s:
        now = loop.time
        loop.time = lambda: now() + _ahead_s[loop]  # type: ignore[method-assign] # it is the test's own
    _ahead_s[loop] = _ahead_s.get(loop, 0.0) + seconds


async def in_vain[T](asking: Coroutine[Any, Any, T], there: asyncio.Event) -> T:
    """Ask what is never answered, with a budget of `IN_VAIN_S`; it is spent once the question has arrived.

    The loop's clock leaps then, and stays ahead.

    Args:
        asking: the question.
        there: set once it has arrived.
    """
    asked = asyncio.ensure_future(asking)
    arrived = asyncio.ensure_future(there.wait())
    try:
        await asyncio.wait([asked, arrived], timeout=_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        if arrived.done():
            leap(IN_VAIN_S + 1.0)
        return await asked
    finally:
        arrived.cancel()
        asked.cancel()
