"""An overview of the ledger for operators: how much there is of what, and where it stands."""

from dataclasses import dataclass

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.faults import translated
from events.partitions import Partition, list_partitions
from events.ranges import ColdPartition, load_ranges
from events.retention import LegalHold, list_holds
from events.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPlace:
    """Where a slot of a subscription stands."""

    name: str
    slot: int
    slots: int
    position: int
    lag: int
    """Events behind the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The ledger at one moment."""

    server: str
    """Version of PostgreSQL."""
    last_position: int
    streams: int
    erased_streams: int
    keys: int
    masters: tuple[int, ...]
    """Versions of the master keys that keys are wrapped with."""
    recordings: int
    """Chunks of audio."""
    recording_bytes: int
    """Of the clients' bytes."""
    database_bytes: int
    partitions: list[Partition]
    cold: list[ColdPartition]
    holds: list[LegalHold]
    subscriptions: list[SubscriptionPlace]


async def overview(connection: asyncpg.Connection | PoolConnectionProxy) -> Overview:
    """Return how much the ledger holds of what.

    Raises:
        StoreUnavailableError: the database is away.
    """
    with translated():
        (row,) = await connection.fetch(statement("overview"))
        places = await connection.fetch(
            "SELECT s.name, s.slot, s.slots, s.position, greatest(h.position - s.position, 0) AS lag"
            " FROM subscriptions s, head h ORDER BY s.name, s.slot"
        )
        return Overview(
            **{**row, "masters": tuple(row["masters"])},
            partitions=await list_partitions(connection),
            cold=list((await load_ranges(connection)).partitions),
            holds=await list_holds(connection),
            subscriptions=[SubscriptionPlace(**place) for place in places],
        )
