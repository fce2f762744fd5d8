"""Events that a read model leaves out on purpose: what does not fold need not stop it for good."""

from typing import Final

from projections.database import Connection

_SKIPPED: Final = "SELECT position FROM projections.skips WHERE name = $1 AND position > $2 ORDER BY position"
# What stops is stopped at one event: any other is folded already, or will be when its turn comes.
_STOPPED: Final = """
SELECT reason FROM projections.checkpoints WHERE name = $1 AND stopped_at = $2
 UNION ALL SELECT reason FROM projections.shadows WHERE name = $1 AND stopped_at = $2
 LIMIT 1
"""
_GO_ON: Final = """
UPDATE projections.{table} SET stopped_at = NULL, reason = NULL, updated_at = clock_timestamp()
 WHERE name = $1 AND stopped_at = $2
"""


class NotStoppedThereError(ValueError):
    """The read model, or its rebuild, is not stopped at that event."""


async def skipped_after(connection: Connection, name: str, position: int) -> list[int]:
    """Return the positions after one that a read model leaves out, in order."""
    return [row["position"] for row in await connection.fetch(_SKIPPED, name, position)]


async def skip(connection: Connection, name: str, position: int) -> str:
    """Leave out the event at which a read model or its rebuild is stopped, from now on and in every rebuild.

    Returns:
        Why it could not be folded.

    Raises:
        NotStoppedThereError: nothing of that name is stopped there.
    """
    async with connection.transaction():
        reason = await connection.fetchval(_STOPPED, name, position)
        if reason is None:
            raise NotStoppedThereError(f"{name} is not stopped at event {position}")
        await connection.execute(
            "INSERT INTO projections.skips (name, position, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            name,
            position,
            reason,
        )
        # What is being built and took the event is built anew.
        await connection.execute("DELETE FROM projections.shadows WHERE name = $1 AND position >= $2", name, position)
        for table in ("checkpoints", "shadows"):
            await connection.execute(_GO_ON.format(table=table), name, position)
    return str(reason)
