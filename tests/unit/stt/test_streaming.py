"""What the streams of all engines have in common, in virtual time, on an engine that a test plays."""

import asyncio
from typing import override

import numpy as np
import pytest

from actors.runtime.testkit import VirtualSystem, over_seeds
from actors.stt.streaming import LEAST_BYTES, LONGEST_S, MOST_BYTES, OpenStreams, PhraseStream, Segment
from actors.stt.transcriber import TranscriptionError
from actors.values import Pcm

SOUND: Pcm = np.arange(1, 64_001, dtype=np.int32).astype(np.int16)


class Played(PhraseStream):
    """Answers each commit after a while with the number of bytes that it was for."""

    def __init__(self, *, connect_s: float = 0.0, answer_s: float = 0.1, segment: Segment | None = None) -> None:
        self._connect_s, self._answer_s, self._segment = connect_s, answer_s, segment
        self.sent: list[bytes] = []
        self.left = 0
        super().__init__("played", "m")

    @override
    async def _live(self) -> None:
        await asyncio.sleep(self._connect_s)
        self._farewell = self._leave

        async def send(audio: bytes) -> None:
            self.sent.append(audio)

        async def commit() -> None:
            self._answering = asyncio.create_task(self._answer())

        await self._pump(send, commit)

    async def _answer(self) -> None:
        await asyncio.sleep(self._answer_s)
        self._heard(self._segment or Segment(text=f"{len(b''.join(self.sent))} bytes"))

    async def _leave(self) -> None:
        self.left += 1


def feed(stream: PhraseStream, pcm: Pcm, size: int) -> None:
    for at in range(0, pcm.size, size):
        stream.feed(pcm[at : at + size])


@over_seeds
async def test_pieces_are_neither_too_short_nor_too_long_however_the_audio_comes(system: VirtualSystem) -> None:
    size = system.random.choice((160, 1_000, 1_600, 30_000))
    stream = Played(connect_s=system.random.choice((0.0, 0.5)))
    feed(stream, SOUND, size)
    await stream.transcript(budget_s=5)
    *all_but_last, last = stream.sent
    assert all(LEAST_BYTES <= len(piece) <= MOST_BYTES for piece in all_but_last)
    assert 1_600 <= len(last) <= MOST_BYTES
    assert b"".join(stream.sent)[: 2 * SOUND.size] == SOUND.astype("<i2").tobytes()
    stream.cancel()


@over_seeds
async def test_a_last_piece_that_is_too_short_ends_in_silence(system: VirtualSystem) -> None:
    stream = Played()
    feed(stream, SOUND[:100], 100)
    await stream.transcript(budget_s=5)
    assert stream.sent == [SOUND[:100].astype("<i2").tobytes() + bytes(1_400)]
    stream.cancel()


@over_seeds
async def test_a_budget_is_kept_and_the_text_can_be_asked_for_again(system: VirtualSystem) -> None:
    stream = Played(answer_s=3.0)
    feed(stream, SOUND, 1_600)
    began = system.loop.time()
    with pytest.raises(TranscriptionError) as caught:
        await stream.transcript(budget_s=1)
    assert caught.value.code == "timeout"
    assert system.loop.time() - began == pytest.approx(1)
    assert (await stream.transcript(budget_s=5)).text == f"{2 * SOUND.size} bytes"
    stream.cancel()


@over_seeds
async def test_a_stream_that_is_left_open_ends_by_itself(system: VirtualSystem) -> None:
    stream = Played()
    feed(stream, SOUND, 1_600)
    await asyncio.sleep(LONGEST_S + 1)
    assert stream.over
    assert stream.left == 1
    with pytest.raises(TranscriptionError) as caught:
        await stream.transcript(budget_s=1)
    assert caught.value.code == "unfed"


@over_seeds
async def test_one_whose_engine_never_connects_or_never_answers_has_timed_out(system: VirtualSystem) -> None:
    for connect_s, answer_s in ((100.0, 0.1), (0.0, 100.0)):
        stream = Played(connect_s=connect_s, answer_s=answer_s)
        feed(stream, SOUND, 1_600)
        stream.commit()
        await asyncio.sleep(LONGEST_S + 1)
        with pytest.raises(TranscriptionError) as caught:
            await stream.transcript(budget_s=1)
        assert caught.value.code == "timeout"


@over_seeds
async def test_closing_an_engine_closes_what_is_open_once(system: VirtualSystem) -> None:
    streams = OpenStreams()
    first, second = streams.keep(Played()), streams.keep(Played())
    await asyncio.sleep(0.1)
    first.cancel()
    await first.closed()
    await streams.close()
    assert (first.left, second.left) == (1, 1)
    assert first.over
    assert second.over


@over_seeds
async def test_nothing_that_was_fed_is_no_text(system: VirtualSystem) -> None:
    stream = Played()
    with pytest.raises(TranscriptionError) as caught:
        await stream.transcript(budget_s=1)
    assert caught.value.code == "unfed"
    stream.cancel()


@over_seeds
async def test_what_comes_behind_the_end_of_an_upload_is_not_its_engines_fault(system: VirtualSystem) -> None:
    class Upload(Played):
        goes_on = False

    stream = Upload()
    feed(stream, SOUND, 1_600)
    stream.commit()
    feed(stream, SOUND, 1_600)
    with pytest.raises(TranscriptionError) as caught:
        await stream.transcript(budget_s=1)
    assert caught.value.code == "unfed"
    stream.cancel()


@over_seeds
async def test_a_text_that_the_guard_does_not_believe_says_so(system: VirtualSystem) -> None:
    stream = Played(segment=Segment(text="eu queria uma dipirona", avg_logprob=-3.0, confidence=0.05))
    feed(stream, SOUND, 1_600)
    assert (await stream.transcript(budget_s=1)).rejected == "low_confidence"
    stream.cancel()
