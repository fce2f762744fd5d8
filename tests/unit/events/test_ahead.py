"""Reading ahead: the same pages in the same order, one of them asked for before its turn."""

from collections.abc import AsyncIterator

import pytest

from events.ahead import one_ahead


class Pages:
    """Counts up to three and notes what was asked for."""

    def __init__(self, *, fails: bool = False) -> None:
        self.asked: list[int] = []
        self._fails = fails

    async def __aiter__(self) -> AsyncIterator[int]:
        for number in (1, 2, 3):
            self.asked.append(number)
            yield number
        if self._fails:
            raise OSError("gone")


async def test_every_page_comes_in_order_and_the_next_is_asked_for_before_one_is_used() -> None:
    pages = Pages()
    asked = [(page, list(pages.asked)) async for page in one_ahead(aiter(pages))]
    assert asked == [(1, [1, 2]), (2, [1, 2, 3]), (3, [1, 2, 3])]


async def test_a_failure_comes_after_the_pages_before_it() -> None:
    reading = one_ahead(aiter(Pages(fails=True)))
    assert [await anext(reading) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(OSError, match="gone"):
        await anext(reading)


async def test_whoever_stops_early_leaves_nothing_running() -> None:
    pages = Pages()
    reading = one_ahead(aiter(pages))
    assert await anext(reading) == 1
    await reading.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert pages.asked == [1, 2]
