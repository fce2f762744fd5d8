"""What was sent and is not recorded: in pieces, the same bytes as in one."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from actors.session.unrecorded import Unrecorded

_SIZES = st.one_of(st.integers(1, 40), st.sampled_from([640, 2_048, 4_095, 4_096, 4_097, 9_000]))
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), _SIZES, st.just(0)),
        st.tuples(st.just("read"), st.integers(0, 20_000), st.integers(0, 20_000)),
        st.tuples(st.just("cut"), st.integers(0, 12_000), st.just(0)),
    ),
    max_size=40,
)


@given(_STEPS)
def test_bytes_are_read_and_recorded_as_if_they_lay_in_one_row(steps: list[tuple[str, int, int]]) -> None:
    kept, row, sent = Unrecorded(), b"", 0
    for step, number, size in steps:
        match step:
            case "append":
                data = bytes((sent + place) % 251 for place in range(number))
                sent += number
                kept.append(data)
                row += data
            case "read":
                assert kept.read(number, size) == row[number : number + size]
            case _:
                assert kept.cut(number) == row[:number]
                row = row[number:]
        assert len(kept) == len(row)


def test_a_piece_is_handed_on_without_a_copy() -> None:
    kept, first, second = Unrecorded(), bytes(4_096), bytes(4_096)
    kept.append(first)
    kept.append(second)
    assert kept.read(4_096, 32_768) is second
    assert kept.cut(4_096) is first


def test_single_bytes_do_not_cost_an_object_each() -> None:
    kept = Unrecorded()
    for _ in range(50_000):
        kept.append(b"x")
    pieces = kept._pieces
    assert sys.getsizeof(pieces) + sum(map(sys.getsizeof, pieces)) < 55_000
    assert kept.read(0, 100_000) == b"x" * 50_000
