"""Reading the files that a ledger was exported to, after their checksum was found to hold."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from events.archive import ArchiveError, check, read_manifest, read_parquet
from events.stored import StoredEvent
from events.transfer import PAGE, StoredRecording, WrappedKey

FORMAT: Final = 1

type Page = dict[str, WrappedKey] | list[StoredEvent] | list[StoredRecording]


class ParquetSource:
    """An exported Parquet file and its manifest, whose checksum holds."""

    def __init__(self, path: Path) -> None:
        """Open a file; raises `ArchiveError` where it is not as it was written."""
        about = read_manifest(path)
        try:
            self.sha256: str = about["sha256"]
            self.events: int = about["events"]
            self.redacted: bool = about["redacted"]
            self.masters: dict[str, str] = about["masters"]
            self._keys = {s: WrappedKey(UUID(k[0]), k[1], b64decode(k[2])) for s, k in about["keys"].items()}
        except (KeyError, TypeError, ValueError):
            raise ArchiveError(f"the manifest of {path.name} is not that of an export") from None
        check(path, bytes.fromhex(self.sha256))
        self._path = path

    def pages(self) -> Iterator[Page]:
        """Yield keys, always before the events of their streams, events and recordings, in order."""
        yield self._keys
        for group in read_parquet(self._path, after=0, upto=1 << 62):
            yield from (group[n : n + PAGE] for n in range(0, len(group), PAGE))


class NdjsonSource:
    """An exported NDJSON file, whose checksum holds."""

    def __init__(self, path: Path) -> None:
        """Open a file; raises `ArchiveError` where it is not as it was written."""
        self._path = path
        digest, last, header = sha256(), b"", b""
        for line in self._lines():
            header = header or line
            digest.update(last)
            last = line
        self.sha256 = digest.hexdigest()
        try:
            about, end = orjson.loads(header), orjson.loads(last)["end"]
            whole = end["sha256"] == self.sha256 and (about["balto"], about["format"]) == ("ledger", FORMAT)
            self.events: int = end["events"]
            self.redacted: bool = about["redacted"]
            self.masters: dict[str, str] = about["masters"]
        except (KeyError, TypeError, orjson.JSONDecodeError):
            raise ArchiveError(f"{path.name} is no whole export of a ledger") from None
        if not whole:
            raise ArchiveError(f"{path.name} is not as it was written: its checksum differs")

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                yield from file
        except OSError as error:
            raise ArchiveError(f"{self._path} cannot be read: {error.strerror}") from None

    def pages(self) -> Iterator[Page]:
        """Yield keys, always before the events of their streams, events and recordings, in order."""
        events: list[StoredEvent] = []
        recordings: list[StoredRecording] = []
        keys: dict[str, WrappedKey] = {}
        for line in self._lines():
            ((kind, fields),) = list(orjson.loads(line).items())[:1]
            if kind == "key":
                keys[fields["stream"]] = wrapped_key(fields)
            elif kind == "event":
                events.append(stored_event(fields))
            elif kind == "recording":
                recordings.append(stored_recording(fields))
            if len(events) >= PAGE or (events and kind in {"recording", "end"}):
                yield keys
                yield events
                events, keys = [], {}
            if len(recordings) >= 64 or (recordings and kind == "end"):
                yield recordings
                recordings = []


def wrapped_key(fields: dict[str, Any]) -> WrappedKey:
    """Return the key that a line of an export holds; raises KeyError, TypeError or ValueError where it holds none."""
    return WrappedKey(UUID(fields["id"]), fields["master"], b64decode(fields["wrapped"]))


def stored_recording(fields: dict[str, Any]) -> StoredRecording:
    """Return the recording that a line of an export holds; raises as `wrapped_key`."""
    recorded_at, sealed = datetime.fromisoformat(fields["recorded_at"]), b64decode(fields["sealed"])
    return StoredRecording(**fields | {"recorded_at": recorded_at, "sealed": sealed})


def stored_event(fields: dict[str, Any]) -> StoredEvent:
    """Return the event that a line of an export holds; raises as `wrapped_key`."""
    read = dict(fields)
    for name in ("event_id", "correlation_id", "causation_id"):
        read[name] = read[name] and UUID(read[name])
    for name in ("occurred_at", "recorded_at"):
        read[name] = datetime.fromisoformat(read[name])
    for name in ("sealed", "hash"):
        read[name] = None if read[name] is None else b64decode(read[name])
    return StoredEvent(**read)
