"""A projector to be killed: `python -m benchmarks.projections.node DSN live|rebuild`; says so when it is at work."""

import asyncio
import sys
from contextlib import suppress
from typing import Final

from events.store import StoreError
from events.watch import Watch
from projections.cadence import WATCH_DOZE_S, WATCH_PACE_S
from projections.database import open_pool
from projections.projection import Projection, standard
from projections.projector import Projector

TALLY: Final = Projection(
    name="tally",
    table="CREATE TABLE tally (stream_id bigint PRIMARY KEY, events bigint NOT NULL, positions numeric NOT NULL)",
    folds=[
        """
        INSERT INTO tally AS t (stream_id, events, positions)
        SELECT stream_id, count(*), sum(position) FROM events WHERE position > $1 AND position <= $2 GROUP BY stream_id
        ON CONFLICT (stream_id) DO UPDATE
           SET events = t.events + excluded.events, positions = t.positions + excluded.positions
        """
    ],
)
"""Adds up, so that an event missed or applied twice shows for good: nothing in it makes good what a projector does."""
REBUILT: Final = ("tally", "phrase_timeline", "phrase_biometrics")


async def _rebuild(projector: Projector) -> None:
    while True:
        for name in REBUILT:
            with suppress(StoreError):  # what killed before may still hold it, until the server notices
                await projector.rebuild(name)


async def main() -> None:
    """Keep the read models up, or rebuild some of them again and again, until killed."""
    dsn, what = sys.argv[1:3]
    projector = Projector(await open_pool(dsn), [*standard(), TALLY])
    await projector.install()
    print("up", flush=True)
    if what == "rebuild":
        await _rebuild(projector)
    async with Watch(dsn, pace_s=WATCH_PACE_S, doze_after_s=WATCH_DOZE_S) as watch:
        await projector.run(watch=watch)


if __name__ == "__main__":
    asyncio.run(main())
