"""What a run left in the event store, proven by queries: order, sealing, chain, rights."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from tests.api_suite import sounds
from tests.api_suite.visit import Visit

_QUERIES: Final[tuple[tuple[str, str], ...]] = (
    (
        "Events of this run's client by type",
        """SELECT e.type, count(*) AS events, min(e.position) AS first, max(e.position) AS last
           FROM events e JOIN streams s ON s.id = e.stream_id WHERE s.tenant = $1 GROUP BY e.type ORDER BY first""",
    ),
    (
        "Its sessions: how each began and ended, and whether its positions have holes",
        """SELECT s.name AS stream, count(*) AS events, max(e.stream_position) - count(*) AS holes,
                  max(e.data ->> 'reason') FILTER (WHERE e.type = 'SessionEnded') AS ended,
                  count(*) FILTER (WHERE e.type = 'PhraseCaptured') AS phrases,
                  count(*) FILTER (WHERE e.type = 'RecommendationSent') AS recommended
           FROM events e JOIN streams s ON s.id = e.stream_id
           WHERE s.tenant = $1 AND s.name LIKE 'session-%' GROUP BY s.name ORDER BY min(e.position)""",
    ),
    (
        "One session from beginning to end",
        """SELECT e.stream_position AS no, e.position, e.type, e.schema_version AS version,
                  e.elapsed_us / 1000 AS at_ms, e.phrase, e.sealed IS NOT NULL AS sealed,
                  left(encode(e.hash, 'hex'), 16) AS chain
           FROM events e WHERE e.stream_id = (
               SELECT s.id FROM streams s JOIN events r ON r.stream_id = s.id AND r.type = 'RecommendationAnswered'
               WHERE s.tenant = $1 ORDER BY s.id LIMIT 1) ORDER BY e.position""",
    ),
    (
        "The audio of its sessions, as it was received (sealed)",
        """SELECT s.name AS stream, count(*) AS chunks, sum(octet_length(r.sealed)) AS sealed_bytes
           FROM recordings r JOIN streams s ON s.id = r.stream_id WHERE s.tenant = $1
           GROUP BY s.name ORDER BY s.name LIMIT 5""",
    ),
)
_MUST_BE_ZERO: Final[tuple[tuple[str, str], ...]] = (
    (
        "positions of the whole ledger without an event",
        """SELECT (SELECT position FROM head) - (SELECT count(*) FROM events)
                  - coalesce((SELECT sum(events) FROM cold_partitions), 0)""",
    ),
    (
        "events of the client that hold a word of what was said, in the clear",
        """SELECT count(*) FROM events e JOIN streams s ON s.id = e.stream_id
           WHERE s.tenant = $1 AND e.type LIKE 'Transcription%' AND e.data::text ~* $2""",
    ),
    (
        "transcripts of the client that are not sealed",
        """SELECT count(*) FROM events e JOIN streams s ON s.id = e.stream_id
           WHERE s.tenant = $1 AND e.type = 'TranscriptionReceived' AND e.sealed IS NULL""",
    ),
    (
        "events of the client that hold a counter's key",
        """SELECT count(*) FROM events e JOIN streams s ON s.id = e.stream_id
           WHERE s.tenant = $1 AND e.data::text LIKE '%bk\\_%'""",
    ),
    (
        "rights of the role balto_app to change or delete a record",
        """SELECT count(*) FROM unnest(ARRAY['events', 'recordings', 'keys']) AS of,
                  unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS kind
           WHERE has_table_privilege('balto_app', of, kind)""",
    ),
)


class ProofError(Exception):
    """The store holds what it must not, or could not be asked."""


async def db_proof(dsn: str, visit: Visit) -> str:
    """Ask the store what the run left there and return it as text, tables and all.

    Raises:
        ProofError: a count that must be 0 is not; the text so far is its message.
    """
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    lines = [
        f"Written by a run of tests/api_suite/run_protocol.py on {now}, client {visit.code}.",
        "Queries on the event store; nothing personal and no secret is in their answers.",
    ]
    try:
        connection = await asyncpg.connect(dsn)
    except (OSError, asyncpg.PostgresError) as error:
        raise ProofError(f"the database cannot be asked: {type(error).__name__}") from None
    try:
        lines.append(f"\n{await connection.fetchval('SELECT version()')}")
        for title, query in _QUERIES:
            rows = await connection.fetch(query, visit.code)
            lines += ["", f"== {title}", *_statement(query), "", *_table(rows)]
        lines += ["", "== What must be 0"]
        found = []
        for title, query in _MUST_BE_ZERO:
            words = (visit.code, "|".join(sounds.HEARD))[: query.count("$")]
            number = await connection.fetchval(query, *words)
            lines.append(f"{number:>6}  {title}")
            found += [title] if number else []
    finally:
        await connection.close()
    text = "\n".join(lines) + "\n"
    if found:
        raise ProofError(f"not 0: {'; '.join(found)}\n{text}")
    return text


def _statement(query: str) -> list[str]:
    return [f"   {line.strip()}" for line in query.splitlines()]


def _table(rows: Sequence[asyncpg.Record]) -> list[str]:
    if not rows:
        return ["(no rows)"]
    names = list(rows[0].keys())
    cells = [names, *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    aligned = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [aligned[0], "-" * sum(widths, 2 * (len(widths) - 1)), *aligned[1:], f"({len(rows)} rows)"]


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
