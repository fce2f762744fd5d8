"""Telling and asking."""

import threading
from typing import Any

import pykka
import pytest

from tests.unit.runtime.conformance.conftest import TIMEOUT_S, Kind


class Recorder:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.arguments = (args, kwargs)
        self.seen: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Exception):
            raise message
        if message == "seen":
            return list(self.seen)
        self.seen.append(message)
        return ("answer to", message)


def test_start_gives_the_constructor_its_arguments(kind: Kind) -> None:
    ref = kind(Recorder).start(1, two=2)
    assert ref.proxy().arguments.get(timeout=TIMEOUT_S) == ((1,), {"two": 2})


def test_messages_of_one_sender_are_handled_in_order(kind: Kind) -> None:
    ref = kind(Recorder).start()
    for number in range(500):
        ref.tell(number)
    assert ref.ask("seen", timeout=TIMEOUT_S) == list(range(500))


def test_tell_returns_nothing_and_ask_the_answer(kind: Kind) -> None:
    ref = kind(Recorder).start()
    assert ref.tell("a") is None
    assert ref.ask("b", timeout=TIMEOUT_S) == ("answer to", "b")


def test_ask_without_blocking_gives_a_future(kind: Kind) -> None:
    future = kind(Recorder).start().ask("b", block=False)
    assert isinstance(future, pykka.Future)
    assert future.get(timeout=TIMEOUT_S) == ("answer to", "b")


def test_an_error_goes_to_the_asker_and_the_actor_lives_on(kind: Kind) -> None:
    ref = kind(Recorder).start()
    with pytest.raises(LookupError, match="lost"):
        ref.ask(LookupError("lost"), timeout=TIMEOUT_S)
    assert ref.ask("b", timeout=TIMEOUT_S) == ("answer to", "b")


def test_ask_gives_up_after_its_timeout(kind: Kind) -> None:
    gate = threading.Event()

    class Slow:
        def on_receive(self, message: Any) -> None:
            gate.wait(TIMEOUT_S)

    ref = kind(Slow).start()
    try:
        with pytest.raises(pykka.Timeout):
            ref.ask("anything", timeout=0.01)
    finally:
        gate.set()


def test_an_unexpected_message_is_no_failure(kind: Kind) -> None:
    class Bare:
        pass

    ref = kind(Bare).start()
    assert ref.ask("what?", timeout=TIMEOUT_S) is None
    assert ref.is_alive()


def test_a_handler_may_ask_another_actor(kind: Kind) -> None:
    actors = kind(Recorder)
    other = actors.start()

    class Asker:
        def on_receive(self, message: Any) -> Any:
            return other.ask(message, block=False)

    assert kind(Asker).start().ask("b", timeout=TIMEOUT_S).get(timeout=TIMEOUT_S) == ("answer to", "b")
