"""The check of determinism: a session heard again under other schedules and chunkings must come to the same."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import cycle
from typing import Final

import orjson

from balto.replay.engine import execute
from balto.replay.kit import Kit
from balto.replay.recorded import Recorded
from balto.replay.semantic import content, stream_hash, type_name
from events.catalogue import AudioBookmarked, AudioReceived, Event, SessionStarted

CHUNKINGS: Final = (32_768, 640, 4_096, 65_536, 997, 16_384, 100_003)
"""Bytes at a time, turn about: of a telephone, of browsers, of files, and such as divide nothing."""

_OF_BYTES: Final = (AudioReceived, AudioBookmarked, SessionStarted)


def variations(recorded: Recorded, kit: Kit, seeds: Iterable[int]) -> Iterator[tuple[str, str]]:
    """Hear a session again once a seed, each time in other chunks, and yield what came of it.

    Yields:
        The semantic hash of the session, and the hash of its events in their very order. Each must always be the same.
    """
    for seed, chunk_bytes in zip(seeds, cycle(CHUNKINGS), strict=False):
        events = execute(recorded, kit, replace(kit.plan, seed=seed, chunk_bytes=chunk_bytes)).events
        yield stream_hash(events), order_hash(events)


def order_hash(events: Sequence[Event]) -> str:
    """Hash events in their order across phrases, those too that do not count; not when bytes were recorded."""
    digest = sha256()
    for event in events:
        if not isinstance(event, _OF_BYTES):
            digest.update(orjson.dumps({"type": type_name(event), **content(event)}, default=str))
            digest.update(b"\n")
    return digest.hexdigest()
