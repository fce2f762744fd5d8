"""A Dockerfile as stages of steps, each step of a kind that can be run here; any other kind is refused."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dockerfile_parse import DockerfileParser

_KINDS: Final = frozenset(
    "WORKDIR RUN COPY ENV USER VOLUME EXPOSE HEALTHCHECK ENTRYPOINT CMD".split()  # noqa: SIM905 - reads as the file does
)


class UnknownStepError(Exception):
    """The file has a step that is not run here: what was proven would not be the image."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction, as `RUN` and what follows it."""

    kind: str
    value: str

    @property
    def words(self) -> list[str]:
        """The words of an exec form (`["a", "b"]`) or of a plain line."""
        return list(json.loads(self.value)) if self.value.startswith("[") else shlex.split(self.value)


@dataclass(slots=True)
class Stage:
    """What is made from one `FROM`."""

    base: str
    name: str | None
    steps: list[Step] = field(default_factory=list)

    def last(self, kind: str) -> Step | None:
        """Return the last step of a kind, which is the one that counts for most."""
        return next((step for step in reversed(self.steps) if step.kind == kind), None)

    @property
    def env(self) -> dict[str, str]:
        """Everything that its `ENV` steps set."""
        return {name: value for step in self.steps if step.kind == "ENV" for name, value in pairs(step)}


def pairs(step: Step) -> list[tuple[str, str]]:
    """Return the names and values of an `ENV` step."""
    return [(name, value) for name, _, value in (word.partition("=") for word in step.words)]


def read_stages(path: Path) -> list[Stage]:
    """Read a Dockerfile.

    Raises:
        UnknownStepError: a step or a form of one is not run here.
    """
    stages: list[Stage] = []
    with path.open("rb") as file:
        structure: list[Mapping[str, Any]] = DockerfileParser(fileobj=file, env_replace=False).structure
    for entry in structure:
        kind, value = str(entry["instruction"]), str(entry["value"])
        if kind == "COMMENT":
            continue
        if kind == "FROM":
            words = value.split()
            stages.append(Stage(words[0], words[2] if len(words) == 3 else None))
        elif kind not in _KINDS or (kind == "RUN" and value.startswith(("[", "--", "<<"))):
            raise UnknownStepError(f"{kind} {value}")
        else:
            stages[-1].steps.append(Step(kind, value))
    return stages


def origin_of(copy: Step) -> tuple[str | None, list[str], str]:
    """Return the stage that a `COPY` takes from (None for the context), what it takes, and where to."""
    words = copy.words
    stage = None
    if words[0].startswith("--"):
        match = re.fullmatch(r"--from=(\w+)", words.pop(0))
        if match is None:
            raise UnknownStepError(copy.value)
        stage = match[1]
    return stage, words[:-1], words[-1]


def probe_of(step: Step) -> list[str]:
    """Return the command of a `HEALTHCHECK`."""
    return list(json.loads(step.value.partition(" CMD ")[2]))


def let_in(dockerignore: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return the top-level names of the context that an allow-list lets in, and the names that it leaves out anywhere.

    Raises:
        UnknownStepError: it is no list of `*`, then `!NAME` and `**/NAME`.
    """
    lines = [line for line in dockerignore.read_text().splitlines() if line and not line.startswith("#")]
    if lines[0] != "*" or any(not line.startswith(("!", "**/")) for line in lines[1:]):
        raise UnknownStepError(f"{dockerignore.name} is no allow-list")
    allowed = frozenset(line[1:] for line in lines if line.startswith("!"))
    return allowed, frozenset(line.removeprefix("**/") for line in lines if line.startswith("**/"))
