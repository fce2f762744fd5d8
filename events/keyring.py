"""The keys of streams at hand: which ones to write and read with, remembered for the streams of late."""

from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.frozen import ColdRow
from events.sealing import MasterKeys, SealingError, StreamKey
from events.sql import statement

_CAPACITY: Final = 10_000


class KeyRing:
    """Keys by stream, of the streams that were written or read last.

    Which key a stream has is for the database to say: a writer is refused one that is not the stream's, and a reader
    asks for the one that the stream's row names, so that a key which was destroyed opens nothing, even while it is
    still remembered here.
    """

    def __init__(self, masters: MasterKeys | None, *, capacity: int = _CAPACITY) -> None:
        """Take the master keys, without which nothing personal can be written or read, and how many to remember."""
        self._masters = masters
        self._capacity = capacity
        self._keys: OrderedDict[str, StreamKey] = OrderedDict()

    async def for_writing(
        self, connection: asyncpg.Connection | PoolConnectionProxy, streams: Collection[str], new: Collection[str]
    ) -> dict[str, StreamKey]:
        """Return a key for each stream: its own, or a fresh one to be offered where it has none.

        Args:
            connection: to ask for keys that are not at hand.
            streams: their names.
            new: those of them that are expected not to exist, and are not asked for.

        Raises:
            SealingError: there are no master keys, or not the one that is needed.
        """
        known = {stream: key for stream in streams if (key := self._remembered(stream)) is not None}
        unknown = [stream for stream in streams if stream not in known]
        if asked := [stream for stream in unknown if stream not in new]:
            known |= await self._fetch(connection, asked)
        for stream in unknown:
            if stream not in known:
                known[stream] = self._remember(stream, self.require_masters().new_key(stream))
        return known

    async def for_reading(
        self, connection: asyncpg.Connection | PoolConnectionProxy, rows: Iterable[asyncpg.Record | ColdRow]
    ) -> dict[str, StreamKey]:
        """Return the keys of the streams whose sealed rows are given; none for streams that were erased.

        Raises:
            SealingError: as `for_writing`.
        """
        wanted = {row["name"]: row["key_id"] for row in rows if row["key_id"] is not None}
        found: dict[str, StreamKey] = {}
        for stream, key_id in wanted.items():
            key = self._remembered(stream)
            if key is not None and key.id == key_id:
                found[stream] = key
        if missing := [stream for stream in wanted if stream not in found]:
            found |= await self._fetch(connection, missing)
        return found

    def forget(self, stream: str) -> None:
        """Drop the key of a stream, which turned out not to be its, or was destroyed."""
        self._keys.pop(stream, None)

    async def _fetch(
        self, connection: asyncpg.Connection | PoolConnectionProxy, streams: list[str]
    ) -> dict[str, StreamKey]:
        rows = await connection.fetch(statement("keys_of_streams"), streams)
        return {
            row["name"]: self._remember(
                row["name"],
                self.require_masters().unwrap(row["name"], row["id"], row["master"], row["wrapped"]),
            )
            for row in rows
        }

    def require_masters(self) -> MasterKeys:
        """Return the master keys.

        Raises:
            SealingError: there are none.
        """
        if self._masters is None:
            raise SealingError("personal fields and recordings need a master key, and the store was opened without")
        return self._masters

    def _remembered(self, stream: str) -> StreamKey | None:
        key = self._keys.get(stream)
        if key is not None:
            self._keys.move_to_end(stream)
        return key

    def _remember(self, stream: str, key: StreamKey) -> StreamKey:
        self._keys[stream] = key
        self._keys.move_to_end(stream)
        if len(self._keys) > self._capacity:
            self._keys.popitem(last=False)
        return key


async def compare_masters(connection: asyncpg.Connection, masters: MasterKeys) -> None:
    """Note the fingerprints of new master keys, and refuse those that differ from the ones noted.

    Raises:
        SealingError: one differs.
    """
    noted = {row["version"]: row["fingerprint"] for row in await connection.fetch(statement("masters"))}
    for version, fingerprint in masters.fingerprints.items():
        if version not in noted:
            # Another node may be noting its own at this moment; the first one counts.
            noted[version] = await connection.fetchval(statement("note_master"), version, fingerprint) or (
                await connection.fetchval("SELECT fingerprint FROM masters WHERE version = $1", version)
            )
        if noted[version] != fingerprint:
            raise SealingError(f"this is not the master key {version} that the database was sealed with")
