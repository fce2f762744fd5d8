"""Sealing: AES-256-GCM with a key for each stream, and the master keys that those keys are wrapped with."""

import base64
import binascii
import hmac
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.store import StoreError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_FORMAT: Final = b"\x01"
_HEADER: Final = len(_FORMAT) + NONCE_BYTES
_LEAST: Final = _HEADER + 16
_NO_SEAL: Final = "what should be sealed is not"
_BROKEN: Final = "a seal is broken: changed, moved, or made with another key"


class SealingError(StoreError):
    """What is sealed cannot be opened, or what is personal cannot be sealed. The message quotes nothing of either."""


@dataclass(frozen=True, slots=True)
class StreamKey:
    """The data key of a stream, ready for use. Its repr shows no key."""

    id: UUID
    master: int
    """Version of the master key that wraps it."""
    wrapped: bytes
    cipher: AESGCM

    def seal_event(self, stream: str, event_id: UUID, personal: bytes) -> bytes:
        """Encrypt the personal fields of an event, bound to its stream and id.

        The id and not the position: with group commit the database gives the position after sealing.
        """
        return self.sealer(stream)(event_id, personal, os.urandom(NONCE_BYTES))

    def sealer(self, stream: str) -> Callable[[UUID, bytes, bytes], bytes]:
        """Return `seal_event` for one stream, with a nonce that never comes twice; quicker where many are written."""
        encrypt, about = self.cipher.encrypt, _about_event(stream)

        def seal_one(event_id: UUID, personal: bytes, nonce: bytes) -> bytes:
            return _FORMAT + nonce + encrypt(nonce, personal, about + event_id.bytes)

        return seal_one

    def open_event(self, stream: str, event_id: UUID, sealed: bytes) -> bytes:
        """Decrypt what `seal_event` gave.

        Raises:
            SealingError: it was changed, is of another event or was sealed with another key.
        """
        return self.opener(stream)(event_id, sealed)

    def opener(self, stream: str) -> Callable[[UUID, bytes], bytes]:
        """Return `open_event` for one stream, which is quicker where many events are read."""
        decrypt, about = self.cipher.decrypt, _about_event(stream)

        def open_one(event_id: UUID, sealed: bytes) -> bytes:
            if len(sealed) < _LEAST or sealed[:1] != _FORMAT:
                raise SealingError(_NO_SEAL)
            try:
                return decrypt(sealed[1:_HEADER], sealed[_HEADER:], about + event_id.bytes)
            except InvalidTag:
                raise SealingError(_BROKEN) from None

        return open_one

    def seal_recording(self, stream: str, byte_start: int, data: bytes) -> bytes:
        """Encrypt a run of a client's bytes, bound to its stream and place."""
        return _seal(self.cipher, data, _about_recording(stream, byte_start))

    def open_recording(self, stream: str, byte_start: int, sealed: bytes) -> bytes:
        """Decrypt what `seal_recording` gave; raises as `open_event`."""
        return _open(self.cipher, sealed, _about_recording(stream, byte_start))


def draw_nonces(count: int) -> Iterator[bytes]:
    """Draw nonces at random, all at once: asking the kernel for each takes as long as sealing."""
    drawn = os.urandom(NONCE_BYTES * count)
    return (drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES))


class MasterKeys:
    """The master keys by version. The newest wraps new keys; every one opens what it wrapped."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        """Take keys of 32 bytes by version.

        Raises:
            SealingError: there is none, a version is not positive or a key is not 32 bytes long.
        """
        if not keys:
            raise SealingError("there is no master key")
        if any(version < 1 or len(key) != KEY_BYTES for version, key in keys.items()):
            raise SealingError(f"a master key is not {KEY_BYTES} bytes long, or its version not positive")
        self._ciphers = {version: AESGCM(key) for version, key in keys.items()}
        self._fingerprints = {v: hmac.digest(key, b"balto master key", "sha256")[:16] for v, key in keys.items()}
        self._newest = max(keys)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read keys in base64, separated by commas or white space, each as `VERSION:KEY`; a bare key is version 1.

        Raises:
            SealingError: it is not that, or says a version twice.
        """
        keys: dict[int, bytes] = {}
        for word in text.replace(",", " ").split():
            version, _, encoded = word.rpartition(":")
            try:
                number, key = int(version or "1"), base64.b64decode(encoded, validate=True)
            except (ValueError, binascii.Error):
                raise SealingError(
                    "a master key is not base64, with VERSION: before it where there are several"
                ) from None
            if number in keys:
                raise SealingError(f"master key {number} is given twice")
            keys[number] = key
        return cls(keys)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file of master keys; the first time, make it, readable by its owner alone.

        Raises:
            SealingError: it cannot be read or made, is no such file, or others may read it.
        """
        try:
            if not path.exists():
                _create(path, f"1:{_new_key()}\n")
            if path.stat().st_mode & 0o077:
                raise SealingError(f"{path} is open to others than its owner: chmod 600 it")
            return cls.parse(path.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise SealingError(f"the master keys in {path} cannot be read: {type(error).__name__}") from None

    @classmethod
    def rotate(cls, path: Path) -> Self:
        """Add a new newest key to the file; raises as `load`. Other nodes read it at their next start."""
        newest = cls.load(path).newest
        scratch = path.with_name(f".{path.name}.{uuid4().hex}")
        _write(scratch, f"{path.read_text(encoding='ascii').rstrip()}\n{newest + 1}:{_new_key()}\n")
        scratch.replace(path)
        return cls.load(path)

    @property
    def newest(self) -> int:
        """Version of the key that wraps new keys."""
        return self._newest

    @property
    def fingerprints(self) -> dict[int, bytes]:
        """Sixteen bytes by version that tell keys apart and nothing about them."""
        return dict(self._fingerprints)

    def new_key(self, stream: str) -> StreamKey:
        """Make a data key for a stream, wrapped with the newest master key."""
        key_id, key = uuid4(), AESGCM.generate_key(8 * KEY_BYTES)
        return StreamKey(key_id, *self.wrap(stream, key_id, key), AESGCM(key))

    def unwrap(self, stream: str, key_id: UUID, master: int, wrapped: bytes) -> StreamKey:
        """Return the data key of a stream.

        Raises:
            SealingError: its master key is not at hand, or does not open it.
        """
        return StreamKey(key_id, master, wrapped, AESGCM(self._open_key(stream, key_id, master, wrapped)))

    def rewrap(self, stream: str, key_id: UUID, master: int, wrapped: bytes, other: "MasterKeys") -> tuple[int, bytes]:
        """Wrap the data key of a stream with the newest of other master keys; return its version and the wrapped key.

        Raises:
            SealingError: as `unwrap`.
        """
        return other.wrap(stream, key_id, self._open_key(stream, key_id, master, wrapped))

    def wrap(self, stream: str, key_id: UUID, key: bytes) -> tuple[int, bytes]:
        """Wrap the data key of a stream; return the newest master key's version and the wrapped key."""
        return self._newest, _seal(self._ciphers[self._newest], key, _about_key(stream, key_id))

    def _open_key(self, stream: str, key_id: UUID, master: int, wrapped: bytes) -> bytes:
        if master not in self._ciphers:
            raise SealingError(f"master key {master} is not at hand")
        return _open(self._ciphers[master], wrapped, _about_key(stream, key_id))


def _seal(cipher: AESGCM, data: bytes, about: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return _FORMAT + nonce + cipher.encrypt(nonce, data, about)


def _open(cipher: AESGCM, sealed: bytes, about: bytes) -> bytes:
    if len(sealed) < _LEAST or sealed[:1] != _FORMAT:
        raise SealingError(_NO_SEAL)
    try:
        return cipher.decrypt(sealed[1:_HEADER], sealed[_HEADER:], about)
    except InvalidTag:
        raise SealingError(_BROKEN) from None


# No stream's name holds a NUL, so that no two of these are alike.
def _about_event(stream: str) -> bytes:
    return b"event\0%b\0" % stream.encode()


def _about_recording(stream: str, byte_start: int) -> bytes:
    return b"recording\0%b\0%d" % (stream.encode(), byte_start)


def _about_key(stream: str, key_id: UUID) -> bytes:
    return b"key\0%b\0%b" % (stream.encode(), key_id.bytes)


def _new_key() -> str:
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def _create(path: Path, text: str) -> None:
    """Make a file whole or not at all; where another process makes it at the same time, the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{uuid4().hex}")
    _write(scratch, text)
    try:
        os.link(scratch, path)
    except FileExistsError:
        return
    finally:
        scratch.unlink()


def _write(path: Path, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as writing:
        writing.write(text)
        writing.flush()
        os.fsync(writing.fileno())
