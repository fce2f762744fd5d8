"""Small frames are put together on their way to a session; no byte is lost, doubled or out of place by it."""

from hypothesis import given
from hypothesis import strategies as st

from actors.messages import AudioArrived
from actors.session.ports import AudioFormat
from balto.web.gathering import Gathering

BLOCK = 4096
PCM = AudioFormat(encoding="pcm_s16le")


def told(arrived: list[AudioArrived]) -> list[tuple[bytes, int | None]]:
    return [(each.data, each.byte_start) for each in arrived]


def test_frames_of_20_ms_go_on_as_soon_as_a_block_of_128_ms_is_complete() -> None:
    gathering = Gathering.of(PCM)
    given = [gathering.take(bytes(640), at * 640) for at in range(13)]
    assert [len(ready) for ready in given] == [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    assert [ready[0].byte_start for ready in given if ready] == [0, 7 * 640]


def test_a_block_ends_where_the_session_s_bytes_say_not_where_the_connection_s_do() -> None:
    gathering = Gathering.of(PCM)
    assert gathering.take(bytes(640), BLOCK - 700) == []
    assert [len(each.data) for each in gathering.take(bytes(640), BLOCK - 60)] == [1280]


def test_what_does_not_follow_is_handed_on_behind_what_was_held() -> None:
    gathering = Gathering.of(PCM)
    assert gathering.take(b"ab", 0) == []
    assert told(gathering.take(b"ab", 0)) == [(b"ab", 0)]
    assert told(gathering.take(b"yz", 9)) == [(b"ab", 0)]
    assert told(gathering.rest()) == [(b"yz", 9)]
    assert gathering.rest() == []


def test_only_raw_pcm_of_our_own_rate_is_held() -> None:
    telephone = AudioFormat(encoding="pcm_s16le", sample_rate=8000)
    for other in (AudioFormat(), AudioFormat(encoding="webm-opus"), telephone):
        assert told(Gathering.of(other).take(b"a", None)) == [(b"a", None)]


@given(sizes=st.lists(st.integers(1, 9000), max_size=40), counted=st.booleans())
def test_however_the_bytes_are_cut_all_arrive_in_order_and_no_complete_block_waits(
    sizes: list[int], counted: bool
) -> None:
    gathering = Gathering.of(PCM)
    at, arrived = 0, bytearray()
    for size in sizes:
        piece = bytes((at + n) % 251 for n in range(size))
        for each in gathering.take(piece, at if counted else None):
            assert each.byte_start == (len(arrived) if counted else None)
            arrived += each.data
        at += size
        assert len(arrived) >= at - at % BLOCK
    for each in gathering.rest():
        arrived += each.data
    assert bytes(arrived) == bytes(n % 251 for n in range(at))
