"""Labelled sentences of the counter, read from JSON lines."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

Kind = Literal["request", "small_talk", "price_or_dosage", "alarm", "noise"]
Half = Literal["dev", "held_out"]

OWN = Path(__file__).with_name("utterances.jsonl")


class SetError(Exception):
    """A set can't be read. The message names the file and the line."""


Names = tuple[str, ...]
"""One thing's names: the canonical one and others that are as right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One sentence and the truth about it."""

    text: str
    kind: Kind
    macros: frozenset[str] = frozenset()
    """Macro categories that are right, any of them; empty where nothing is asked for."""
    entities: tuple[Names, ...] = ()
    """What is asked for or complained of."""
    optional: tuple[Names, ...] = ()
    """What may be found and need not be."""
    negated: tuple[Names, ...] = ()
    """What is said only to be denied; finding it is an error as any other."""
    as_heard: str | None = None
    """What Whisper base wrote down of a synthetic voice that said it."""
    half: Half | None = None
    """Of our own set: `dev` may be looked at, `held_out` only counted."""
    labelled: bool = True
    """Whether its entities are told at all; a request of another's set may tell only its macro."""


def read_set(path: Path, half: Half | None = None) -> Sequence[Utterance]:
    """Read a set; see `docs/understanding.md` for its keys, of which `text` and `kind` alone must be there.

    Args:
        path: one JSON object a line.
        half: only the sentences of this half.

    Raises:
        SetError: it can't be read, or a line is not as it should be.
    """
    return tuple(said for said in _lines(path) if half is None or said.half == half)


def _lines(path: Path) -> Iterator[Utterance]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SetError(f"{path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _utterance(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise SetError(f"{path}, line {number}: {type(error).__name__}: {error}") from error


def _utterance(row: dict[str, Any]) -> Utterance:
    kind = row["kind"]
    if kind not in get_args(Kind):
        raise ValueError(f"kind {kind!r} is none of {', '.join(get_args(Kind))}")
    return Utterance(
        text=row["text"],
        kind=kind,
        macros=frozenset(row.get("macros", ())),
        entities=_names(row, "entities"),
        optional=_names(row, "optional"),
        negated=_names(row, "negated"),
        as_heard=row.get("as_heard"),
        half=row.get("half"),
        labelled="entities" in row,
    )


def _names(row: dict[str, Any], key: str) -> tuple[Names, ...]:
    return tuple((entity["name"], *entity.get("also", ())) for entity in row.get(key) or ())
