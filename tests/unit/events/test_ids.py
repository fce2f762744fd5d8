"""Ids: UUIDv7 as RFC 9562 lays it out, and phrases that are always called the same."""

from uuid import RFC_4122

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.ids import RANDOM_BYTES, phrase_id, uuid7

TIMES = st.integers(0, (1 << 48) - 1)
RANDOMNESS = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


def test_it_gives_the_example_of_the_rfc() -> None:
    """RFC 9562, appendix A.6: time 2022-02-22 14:22:22.00-05:00, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F."""
    randomness = (0xCC3 << 68 | 0x18C4DC0C0C07398F).to_bytes(RANDOM_BYTES)
    assert str(uuid7(0x017F22E279B0, randomness)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(TIMES, RANDOMNESS)
def test_version_variant_and_time_are_where_the_rfc_has_them(unix_ms: int, randomness: bytes) -> None:
    made = uuid7(unix_ms, randomness)
    assert (made.version, made.variant, made.int >> 80) == (7, RFC_4122, unix_ms)


@given(TIMES, TIMES, RANDOMNESS, RANDOMNESS)
def test_later_ids_sort_behind(first: int, second: int, some: bytes, other: bytes) -> None:
    if first < second:
        assert uuid7(first, some) < uuid7(second, other)


@given(RANDOMNESS, RANDOMNESS)
def test_74_random_bits_count(some: bytes, other: bytes) -> None:
    differ = (int.from_bytes(some) ^ int.from_bytes(other)) & ~(0b111111 << 62)
    assert (uuid7(1, some) != uuid7(1, other)) == (differ != 0)


@pytest.mark.parametrize(("unix_ms", "randomness"), [(-1, b"0123456789"), (1 << 48, b"0123456789"), (1, b"012345678")])
def test_what_does_not_fit_is_refused(unix_ms: int, randomness: bytes) -> None:
    with pytest.raises(ValueError, match="UUIDv7"):
        uuid7(unix_ms, randomness)


def test_a_phrase_has_one_id_for_ever() -> None:
    assert str(phrase_id("s-1", 1)) == "a46a0600-b89a-584c-a3fb-ce21611157a8"
    assert phrase_id("s-1", 1) != phrase_id("s-1", 2) != phrase_id("s-2", 2)
