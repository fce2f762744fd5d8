"""The side of `eventsourcing`: its PostgreSQL recorder, a thread a session; run by the library's own environment."""

import json
import sys
import threading
import time
from typing import Any
from uuid import uuid4

# Only the environment that runs this file has the library.
from eventsourcing.persistence import StoredEvent  # type: ignore[import-not-found]
from eventsourcing.postgres import (  # type: ignore[import-not-found]
    PostgresApplicationRecorder,
    PostgresDatastore,
)

SIZE = 600
TOPIC = "balto:TranscriptionReceived"


def append(recorder: Any, sessions: int, events: int, seconds: float) -> dict[str, Any]:
    """Let sessions append, each its next one when the last is durable, for a time."""
    latencies: list[list[float]] = [[] for _ in range(sessions)]
    gate = threading.Barrier(sessions + 1)
    until = [0.0]
    faults: list[BaseException] = []

    def session(mine: list[float]) -> None:
        stream, version, state = uuid4(), 0, b"x" * SIZE
        gate.wait()
        try:
            while time.perf_counter() < until[0]:
                batch = [StoredEvent(stream, version + n + 1, TOPIC, state) for n in range(events)]
                began = time.perf_counter()
                recorder.insert_events(batch)
                mine.append(time.perf_counter() - began)
                version += events
        except BaseException as error:
            faults.append(error)
            raise

    threads = [threading.Thread(target=session, args=(mine,)) for mine in latencies]
    for thread in threads:
        thread.start()
    began, cpu = time.perf_counter(), time.process_time()
    until[0] = began + seconds
    gate.wait()
    for thread in threads:
        thread.join()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    if faults:
        raise faults[0]
    every = sorted(latency for mine in latencies for latency in mine)
    written = len(every) * events
    return {
        "events": written,
        "per_s": written / took,
        "p50_ms": 1000 * every[len(every) // 2],
        "p99_ms": 1000 * every[int(len(every) * 0.99)],
        "cpu_us": 1e6 * cpu / written,
    }


def read(recorder: Any, limit: int) -> dict[str, Any]:
    """Read notifications in pages, as the library's followers do."""
    began, start, count = time.perf_counter(), 1, 0
    while count < limit:
        page = recorder.select_notifications(start, 5000)
        if not page:
            break
        count += len(page)
        start = page[-1].id + 1
    return {"events": count, "per_s": count / (time.perf_counter() - began)}


def main() -> None:
    """Answer the commands on standard input until it ends. Arguments: database, host, user, connections."""
    database, host, user, connections = sys.argv[1:5]
    datastore = PostgresDatastore(
        database, host, 5432, user, "", pool_size=int(connections), connect_timeout=60, max_waiting=0
    )
    with datastore:
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()
        for line in sys.stdin:
            command = json.loads(line)
            do = command.pop("do")
            answer = append(recorder, **command) if do == "append" else read(recorder, **command)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
