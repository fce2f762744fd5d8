"""API keys of counters: made here, and known afterwards only by their hash."""

import hashlib
import re
import secrets
from typing import Final

PREFIX: Final = "bk_"
_RANDOM_BYTES: Final = 32
_SHAPE: Final = re.compile(r"bk_[A-Za-z0-9_-]{43}")


def new_key() -> str:
    """Return a new API key: `bk_` and 32 random bytes in URL-safe base64 (256 bits, so that a plain hash suffices)."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def hash_key(key: str) -> str:
    """Return the lower-case hex SHA-256 of a key: what is stored, and what keys are looked up by.

    Looking up by hash leaks nothing useful by its timing: who does not hold the key cannot steer its hash.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def looks_like_key(text: str) -> bool:
    """Return whether a text has the shape of a key; what has not needs no look at the database."""
    return _SHAPE.fullmatch(text) is not None
