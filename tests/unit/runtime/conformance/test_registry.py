"""Looking actors up, and speaking to many."""

from typing import Any

import pykka

from tests.unit.runtime.conformance.conftest import TIMEOUT_S, Kind


class One:
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "heard":
            return list(self.heard)
        self.heard.append(message)
        return None


class Other(One):
    pass


def test_a_started_actor_is_found_by_urn_class_and_name(kind: Kind) -> None:
    actors = kind(One)
    ref = actors.start()
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is ref
    assert pykka.ActorRegistry.get_by_class(actors) == [ref]
    assert pykka.ActorRegistry.get_by_class(actors.__bases__[-1]) == [ref]
    assert pykka.ActorRegistry.get_by_class_name("One") == [ref]
    assert pykka.ActorRegistry.get_all() == [ref]


def test_a_stopped_or_failed_actor_is_found_no_more(kind: Kind) -> None:
    ref = kind(One).start()
    ref.stop(timeout=TIMEOUT_S)
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None
    assert pykka.ActorRegistry.get_all() == []


def test_all_are_listed_in_the_order_of_their_start(kind: Kind) -> None:
    refs = [kind(One).start() for _ in range(5)]
    assert pykka.ActorRegistry.get_all() == refs


def test_a_broadcast_reaches_the_class_it_names_or_all(kind: Kind) -> None:
    one, other = kind(One).start(), kind(Other).start()
    pykka.ActorRegistry.broadcast("to all")
    pykka.ActorRegistry.broadcast("to others", target_class="Other")
    assert one.ask("heard", timeout=TIMEOUT_S) == ["to all"]
    assert other.ask("heard", timeout=TIMEOUT_S) == ["to all", "to others"]


def test_stop_all_stops_the_last_started_first(kind: Kind) -> None:
    order: list[int] = []

    class Numbered:
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def on_stop(self) -> None:
            order.append(self.number)

    actors = kind(Numbered)
    for number in range(4):
        actors.start(number)
    assert pykka.ActorRegistry.stop_all(timeout=TIMEOUT_S) == [True] * 4
    assert order == [3, 2, 1, 0]
