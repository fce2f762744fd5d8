"""The archive: a folder of Parquet files of events, typed, compressed with zstd, each with a manifest beside it."""

import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import orjson

from events.store import StoreError
from events.stored import StoredEvent

_GROUP: Final = 2_000
_LEVEL: Final = 9
_FORMAT: Final = 1


class ArchiveError(StoreError):
    """A file of events cannot be had, read or written, or is not what its manifest says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that was written whole."""

    file: str
    events: int
    size: int
    sha256: bytes


def parquet() -> Any:
    """Return the library that reads and writes Parquet, which only this needs.

    Raises:
        ArchiveError: it is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: PLC0415  an extra: the ledger works without it
    except ImportError:
        raise ArchiveError("Parquet needs pyarrow: install balto[export]") from None
    return pyarrow.parquet


def _arrow() -> Any:
    parquet()
    import pyarrow as pa  # noqa: PLC0415  as above

    return pa


def _compute() -> Any:
    import pyarrow.compute  # noqa: PLC0415  as above

    return pyarrow.compute


def _schema(extra: dict[str, Any]) -> Any:
    arrow = _arrow()
    word = arrow.dictionary(arrow.int32(), arrow.string())
    utc, uuid = arrow.timestamp("us", tz="UTC"), arrow.binary(16)
    columns = [
        ("position", arrow.int64(), False),
        ("stream_id", arrow.int64(), False),
        ("stream", word, False),
        ("tenant", word, False),
        ("stream_position", arrow.int64(), False),
        ("event_id", uuid, False),
        ("type", word, False),
        ("schema_version", arrow.int16(), False),
        ("occurred_at", utc, False),
        ("recorded_at", utc, False),
        ("elapsed_us", arrow.int64(), False),
        ("correlation_id", uuid, True),
        ("causation_id", uuid, True),
        ("phrase", arrow.int32(), True),
        ("sample_start", arrow.int64(), True),
        ("sample_end", arrow.int64(), True),
        ("latency_ms", arrow.float64(), True),
        ("data", arrow.string(), False),
        ("sealed", arrow.binary(), True),
        ("hash", arrow.binary(), False),
    ]
    fields = [arrow.field(name, kind, nullable=nullable) for name, kind, nullable in columns]
    return arrow.schema(fields, metadata={b"balto": orjson.dumps({"format": _FORMAT, **extra})})


class ParquetWriter:
    """Writes events into a file that is there whole, with its manifest, or not at all."""

    def __init__(self, path: Path, extra: dict[str, Any] | None = None) -> None:
        """Begin a file.

        Args:
            path: the file; its manifest is as of `manifest_of`.
            extra: what is kept in the file's own metadata, as JSON.
        """
        self._path = path
        self._scratch = path.with_name(f".{path.name}.part")
        self._schema = _schema(extra or {})
        self.events = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = parquet().ParquetWriter(
                self._scratch, self._schema, compression="zstd", compression_level=_LEVEL, write_page_checksum=True
            )
        except OSError as error:
            raise ArchiveError(f"{path} cannot be written: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, trace: TracebackType | None) -> None:
        self._writer.close()
        if kind is not None:
            self._scratch.unlink(missing_ok=True)
            manifest_of(self._scratch).unlink(missing_ok=True)

    def add(self, events: Sequence[StoredEvent]) -> None:
        """Write events, in order; each call makes a group that can be read by itself."""
        arrow = _arrow()
        columns: list[Any] = []
        for field, values in zip(self._schema, zip(*events, strict=True), strict=True):
            cells = [v.bytes if isinstance(v, UUID) else v for v in values]
            if arrow.types.is_dictionary(field.type):
                columns.append(arrow.array(cells, arrow.string()).dictionary_encode())
            else:
                columns.append(arrow.array(cells, field.type))
        self._writer.write_table(arrow.table(columns, schema=self._schema), row_group_size=_GROUP)
        self.events += len(events)

    def finish(self, extra: dict[str, Any]) -> Written:
        """End the file, put it on disk for good, then its manifest; nothing more can be added.

        Args:
            extra: what the manifest says besides the file's name, events, bytes and checksum.
        """
        self._writer.close()
        _sync(self._scratch)
        self._scratch.chmod(0o600)
        size, digest = self._scratch.stat().st_size, _digest(self._scratch)
        written = Written(file=self._path.name, events=self.events, size=size, sha256=digest)
        about = {"file": written.file, "events": written.events, "bytes": size, "sha256": digest.hex(), **extra}
        manifest, draft = manifest_of(self._path), manifest_of(self._scratch)
        # A draft that a crash left may be anybody's to read.
        draft.unlink(missing_ok=True)
        draft.touch(0o600)
        draft.write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        _sync(draft)
        self._scratch.replace(self._path)
        draft.replace(manifest)
        _sync(self._path.parent)
        return written


def manifest_of(path: Path) -> Path:
    """Return where the manifest of a Parquet file lies: `PATH.json` beside it."""
    return path.with_name(f"{path.name}.json")


def read_manifest(path: Path) -> dict[str, Any]:
    """Return what the manifest of a file says.

    Raises:
        ArchiveError: there is none, or it cannot be read.
    """
    try:
        found = orjson.loads(manifest_of(path).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        raise ArchiveError(f"the manifest of {path.name} cannot be read") from None
    if not isinstance(found, dict):
        raise ArchiveError(f"the manifest of {path.name} is none")
    return found


def check(path: Path, sha256: bytes) -> None:
    """Compare a file with its checksum.

    Raises:
        ArchiveError: it is another, or is not there.
    """
    try:
        found = _digest(path)
    except OSError as error:
        raise ArchiveError(f"{path.name} cannot be read: {error.strerror}") from None
    if found != sha256:
        raise ArchiveError(f"{path.name} is not as it was written: its checksum differs")


def read_parquet(
    path: Path, *, after: int, upto: int, stream_id: int | None = None, backwards: bool = False
) -> Generator[list[StoredEvent]]:
    """Yield the events of a file after a position up to another, a group at a time, the last first if so asked.

    Args:
        path: the file.
        after: a position.
        upto: another.
        stream_id: of one stream alone.
        backwards: the last first.

    Raises:
        ArchiveError: it cannot be read, or a page of it is not as it was written.
    """
    arrow = _arrow()
    compute = _compute()
    try:
        with parquet().ParquetFile(path, page_checksum_verification=True) as file:
            groups = range(file.metadata.num_row_groups)
            for number in reversed(groups) if backwards else groups:
                group = file.metadata.row_group(number)
                positions, streams = group.column(0).statistics, group.column(1).statistics
                if positions.max <= after or positions.min > upto:
                    continue
                if stream_id is not None and not streams.min <= stream_id <= streams.max:
                    continue
                table = file.read_row_group(number)
                if stream_id is not None:
                    table = table.filter(compute.equal(table["stream_id"], stream_id))
                events = [event for event in _events(table) if after < event.position <= upto]
                yield events[::-1] if backwards else events
    except (OSError, arrow.ArrowException) as error:
        raise ArchiveError(f"{path.name} cannot be read: {type(error).__name__}") from None


def _events(table: Any) -> Iterator[StoredEvent]:
    columns = [
        [None if v is None else UUID(bytes=v) for v in column.to_pylist()]
        if name in {"event_id", "correlation_id", "causation_id"}
        else column.to_pylist()
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return map(StoredEvent._make, zip(*columns, strict=True))


def metadata(path: Path) -> dict[str, Any]:
    """Return what a file says of itself: `extra` of its writer. Raises as `read_parquet`."""
    arrow = _arrow()
    try:
        found = orjson.loads(parquet().read_schema(path).metadata[b"balto"])
    except (OSError, arrow.ArrowException, KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise ArchiveError(f"{path.name} is no file of events: {type(error).__name__}") from None
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise ArchiveError(f"{path.name} is of a form that this program does not know")
    return found


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
