"""How figures are spread, for reports with plots: hops over time, and voices by counter. Times are half-open."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg

from projections.database import QUERY_TIMEOUT_S, translated
from projections.pace import CHOSEN

_STEPS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360, 1_440, 10_080, 43_200))
_MOST_POINTS: Final = 60
_RANGE: Final = """
SELECT min(captured_at) AS first, max(captured_at) AS last FROM projections.phrase_timeline
 WHERE captured_at >= coalesce($1::timestamptz, '-infinity') AND captured_at < coalesce($2::timestamptz, 'infinity')
   AND ($3::text IS NULL OR tenant = $3)
"""
_OVER_TIME: Final = f"""
{CHOSEN}
SELECT date_bin($4::interval, captured_at, timestamptz '2000-01-01 00:00+00') AS at, hop, count(*) AS count,
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY ms) AS percentiles
  FROM hops WHERE counts GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - of our own words
_SPREAD: Final = """
SELECT coalesce(c.name, b.counter_id, '?') AS counter, b.counter_id,
       width_bucket(b.{column}, $4::float8, $5::float8, $6::int) AS bin, count(*) AS count
  FROM projections.phrase_biometrics b
  LEFT JOIN projections.counters c ON c.counter_id = b.counter_id
 WHERE b.measured_at >= coalesce($1::timestamptz, '-infinity') AND b.measured_at < coalesce($2::timestamptz, 'infinity')
   AND ($3::text IS NULL OR b.tenant = $3) AND ($7::text IS NULL OR b.session_id = $7) AND b.{column} IS NOT NULL
 GROUP BY c.name, b.counter_id, bin ORDER BY counter, b.counter_id, bin
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Percentiles of a hop over the phrases captured in a while, in milliseconds."""

    at: datetime
    """When the while begins."""
    hop: str
    count: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How one measure of phrases is spread at one counter."""

    counter: str
    """Its name, its id where the name is not known, or `?`."""
    low: float
    high: float
    """The bins divide the range from low to high evenly; what is beyond is in the first or the last."""
    counts: tuple[int, ...]


async def over_time(
    pool: asyncpg.Pool, *, since: datetime | None = None, until: datetime | None = None, tenant: str | None = None
) -> list[Point]:
    """Return percentiles of every hop over time, in at most about sixty steps of a round length.

    What was sent faster than speech is left out as by `projections.reports.latency`.
    """
    (row,) = await _fetch(pool, _RANGE, since, until, tenant)
    if row["first"] is None:
        return []
    length = row["last"] - row["first"]
    step = next((step for step in _STEPS if length <= step * _MOST_POINTS), _STEPS[-1])
    rows = await _fetch(pool, _OVER_TIME, since, until, tenant, step)
    return [
        Point(at=row["at"], hop=row["hop"], count=row["count"], p50=p50, p95=p95, p99=p99)
        for row in rows
        for p50, p95, p99 in [row["percentiles"]]
    ]


async def pitches(pool: asyncpg.Pool, **chosen: Any) -> list[Spread]:
    """Return how mean pitch is spread at each counter, from 60 to 400 Hz.

    Args:
        pool: as of `projections.reports`.
        chosen: `since`, `until`, `tenant` and `session_id`, as far as they are given.
    """
    return await _spread(pool, "pitch_mean_hz", 60.0, 400.0, **chosen)


async def noises(pool: asyncpg.Pool, **chosen: Any) -> list[Spread]:
    """Return how the signal-to-noise ratio is spread at each counter, from -5 to 45 dB; as `pitches`."""
    return await _spread(pool, "snr_db", -5.0, 45.0, **chosen)


async def _spread(
    pool: asyncpg.Pool,
    column: str,
    low: float,
    high: float,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    tenant: str | None = None,
    session_id: str | None = None,
    bins: int = 25,
) -> list[Spread]:
    rows = await _fetch(pool, _SPREAD.format(column=column), since, until, tenant, low, high, bins, session_id)
    # By id, since counters of two clients may have one name.
    found: dict[tuple[str, str | None], list[int]] = {}
    for row in rows:
        # The server numbers bins from 1, and what lies beyond with 0 and one more than there are.
        counts = found.setdefault((row["counter"], row["counter_id"]), [0] * bins)
        counts[min(max(row["bin"], 1), bins) - 1] += row["count"]
    return [Spread(counter=counter, low=low, high=high, counts=tuple(counts)) for (counter, _), counts in found.items()]


async def _fetch(pool: asyncpg.Pool, query: str, *arguments: object) -> list[asyncpg.Record]:
    with translated():
        async with asyncio.timeout(6 * QUERY_TIMEOUT_S), pool.acquire(timeout=QUERY_TIMEOUT_S) as connection:
            return await connection.fetch(query, *arguments, timeout=6 * QUERY_TIMEOUT_S)
