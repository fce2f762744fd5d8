"""One side of a comparison: a process of its own that takes a JSON command a line and answers with a JSON line."""

import json
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self


class SideError(Exception):
    """A side did not answer; what it said went to standard error."""


class Side:
    """A process that is asked to measure. It ends when its standard input does."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start the process.

        Args:
            command: program and arguments.
        """
        self._process = subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def ask(self, do: str, **arguments: Any) -> Any:
        """Give a command and wait for its answer.

        Raises:
            SideError: the process ended instead.
        """
        self.tell(do, **arguments)
        return self.answer()

    def tell(self, do: str, **arguments: Any) -> None:
        """Give a command without waiting.

        Raises:
            SideError: the process has ended.
        """
        if self._process.stdin is None:
            raise SideError("the side has no standard input")
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise SideError(f"the side ended before «{do}»") from error

    def answer(self) -> Any:
        """Wait for the answer to the next command; raises as `ask`."""
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise SideError(f"the side ended with status {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """Close the process's input and wait for its end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
