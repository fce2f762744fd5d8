"""Attributes and methods of actors through proxies."""

from typing import Any

import pykka
import pytest

from tests.unit.runtime.conformance.conftest import TIMEOUT_S, Kind


class Deck:
    def __init__(self) -> None:
        self.tracks = ["a", "b"]

    def count(self) -> int:
        return len(self.tracks)


class Player:
    cls_attr = "of the class"

    def __init__(self) -> None:
        super().__init__()
        self.volume = 3
        self.deck = pykka.traversable(Deck())
        self.calls: list[Any] = []
        self._hidden = True

    def add(self, amount: int, *, twice: bool = False) -> int:
        self.volume += amount * (2 if twice else 1)
        return self.volume

    def fail(self) -> None:
        raise LookupError("no such track")

    def grow(self) -> None:
        self.grown = "later"


@pytest.fixture
def proxy(kind: Kind) -> Any:
    return kind(Player).start().proxy()


def test_attributes_are_read_through_futures(proxy: Any) -> None:
    assert proxy.volume.get(timeout=TIMEOUT_S) == 3
    assert proxy.cls_attr.get(timeout=TIMEOUT_S) == "of the class"


def test_attributes_are_written_before_the_assignment_ends(proxy: Any) -> None:
    proxy.volume = 7
    assert proxy.volume.get(timeout=TIMEOUT_S) == 7


def test_methods_are_called_with_their_arguments(proxy: Any) -> None:
    assert proxy.add(2, twice=True).get(timeout=TIMEOUT_S) == 7


def test_a_methods_error_is_raised_by_its_future(proxy: Any) -> None:
    with pytest.raises(LookupError, match="track"):
        proxy.fail().get(timeout=TIMEOUT_S)
    assert proxy.volume.get(timeout=TIMEOUT_S) == 3


def test_a_deferred_call_is_told(proxy: Any) -> None:
    assert proxy.add.defer(1) is None
    assert proxy.volume.get(timeout=TIMEOUT_S) == 4


def test_a_deferred_call_that_fails_ends_the_actor(proxy: Any) -> None:
    proxy.fail.defer()
    with pytest.raises(pykka.ActorDeadError):
        proxy.volume.get(timeout=TIMEOUT_S)


def test_a_traversable_attribute_is_reached_through(proxy: Any) -> None:
    assert proxy.deck.count().get(timeout=TIMEOUT_S) == 2
    assert proxy.deck.tracks.get(timeout=TIMEOUT_S) == ["a", "b"]


def test_private_and_missing_attributes_are_refused(proxy: Any) -> None:
    for name in ("_hidden", "missing"):
        with pytest.raises(AttributeError, match=name):
            getattr(proxy, name)


def test_an_attribute_that_came_later_is_found(proxy: Any) -> None:
    proxy.grow().get(timeout=TIMEOUT_S)
    assert proxy.grown.get(timeout=TIMEOUT_S) == "later"


def test_a_proxy_lists_what_may_be_asked_of_it(proxy: Any) -> None:
    listed = dir(proxy)
    assert {"volume", "add", "deck", "cls_attr"} <= set(listed)
    assert "_hidden" not in listed


def test_proxies_of_one_actor_are_equal(kind: Kind) -> None:
    ref = kind(Player).start()
    assert ref.proxy() == ref.proxy()
    assert ref.proxy() != kind(Player).start().proxy()
