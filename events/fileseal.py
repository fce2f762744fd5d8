"""The seal of a file that leaves the house: a passphrase instead of master keys, stretched with scrypt (RFC 7914)."""

import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from events.sealing import KEY_BYTES, MasterKeys, SealingError

_COST: Final = 1 << 15
_MOST_COST: Final = 1 << 20
_SALT_BYTES: Final = 16
LEAST_CHARACTERS: Final = 8
"""Of a passphrase."""


@dataclass(frozen=True, slots=True)
class FileSeal:
    """How the passphrase of a file becomes the key that the session's own key is wrapped with in it."""

    salt: bytes
    cost: int = _COST
    """scrypt's N; its r is 8, its p 1: some 32 MB and a tenth of a second."""

    @classmethod
    def new(cls) -> Self:
        """Make the seal of a new file."""
        return cls(os.urandom(_SALT_BYTES))

    @classmethod
    def read(cls, head: Mapping[str, Any]) -> Self:
        """Return the seal that a file's head tells of.

        Raises:
            SealingError: it is none that this program knows.
        """
        try:
            seal = cls(b64decode(head["salt"], validate=True), int(head["cost"]))
        except (KeyError, TypeError, ValueError):
            raise SealingError("the file's head does not say how it is sealed") from None
        if head.get("by") != "scrypt" or not 2 <= seal.cost <= _MOST_COST or seal.cost & (seal.cost - 1):
            raise SealingError("the file is sealed in a way that this program does not know")
        return seal

    def written(self) -> dict[str, Any]:
        """Return what a file's head tells of it."""
        return {"by": "scrypt", "salt": b64encode(self.salt).decode(), "cost": self.cost}

    def keys(self, passphrase: str) -> MasterKeys:
        """Return what the keys in the file are wrapped with.

        Raises:
            SealingError: the passphrase is too short to be one.
        """
        if len(passphrase) < LEAST_CHARACTERS:
            raise SealingError(f"a passphrase has {LEAST_CHARACTERS} characters at least")
        stretch = Scrypt(salt=self.salt, length=KEY_BYTES, n=self.cost, r=8, p=1)
        return MasterKeys({1: stretch.derive(passphrase.encode())})
