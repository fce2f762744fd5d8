"""Ids: time-ordered ones for events, deterministic ones for phrases."""

from typing import Final
from uuid import UUID, uuid5

RANDOM_BYTES: Final = 10
"""How much randomness `uuid7` takes; it uses 74 bits of these 80."""

_PHRASES: Final = UUID("6f0d1c52-3a55-5b0e-9a6f-0d6f6e3b7c11")


def uuid7(unix_ms: int, randomness: bytes) -> UUID:
    """Build a UUIDv7 (RFC 9562, section 5.7): 48 bits of time, version, 12 random bits, variant, 62 random bits.

    Args:
        unix_ms: milliseconds since 1970, as the caller's clock has them.
        randomness: `RANDOM_BYTES` bytes, from `os.urandom` or, in a replay, from a seed.

    Raises:
        ValueError: the time does not fit in 48 bits, or there are not exactly `RANDOM_BYTES` bytes.
    """
    if not 0 <= unix_ms < 1 << 48:
        raise ValueError(f"{unix_ms} ms is outside the 48 bits of a UUIDv7")
    if len(randomness) != RANDOM_BYTES:
        raise ValueError(f"a UUIDv7 takes {RANDOM_BYTES} random bytes, not {len(randomness)}")
    random_bits = int.from_bytes(randomness)
    rand_a = random_bits >> 68
    rand_b = random_bits & ((1 << 62) - 1)
    return UUID(int=unix_ms << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)


def phrase_id(session_id: str, number: int) -> UUID:
    """Return the id of a phrase: the same for the same session and number, always (RFC 9562 version 5)."""
    return uuid5(_PHRASES, f"{session_id}/{number}")
