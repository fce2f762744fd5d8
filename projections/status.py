"""Where read models stand, and what can be wrong with one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import asyncpg

from events.store import StoreError
from projections.database import translated
from projections.projection import Projection

_SELECT: Final = """
SELECT c.*, greatest(h.position - c.position, 0) AS lag, s.position AS rebuilt_to,
       s.stopped_at AS rebuild_stopped_at, s.reason AS rebuild_reason,
       ARRAY(SELECT k.position FROM projections.skips k WHERE k.name = c.name ORDER BY k.position) AS skipped
  FROM head h, projections.checkpoints c
  LEFT JOIN projections.shadows s ON s.name = c.name
 WHERE c.name = ANY ($1)
 ORDER BY c.name
"""


class UnknownProjectionError(ValueError):
    """There is no read model of that name."""


class ProjectionBusyError(StoreError):
    """A read model is being rebuilt by another process already."""


class ProjectionStoppedError(StoreError):
    """A read model could not be rebuilt: an event does not fold. Its old rows are still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionStatus:
    """Where a read model stands."""

    name: str
    state: Literal["live", "stopped", "outdated"]
    """`outdated`: its rows were made by other SQL than this program's."""
    position: int
    """The last event folded."""
    lag: int
    """Events behind the ledger."""
    stopped_at: int | None
    """Position of the event that could not be folded."""
    reason: str | None
    updated_at: datetime
    rebuilt_to: int | None = None
    """How far a rebuild has come that is under way, or was broken off and will go on from there; None without one."""
    rebuild_stopped_at: int | None = None
    """Position of the event that the rebuild could not fold."""
    rebuild_reason: str | None = None
    skipped: tuple[int, ...] = ()
    """Positions that are left out on purpose."""


async def statuses(pool: asyncpg.Pool, projections: Mapping[str, Projection]) -> list[ProjectionStatus]:
    """Return where each of the read models that have a checkpoint stands, by name.

    Raises:
        StoreUnavailableError: the database is away.
    """
    with translated():
        rows = await pool.fetch(_SELECT, list(projections))
    return [
        ProjectionStatus(
            name=row["name"],
            state=_state(row, projections[row["name"]]),
            position=row["position"],
            lag=row["lag"],
            stopped_at=row["stopped_at"],
            reason=row["reason"],
            updated_at=row["updated_at"],
            rebuilt_to=row["rebuilt_to"],
            rebuild_stopped_at=row["rebuild_stopped_at"],
            rebuild_reason=row["rebuild_reason"],
            skipped=tuple(row["skipped"]),
        )
        for row in rows
    ]


def _state(row: asyncpg.Record, projection: Projection) -> Literal["live", "stopped", "outdated"]:
    if row["stopped_at"] is not None:
        return "stopped"
    return "live" if row["definition"] == projection.definition else "outdated"
