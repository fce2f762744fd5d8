"""The codec: an event as a dataclass, and as the JSON that the store keeps."""

import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import cache
from types import GenericAlias, NoneType
from typing import Any, Final, NamedTuple, get_args, get_origin, get_type_hints

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, SchemaSerializer, core_schema

from events.catalogue.base import Event, event_type, event_types, personal_fields
from events.envelope import UnknownEvent
from events.upcasters import upcast

_INT4: Final = 1 << 31
_INT8: Final = 1 << 63
_BETWEEN: Final = b'},"|",{'
"""No quotation mark stands so inside of a JSON text, and no event has a list of both texts and objects."""
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class CodecError(ValueError):
    """An event cannot be written as JSON or read back. The message names types and fields, never their values."""


class HotFields(NamedTuple):
    """The numbers of an event that the store also keeps as typed columns; None where the event has no such field."""

    phrase: int | None
    sample_start: int | None
    sample_end: int | None
    latency_ms: float | None


def encode(event: Event) -> bytes:
    """Write an event as UTF-8 JSON.

    Raises:
        CodecError: the event is not of the catalogue, a value is not of its field's type, a number is not finite,
            or a text holds a NUL or half a surrogate pair, none of which the database could keep.
    """
    return _dump(_known(event), event)


def encode_apart(event: Event) -> tuple[bytes, bytes | None]:
    """Write an event as two JSON objects: what may stand in the clear, and its personal fields; None if it has none.

    Raises:
        CodecError: as `encode`.
    """
    name = _known(event)
    if not _personal(name):
        return _dump(name, event), None
    clear, between, personal = _to_json(name, _writer_apart(name), (event, "|", event)).partition(_BETWEEN)
    if not between or _BETWEEN in personal:
        raise CodecError(f"{name} cannot be written apart")
    return clear[1:] + b"}", b"{" + personal[:-1]


def join(data: bytes, personal: bytes) -> bytes:
    """Put the two JSON objects of `encode_apart` together again."""
    if len(data) == 2:
        return personal
    return data if len(personal) == 2 else data[:-1] + b"," + personal[1:]


def decode(type_name: str, version: int, data: bytes, *, erased: bool = False) -> Event:
    """Read an event back, upcast to the version that this program writes.

    A type that the program does not know, a version newer than its own, or an old one without upcasters gives
    an `UnknownEvent`.

    Args:
        type_name: name of its class.
        version: schema version that it was written in.
        data: its JSON.
        erased: its personal fields are gone. Each reads as its default, or else as None, an empty text or an empty
            tuple, whichever its type allows; those of an `UnknownEvent` are missing.

    Raises:
        CodecError: the data is not what that type and version promise.
    """
    cls = event_type(type_name)
    if cls is None or version > cls.schema_version:
        return UnknownEvent(type_name, version, _load(type_name, data))
    try:
        if version == cls.schema_version:
            return _reader(type_name)(join(data, _blanks(type_name)) if erased else data)
        stored = _load(type_name, data)
        to_newest = _upcast_erased if erased else upcast
        upcasted = to_newest(type_name, version, cls.schema_version, stored)
        if upcasted is None:
            return UnknownEvent(type_name, version, stored)
        return _reader(type_name)(orjson.dumps(upcasted))
    except ValidationError as error:
        places = sorted({".".join(map(str, detail["loc"])) for detail in error.errors(include_input=False)})
        raise CodecError(f"stored {type_name} version {version} does not fit: {', '.join(places)}") from None


def hot_fields(event: Event) -> HotFields:
    """Pick out the numbers that the store keeps as typed columns.

    Raises:
        CodecError: a number does not fit its column: 32 bits for the phrase, 64 for samples.
    """
    phrase = getattr(event, "phrase", None)
    sample_start = getattr(event, "sample_start", None)
    sample_end = getattr(event, "sample_end", None)
    for value, bound in ((phrase, _INT4), (sample_start, _INT8), (sample_end, _INT8)):
        if value is not None and not -bound <= value < bound:
            raise CodecError(f"a number of {type(event).__name__} does not fit its column")
    return HotFields(phrase, sample_start, sample_end, getattr(event, "latency_ms", None))


def warm() -> None:
    """Make the writers that phrases need, which the first ones would else wait for. Blocks for 25 ms."""
    for name, cls in event_types().items():
        if any(field.name == "phrase" for field in fields(cls)):
            (_writer_apart if _personal(name) else _writer)(name)


def _known(event: Event) -> str:
    name = type(event).__name__
    if event_type(name) is not type(event):
        raise CodecError(f"{name} is no event of the catalogue")
    return name


def _dump(name: str, event: Event) -> bytes:
    return _to_json(name, _writer(name), (event,))[1:-1]


def _to_json(name: str, writer: SchemaSerializer, what: tuple[Any, ...]) -> bytes:
    try:
        data = writer.to_json(what, warnings="error")
    except PydanticSerializationError:
        # The original error quotes the value, which may be personal.
        raise CodecError(f"a field of {name} holds a value that is not of its type") from None
    # Looking for one byte is many times faster than for several, and these are rare.
    if b"\\" in data and _NUL.search(data):
        raise CodecError(f"a text of {name} holds a NUL")
    if (b"N" in data and b"NaN" in data) or (b"I" in data and b"Infinity" in data):
        _refuse_not_finite(name, data)
    return data


def _upcast_erased(type_name: str, version: int, to_version: int, stored: dict[str, Any]) -> dict[str, Any] | None:
    """Upcast what is left of an erased event; None where an upcaster cannot do without what is gone."""
    blanks = orjson.loads(_blanks(type_name))
    try:
        upcasted = upcast(type_name, version, to_version, blanks | stored)
    except (KeyError, TypeError, ValueError):
        return None
    return None if upcasted is None else blanks | upcasted


@cache
def _personal(name: str) -> frozenset[str]:
    return personal_fields(event_types()[name])


@cache
def _blanks(name: str) -> bytes:
    cls = event_types()[name]
    hints = get_type_hints(cls)
    return orjson.dumps({f.name: _blank(f, hints[f.name]) for f in fields(cls) if f.name in _personal(name)})


def _blank(field: Any, hint: Any) -> Any:
    if field.default is not MISSING:
        return field.default
    if NoneType in get_args(hint):
        return None
    if hint is str:
        return ""
    if get_origin(hint) is tuple:
        return ()
    raise TypeError(f"personal field {field.name} of type {hint} has nothing to read as after erasure")


@cache
def _reader(name: str) -> Callable[[bytes], Event]:
    adapter: TypeAdapter[Event] = TypeAdapter(event_types()[name])
    return adapter.validate_json


@cache
def _writer(name: str) -> SchemaSerializer:
    # A dataclass takes its configuration from what surrounds it: the tuple is there to carry it.
    wrapped: Any = GenericAlias(tuple, (event_types()[name],))
    serializer = TypeAdapter(wrapped, config=ConfigDict(ser_json_inf_nan="constants")).serializer
    if not isinstance(serializer, SchemaSerializer):
        raise TypeError(f"{name} cannot be written: {serializer!r}")
    return serializer


@cache
def _writer_apart(name: str) -> SchemaSerializer:
    """Make a writer of `(event, "|", event)`: first without the personal fields, then without the others."""
    cls, personal = event_types()[name], _personal(name)
    schema: Any = TypeAdapter(cls).core_schema
    if schema["type"] != "dataclass":
        raise TypeError(f"{name} cannot be written apart: it is a {schema['type']}")

    def without(left_out: Callable[[str], bool]) -> Any:
        kept = [{**field, "serialization_exclude": left_out(field["name"])} for field in schema["schema"]["fields"]]
        return {**schema, "schema": {**schema["schema"], "fields": kept}}

    parts = [without(personal.__contains__), core_schema.str_schema(), without(lambda field: field not in personal)]
    return SchemaSerializer(core_schema.tuple_positional_schema(parts), {"ser_json_inf_nan": "constants"})


def _load(type_name: str, data: bytes) -> dict[str, Any]:
    try:
        loaded = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise CodecError(f"the stored data of {type_name} is not JSON") from None
    if not isinstance(loaded, dict):
        raise CodecError(f"the stored data of {type_name} is no JSON object")
    return loaded


def _refuse_not_finite(name: str, data: bytes) -> None:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        raise CodecError(f"a number of {name} is not finite") from None
