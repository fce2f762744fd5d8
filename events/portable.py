"""Files that a ledger leaves in and comes back from: NDJSON with all of it, or Parquet with its events."""

import os
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Literal
from uuid import UUID

import asyncpg
import orjson

from events.archive import ArchiveError, ParquetWriter
from events.faults import translated
from events.incoming import FORMAT, NdjsonSource, ParquetSource
from events.sealing import MasterKeys, SealingError
from events.selection import EVERYTHING, Selection
from events.stored import StoredEvent
from events.transfer import (
    Rewrap,
    StoredRecording,
    WrappedKey,
    bring_in,
    keep_recordings,
    refuse_redacted,
    stored_pages,
    stored_recordings,
    wrapped_keys,
)

Format = Literal["ndjson", "parquet"]
Progress = Callable[[int, int], None]
"""Takes how many events are done and how many there are, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What went out or came in."""

    events: int
    new: int
    """Of those, how many were not there already; all of them where they went out."""
    keys: int
    recordings: int
    sha256: str
    """Of the file's content."""


class _Ndjson:
    """A file of lines, whole or not at all: a header, keys, events, recordings, and an end with their checksum."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self._path, self._scratch = path, path.with_name(f".{path.name}.part")
        self._digest = sha256()
        try:
            self._file: BinaryIO = os.fdopen(os.open(self._scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        except OSError as error:
            raise ArchiveError(f"{path} cannot be written: {error.strerror}") from None
        self._write({"balto": "ledger", "format": FORMAT, **header})

    def _write(self, line: dict[str, Any]) -> None:
        data = orjson.dumps(line, default=_encoded, option=orjson.OPT_APPEND_NEWLINE)
        self._digest.update(data)
        self._file.write(data)

    def add(self, kind: str, fields: dict[str, Any]) -> None:
        self._write({kind: fields})

    def finish(self, counts: dict[str, int]) -> str:
        digest = self._digest.hexdigest()
        self._write({"end": {**counts, "sha256": digest}})
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._scratch.replace(self._path)
        return digest

    def give_up(self) -> None:
        self._file.close()
        self._scratch.unlink(missing_ok=True)


def _encoded(value: Any) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, UUID):
        return str(value)  # the driver's own kind, which the encoder does not know
    raise TypeError(type(value).__name__)


async def export_file(
    connection: asyncpg.Connection,
    path: Path,
    *,
    archive: Path | None,
    rewrap: Rewrap,
    selection: Selection = EVERYTHING,
    redacted: bool = False,
    recordings: bool = False,
    note: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Moved:
    """Write what the ledger holds at the call to a file; `.parquet` in its name makes it Parquet, else NDJSON.

    What is sealed stays so; the keys go along, wrapped, and with them whoever has the master key reads it, even after
    an erasure here. A redacted file has neither: what was personal reads as erased.

    Args:
        connection: of the ledger's owner, made by `events.driver`.
        path: the file, readable by its owner alone.
        archive: folder of the files of what is cold.
        rewrap: for whose master key.
        selection: stream, prefix, tenant and times alone are looked at.
        redacted: without what is sealed, and without keys.
        recordings: with the recorded audio; NDJSON alone holds it.
        note: what else its head says of it.
        progress: told of events.

    Raises:
        ArchiveError: the file cannot be written, or what is cold not read.
        SealingError: a master key is not at hand.
        StoreUnavailableError: the database is away.
    """
    with translated():
        upto: int = await connection.fetchval("SELECT position FROM head")
    pages = stored_pages(connection, archive, after=0, upto=upto, selection=selection)
    masters = {} if redacted else _fingerprints(rewrap.masters)
    about = {**(note or {}), "redacted": redacted, "upto": upto, "masters": masters}
    keys: dict[str, WrappedKey] = {}
    done = 0

    async def batches() -> AsyncIterator[tuple[list[StoredEvent], dict[str, WrappedKey]]]:
        nonlocal done
        known: set[str] = set()
        async for page in pages:
            events = [e._replace(sealed=e.sealed and b"") for e in page] if redacted else page
            fresh = list(dict.fromkeys(event.stream for event in events if event.stream not in known))
            known.update(fresh)
            more = {} if redacted else await wrapped_keys(connection, fresh, rewrap)
            keys.update(more)
            yield events, more
            done += len(events)
            if progress is not None:
                progress(events[-1].position, upto)

    with translated():
        if path.suffix == ".parquet":
            with ParquetWriter(path) as writer:
                async for events, _ in batches():
                    writer.add(events)
                wrapped = {stream: [str(k.id), k.master, _encoded(k.wrapped)] for stream, k in keys.items()}
                written = writer.finish({**about, "keys": wrapped})
            return Moved(events=done, new=done, keys=len(keys), recordings=0, sha256=written.sha256.hex())
        file = _Ndjson(path, about)
        chunks = 0
        try:
            async for events, more in batches():
                for stream, key in more.items():
                    file.add("key", {"stream": stream, "id": key.id, "master": key.master, "wrapped": key.wrapped})
                for event in events:
                    file.add("event", event._asdict())
            if recordings and not redacted:
                async for some in stored_recordings(connection, selection):
                    for one in some:
                        chunks += 1
                        file.add("recording", {name: getattr(one, name) for name in StoredRecording.__slots__})
            digest = file.finish({"events": done, "keys": len(keys), "recordings": chunks})
        except BaseException:
            file.give_up()
            raise
    return Moved(events=done, new=done, keys=len(keys), recordings=chunks, sha256=digest)


async def import_file(
    connection: asyncpg.Connection,
    path: Path,
    *,
    own: MasterKeys,
    theirs: MasterKeys | None = None,
    progress: Progress | None = None,
) -> Moved:
    """Bring the events of a file in, as they were; those that are there already are skipped.

    The file is read twice: nothing is brought in unless its checksum holds.

    Args:
        connection: of the ledger's owner, made by `events.driver`.
        path: a file of `export_file`.
        own: this ledger's master keys.
        theirs: those that the file's keys are wrapped with, where they are not the same.
        progress: told of events.

    Raises:
        ArchiveError: the file cannot be read, or is not as it was written.
        SealingError: its keys are wrapped with other master keys.
        TransferError: it does not fit what is there.
        StoreUnavailableError: the database is away; import it again.
    """
    file = ParquetSource(path) if path.suffix == ".parquet" else NdjsonSource(path)
    _compare(file.masters, theirs or own)
    rewrap = Rewrap(theirs or own, own if theirs is not None else None)
    new = events = chunks = 0
    keys: dict[str, WrappedKey] = {}
    for page in file.pages():
        if isinstance(page, dict):
            await refuse_redacted(connection, page)
            keys |= {stream: rewrap(stream, key) for stream, key in page.items()}
        elif isinstance(page[0], StoredEvent):
            stored = [event for event in page if isinstance(event, StoredEvent)]
            new += await bring_in(connection, stored, keys, linked=not file.redacted)
            events += len(stored)
            if progress is not None:
                progress(events, file.events)
        else:
            await keep_recordings(connection, [one for one in page if isinstance(one, StoredRecording)])
            chunks += len(page)
    return Moved(events=events, new=new, keys=len(keys), recordings=chunks, sha256=file.sha256)


def _fingerprints(masters: MasterKeys) -> dict[str, str]:
    return {str(version): mark.hex() for version, mark in masters.fingerprints.items()}


def _compare(named: dict[str, str], masters: MasterKeys) -> None:
    have = _fingerprints(masters)
    if any(have.get(version) != mark for version, mark in named.items()):
        raise SealingError("the keys in the file are wrapped with other master keys; give those, or export for these")
