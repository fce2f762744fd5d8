"""Old events out of new ones: an exported session as a program of an earlier schema would have written it."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from events.chain import START, link
from events.incoming import stored_event, wrapped_key
from events.released import read_released
from events.sealing import MasterKeys, StreamKey
from events.shape import Schema


def aged(file: Path, into: Path, keys: MasterKeys, generation: int) -> None:
    """Write a session anew with each event in the version of its type that was the newest one of a generation.

    Fields that came later are left out, seals and links are made anew, so that the file is as whole as the other.

    Args:
        file: an exported session.
        into: where to.
        keys: that its own key is wrapped with.
        generation: 1 for first versions, 2 for second ones, where a type has so many.
    """
    lines = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    tip, key, written = START, None, list[bytes]()
    for line in lines[:-1]:
        if "key" in line:
            wrapped = wrapped_key(line["key"])
            key = keys.unwrap(line["key"]["stream"], wrapped.id, wrapped.master, wrapped.wrapped)
        if "event" in line and key is not None:
            line["event"] = _older(line["event"], key, generation)
            stored = stored_event({**line["event"], "hash": ""})
            tip = link(tip, stored.canonical())
            line["event"]["hash"] = b64encode(tip).decode()
        written.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    digest = sha256(b"".join(written)).hexdigest()
    end = {"end": {**lines[-1]["end"], "sha256": digest}}
    into.write_bytes(b"".join(written) + orjson.dumps(end, option=orjson.OPT_APPEND_NEWLINE))


def _older(event: dict[str, Any], key: StreamKey, generation: int) -> dict[str, Any]:
    versions = read_released()[event["type"]]
    version = min(generation, event["schema_version"])
    if version == event["schema_version"] or str(version) not in versions:
        return event
    shape = versions[str(version)]
    sealed = event["sealed"] and b64decode(event["sealed"])
    event_id = stored_event(event).event_id
    if sealed:
        personal = _only(orjson.loads(key.open_event(event["stream"], event_id, sealed)), shape, shape)
        sealed = (
            b64encode(key.seal_event(event["stream"], event_id, orjson.dumps(personal))).decode() if personal else None
        )
    # As the database writes JSON.
    data = json.dumps(_only(orjson.loads(event["data"]), shape, shape), ensure_ascii=False)
    return {**event, "schema_version": version, "data": data, "sealed": sealed}


def _only(data: Mapping[str, Any], shape: Schema, whole: Schema) -> dict[str, Any]:
    """Return the fields that a shape has, of values within too."""
    kept = {}
    for name, value in data.items():
        if name in shape["properties"]:
            inner = shape["properties"][name].get("$ref", "").removeprefix("#/$defs/")
            kept[name] = _only(value, whole["$defs"][inner], whole) if inner else value
    return kept
