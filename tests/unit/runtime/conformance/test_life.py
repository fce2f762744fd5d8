"""Starting, stopping and failing."""

import threading
from typing import Any

import pykka
import pytest

from tests.unit.runtime.conformance.conftest import TIMEOUT_S, Kind


class Living:
    def __init__(self, log: list[Any], *, fail_in: str = "") -> None:
        super().__init__()
        self.log = log
        self.fail_in = fail_in
        self.over = threading.Event()
        log.append("init")

    def _pass(self, hook: str) -> None:
        self.log.append(hook)
        if hook == self.fail_in:
            raise ValueError(hook)

    def on_start(self) -> None:
        self._pass("start")

    def on_receive(self, message: Any) -> Any:
        if message == "over":
            return self.over
        if isinstance(message, BaseException):
            raise message
        self.log.append(message)
        return None

    def on_stop(self) -> None:
        self._pass("stop")
        self.over.set()

    def on_failure(self, kind: Any, value: Any, traceback: Any) -> None:
        self._pass(f"failure {kind.__name__} {value} {traceback is not None}")
        self.over.set()


def test_hooks_run_around_the_messages(kind: Kind) -> None:
    log: list[Any] = []
    ref = kind(Living).start(log)
    ref.tell("message")
    assert ref.stop(timeout=TIMEOUT_S) is True
    assert log == ["init", "start", "message", "stop"]


def test_what_was_sent_before_the_stop_is_handled(kind: Kind) -> None:
    log: list[Any] = []
    ref = kind(Living).start(log)
    for number in range(100):
        ref.tell(number)
    ref.stop(timeout=TIMEOUT_S)
    assert log[2:-1] == list(range(100))


def test_what_was_sent_after_the_stop_is_answered_with_its_death(kind: Kind) -> None:
    gate = threading.Event()

    class Slow:
        def on_receive(self, message: Any) -> None:
            gate.wait(TIMEOUT_S)

    ref = kind(Slow).start()
    ref.tell("wait")
    stopping = ref.stop(block=False)
    late = ref.ask("late", block=False)
    gate.set()
    assert stopping.get(timeout=TIMEOUT_S) is True
    with pytest.raises(pykka.ActorDeadError):
        late.get(timeout=TIMEOUT_S)


def test_a_stopped_actor_is_dead_to_all(kind: Kind) -> None:
    ref = kind(Living).start([])
    ref.stop(timeout=TIMEOUT_S)
    assert not ref.is_alive()
    assert ref.stop(timeout=TIMEOUT_S) is False
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("a")
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("a", timeout=TIMEOUT_S)
    with pytest.raises(pykka.ActorDeadError):
        ref.proxy()


def test_an_actor_may_stop_itself(kind: Kind) -> None:
    log: list[Any] = []

    class Quitter(Living):
        def on_receive(self, message: Any) -> Any:
            if message == "quit":
                self.stop()  # type: ignore[attr-defined] # the kind's
                return None
            return super().on_receive(message)

    ref = kind(Quitter).start(log)
    over = ref.ask("over", timeout=TIMEOUT_S)
    ref.tell("quit")
    assert over.wait(TIMEOUT_S)
    assert log[-1] == "stop"


def test_a_failure_while_told_ends_the_actor_and_runs_on_failure(kind: Kind) -> None:
    log: list[Any] = []
    ref = kind(Living).start(log)
    over = ref.ask("over", timeout=TIMEOUT_S)
    ref.tell(ValueError("told"))
    assert over.wait(TIMEOUT_S)
    assert log[-1] == "failure ValueError told True"
    assert "stop" not in log
    assert not ref.is_alive()


def test_a_failing_start_ends_the_actor(kind: Kind) -> None:
    ref = kind(Living).start([], fail_in="start")
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("over", timeout=TIMEOUT_S)
    assert not ref.is_alive()


def test_a_failing_on_stop_changes_nothing_for_who_stops(kind: Kind) -> None:
    ref = kind(Living).start([], fail_in="stop")
    assert ref.stop(timeout=TIMEOUT_S) is True
    assert not ref.is_alive()


def test_an_order_to_leave_the_process_stops_all_actors(kind: Kind) -> None:
    actors = kind(Living)
    first, second = actors.start([]), actors.start([])
    overs = [ref.ask("over", timeout=TIMEOUT_S) for ref in (first, second)]
    second.tell(KeyboardInterrupt())
    assert all(over.wait(TIMEOUT_S) for over in overs)
    assert not first.is_alive()
    assert not second.is_alive()


def test_stop_without_blocking_gives_a_future(kind: Kind) -> None:
    assert kind(Living).start([]).stop(block=False).get(timeout=TIMEOUT_S) is True
