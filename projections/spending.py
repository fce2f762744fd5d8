"""Reports on money: what days, counters and sessions cost, budgets, engines side by side; as `projections.reports`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import asyncpg

from projections.database import fetch

_SPENT: Final = """
SELECT c.position, t.counter_id, t.code, (t.terms ->> 'daily_budget_usd')::float8 AS budget_usd,
       (SELECT coalesce(sum(d.usd), 0)::float8 FROM projections.cost_daily d
         WHERE d.counter_id = t.counter_id AND d.day = $1) AS usd
  FROM projections.checkpoints c
  LEFT JOIN projections.counters t ON t.terms ->> 'daily_budget_usd' IS NOT NULL OR t.counter_id = ANY($2::text[])
 WHERE c.name = 'cost_daily'
"""
_COST: Final = """
SELECT d.day, d.tenant, d.counter_id, c.name AS counter_name, d.step, d.provider, d.model, d.calls, d.usd::float8 AS usd
  FROM projections.cost_daily d
  LEFT JOIN projections.counters c ON c.counter_id = d.counter_id
 WHERE ($1::date IS NULL OR d.day >= $1) AND ($2::date IS NULL OR d.day < $2)
   AND ($3::text IS NULL OR d.counter_id = $3)
 ORDER BY d.day DESC, d.tenant, d.counter_id, d.step, d.provider, d.model
"""
_SESSION_COST: Final = """
SELECT session_id, tenant, counter_id, step, provider, model, calls, usd::float8 AS usd FROM projections.cost_sessions
 WHERE session_id = $1
 ORDER BY step, provider, model
"""
_COMPARED: Final = """
WITH wanted AS (
    SELECT *, failure IS NULL AND rejected IS NULL AS good FROM projections.transcripts_compared
     WHERE ($1::timestamptz IS NULL OR at >= $1) AND ($2::timestamptz IS NULL OR at < $2)
       AND ($3::text IS NULL OR counter_id = $3)
)
SELECT chosen_provider, chosen_model, provider, model, count(*) AS phrases,
       count(*) FILTER (WHERE failure IS NOT NULL) AS failed,
       count(*) FILTER (WHERE rejected IS NOT NULL) AS rejected,
       sum(word_errors) FILTER (WHERE good)::float8 / nullif(sum(chosen_words) FILTER (WHERE good), 0) AS wer,
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY chosen_latency_ms) FILTER (WHERE failure IS NULL)
           AS chosen_ms,
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE failure IS NULL) AS ms,
       sum(audio_ms)::float8 / 3.6e6 AS audio_h,
       sum(chosen_cost_usd)::float8 AS chosen_usd,
       sum(cost_usd) FILTER (WHERE failure IS NULL)::float8 AS usd
  FROM wanted
 GROUP BY chosen_provider, chosen_model, provider, model
 ORDER BY chosen_provider, chosen_model, provider, model
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a counter may spend a day, and has spent on this one."""

    tenant: str
    budget_usd: float | None
    """None for as much as it likes."""
    usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """All counters with a budget and those asked about, as the read model has them at a position of the ledger."""

    position: int
    counters: Mapping[str, Spent]
    """By id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """What a step cost at a counter on a day, by engine."""

    day: date
    """By Brasília time, UTC-3 all year."""
    tenant: str
    counter_id: str
    counter_name: str | None
    step: str
    """`transcription`, `comparison`, `normalisation` or `classification`."""
    provider: str
    """Empty where the event does not tell."""
    model: str
    calls: int
    usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCostRow:
    """What a step of a session cost, by engine; fields as in `CostRow`."""

    session_id: str
    tenant: str
    counter_id: str
    step: str
    provider: str
    model: str
    calls: int
    usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """Two speech-to-text engines on the same phrases: the one whose text was used, and the other."""

    chosen_provider: str
    chosen_model: str
    provider: str
    model: str
    phrases: int
    failed: int
    """Phrases that the other wrote nothing for."""
    rejected: int
    """Phrases whose other text was not believed."""
    wer: float | None
    """Word error rate of the other with the chosen as reference, over phrases with two good texts; None without any."""
    chosen_p50_ms: float | None
    chosen_p95_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    """Latencies where both answered."""
    chosen_usd_per_hour: float | None
    usd_per_hour: float | None
    """Of audio that both heard."""


async def spent_on(pool: asyncpg.Pool, day: str, also: Collection[str] = ()) -> Spending:
    """Return the counters that have a budget, and others by their ids, and what each spent on a day (ISO 8601)."""
    rows = await fetch(pool, _SPENT, date.fromisoformat(day), list(also))
    return Spending(
        position=rows[0]["position"] if rows else 0,
        counters={
            row["counter_id"]: Spent(tenant=row["code"], budget_usd=row["budget_usd"], usd=row["usd"])
            for row in rows
            if row["counter_id"] is not None
        },
    )


async def cost(
    pool: asyncpg.Pool, *, since: date | None = None, until: date | None = None, counter_id: str | None = None
) -> list[CostRow]:
    """Return what days cost, the latest first; `since` <= day < `until`."""
    return [CostRow(**row) for row in await fetch(pool, _COST, since, until, counter_id)]


async def session_cost(pool: asyncpg.Pool, session_id: str) -> list[SessionCostRow]:
    """Return what a session cost; nothing for one that cost nothing or is not known."""
    return [SessionCostRow(**row) for row in await fetch(pool, _SESSION_COST, session_id)]


async def compared(
    pool: asyncpg.Pool, *, since: datetime | None = None, until: datetime | None = None, counter_id: str | None = None
) -> list[ComparedRow]:
    """Return each pair of engines that heard the same phrases; `since` <= time < `until`."""
    return [_compared(row) for row in await fetch(pool, _COMPARED, since, until, counter_id)]


def _compared(row: asyncpg.Record) -> ComparedRow:
    values: dict[str, Any] = dict(row)
    chosen_p50, chosen_p95 = values.pop("chosen_ms") or (None, None)
    p50, p95 = values.pop("ms") or (None, None)
    hours, chosen_usd, usd = (values.pop(name) for name in ("audio_h", "chosen_usd", "usd"))
    return ComparedRow(
        **values,
        chosen_p50_ms=chosen_p50,
        chosen_p95_ms=chosen_p95,
        p50_ms=p50,
        p95_ms=p95,
        chosen_usd_per_hour=chosen_usd / hours if hours else None,
        usd_per_hour=usd / hours if hours else None,
    )
