"""Memory that all processes of a server share: how many sessions each has, and the buckets of rate limits."""

import contextlib
import fcntl
import hashlib
import mmap
import os
import struct
import tempfile
from collections.abc import Iterator
from typing import Final, Self

from balto.place import Census
from balto.security.limits import Buckets

MOST_WORKERS: Final = 64
LIMITERS: Final = ("logins", "registrations", "wrong_codes", "wrong_keys", "trials")
"""Rate limiters whose buckets are kept here, by name."""
_SETS: Final = 512
_WAYS: Final = 8
_COUNT: Final = struct.Struct("=q")
_SLOT: Final = struct.Struct("=16sdq")
"""A caller's digest, its tokens, and the monotonic microsecond at which they were counted."""
_NOBODY: Final = bytes(16)
_TABLE: Final = _SETS * _WAYS * _SLOT.size
_HEAD: Final = MOST_WORKERS * _COUNT.size
_SIZE: Final = _HEAD + len(LIMITERS) * _TABLE


class SharedMemory:
    """A file without a name, mapped by every process that is given its handle; 640 KB, of which little is ever touched.

    Whoever dies holding a lock of it lets go of that by dying, as record locks do.

    Args:
        file: handle of the file, which is this object's from now on.
        key: that callers are hashed with, so that nobody can choose whom they push out.
    """

    def __init__(self, file: int, key: bytes) -> None:
        self.file = file
        self.key = key
        self.map = mmap.mmap(file, _SIZE)

    @classmethod
    def make(cls) -> Self:
        """Make it, empty."""
        if hasattr(os, "memfd_create"):
            file = os.memfd_create("balto")
        else:
            with tempfile.TemporaryFile(prefix="balto-") as made:
                file = os.dup(made.fileno())
        os.truncate(file, _SIZE)
        return cls(file, os.urandom(16))

    def close(self) -> None:
        """Let go of it."""
        self.map.close()
        os.close(self.file)

    def census(self, number: int) -> "SharedCensus":
        """Return the count of sessions, as worker `number`, from 1 on, has part in it."""
        return SharedCensus(self.map, number)

    def buckets(self, name: str) -> Buckets:
        """Return the buckets of one of `LIMITERS`."""
        return SharedBuckets(self, LIMITERS.index(name))


class SharedCensus(Census):
    """Counts sessions by worker. Two that are admitted at once may both find the last place free.

    Args:
        memory: where the counts are.
        number: of this worker.
    """

    def __init__(self, memory: mmap.mmap, number: int) -> None:
        self._memory = memory
        self._number = number

    def note(self, live: int) -> None:
        """As `Census.note`."""
        _COUNT.pack_into(self._memory, (self._number - 1) * _COUNT.size, live)

    def elsewhere(self) -> int:
        """As `Census.elsewhere`."""
        counts: list[int] = [count for (count,) in _COUNT.iter_unpack(self._memory[:_HEAD])]
        return sum(counts) - counts[self._number - 1]


class SharedBuckets:
    """Buckets of 4,096 callers; implements `Buckets`. A caller's place is one of eight; the oldest of these gives way.

    Args:
        memory: where they are.
        table: which of its tables.
    """

    def __init__(self, memory: SharedMemory, table: int) -> None:
        self._memory = memory
        self._start = _HEAD + table * _TABLE

    def __len__(self) -> int:
        return sum(digest != _NOBODY for digest, _, _ in _SLOT.iter_unpack(self._all()))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """As `Buckets.locked`; the others' locks are of microseconds."""
        fcntl.lockf(self._memory.file, fcntl.LOCK_EX, 1, self._start)
        try:
            yield
        finally:
            fcntl.lockf(self._memory.file, fcntl.LOCK_UN, 1, self._start)

    def get(self, caller: str) -> tuple[float, int] | None:
        """As `Buckets.get`."""
        wanted, at = self._place(caller)
        for digest, tokens, since_us in self._set(at):
            if digest == wanted:
                return tokens, since_us
        return None

    def put(self, caller: str, tokens: float, now_us: int) -> None:
        """As `Buckets.put`."""
        wanted, at = self._place(caller)
        slots = list(self._set(at))
        found = next((n for n, slot in enumerate(slots) if slot[0] == wanted), None)
        if found is None:
            # Of a stranger's eight places an empty one is the oldest.
            found = min(range(_WAYS), key=lambda n: (slots[n][0] != _NOBODY, slots[n][2]))
        _SLOT.pack_into(self._memory.map, at + found * _SLOT.size, wanted, tokens, now_us)

    def _place(self, caller: str) -> tuple[bytes, int]:
        digest = hashlib.blake2b(caller.encode("utf-8", "surrogatepass"), digest_size=16, key=self._memory.key).digest()
        number = int.from_bytes(digest[:4]) % _SETS
        return digest, self._start + number * _WAYS * _SLOT.size

    def _set(self, at: int) -> Iterator[tuple[bytes, float, int]]:
        return _SLOT.iter_unpack(self._memory.map[at : at + _WAYS * _SLOT.size])

    def _all(self) -> bytes:
        return self._memory.map[self._start : self._start + _TABLE]
