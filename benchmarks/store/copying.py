"""The bare ceilings: COPY, and one INSERT after another, into a plain table with the columns of `events`."""

import statistics
import time
from typing import Any

import asyncpg

ROWS = 1000
_MAKE = """
DROP SCHEMA IF EXISTS bare CASCADE;
CREATE SCHEMA bare;
CREATE TABLE bare.events (LIKE public.events);
ALTER TABLE bare.events ADD PRIMARY KEY (position);
"""


class Copying:
    """Rows of our own table, written again by COPY, a thousand in a transaction."""

    def __init__(self, connection: asyncpg.Connection, rows: list[tuple[Any, ...]], columns: list[str]) -> None:
        self._connection = connection
        self._rows = rows
        self._columns = columns
        self._position = 0

    @classmethod
    async def prepare(cls, dsn: str) -> "Copying":
        """Make the table from that of the store at `dsn`, which must hold a thousand events."""
        connection = await asyncpg.connect(dsn)
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
        )  # as it is sent, so that COPY pays for no JSON
        await connection.execute(_MAKE)
        records = await connection.fetch("SELECT * FROM events ORDER BY position DESC LIMIT $1", ROWS)
        columns = list(records[0].keys())
        at = columns.index("position")
        rows = [(*values[:at], *values[at + 1 :]) for values in map(tuple, records)]
        columns = ["position", *columns[:at], *columns[at + 1 :]]
        return cls(connection, rows, columns)

    async def run(self, seconds: float) -> dict[str, Any]:
        """Copy for a time and return events and events a second."""
        began = time.perf_counter()
        written = 0
        while (took := time.perf_counter() - began) < seconds:
            rows = [(self._position + n, *row) for n, row in enumerate(self._rows, 1)]
            await self._connection.copy_records_to_table(
                "events", schema_name="bare", records=rows, columns=self._columns
            )
            self._position += len(rows)
            written += len(rows)
        return {"events": written, "per_s": written / took}

    async def insert(self, count: int) -> dict[str, Any]:
        """Insert rows one by one, each its own transaction: what a single writer waits for whatever the store."""
        places = ", ".join(f"${n}" for n in range(1, len(self._columns) + 1))
        names = ", ".join(self._columns)
        statement = await self._connection.prepare(f"INSERT INTO bare.events ({names}) VALUES ({places})")
        took: list[float] = []
        for n in range(count):
            self._position += 1
            began = time.perf_counter()
            await statement.fetch(self._position, *self._rows[n % len(self._rows)])
            took.append(time.perf_counter() - began)
        return {"events": count, "per_s": count / sum(took), "p50_ms": 1000 * statistics.median(took)}

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()
