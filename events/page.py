"""The catalogue as a page for people and as JSON Schema for programs: `python -m events.page` writes both."""

import argparse
import inspect
import sys
from dataclasses import MISSING, fields
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import orjson

from events.catalogue import (
    Event,
    accounts,
    advice,
    attempts,
    baskets,
    comparison,
    conversation,
    event_types,
    hearing,
    offers,
    personal_fields,
    replays,
    session,
    spending,
    streams,
    transcription,
    understanding,
)
from events.shape import Schema, field_docs, schema, unit, value_types

PAGE: Final = "events.md"
SCHEMA: Final = "events.schema.json"

_IN_ORDER: Final = (
    accounts,
    baskets,
    session,
    spending,
    hearing,
    streams,
    offers,
    transcription,
    conversation,
    understanding,
    attempts,
    comparison,
    advice,
    replays,
)
"""The modules of the catalogue in the order in which things happen."""
_HEAD: Final = """\
# Events

What can happen, in the order it happens. Every event is immutable and stored as JSON of the shape given here, under its
type's name and version; the same as JSON Schema is in `events.schema.json`. 🔒 marks personal fields: they are sealed
with a key of their stream, and erasing the key erases them.

*Made from the catalogue by `python -m events.page`; do not edit.*
"""


def page() -> str:
    """Return the catalogue as Markdown: a section for each part, a table for each event and for what events hold."""
    parts = [_HEAD]
    values: dict[str, type] = {}
    for module in _IN_ORDER:
        kinds = [cls for cls in event_types().values() if cls.__module__ == module.__name__]
        parts.append(f"## {_heading(module.__doc__)}\n")
        for cls in kinds:
            parts.append(_section(cls, f"{cls.__name__} · version {cls.schema_version}"))
            values |= value_types(cls)
    parts.append("## Values that events hold\n")
    parts.extend(_section(kind, name) for name, kind in sorted(values.items()))
    return "\n".join(parts)


def json_schema() -> Schema:
    """Return one JSON Schema (draft 2020-12) whose `$defs` hold every event type; a document is any of these."""
    definitions: dict[str, Schema] = {}
    names: list[str] = []
    for module in _IN_ORDER:
        for cls in event_types().values():
            if cls.__module__ == module.__name__:
                made = schema(cls)
                definitions |= made.pop("$defs", {})
                definitions[cls.__name__] = made
                names.append(cls.__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Data of Balto's events",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in names],
        "$defs": definitions,
    }


def write(folder: Path) -> None:
    """Write page and schema into a folder."""
    folder.joinpath(PAGE).write_text(page(), encoding="utf-8")
    schema_text = orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    folder.joinpath(SCHEMA).write_bytes(schema_text)


def _heading(doc: str | None) -> str:
    return (doc or "").split(":")[0].removeprefix("Events of ").strip().capitalize()


def _section(cls: type, title: str) -> str:
    lines = [f"### {title}\n", f"{inspect.cleandoc(cls.__doc__ or '')}\n"]
    annotations = inspect.get_annotations(cls, eval_str=True)
    if annotations:
        lines += ["| field | type | unit | meaning |", "|---|---|---|---|"]
        lines += [_row(cls, name, annotations[name]) for name in annotations]
        lines.append("")
    return "\n".join(lines)


def _row(cls: type, name: str, annotation: Any) -> str:
    locked = "🔒 " if issubclass(cls, Event) and name in personal_fields(cls) else ""
    meaning = " ".join(field_docs(cls).get(name, "").split()).replace("|", "\\|")
    return f"| {locked}`{name}` | {_type(annotation)}{_default(cls, name)} | {unit(name) or ''} | {meaning} |"


def _default(cls: Any, name: str) -> str:
    (field,) = (field for field in fields(cls) if field.name == name)
    if field.default is MISSING:
        return ""
    return f" = {orjson.dumps(field.default).decode()}"


def _type(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " \\| ".join(f"`{value}`" for value in inner)
    if origin in {Union, UnionType}:
        return " \\| ".join(map(_type, inner))
    if origin is tuple:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"{_type(inner[1])} by name"
    if annotation is type(None):
        return "null"
    return {str: "text", int: "integer", float: "number", bool: "boolean", Any: "anything"}.get(
        annotation, f"[{getattr(annotation, '__name__', annotation)}](#{getattr(annotation, '__name__', '').lower()})"
    )


def main() -> int:
    """Write page and schema: `python -m events.page [FOLDER]`."""
    parser = argparse.ArgumentParser(prog="python -m events.page", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs"))
    write(parser.parse_args().folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
