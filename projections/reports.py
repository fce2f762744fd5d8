"""Reports: what the read models answer, typed.

All take a pool (`Projector.pool`, or one of `open_pool`) and show the ledger as far as the projector has come:
`Projector.catch_up` first where the latest must be in it. They raise `StoreUnavailableError` where the database is
away and `StoreError` where it refuses. Times are half-open: `since` <= time < `until`.
"""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
import orjson

from projections.database import fetch
from projections.pace import CHOSEN
from projections.rows import (
    BiometricsRow,
    Client,
    Counter,
    CounterMetric,
    HopLatency,
    Interaction,
    SessionRow,
    TimelineRow,
)

OPEN: Final = "open"
"""In the place of a reason: sessions without an end."""
_HOPS: Final = ("audio", "stt", "ai1", "ai2", "ws", "total")


def _columns(row_type: type[Any], *, but: tuple[str, ...] = ()) -> str:
    return ", ".join(field.name for field in fields(row_type) if field.name not in but)


_TIMELINE: Final = f"""
SELECT {_columns(TimelineRow, but=("ahead_ms",))}, (sample_end / 16.0 - captured_us / 1000.0)::float8 AS ahead_ms
  FROM projections.phrase_timeline WHERE session_id = $1 ORDER BY phrase
"""  # noqa: S608 - the names come from our own dataclass
_BIOMETRICS: Final = f"""
SELECT {_columns(BiometricsRow)} FROM projections.phrase_biometrics
 WHERE ($1::text IS NULL OR session_id = $1) AND ($2::text IS NULL OR counter_id = $2)
   AND ($3::text IS NULL OR tenant = $3)
   AND ($4::timestamptz IS NULL OR measured_at >= $4) AND ($5::timestamptz IS NULL OR measured_at < $5)
 ORDER BY measured_at DESC, session_id, phrase DESC
 LIMIT $6
"""  # noqa: S608 - the names come from our own dataclass
_LATENCY: Final = f"""
{CHOSEN}
SELECT hop, count(*) FILTER (WHERE counts) AS count, count(*) FILTER (WHERE NOT counts) AS left_out,
       coalesce(bool_or(hurried) FILTER (WHERE counts), false) AS faster_than_speech,
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY ms) FILTER (WHERE counts) AS percentiles
  FROM hops GROUP BY hop
"""  # noqa: S608 - of our own words
_SESSIONS: Final = f"""
SELECT {_columns(SessionRow, but=("counter_id", "counter_name", "tenant"))},
       s.tenant, s.counter_id, c.name AS counter_name
  FROM projections.sessions s
  LEFT JOIN projections.counters c ON c.counter_id = s.counter_id
 WHERE ($2::text IS NULL OR s.tenant = $2)
   AND ($3::text IS NULL OR s.session_id = $3)
   AND ($4::text IS NULL OR s.counter_id = $4 OR lower(c.name) = lower($4))
   AND ($5::timestamptz IS NULL OR s.started_at >= $5) AND ($6::timestamptz IS NULL OR s.started_at < $6)
   AND ($7::text IS NULL OR CASE $7 WHEN '{OPEN}' THEN s.ended_at IS NULL ELSE s.end_reason = $7 END)
   AND (NOT $8::boolean OR s.recommendations > 0)
   AND ($9::text IS NULL OR (coalesce(s.started_at, '-infinity'), s.session_id) <
        (SELECT coalesce(b.started_at, '-infinity'), b.session_id FROM projections.sessions b WHERE b.session_id = $9))
 ORDER BY s.started_at DESC NULLS LAST, s.session_id DESC
 LIMIT $1
"""  # noqa: S608 - the names come from our own dataclass
_BETWEEN = """
SELECT session_id FROM projections.sessions
 WHERE ended_at IS NOT NULL AND ($1::text IS NULL OR counter_id = $1)
   AND ($2::timestamptz IS NULL OR started_at >= $2) AND ($3::timestamptz IS NULL OR started_at < $3)
 ORDER BY started_at, session_id
 LIMIT $4"""
_SILENT: Final = """
SELECT session_id FROM projections.sessions
 WHERE ended_at IS NULL AND last_at < now() - $1::interval
 ORDER BY last_at
"""
_INTERACTIONS: Final = f"""
SELECT {_columns(Interaction, but=("items",))}, items::text AS items FROM projections.interactions
 WHERE $1::text IS NULL OR tenant = $1
 ORDER BY at DESC, session_id, phrase DESC
 LIMIT $2
"""  # noqa: S608 - the names come from our own dataclass
_COUNTER_METRICS: Final = """
SELECT t.session_id, t.phrase, t.captured_at, t.speech_ms, t.audio_ms, t.stt_ms, t.ai1_ms, t.ai2_ms, t.ws_ms,
       t.total_ms, t.categories, t.outcome, t.cost_usd, b.pitch_mean_hz, b.snr_db, b.spectral_centroid_hz,
       b.zero_crossing_rate, b.rms_mean
  FROM projections.phrase_timeline t
  LEFT JOIN projections.phrase_biometrics b ON b.session_id = t.session_id AND b.phrase = t.phrase
 WHERE t.counter_id = $1 AND t.captured_at IS NOT NULL
 ORDER BY t.captured_at DESC, t.session_id, t.phrase DESC
 LIMIT $2
"""
_COUNTERS: Final = """
SELECT c.counter_id, c.code, l.legal_name, c.name, c.threshold_multiplier, c.min_energy, c.registered_at,
       ARRAY(SELECT jsonb_array_elements_text(c.terms -> 'prefer')) AS prefer,
       (c.terms ->> 'fast_path')::boolean AS fast_path, (c.terms ->> 'daily_budget_usd')::float8 AS daily_budget_usd
  FROM projections.counters c
  LEFT JOIN projections.clients l ON l.code = c.code
"""


async def timeline(pool: asyncpg.Pool, session_id: str) -> list[TimelineRow]:
    """Return the phrases of a session in their order; none for a session that is not known."""
    return [TimelineRow(**_values(row)) for row in await fetch(pool, _TIMELINE, session_id)]


async def biometrics(
    pool: asyncpg.Pool,
    *,
    session_id: str | None = None,
    counter_id: str | None = None,
    tenant: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> list[BiometricsRow]:
    """Return the phrases that were measured last, filtered where filters are given.

    The session that was heard last comes first, each one's phrases in the order in which they were said.
    """
    rows = [
        BiometricsRow(**row)
        for row in await fetch(pool, _BIOMETRICS, session_id, counter_id, tenant, since, until, limit)
    ]
    place = {session: number for number, session in enumerate(dict.fromkeys(row.session_id for row in rows))}
    return sorted(rows, key=lambda row: (place[row.session_id], row.phrase))


async def latency(
    pool: asyncpg.Pool, *, since: datetime | None = None, until: datetime | None = None, tenant: str | None = None
) -> list[HopLatency]:
    """Return the percentiles of every hop over the phrases captured in a time, in the order that a phrase takes.

    Sessions that were sent faster than speech are left out, unless there are no others: their phrases queue.
    """
    rows = {row["hop"]: row for row in await fetch(pool, _LATENCY, since, until, tenant)}
    return [_hop(hop, rows.get(hop)) for hop in _HOPS]


async def sessions(
    pool: asyncpg.Pool,
    *,
    limit: int = 50,
    tenant: str | None = None,
    session_id: str | None = None,
    counter: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    ended: str | None = None,
    advised: bool = False,
    before: str | None = None,
) -> list[SessionRow]:
    """Return sessions, the latest first.

    Args:
        pool: of readers.
        limit: at most so many.
        tenant: of one client.
        session_id: this one alone.
        counter: of one counter, by id, or of those of a name, whatever its capitals.
        since: they began then or later.
        until: they began before.
        ended: for this reason; `OPEN` for those that have not ended.
        advised: only those with a recommendation.
        before: the id of a session, after which the list goes on.
    """
    asked = (limit, tenant, session_id, counter, since, until, ended, advised, before)
    return [SessionRow(**row) for row in await fetch(pool, _SESSIONS, *asked)]


async def sessions_between(
    pool: asyncpg.Pool,
    *,
    counter_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> list[str]:
    """Return the ids of the sessions that ended and began in a span of time, the earliest first.

    Args:
        pool: of readers.
        counter_id: of one counter.
        since: they began then or later.
        until: they began before.
        limit: only the first so many.
    """
    return [row["session_id"] for row in await fetch(pool, _BETWEEN, counter_id, since, until, limit)]


async def silent_sessions(pool: asyncpg.Pool, *, older_than: timedelta) -> list[str]:
    """Return the ids of sessions without an end whose latest event is older than that, the oldest first."""
    return [row["session_id"] for row in await fetch(pool, _SILENT, older_than)]


async def interactions(pool: asyncpg.Pool, tenant: str | None = None, *, limit: int = 50) -> list[Interaction]:
    """Return a tenant's phrases, or everybody's, that were understood as words, the latest first."""
    return [Interaction(**_values(row)) for row in await fetch(pool, _INTERACTIONS, tenant, limit)]


async def counter_metrics(pool: asyncpg.Pool, counter_id: str, *, limit: int = 50) -> list[CounterMetric]:
    """Return the phrases captured at a counter, the latest first."""
    return [CounterMetric(**_values(row)) for row in await fetch(pool, _COUNTER_METRICS, counter_id, limit)]


async def counter_by_key(pool: asyncpg.Pool, key_sha256: str) -> Counter | None:
    """Return the counter whose present key has this SHA-256 (lower-case hex), or None: replaced keys open nothing."""
    rows = await fetch(pool, f"{_COUNTERS} WHERE c.key_sha256 = $1", key_sha256)
    return _counter(rows[0]) if rows else None


async def counters(pool: asyncpg.Pool, tenant: str | None = None) -> list[Counter]:
    """Return a client's counters, or everybody's, in the order of registration."""
    query = f"{_COUNTERS} WHERE $1::text IS NULL OR c.code = $1 ORDER BY c.registered_at, c.counter_id"
    return [_counter(row) for row in await fetch(pool, query, tenant)]


async def clients(pool: asyncpg.Pool) -> list[Client]:
    """Return all clients in the order of registration."""
    query = "SELECT code, legal_name, registered_at FROM projections.clients ORDER BY registered_at, code"
    return [Client(**row) for row in await fetch(pool, query)]


def _counter(row: asyncpg.Record) -> Counter:
    return Counter(**{**row, "prefer": tuple(row["prefer"])})


def _values(row: asyncpg.Record) -> dict[str, Any]:
    """Turn the driver's values into those that our rows hold: exact costs into floats, lists into tuples."""
    values = dict(row)
    if "cost_usd" in values:
        values["cost_usd"] = float(values["cost_usd"])
    if "items" in values:
        values["items"] = tuple(orjson.loads(values["items"] or "[]"))
    if values["categories"] is not None:
        values["categories"] = tuple(values["categories"])
    return values


def _hop(hop: str, row: asyncpg.Record | None) -> HopLatency:
    if row is None:
        return HopLatency(hop=hop, count=0, p50=None, p95=None, p99=None)
    values = dict(row)
    p50, p95, p99 = values.pop("percentiles") or (None, None, None)
    return HopLatency(**values, p50=p50, p95=p95, p99=p99)
