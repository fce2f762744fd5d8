"""What became of acknowledged events: the writers' notes held against what the store has."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg

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
    flaws: int
    """Kinds of flaws that the ledger's own verification finds, in the chain above all."""


async def judge(dsn: str, notes: Iterable[Path]) -> Judgement:
    """Compare the notes of writers that have ended with the store."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(_EVERYTHING)
        head = await connection.fetchval("SELECT position FROM head")
    finally:
        await connection.close()
    told, refused = _read(notes)
    verification = await verify(dsn)
    stored: dict[str, tuple[str, int, int]] = {}
    for row in rows:
        stored[row["event_id"]] = (row["name"], row["stream_position"], row["position"])
    streams: dict[str, list[Any]] = {}
    for row in rows:
        streams.setdefault(row["name"], []).append(row)
    spoken = [(row["name"], row["phrase"]) for row in rows]
    return Judgement(
        events=len(rows),
        acknowledged=len(told),
        lost=sum(stored.get(event_id) != where for event_id, where in told.items()),
        doubled=max(len(rows) - len(stored), len(spoken) - len(set(spoken))),
        gaps=sum(row["position"] != n for n, row in enumerate(rows, 1))
        + abs(head - len(rows))
        + sum(row["stream_position"] != n for said in streams.values() for n, row in enumerate(said, 1)),
        disordered=sum(a["phrase"] >= b["phrase"] for said in streams.values() for a, b in pairwise(said)),
        unasked=sum(event_id not in told for event_id in stored),
        refused=refused,
        flaws=len(verification.flaws),
    )


def _read(notes: Iterable[Path]) -> tuple[dict[str, tuple[str, int, int]], int]:
    """Return where each acknowledged event is said to be, by id, and how many appends were refused."""
    told: dict[str, tuple[str, int, int]] = {}
    refused = 0
    for path in notes:
        for line in path.read_text(encoding="utf-8").splitlines():
            note = json.loads(line)
            if "refused" in note:
                refused += 1
                continue
            behind = len(note["ids"])
            for event_id in note["ids"]:
                behind -= 1
                told[event_id] = (note["stream"], note["at"] - behind, note["position"] - behind)
    return told, refused
