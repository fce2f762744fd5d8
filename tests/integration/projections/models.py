"""Read models made for tests: one that counts, one that cannot take a session's end."""

from dataclasses import replace

import asyncpg

from projections.projection import Projection

TALLY = Projection(
    name="tally",
    table="CREATE TABLE tally (type text PRIMARY KEY, events bigint NOT NULL)",
    folds=[
        """
        INSERT INTO tally AS t (type, events)
        SELECT type, count(*) FROM events WHERE position > $1 AND position <= $2 GROUP BY type
        ON CONFLICT (type) DO UPDATE SET events = t.events + excluded.events
        """
    ],
)
FRAGILE = replace(
    TALLY,
    name="fragile",
    table="CREATE TABLE fragile (position bigint PRIMARY KEY)",
    folds=[
        """
        INSERT INTO fragile  -- takes everything but a session's end
        SELECT CASE type WHEN 'SessionEnded' THEN (data ->> 'reason')::bigint ELSE position END
          FROM events WHERE position > $1 AND position <= $2
        """
    ],
)
GATE = 77
"""Number of the advisory lock that a gated fold waits for."""


def gated(position: int) -> Projection:
    """A tally whose fold waits at one position, and only there, until nobody else holds the gate."""
    gate = f"SELECT pg_advisory_xact_lock({GATE}) WHERE $1::bigint <= {position} AND {position} < $2::bigint"
    return replace(TALLY, folds=[gate, *TALLY.folds])


async def tally(database: asyncpg.Pool | asyncpg.Connection) -> int:
    """How many events the tally counts."""
    return int(await database.fetchval("SELECT coalesce(sum(events), 0) FROM projections.tally"))
