"""The garbage collector around a start: off meanwhile, blind to what was made then, and at work again afterwards."""

import gc
from collections.abc import Iterator

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
