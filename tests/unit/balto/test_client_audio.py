"""Live audio of the client kit: kept until durable, bounded, and asked again from any offset that is not."""

import asyncio
from array import array
from typing import Any

import pytest

from balto.client import ClientError, LiveAudio, Unknown
from balto.client.messages import parsed


async def test_pieces_come_as_they_are_fed_and_end_with_the_audio() -> None:
    audio = LiveAudio()
    await audio.feed(b"abc")
    pieces = audio.pieces(1)
    assert await anext(pieces) == b"bc"
    waiting = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(0)
    assert not waiting.done()
    await audio.feed(b"de")
    assert await waiting == b"de"
    audio.end()
    with pytest.raises(StopAsyncIteration):
        await anext(pieces)


async def test_what_is_not_durable_can_be_sent_again_and_nothing_else() -> None:
    audio = LiveAudio()
    await audio.feed(b"abcdef")
    audio.forget(4)
    assert await anext(audio.pieces(4)) == b"ef"
    with pytest.raises(ClientError, match="acknowledged"):
        await anext(audio.pieces(3))


async def test_a_feeder_waits_while_too_much_is_not_durable() -> None:
    audio = LiveAudio(most_kept=4)
    await audio.feed(b"abcd")
    waiting = asyncio.ensure_future(audio.feed(b"e"))
    await asyncio.sleep(0)
    assert not waiting.done()
    audio.forget(2)
    await waiting
    assert await anext(audio.pieces(2)) == b"cde"


async def test_nothing_follows_the_end() -> None:
    audio = LiveAudio()
    audio.end()
    with pytest.raises(ValueError, match="ended"):
        await audio.feed(b"a")


@pytest.mark.parametrize("raw", [{"comando": "novidade"}, {"comando": "transcript"}, {"comando": "vad", "frase": 1}])
def test_what_a_newer_server_says_is_passed_on_as_it_came(raw: dict[str, object]) -> None:
    assert parsed(raw) == Unknown(raw=raw)
    assert parsed(raw).raw == raw


async def test_whatever_holds_bytes_is_audio_and_nothing_else() -> None:
    audio = LiveAudio()
    samples = array("h", [1, -1])
    for data in (b"ab", bytearray(b"cd"), memoryview(b"ef"), samples):
        await audio.feed(data)
    nothing: list[Any] = ["texto", None, 3, [1, 2]]
    for wrong in nothing:
        with pytest.raises(TypeError):
            await audio.feed(wrong)
    audio.end()
    assert b"".join([piece async for piece in audio.pieces(0)]) == b"abcdef" + samples.tobytes()
