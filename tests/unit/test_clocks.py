"""No actor asks the machine for the time or for chance: both are passed in, or a replay could not repeat anything."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ACTORS = Path(__file__).parents[2] / "actors"

ALLOWED = {
    "runtime/clock.py": "is the clock that is passed in",
    "runtime/dispatchers.py": "takes another clock as an argument",
    "runtime/system.py": "the same",
    "runtime/futures.py": "the same, for deadlines off the loop",
    "runtime/actor.py": "names actors, which nothing depends on",
    "runtime/virtual.py": "chooses schedules by a seed",
    "runtime/testkit.py": "the same",
    "stt/cloud.py": "reads how long a provider asks to wait, as a date",
    "llm/openai_replies.py": "the same",
}
"""Modules that may, by what for."""

CLOCKS = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "random": None,
    "secrets": None,
    "uuid": {"uuid1", "uuid4", "uuid7"},
    "os": {"urandom", "getrandom", "times", "getloadavg"},
}
"""What tells the time or rolls dice, by the name that it is called on; None for everything of it."""


def asks(source: str) -> Iterator[str]:
    """Yield the places where a module asks for time or chance."""
    tree = ast.parse(source)
    aliases = {"random": "random", "time": "time", "secrets": "secrets", "os": "os", "uuid": "uuid"}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                aliases.update({each.asname or each.name: each.name for each in names if each.name in CLOCKS})
            case ast.ImportFrom(module=str(module), names=names) if module in CLOCKS:
                for each in names:
                    wanted = CLOCKS[module]
                    if wanted is None or each.name in wanted:
                        yield f"line {node.lineno}: from {module} import {each.name}"
                    elif each.name in CLOCKS:
                        aliases[each.asname or each.name] = each.name
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if aliases.get(name) in CLOCKS:
                wanted = CLOCKS[aliases[name]]
                if wanted is None or attr in wanted:
                    yield f"line {node.lineno}: {name}.{attr}"
            case ast.Call(func=ast.Attribute(attr="default_rng"), args=[]):
                yield f"line {node.lineno}: default_rng without a seed"
            case _:
                pass


def test_no_actor_asks_the_machine_for_time_or_chance() -> None:
    found = {
        str(path.relative_to(ACTORS)): places
        for path in sorted(ACTORS.rglob("*.py"))
        if (places := list(asks(path.read_text(encoding="utf-8"))))
    }
    assert {name: places for name, places in found.items() if name not in ALLOWED} == {}
    assert sorted(ALLOWED) == sorted(found), "a module that asks for nothing any more needs no leave"


@pytest.mark.parametrize(
    "source",
    [
        "import time\ndef on_receive(self, m):\n    return time.time()",
        "from time import monotonic as now",
        "import time as t\nt.perf_counter()",
        "from datetime import datetime\ndatetime.now()",
        "from datetime import datetime as dt\ndt.utcnow()",
        "import random\nrandom.random()",
        "from uuid import uuid4",
        "import os\nos.urandom(8)",
        "import numpy as np\nnp.random.default_rng()",
    ],
)
def test_who_asks_is_found(source: str) -> None:
    assert list(asks(source))


def test_who_is_given_a_clock_or_a_seed_is_not() -> None:
    assert not list(
        asks("import numpy as np\nself._clock.utc()\nnp.random.default_rng(0)\nfrom datetime import timedelta")
    )
