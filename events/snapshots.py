"""Snapshots: the state of a stream's fold, kept so that a long stream need not be folded from its start."""

import inspect
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from types import ModuleType
from typing import Any, Final, Protocol

import asyncpg
import orjson
from cryptography.exceptions import InvalidTag
from pydantic import TypeAdapter, ValidationError

from events.catalogue import Event
from events.faults import translated
from events.queries import EventReader, read
from events.sealing import MasterKeys, SealingError, StreamKey
from events.selection import Selection
from events.sql import statement

_NONCE_BYTES: Final = 12

logger = logging.getLogger(__name__)


class StateCodec[S](Protocol):
    """How a state is written and read."""

    @property
    def fingerprint(self) -> bytes:
        """Of the state's form and of the fold that made it: a snapshot of another one is not read."""
        ...

    def encode(self, state: S) -> bytes:
        """Write a state."""
        ...

    def decode(self, data: bytes) -> S:
        """Read a state back.

        Raises:
            ValueError: it is not one.
        """
        ...


class JsonCodec[S]:
    """A codec for a state that is a dataclass: JSON of its fields."""

    def __init__(self, kind: type[S], *folded_by: ModuleType) -> None:
        """Take the state's class and the modules that fold events into it, whose source is part of the fingerprint."""
        self._kind = kind
        # Read now: files may be replaced under a running process, and what runs is what was there when it started.
        self._sources = "".join(map(inspect.getsource, folded_by))

    @cached_property
    def _adapter(self) -> TypeAdapter[S]:
        return TypeAdapter(self._kind)

    @cached_property
    def fingerprint(self) -> bytes:
        """SHA-256 of the state's JSON Schema, made when first asked for, and of the folding modules' sources."""
        form = orjson.dumps(self._adapter.json_schema(), option=orjson.OPT_SORT_KEYS)
        return sha256(form + self._sources.encode()).digest()

    def encode(self, state: S) -> bytes:
        """Write a state as JSON."""
        return self._adapter.dump_json(state)

    def decode(self, data: bytes) -> S:
        """Read a state from JSON; see `StateCodec.decode`."""
        try:
            return self._adapter.validate_json(data)
        except ValidationError:
            # The original error quotes the state, which is personal.
            raise ValueError("a snapshot does not hold such a state") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot[S]:
    """A state, and where the last event is that was folded into it."""

    stream_position: int
    """In its stream."""
    position: int
    """In the ledger."""
    state: S


class Snapshots[S]:
    """Snapshots of one kind of state.

    A state holds what was said, so that it is sealed with its stream's key, and erased with it. A stream without a key
    has no snapshot. A snapshot that cannot be read is passed over: everything can be folded from the events.
    """

    def __init__(self, pool: asyncpg.Pool, reader: EventReader, masters: MasterKeys, codec: StateCodec[S]) -> None:
        """Take connections to the store's database, the store, what unwraps its keys and how states are written."""
        self._pool = pool
        self._reader = reader
        self._masters = masters
        self._codec = codec

    async def save(self, stream: str, snapshot: Snapshot[S]) -> bool:
        """Keep a snapshot unless a later one of the same form is kept; tell whether the stream has a key to seal it.

        Raises:
            StoreUnavailableError: the database is away.
            SealingError: the stream's key is wrapped with a master key that is not at hand.
        """
        with translated():
            row = await self._pool.fetchrow(statement("key_of_stream"), stream)
        if row is None:
            return False
        key = self._key(stream, row)
        nonce = os.urandom(_NONCE_BYTES)
        about = _about(stream, snapshot.stream_position, self._codec.fingerprint)
        sealed = nonce + key.cipher.encrypt(nonce, self._codec.encode(snapshot.state), about)
        with translated():
            await self._pool.execute(
                statement("save_snapshot"),
                stream,
                snapshot.stream_position,
                snapshot.position,
                self._codec.fingerprint,
                sealed,
                key.id,
            )
        return True

    async def latest(self, stream: str) -> Snapshot[S] | None:
        """Return the latest snapshot of this form; None where there is none, or none that can be read.

        Raises:
            StoreUnavailableError: the database is away.
        """
        with translated():
            row = await self._pool.fetchrow(statement("latest_snapshot"), stream, self._codec.fingerprint)
        if row is None:
            return None
        position, sealed = row["stream_position"], row["state"]
        about = _about(stream, position, self._codec.fingerprint)
        try:
            plain = self._key(stream, row).cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)
            return Snapshot(stream_position=position, position=row["position"], state=self._codec.decode(plain))
        except (InvalidTag, SealingError, ValueError) as error:
            logger.warning("the snapshot of %s at %d is passed over: %s", stream, position, type(error).__name__)
            return None

    async def rebuild(self, stream: str, fold: Callable[[Iterable[Event], S | None], S]) -> Snapshot[S]:
        """Return the state of a stream: the latest snapshot's with what came after it folded in.

        Args:
            stream: its name; a stream that does not exist gives the fold of no events.
            fold: from events in order, and the state before them or None, to the state after them.

        Raises:
            StoreUnavailableError: the database is away.
        """
        known = await self.latest(stream)
        at, position, state = (0, 0, None) if known is None else (known.stream_position, known.position, known.state)
        recorded = [event async for event in read(self._reader, Selection(stream=stream), after=position)]
        if recorded:
            at, position = recorded[-1].stream_position, recorded[-1].position
        return Snapshot(stream_position=at, position=position, state=fold((e.event for e in recorded), state))

    def _key(self, stream: str, row: Any) -> StreamKey:
        return self._masters.unwrap(stream, row["id"], row["master"], row["wrapped"])


def _about(stream: str, position: int, fingerprint: bytes) -> bytes:
    """What a snapshot is bound to. No stream's name holds a NUL."""
    return b"snapshot\0%b\0%d\0%b" % (stream.encode(), position, fingerprint)
