"""The simulated providers in a process of their own, so that what they take is not counted as Balto's."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any


class Providers:
    """The simulators: where they are, and what they are told to do."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._places: dict[str, dict[str, str]] = self._answer()

    @property
    def pid(self) -> int:
        """Of the process that they are."""
        return self._process.pid

    def url(self, name: str) -> str:
        """Return a provider's address."""
        return self._places[name]["url"]

    def key(self, name: str) -> str:
        """Return the key that it lets in."""
        return self._places[name]["key"]

    def tell(self, **faults: str | None) -> dict[str, int]:
        """Switch faults on or off; return how many requests each provider has had."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(faults) + "\n")
        self._process.stdin.flush()
        counted: dict[str, int] = self._answer()
        return counted

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextlib.contextmanager
def providers(*options: str) -> Iterator[Providers]:
    """Run `python -m tests.simulators` with options."""
    command = [sys.executable, "-m", "tests.simulators", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Providers(process)
        finally:
            process.terminate()
