"""The garbage collector around a start: off meanwhile, blind to what was made then, and at work again afterwards."""

import ctypes
import gc
import sys
from collections.abc import Iterator

import psutil
import pytest

from balto.collector import held_off, settle_down


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_what_a_start_makes_is_collected_by_nobody_and_what_comes_later_is() -> None:
    frozen = gc.get_freeze_count()
    with held_off():
        assert not gc.isenabled()
        made = [[] for _ in range(100)]  # type: list[list[int]]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(made)


def test_it_is_back_even_if_the_start_fails() -> None:
    with pytest.raises(OSError, match="no port"), held_off():
        raise OSError("no port")
    assert gc.isenabled()


def test_a_server_collects_from_when_it_serves_and_not_only_when_it_ends() -> None:
    with held_off():
        settle_down()
        assert gc.isenabled()


def test_whoever_had_it_off_keeps_it_off() -> None:
    gc.disable()
    with held_off():
        pass
    assert not gc.isenabled()


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another allocator than glibc's"
)
def test_what_a_start_took_and_freed_is_given_back_to_the_system() -> None:
    taken = [bytes(2_000) for _ in range(20_000)]
    last = bytes(2_000)  # what lies behind what is free keeps it from being given back unasked
    full = psutil.Process().memory_info().rss
    taken.clear()
    settle_down()
    assert psutil.Process().memory_info().rss < full - 20 * 2**20
    assert len(last) == 2_000
