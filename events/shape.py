"""The shape of an event type as JSON Schema: what the store keeps, with units, personal marks and the docstrings."""

import ast
import inspect
import textwrap
from dataclasses import is_dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final, get_args

from pydantic import TypeAdapter

from events.catalogue import Event, personal_fields

type Schema = dict[str, Any]

_UNITS: Final = (
    ("_us", "µs"),
    ("_ms", "ms"),
    ("_s", "s"),
    ("_hz", "Hz"),
    ("_dbfs", "dBFS"),
    ("_db", "dB"),
    ("_usd", "US$"),
    ("_percent", "%"),
    ("_rms", "RMS of int16 samples"),
    ("bytes", "bytes"),
)
_UNIT_OF: Final = {
    "sample_start": "samples at 16 kHz",
    "sample_end": "samples at 16 kHz",
    "samples": "samples at 16 kHz",
    "byte_start": "bytes",
    "byte_end": "bytes",
    "byte_offset": "bytes",
    "bytes_received": "bytes",
    "sample_rate": "Hz",
}
_WORDS: Final = ("title", "description")


def unit(field: str) -> str | None:
    """Return the unit that a field's name promises, None for a field that has none."""
    if field in _UNIT_OF:
        return _UNIT_OF[field]
    return next((unit for ending, unit in _UNITS if field.endswith(ending)), None)


@cache
def field_docs(cls: type) -> dict[str, str]:
    """Return the text that stands below each field of a dataclass, by field; fields without any are missing.

    A class that was made at run time has no source, and so no such texts.
    """
    try:
        source = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except OSError:
        return {}
    body = [line for node in source.body if isinstance(node, ast.ClassDef) for line in node.body]
    docs: dict[str, str] = {}
    for before, after in pairwise(body):
        match before, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                docs[name] = inspect.cleandoc(text)
    return docs


def value_types(cls: type) -> dict[str, type]:
    """Return the dataclasses that the fields of a dataclass hold, however deep, by name."""
    found: dict[str, type] = {}
    pending = list(inspect.get_annotations(cls, eval_str=True).values())
    while pending:
        kind = pending.pop()
        if isinstance(kind, type) and is_dataclass(kind) and kind.__name__ not in found:
            found[kind.__name__] = kind
            pending.extend(inspect.get_annotations(kind, eval_str=True).values())
        pending.extend(get_args(kind))
    return found


def schema(cls: type[Event]) -> Schema:
    """Return the JSON Schema (draft 2020-12) of an event type's data with all that is known about it.

    Beside the standard's words: `x-version` (the schema version), and on fields `x-unit` and `x-personal`.
    """
    made = _tidy(TypeAdapter(cls).json_schema())
    _describe(made, cls)
    for name in personal_fields(cls):
        made["properties"][name]["x-personal"] = True
    for name, kind in value_types(cls).items():
        _describe(made["$defs"][name], kind)
    return {**made, "x-version": cls.schema_version}


def shape(cls: type[Event]) -> Schema:
    """Return what must not change within a schema version: fields, types, defaults and personal marks, no prose."""
    made: Schema = _bare(schema(cls))
    del made["x-version"]
    return made


def _describe(made: Schema, cls: type) -> None:
    made["description"] = inspect.cleandoc(cls.__doc__ or "")
    docs = field_docs(cls)
    for name, field in made["properties"].items():
        if name in docs:
            field["description"] = docs[name]
        if (its_unit := unit(name)) is not None:
            field["x-unit"] = its_unit


def _tidy(node: Any) -> Any:
    """Leave out the titles that are made from names, which say nothing new; fields may have such names themselves."""
    if isinstance(node, list):
        return [_tidy(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _tidy(field) for name, field in value.items()} if key in {"properties", "$defs"} else _tidy(value)
        for key, value in node.items()
        if key != "title"
    }


def _bare(node: Any) -> Any:
    if isinstance(node, list):
        return [_bare(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _bare(field) for name, field in value.items()} if key in {"properties", "$defs"} else _bare(value)
        for key, value in node.items()
        if key not in {*_WORDS, "x-unit"}
    }
