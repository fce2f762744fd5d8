"""Sessions of one process that write on whatever happens to the server; `chaos` starts and judges them."""

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import TextIO

from benchmarks.store.speech import MASTERS, transcript, wrapped
from events.catalogue import SpeechStarted
from events.journal import Journal
from events.postgres import PostgresStore
from events.store import ANY, Append, Appended, RecordingChunk, StoreUnavailableError

APPLICATION = "balto-chaos"
_PATIENCE_S = 5.0
_PAUSE_S = 0.05


CHUNK_BYTES = 320
"""Of a recording: with every second append."""


def an_append(stream: str, number: int, at: int) -> Append:
    """Build a session's next append: one to three events, some of them sealed, every other time without expectation.

    The others carry a chunk of audio of which every byte is known.
    """
    phrases = range(at + 1, at + 2 + number % 3)
    events = [wrapped(transcript(n) if n % 4 == 0 else SpeechStarted(phrase=n, sample_start=160 * n)) for n in phrases]
    start = number // 2 * CHUNK_BYTES
    chunk = RecordingChunk(byte_start=start, data=audio(stream, start))
    return Append(
        stream=stream,
        tenant="chaos",
        events=events,
        expected=at if number % 2 else ANY,
        recordings=[] if number % 2 else [chunk],
    )


def audio(stream: str, start: int) -> bytes:
    """Return a chunk of the audio of a session, which differs for every session and place."""
    return f"{stream}@{start:012d}|".encode().ljust(32, b".") * (CHUNK_BYTES // 32)


class Session:
    """Appends by pairs that are under way together, until told to stop, and notes what was acknowledged."""

    def __init__(self, journal: Journal, stream: str, notes: TextIO, stop: asyncio.Event) -> None:
        self._journal = journal
        self._stream = stream
        self._notes = notes
        self._stop = stop

    async def run(self) -> None:
        """Write until told to stop; then nothing is left unacknowledged."""
        number = at = 0
        while not self._stop.is_set():
            pair = []
            for _ in range(2):
                pair.append(an_append(self._stream, number, at))
                at += len(pair[-1].events)
                number += 1
            while pair:
                pair = await self._try(pair)

    async def _try(self, appends: list[Append]) -> list[Append]:
        """Append and return those of which nothing is known, to be tried again with the same ids."""
        results = await asyncio.gather(*map(self._journal.append, appends), return_exceptions=True)
        again = []
        for append, result in zip(appends, results, strict=True):
            if isinstance(result, Appended):
                self._note(append, result)
            elif isinstance(result, StoreUnavailableError):
                again.append(append)
            elif isinstance(result, BaseException):
                self._notes.write(json.dumps({"refused": f"{type(result).__name__}: {result}"}) + "\n")
        if again:
            await asyncio.sleep(_PAUSE_S)
        return again

    def _note(self, append: Append, landed: Appended) -> None:
        ids = [str(event.event_id) for event in append.events]
        note: dict[str, object] = {
            "stream": append.stream,
            "ids": ids,
            "at": landed.stream_position,
            "position": landed.position,
        }
        if append.recordings:
            note["byte_start"] = append.recordings[0].byte_start
        self._notes.write(json.dumps(note) + "\n")


async def _connect(dsn: str) -> PostgresStore:
    """Connect, however often that fails: by the time that this process has started, others' blows may have fallen."""
    while True:
        try:
            return await PostgresStore.connect(dsn, masters=MASTERS, timeout_s=5, application_name=APPLICATION)
        except StoreUnavailableError:
            await asyncio.sleep(_PAUSE_S)


async def main() -> None:
    """Write until standard input ends. Arguments: address, number of this process, sessions, file for notes."""
    dsn, process, sessions, notes = sys.argv[1:5]
    # The driver's pool tells of every attempt to reach a server that is away, which here is the point.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
    store = await _connect(dsn)
    journal = Journal(store, patience_s=_PATIENCE_S)
    await journal.start()
    stop = asyncio.Event()
    with Path(notes).open("w", encoding="utf-8") as file:  # noqa: ASYNC230 - nobody waits yet
        async with asyncio.TaskGroup() as tasks:
            for n in range(int(sessions)):
                tasks.create_task(Session(journal, f"chaos-{process}-{n}", file, stop).run())
            await asyncio.to_thread(sys.stdin.read)
            stop.set()
        await journal.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main())
