"""A process that writes sessions through a journal and prints the ids that were acknowledged."""

import asyncio
import random
import sys
from uuid import UUID

from events.journal import Journal
from events.postgres import PostgresStore
from events.store import Append, StoreUnavailableError
from tests.events_at_hand import new_event

SESSIONS = 12
APPENDS = 40


async def _connect(url: str) -> PostgresStore:
    """Connect, however often that fails: connections are killed from before this one is made."""
    while True:
        try:
            return await PostgresStore.connect(url, application_name="order writer")
        except StoreUnavailableError:
            await asyncio.sleep(0.05)


async def write(url: str, seed: int) -> list[UUID]:
    """Write all sessions at once; return the ids of the events that the journal says are durable."""
    store = await _connect(url)
    journal = Journal(store)
    await journal.start()
    acknowledged: list[UUID] = []

    async def talk(session: int) -> None:
        chance = random.Random(f"{seed}/{session}")
        for _ in range(APPENDS):
            events = [new_event() for _ in range(chance.randint(1, 3))]
            await journal.append(Append(stream=f"session-{seed}-{session}", tenant="1", events=events))
            acknowledged.extend(event.event_id for event in events)

    await asyncio.gather(*(talk(session) for session in range(SESSIONS)))
    await journal.close()
    await store.close()
    return acknowledged


if __name__ == "__main__":
    for event_id in asyncio.run(write(sys.argv[1], int(sys.argv[2]))):
        sys.stdout.write(f"{event_id}\n")
