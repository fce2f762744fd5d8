"""Fills a store by SQL: the sessions that are there, again and again under new names, positions and ids."""

from typing import Final

import asyncpg

_COLUMNS: Final = """
SELECT attname::text FROM pg_attribute
 WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
 ORDER BY attnum
"""
_HEAD: Final = "SELECT position FROM head"
_LAST_ID: Final = "SELECT max(id) FROM streams WHERE last_pos <= $1"
_PARTITIONS: Final = "SELECT ensure_partitions($1)"
_BATCH: Final = 200_000


async def grow(dsn: str, events: int, *, pattern: int | None = None) -> int:
    """Copy the first events of a store, order and all, until it holds at least so many.

    The copies have streams, positions and ids of their own, dense as ever; what the store computes over them (sealing,
    chain) is the originals', so they are read for their weight, not for their content.

    Args:
        dsn: of the store.
        events: how many it shall hold.
        pattern: how many of its first events are copied, whole streams; all of them unless given.

    Returns:
        The global position of the last event.
    """
    connection = await asyncpg.connect(dsn)
    try:
        head = await connection.fetchval(_HEAD)
        pattern = pattern or head
        if not pattern:
            raise ValueError("there is nothing to copy yet")
        ids = await connection.fetchval(_LAST_ID, pattern)
        while head < events:
            # As many copies in a statement as make a batch, and none beyond what is wanted.
            copies = max(1, min(_BATCH // pattern, -(-(events - head) // pattern)))
            await connection.execute(_PARTITIONS, head + pattern * copies)
            async with connection.transaction():
                await _copy(connection, pattern, ids, head, copies)
            head += pattern * copies
        for table in ("events", "streams"):
            await connection.execute(f"VACUUM (ANALYZE) {table}")
        await connection.execute("CHECKPOINT")
        return int(head)
    finally:
        await connection.close()


async def _copy(connection: asyncpg.Connection, pattern: int, ids: int, head: int, copies: int) -> None:
    first_id = await connection.fetchval("SELECT max(id) FROM streams")
    shift = "$3 + (c.n - 1) * $1::bigint"
    of_stream = {
        "id": "$4 + (c.n - 1) * $5::bigint + s.id",
        "name": f"s.name || '-' || ({shift})",
        "first_pos": f"s.first_pos + {shift}",
        "last_pos": f"s.last_pos + {shift}",
    }
    of_event = {
        "position": f"e.position + {shift}",
        "stream_id": "$4 + (c.n - 1) * $5::bigint + e.stream_id",
        "event_id": "uuidv7()",
    }
    source = "CROSS JOIN generate_series(1, $2::integer) AS c (n)"
    for table, letter, changed, where in (
        ("streams", "s", of_stream, "s.id <= $5 AND s.first_pos <= $1 ORDER BY c.n, s.id"),
        ("events", "e", of_event, "e.position <= $1 AND e.stream_id <= $5 ORDER BY c.n, e.position"),
    ):
        names = [row["attname"] for row in await connection.fetch(_COLUMNS, table)]
        values = ", ".join(changed.get(name, f"{letter}.{name}") for name in names)
        await connection.execute(
            f"INSERT INTO {table} ({', '.join(names)}) OVERRIDING SYSTEM VALUE "
            f"SELECT {values} FROM {table} {letter} {source} WHERE {where}",
            pattern,
            copies,
            head,
            first_id,
            ids,
        )
    await connection.execute("SELECT setval(pg_get_serial_sequence('streams', 'id'), (SELECT max(id) FROM streams))")
    await connection.execute("UPDATE head SET position = $1", head + pattern * copies)
