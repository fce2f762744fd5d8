"""A call that is taken back: before it begins, while it runs, and when somebody else cancels."""

import asyncio

import pytest

from actors.runtime.calls import Call, WithdrawnError


async def forever(begun: asyncio.Event, ended: list[str]) -> str:
    begun.set()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        ended.append("cancelled")
        raise
    return "done"


async def test_a_call_that_nobody_takes_back_gives_its_result() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert await Call().run(work()) == 7


async def test_a_call_that_was_taken_back_is_not_begun() -> None:
    begun = asyncio.Event()
    call = Call()
    call.withdraw()
    with pytest.raises(WithdrawnError):
        await call.run(forever(begun, []))
    assert not begun.is_set()


async def test_a_call_under_way_is_cancelled() -> None:
    begun, ended = asyncio.Event(), list[str]()
    call = Call()
    running = asyncio.ensure_future(call.run(forever(begun, ended)))
    await begun.wait()
    call.withdraw()
    with pytest.raises(WithdrawnError):
        await running
    assert ended == ["cancelled"]


async def test_who_cancels_the_caller_cancels_the_work_and_is_not_taken_for_a_withdrawal() -> None:
    begun, ended = asyncio.Event(), list[str]()
    running = asyncio.ensure_future(Call().run(forever(begun, ended)))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == ["cancelled"]


async def test_an_error_of_the_work_is_the_callers() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Call().run(broken())
