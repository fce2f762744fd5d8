"""Where the parts of a JSON text stand: line and column of each value, by its JSON Pointer (RFC 6901)."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLANK = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,\]}]+')


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value begins; both count from 1."""

    line: int
    column: int


def pointer(*parts: str | int) -> str:
    """Return the JSON Pointer of a path of keys and indexes; the empty one is the whole document."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def dotted(path: str) -> str:
    """Return a JSON Pointer as messages of the loader write it: `a.b[0].c`."""
    parts = (part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts).removeprefix(".")


def places(text: str) -> dict[str, Place]:
    """Return the place of every value of a JSON text by its pointer; of a key that occurs twice the last.

    Args:
        text: valid JSON, as `json.loads` has read it already.
    """
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    found: dict[str, Place] = {}
    line = 0
    for path, position in sorted(_values(text), key=lambda value: value[1]):
        while line + 1 < len(starts) and starts[line + 1] <= position:
            line += 1
        found[path] = Place(line=line + 1, column=position - starts[line] + 1)
    return found


def _values(text: str) -> Iterator[tuple[str, int]]:
    """Yield pointer and offset of each value. Keeps its own stack: a file may be nested deeper than Python's."""
    position = 0
    open_at: list[tuple[str, int | None]] = []
    path = ""
    while True:
        position = _skip(text, position)
        yield path, position
        if text[position] in "[{":
            open_at.append((path, 0 if text[position] == "[" else None))
            position += 1
        else:
            position = _after_scalar(text, position)
        while open_at:
            parent, count = open_at[-1]
            position = _skip(text, position)
            if text[position] in "]}":
                open_at.pop()
                position += 1
                continue
            if text[position] == ",":
                position = _skip(text, position + 1)
            if count is None:
                position, key = _key(text, position)
                path = parent + pointer(key)
            else:
                path = f"{parent}/{count}"
                open_at[-1] = (parent, count + 1)
            break
        else:
            return


def _after_scalar(text: str, position: int) -> int:
    scalar = _SCALAR.match(text, position)
    return scalar.end() if scalar else position + 1


def _key(text: str, position: int) -> tuple[int, str]:
    """Return where the value of a key begins, at the earliest, and the key."""
    name = _STRING.match(text, position)
    end = name.end() if name else position + 1
    return _skip(text, end) + 1, str(json.loads(text[position:end]))


def _skip(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position
