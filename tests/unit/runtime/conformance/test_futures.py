"""Futures: setting, waiting and deriving."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pykka
import pytest

from actors.runtime.futures import LoopFuture

each = pytest.mark.parametrize("make", [pykka.ThreadingFuture, LoopFuture])
Make = Callable[[], pykka.Future[Any]]


def holding(make: Make, value: Any) -> pykka.Future[Any]:
    future = make()
    future.set(value)
    return future


@each
def test_a_value_is_given_as_often_as_asked_for(make: Make) -> None:
    future = holding(make, "value")
    assert [future.get(), future.get()] == ["value", "value"]


@each
def test_get_waits_for_another_thread(make: Make) -> None:
    future = make()
    threading.Timer(0.01, future.set, args=("value",)).start()
    assert future.get(timeout=10) == "value"


@each
def test_get_gives_up_after_its_timeout(make: Make) -> None:
    with pytest.raises(pykka.Timeout):
        make().get(timeout=0.01)


@each
def test_an_exception_is_raised_with_its_traceback(make: Make) -> None:
    future = make()

    def lose() -> None:
        raise LookupError("lost")

    try:
        lose()
    except LookupError:
        future.set_exception()
    with pytest.raises(LookupError, match="lost") as caught:
        future.get()
    assert any(entry.name == "lose" for entry in caught.traceback)


@each
def test_an_exception_may_be_given_as_exc_info(make: Make) -> None:
    future = make()
    future.set_exception((LookupError, LookupError("lost"), None))
    with pytest.raises(LookupError, match="lost"):
        future.get()


@each
def test_a_second_value_is_refused(make: Make) -> None:
    future: Any = holding(make, 1)
    with pytest.raises(Exception):  # noqa: B017, PT011 - Pykka promises no more than an exception
        future.set(2)
    with pytest.raises(Exception):  # noqa: B017, PT011 - as above
        future.set_exception((LookupError, LookupError(), None))
    assert future.get() == 1


@each
def test_a_get_hook_computes_the_value_once(make: Make) -> None:
    future = make()
    calls: list[float | None] = []

    def hook(timeout: float | None) -> int:
        calls.append(timeout)
        return 7

    future.set_get_hook(hook)
    assert [future.get(timeout=3), future.get()] == [7, 7]
    assert calls == [3]
    with pytest.raises(Exception):  # noqa: B017, PT011 - as above
        future.set(1)


@each
def test_map_filter_join_and_reduce_derive_futures(make: Make) -> None:
    numbers: Any = holding(make, [1, 2, 3, 4])
    assert numbers.map(len).get() == 4
    assert numbers.filter(lambda n: n % 2 == 0).get() == [2, 4]
    assert numbers.join(holding(make, "b"), holding(make, None)).get() == [[1, 2, 3, 4], "b", None]
    assert numbers.reduce(lambda a, b: a + b).get() == 10
    assert numbers.reduce(lambda a, b: a + b, 5).get() == 15
    assert numbers.filter(lambda n: n > 1).map(sum).get() == 9


@each
def test_deriving_waits_for_nothing_and_carries_errors(make: Make) -> None:
    source = make()
    derived = source.map(len)
    source.set_exception((LookupError, LookupError("lost"), None))
    with pytest.raises(LookupError):
        derived.get()


@each
def test_get_all_collects_values(make: Make) -> None:
    assert list(pykka.get_all([holding(make, 1), holding(make, 2)])) == [1, 2]


@each
async def test_a_future_with_a_value_can_be_awaited(make: Make) -> None:
    assert await holding(make, 3) == 3
    assert await holding(make, [1, 2]).map(len) == 2


async def test_futures_of_both_kinds_may_be_joined_and_awaited() -> None:
    plain, ours = pykka.ThreadingFuture[int](), LoopFuture()
    joined = ours.join(plain)
    asyncio.get_running_loop().call_soon(ours.set, 1)
    threading.Timer(0.01, plain.set, args=(2,)).start()
    assert await joined == [1, 2]
