"""Our side: `python -m benchmarks.store.ours DSN` answers the commands on its standard input."""

import asyncio
import json
import sys
from typing import Any

from benchmarks.store import bulk, reading, writing
from benchmarks.store.copying import Copying
from benchmarks.store.speech import MASTERS
from events.postgres import PostgresStore


class Ours:
    """A store, and what can be asked of it."""

    def __init__(self, store: PostgresStore, dsn: str) -> None:
        self._store = store
        self._dsn = dsn
        self._copying: Copying | None = None

    async def append(self, **arguments: int) -> dict[str, Any]:
        """Run sessions that append; see `writing.burst`."""
        return await writing.burst(self._store, **arguments)

    async def interleaved(self, **arguments: int) -> list[str]:
        """Write sessions among one another; see `writing.interleaved`."""
        return await writing.interleaved(self._store, **arguments)

    async def copy(self, seconds: float) -> dict[str, Any]:
        """Write the same rows by COPY."""
        return await (await self._bare()).run(seconds)

    async def insert(self, count: int) -> dict[str, Any]:
        """Write the same rows by one INSERT after another."""
        return await (await self._bare()).insert(count)

    async def _bare(self) -> Copying:
        if self._copying is None:
            self._copying = await Copying.prepare(self._dsn)
        return self._copying

    async def grow(self, events: int, pattern: int | None = None) -> int:
        """Fill the store up to a number of events; see `bulk.grow`."""
        return await bulk.grow(self._dsn, events, pattern=pattern)

    async def tail(self, events: int) -> dict[str, Any]:
        """Follow the end of the store; see `reading.tail`."""
        return await reading.tail(self._store, self._dsn, events=events)

    async def catch_up(self, limit: int) -> dict[str, Any]:
        """Read from the beginning; see `reading.catch_up`."""
        return await reading.catch_up(self._store, limit=limit)

    async def session(self, streams: list[str], times: int) -> dict[str, Any]:
        """Read whole sessions; see `reading.session`."""
        return await reading.session(self._store, streams=streams, times=times)

    async def verify(self) -> dict[str, Any]:
        """Verify the store; see `reading.whole`."""
        return await reading.whole(self._dsn)

    async def close(self) -> None:
        """Close every connection."""
        if self._copying is not None:
            await self._copying.close()
        await self._store.close()


async def main() -> None:
    """Answer until the input ends."""
    dsn = sys.argv[1]
    store = await PostgresStore.connect(dsn, masters=MASTERS, timeout_s=600)
    ours = Ours(store, dsn)
    try:
        # Between commands nothing else is under way, so that the loop may stand while it waits for the next.
        for line in sys.stdin:
            command = json.loads(line)
            answer = await getattr(ours, command.pop("do"))(**command)
            print(json.dumps(answer), flush=True)
    finally:
        await ours.close()


if __name__ == "__main__":
    asyncio.run(main())
