"""The labelled sentences that come with the package: what the offline engine learns from."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Named:
    """A thing that a sentence names."""

    names: tuple[str, ...]
    """The canonical one and others that are as right."""
    said: str | None
    """The words of the sentence that prove it."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the corpus and the truth about it."""

    text: str
    kind: str
    """One of `by_example.KINDS`."""
    macros: tuple[str, ...]
    """Macro categories that are right, the best first; none where nothing is asked for."""
    micro: str | None
    named: tuple[Named, ...]


@cache
def corpus() -> tuple[Sentence, ...]:
    """Read `actors/llm/corpus/*.jsonl`, in the order of their names."""
    folder = files("actors.llm") / "corpus"
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".jsonl")), key=lambda path: path.name)
    return tuple(_sentence(row) for path in paths for row in _rows(path.read_text(encoding="utf-8")))


def _rows(text: str) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in text.splitlines() if line.strip())


def _sentence(row: dict[str, Any]) -> Sentence:
    named = tuple(Named((each["name"], *each.get("also", ())), each.get("said")) for each in row.get("entities", ()))
    return Sentence(row["text"], row["kind"], tuple(row.get("macros", ())), row.get("micro"), named)
