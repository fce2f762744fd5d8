"""Exports as Parquet: the server's CSV, turned into typed columns a few megabytes at a time."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import orjson

from projections.exports import Column, Export, Sink

_CHUNK: Final = 2 * 1024 * 1024
"""Bytes of CSV that become one row group."""


class ParquetError(Exception):
    """Parquet cannot be written here: the extra `export` is not installed."""

    def __init__(self) -> None:
        super().__init__("Parquet needs pyarrow: install the extra `export` (pip install pyarrow)")


async def write_parquet(export: Export, sink: Sink) -> int:
    """Write rows as Parquet, zstd, with the position and the view's name in the file's metadata.

    Lists are lists, objects JSON text, times microseconds in UTC, money a double.

    Returns:
        How many rows.

    Raises:
        ParquetError: pyarrow is not installed.
        StoreUnavailableError: the database is away.
    """
    text, arguments = export.query(", ".join(map(_plain, export.columns)), ordered=True)
    # One thread for all of it: each new one would keep memory of its own.
    with ThreadPoolExecutor(1, thread_name_prefix="parquet") as thread:
        run = partial(asyncio.get_running_loop().run_in_executor, thread)
        writer = await run(_Writer, export)
        held = bytearray()
        turning: asyncio.Future[bytes] | None = None

        async def take(data: bytes) -> None:
            nonlocal turning
            held.extend(data)
            if len(held) >= _CHUNK and (end := whole_rows(held)):
                if turning is not None:
                    await sink(await turning)
                # The server goes on with the next rows meanwhile.
                turning = run(writer.add, bytes(held[:end]))
                del held[:end]

        await export.copy(text, arguments, take, format="csv")
        if turning is not None:
            await sink(await turning)
        await sink(await run(writer.finish, bytes(held)))
        return writer.rows


def whole_rows(data: bytes | bytearray) -> int:
    """Return how many bytes of CSV are whole rows: up to the last line break that no quotes are open at."""
    end, open_quotes = len(data), data.count(b'"') % 2
    while True:
        start = data.rfind(b"\n", 0, end)
        if start < 0:
            return 0
        open_quotes = (open_quotes + data.count(b'"', start, end)) % 2
        if not open_quotes:
            return start + 1
        end = start


def _plain(column: Column) -> str:
    name = f'"{column.name}"'
    if column.nested:
        return f"to_jsonb({name})::text"
    if column.type == "timestamp with time zone":
        return f"{name} AT TIME ZONE 'UTC'"
    return name


def _leaf(column: Column) -> str:
    """Return the path of a column's values in the file."""
    return f"{column.name}.list.element" if column.type.endswith("[]") else column.name


class _Writer:
    """Turns CSV into Parquet; gives the bytes that are ready. Belongs to one thread at a time."""

    def __init__(self, export: Export) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra
            from pyarrow import csv, parquet  # noqa: PLC0415 - an extra
        except ImportError:
            raise ParquetError from None
        self.rows = 0
        self._pa, self._csv = pa, csv
        self._columns = export.columns
        self._out = _Drain()
        # The default pool keeps what is freed for itself; this one gives it back.
        self._pool = pa.system_memory_pool()
        told = {"balto.view": export.view.name, "balto.position": str(export.position)}
        self._schema = pa.schema([(c.name, self._type(c)) for c in export.columns], metadata=told)
        # Texts repeat themselves; a dictionary of figures takes a fifth of the time and makes the file larger.
        texts = [_leaf(column) for column in export.columns if "text" in column.type]
        self._writer = parquet.ParquetWriter(
            self._out, self._schema, compression="zstd", use_dictionary=texts, memory_pool=self._pool
        )
        names = [column.name for column in export.columns]
        self._read = csv.ReadOptions(column_names=names, use_threads=False, block_size=2 * _CHUNK)
        self._parse = csv.ParseOptions(newlines_in_values=True)
        self._convert = csv.ConvertOptions(
            column_types={c.name: pa.string() if c.nested else self._flat(c) for c in export.columns},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        )

    def add(self, data: bytes) -> bytes:
        """Write whole rows of CSV."""
        if data:
            table = self._csv.read_csv(
                io.BytesIO(data),
                read_options=self._read,
                parse_options=self._parse,
                convert_options=self._convert,
                memory_pool=self._pool,
            )
            arrays = [self._as_meant(c, table.column(c.name)) for c in self._columns]
            self._writer.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema))
            self.rows += table.num_rows
        return self._out.take()

    def finish(self, data: bytes) -> bytes:
        """Write the last rows and the file's end."""
        ready = self.add(data)
        self._writer.close()
        return ready + self._out.take()

    def _as_meant(self, column: Column, values: Any) -> Any:
        if column.type.endswith("[]"):
            # The same lists come again and again: each is read once.
            encoded = values.combine_chunks().dictionary_encode()
            lists = [None if value is None else orjson.loads(value) for value in encoded.dictionary.to_pylist()]
            return self._pa.array(lists, self._type(column)).take(encoded.indices)
        return values.cast(self._type(column))

    def _type(self, column: Column) -> Any:
        if column.type.endswith("[]"):
            return self._pa.list_(self._flat(Column(name=column.name, type=column.type.removesuffix("[]"))))
        if column.type == "timestamp with time zone":
            return self._pa.timestamp("us", tz="UTC")
        return self._pa.string() if column.nested else self._flat(column)

    def _flat(self, column: Column) -> Any:
        pa = self._pa
        known = {
            "smallint": pa.int16(),
            "integer": pa.int32(),
            "bigint": pa.int64(),
            "real": pa.float32(),
            "double precision": pa.float64(),
            "numeric": pa.float64(),
            "boolean": pa.bool_(),
            "date": pa.date32(),
            "timestamp with time zone": pa.timestamp("us"),
        }
        return known.get(column.type, pa.string())


class _Drain(io.RawIOBase):
    """A file whose bytes are taken away as they are written; what is behind it never goes back."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._before = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def tell(self) -> int:
        return self._before + len(self._held)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        data = bytes(self._held)
        self._before += len(data)
        self._held.clear()
        return data
