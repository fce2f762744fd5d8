"""Report on what became of advice: by basket and item, sent, shown, accepted, dismissed; as `projections.reports`."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import asyncpg

from projections.database import fetch

_CONVERSIONS: Final = """
SELECT basket, item, count(*) AS sent, count(*) FILTER (WHERE shown) AS shown,
       count(*) FILTER (WHERE answer = 'aceita') AS accepted,
       count(*) FILTER (WHERE answer = 'dispensada') AS dismissed,
       count(*) FILTER (WHERE answer = 'aceita')::float8 / nullif(count(*) FILTER (WHERE shown), 0) AS conversion
  FROM projections.advice
 WHERE ($1::timestamptz IS NULL OR sent_at >= $1) AND ($2::timestamptz IS NULL OR sent_at < $2)
   AND ($3::text IS NULL OR counter_id = $3) AND ($4::text IS NULL OR tenant = $4)
 GROUP BY basket, item
 ORDER BY sent DESC, basket, item
"""
# The first item stands for its recommendation, which clients answer as a whole.
_DAYS: Final = """
SELECT (sent_at AT TIME ZONE INTERVAL '-03:00')::date AS day, count(*) AS sent, count(*) FILTER (WHERE shown) AS shown,
       count(*) FILTER (WHERE answer = 'aceita') AS accepted, count(*) FILTER (WHERE answer = 'dispensada') AS dismissed
  FROM projections.advice
 WHERE place = 1 AND ($1::timestamptz IS NULL OR sent_at >= $1) AND ($2::timestamptz IS NULL OR sent_at < $2)
   AND ($3::text IS NULL OR counter_id = $3)
 GROUP BY day ORDER BY day
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What became of an item in a basket."""

    basket: str
    """`MACRO/MICRO`, `MACRO/*` for a fallback, or `lookup:KEY`."""
    item: str
    sent: int
    """Recommendations that held it."""
    shown: int
    """Of those, the ones that a client answered at all."""
    accepted: int
    dismissed: int
    conversion: float | None
    """Accepted of shown, 0 to 1; None where none was shown. Clients answer a recommendation as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfAdvice:
    """What became of a day's recommendations."""

    day: date
    """By Brasília time, UTC-3 all year."""
    sent: int
    shown: int
    accepted: int
    dismissed: int
    """As of `Conversion`."""


async def conversions(
    pool: asyncpg.Pool,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    counter_id: str | None = None,
    tenant: str | None = None,
) -> list[Conversion]:
    """Return every basket's items that were sent in a time, the most sent first."""
    return [Conversion(**row) for row in await fetch(pool, _CONVERSIONS, since, until, counter_id, tenant)]


async def days_of_advice(
    pool: asyncpg.Pool,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    counter_id: str | None = None,
) -> list[DayOfAdvice]:
    """Return what became of each day's recommendations, the first day first."""
    return [DayOfAdvice(**row) for row in await fetch(pool, _DAYS, since, until, counter_id)]
