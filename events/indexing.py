"""Indexes for those who look for events, made on partitions that are full: appending pays nothing for them."""

from collections.abc import Callable
from typing import Final

import asyncpg

from events.faults import translated
from events.partitions import Partition, list_partitions

_LOCK: Final = 4712000005
# A type's events in order; and what is equal to what at any place in the data, as hashes (PostgreSQL, 8.14.4).
_INDEXES: Final = {"by_type": "(type, position)", "by_data": "USING gin (data jsonb_path_ops)"}
_TIMEOUT_S: Final = 3_600.0


async def index_full(connection: asyncpg.Connection, progress: Callable[[int, int], None] | None = None) -> list[str]:
    """Index full partitions by type and by data, those that are not; who reads or appends goes on meanwhile.

    Args:
        connection: of the ledger's owner.
        progress: told how many indexes are made, and of how many.

    Returns:
        Names of the indexes that were made; none where another process is at it.

    Raises:
        StoreError: the login is not the owner.
        StoreUnavailableError: the database is away; what is made stays.
    """
    with translated():
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            return []
        try:
            full = [partition for partition in await list_partitions(connection) if _is_full(partition)]
            missing = [
                (partition, f"{partition.name}_{suffix}", how)
                for partition in full
                for suffix, how in _INDEXES.items()
                if await connection.fetchval("SELECT to_regclass($1) IS NULL", f"{partition.name}_{suffix}")
            ]
            # One core is enough: nobody waits for it, and customers are being listened to.
            await connection.execute("SET max_parallel_maintenance_workers = 0; SET maintenance_work_mem = '128MB'")
            for done, (partition, name, how) in enumerate(missing):
                if progress is not None:
                    progress(done, len(missing))
                # Builds under a lock that refuses appends to this partition alone, of which there are none any more.
                await connection.execute(f"CREATE INDEX {name} ON {partition.name} {how}", timeout=_TIMEOUT_S)
            for name in {partition.name for partition, _, _ in missing}:
                await connection.execute(f"ANALYZE {name}", timeout=_TIMEOUT_S)
            return [name for _, name, _ in missing]
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


def _is_full(partition: Partition) -> bool:
    return partition.events == partition.end - max(partition.first, 1)
