"""Load shedding: a spell of overload closes the door with its reason, and its end opens it again."""

import pytest

from balto.admission import BUSY, LATE, WAITING, WINDOW_S, Load, LoadWindow

BEAT_S = 0.1


class Machine:
    """A machine whose clock and load a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.window = LoadWindow(lambda: self.now)
        self._messages = 0
        self._waited_s = 0.0

    def run(self, seconds: float, *, lag_ms: float = 0.5, cpu: float = 0.1, wait_ms: float = 0.1) -> str | None:
        ends = self.now + seconds
        while self.now < ends - 1e-9:
            self.now += BEAT_S + lag_ms / 1000
            self._messages += 3
            self._waited_s += 3 * wait_ms / 1000
            self.window.add(Load(lag_ms=lag_ms, cpu_share=cpu, messages=self._messages, waited_s=self._waited_s))
        return self.window.reason()


SPELLS = {
    LATE: {"lag_ms": 400.0},
    WAITING: {"wait_ms": 300.0},
    BUSY: {"cpu": 0.99, "lag_ms": 60.0},
}


@pytest.mark.parametrize("reason", SPELLS)
def test_a_lasting_spell_closes_the_door_and_says_why(reason: str) -> None:
    machine = Machine()
    assert machine.run(10) is None
    assert machine.run(WINDOW_S, **SPELLS[reason]) == reason
    assert len(reason.encode()) <= 123  # what fits into a close frame


@pytest.mark.parametrize("reason", SPELLS)
def test_the_door_opens_again_by_itself(reason: str) -> None:
    machine = Machine()
    machine.run(60, **SPELLS[reason])
    assert machine.window.reason() == reason
    assert machine.run(WINDOW_S + BEAT_S) is None


def test_a_spell_that_is_over_is_forgotten_even_if_nobody_looked() -> None:
    machine = Machine()
    assert machine.run(60, lag_ms=400.0) == LATE
    machine.now += WINDOW_S + 0.1
    assert machine.window.reason() is None


def test_a_short_spell_turns_nobody_away() -> None:
    machine = Machine()
    machine.run(10)
    assert machine.run(1.5, lag_ms=900.0) is None


@pytest.mark.parametrize("reason", SPELLS)
def test_a_server_that_has_just_started_refuses_nobody(reason: str) -> None:
    assert Machine().run(WINDOW_S / 2, **SPELLS[reason]) is None


def test_a_busy_processor_alone_turns_nobody_away() -> None:
    assert Machine().run(60, cpu=1.0) is None


def test_an_idle_server_never_refuses() -> None:
    machine = Machine()
    for _ in range(20):
        assert machine.run(30, cpu=0.0, wait_ms=0.0) is None


def test_a_few_messages_are_no_measure() -> None:
    machine = Machine()
    for _ in range(60):
        machine.now += BEAT_S
        machine.window.add(Load(lag_ms=0.5, cpu_share=0.1, messages=4, waited_s=machine.now))
    assert machine.window.reason() is None
