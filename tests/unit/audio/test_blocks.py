"""Blocks of WebM that are read quickly: those that hold one frame, which is nearly all there are."""

import numpy as np
import pytest

from actors.audio.decode import open_decoder
from actors.audio.matroska import plain_blocks
from actors.values import Pcm
from events.catalogue import Bookmark
from tests.recordings import ASSETS

BLOCK = b"\x81\0\0\0"


@pytest.mark.parametrize(
    ("raw", "limit", "found"),
    [
        (b"\xa3\x89" + BLOCK + bytes(5), None, [(0, 6, 11)]),
        (b"\xa3\x40\x09" + BLOCK + bytes(5), None, [(0, 7, 12)]),
        (b"\xa3\x84" + BLOCK + b"\xa3\x86" + BLOCK + b"\1\2", None, [(0, 6, 6), (6, 12, 14)]),
        (b"\xa3\x89" + BLOCK + bytes(4), None, []),
        (b"\xa3\x89" + BLOCK + bytes(5), 10, []),
        (b"\xa3\xff" + BLOCK + bytes(200), None, []),
        (b"\xa3\x7f\xff" + BLOCK + bytes(20_000), None, []),
        (b"\xa3\x20\x00\x09" + BLOCK + bytes(5), None, []),
        (b"\xa3\x83" + BLOCK[:3] + bytes(5), None, []),
        (b"\xa3\x89\x82\0\0\0" + bytes(5), None, []),
        (b"\xa3\x89\x81\0\0\x02" + bytes(5), None, []),
        (b"\xa1\x89" + BLOCK + bytes(5), None, []),
    ],
    ids=[
        "a block",
        "two bytes of size",
        "two blocks",
        "cut short",
        "over its cluster's end",
        "of unknown size",
        "of unknown size in two bytes",
        "a size of three bytes",
        "too short",
        "of another track",
        "laced",
        "in a group",
    ],
)
def test_plain_blocks_are_those_that_hold_one_frame_of_the_track(
    raw: bytes, limit: int | None, found: list[tuple[int, int, int]]
) -> None:
    assert plain_blocks(raw, 0, len(raw) if limit is None else limit, 1) == found


@pytest.mark.parametrize("name", ["mediarecorder_chrome.webm", "mediarecorder_firefox.webm"])
def test_blocks_come_to_the_same_whether_they_are_read_one_by_one_or_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def heard() -> tuple[list[Pcm], list[Bookmark | None]]:
        decoder, raw = open_decoder("webm-opus"), (ASSETS / name).read_bytes()
        pieces = [(decoder.feed(raw[at : at + 1_100]), decoder.bookmark()) for at in range(0, len(raw), 1_100)]
        return [pcm for pcm, _ in pieces], [bookmark for _, bookmark in pieces]

    pcm, bookmarks = heard()
    monkeypatch.setattr("actors.audio.matroska.plain_blocks", lambda *_: [])
    others, places = heard()
    assert len(pcm) == len(others)
    assert all(map(np.array_equal, pcm, others))
    assert bookmarks == places
