"""What became of acknowledged events: the writers' notes held against what the store has."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.store.chaos_writer import audio
from benchmarks.store.speech import MASTERS, transcript
from events.catalogue import TranscriptionReceived
from events.postgres import PostgresStore
from events.verify import verify

_EVERYTHING = """
SELECT e.position, s.name, e.stream_position, e.event_id::text AS event_id, e.phrase
  FROM events e JOIN streams s ON s.id = e.stream_id ORDER BY e.position
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How many of each kind of fault there are; all 0 in a store that keeps its word."""

    events: int
    """In the store."""
    acknowledged: int
    """To the writers."""
    lost: int
    """Acknowledged, but not there, or not where the writer was told."""
    doubled: int
    """There more than once."""
    gaps: int
    """In the global positions, the head included, or in a stream's."""
    disordered: int
    """Not where their session said them."""
    unasked: int
    """There, but never acknowledged, though every writer waited for all of its events."""
    refused: int
    """Appends that a writer was refused."""
    sealed: int
    """Events with something sealed."""
    unreadable: int
    """Sealed events that do not open, or not to what was written."""
    recordings: int
    """Chunks of audio in the store."""
    recordings_lost: int
    """Acknowledged chunks that are not there, not whole, or not alone in their place."""
    flaws: int
    """Kinds of flaws that the ledger's own verification finds, in the chain above all."""


async def judge(dsn: str, notes: Iterable[Path]) -> Judgement:
    """Compare the notes of writers that have ended with the store, and open all that is sealed."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(_EVERYTHING)
        head = await connection.fetchval("SELECT position FROM head")
        chunks: int = await connection.fetchval("SELECT count(*) FROM recordings")
    finally:
        await connection.close()
    told = _read(notes)
    verification = await verify(dsn)
    sealed, unreadable, wrong_chunks = await _open_everything(dsn, told)
    stored: dict[str, tuple[str, int, int]] = {}
    for row in rows:
        stored[row["event_id"]] = (row["name"], row["stream_position"], row["position"])
    streams: dict[str, list[Any]] = {}
    for row in rows:
        streams.setdefault(row["name"], []).append(row)
    spoken = [(row["name"], row["phrase"]) for row in rows]
    return Judgement(
        events=len(rows),
        acknowledged=len(told.events),
        lost=sum(stored.get(event_id) != where for event_id, where in told.events.items()),
        doubled=max(len(rows) - len(stored), len(spoken) - len(set(spoken))),
        gaps=sum(row["position"] != n for n, row in enumerate(rows, 1))
        + abs(head - len(rows))
        + sum(row["stream_position"] != n for said in streams.values() for n, row in enumerate(said, 1)),
        disordered=sum(a["phrase"] >= b["phrase"] for said in streams.values() for a, b in pairwise(said)),
        unasked=sum(event_id not in told.events for event_id in stored),
        refused=told.refused,
        sealed=sealed,
        unreadable=unreadable,
        recordings=chunks,
        recordings_lost=wrong_chunks + abs(chunks - sum(map(len, told.chunks.values()))),
        flaws=len(verification.flaws),
    )


async def _open_everything(dsn: str, told: "_Told") -> tuple[int, int, int]:
    """Return how many sealed events there are, how many do not open to what was said, and how many chunks are wrong."""
    store = await PostgresStore.connect(dsn, masters=MASTERS)
    sealed = unreadable = wrong = 0
    try:
        async for recorded in store.read_all(types=["TranscriptionReceived"]):
            sealed += 1
            event = recorded.event
            unreadable += not isinstance(event, TranscriptionReceived) or event != transcript(event.phrase)
        for stream, starts in told.chunks.items():
            found = {chunk.byte_start: chunk.data async for chunk in store.read_recording(stream)}
            wrong += sum(found.get(start) != audio(stream, start) for start in starts)
    finally:
        await store.close()
    return sealed, unreadable, wrong


@dataclass(frozen=True, slots=True)
class _Told:
    """What the writers were told."""

    events: dict[str, tuple[str, int, int]]
    """Where each acknowledged event is said to be, by id."""
    chunks: dict[str, set[int]]
    """Where acknowledged chunks of audio begin, by stream."""
    refused: int
    """Appends."""


def _read(notes: Iterable[Path]) -> _Told:
    events: dict[str, tuple[str, int, int]] = {}
    chunks: dict[str, set[int]] = {}
    refused = 0
    for path in notes:
        for line in path.read_text(encoding="utf-8").splitlines():
            note = json.loads(line)
            if "refused" in note:
                refused += 1
                continue
            if "byte_start" in note:
                chunks.setdefault(note["stream"], set()).add(note["byte_start"])
            behind = len(note["ids"])
            for event_id in note["ids"]:
                behind -= 1
                events[event_id] = (note["stream"], note["at"] - behind, note["position"] - behind)
    return _Told(events, chunks, refused)
