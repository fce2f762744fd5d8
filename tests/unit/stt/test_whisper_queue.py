"""The local engine's one thread: budgets, a bounded queue and an orderly end, with the model's work held up."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.stt.transcriber import Transcriber, TranscriptionError
from actors.stt.whisper import WhisperTranscriber, _Piece, windows
from actors.values import Pcm

PHRASE: Pcm = np.zeros(16_000, np.int16)
AMPLE_S = 30.0


class HeldUp(WhisperTranscriber):
    """An engine whose model hears only once it is let go."""

    def __init__(self, **options: Any) -> None:
        super().__init__("whisper-base", **options)
        self.go = threading.Event()
        self.busy = threading.Event()
        self.heard: list[int] = []
        self.pieces = [_Piece(text="tem dipirona", logprob_sum=-1.0, tokens=5, no_speech=0.0)]

    def _hear(self, pcm: Pcm, *, prompt: str) -> list[_Piece]:
        self.busy.set()
        self.go.wait(AMPLE_S)
        self.heard.append(pcm.size)
        return self.pieces


@pytest.fixture
def engine() -> Iterator[HeldUp]:
    engine = HeldUp(queue_limit=2)
    yield engine
    engine.go.set()
    engine._executor.shutdown(wait=True)


async def begin(engine: HeldUp, pcm: Pcm = PHRASE) -> "asyncio.Task[Any]":
    call = asyncio.create_task(engine.transcribe(pcm, budget_s=AMPLE_S))
    await asyncio.to_thread(engine.busy.wait, AMPLE_S)
    return call


async def test_a_transcript_carries_the_confidence_of_its_tokens(engine: HeldUp) -> None:
    engine.go.set()
    port: Transcriber = engine
    transcript = await port.transcribe(PHRASE, budget_s=AMPLE_S)
    assert (transcript.text, transcript.rejected, transcript.cost_usd) == ("tem dipirona", None, 0.0)
    assert transcript.confidence == pytest.approx(np.exp(-0.2))
    assert (port.provider, port.model) == ("local", "whisper-base")


async def test_an_improbable_text_is_marked_as_rejected(engine: HeldUp) -> None:
    engine.go.set()
    engine.pieces = [_Piece(text="O que é isso?", logprob_sum=-10.0, tokens=6, no_speech=0.0)]
    assert (await engine.transcribe(PHRASE, budget_s=AMPLE_S)).rejected == "low_confidence"


async def test_silence_is_empty(engine: HeldUp) -> None:
    engine.go.set()
    engine.pieces = [_Piece(text="", logprob_sum=0.0, tokens=1, no_speech=0.9)]
    with pytest.raises(TranscriptionError) as caught:
        await engine.transcribe(PHRASE, budget_s=AMPLE_S)
    assert caught.value.code == "empty"


async def test_one_phrase_too_many_is_throttled_and_room_comes_back(engine: HeldUp) -> None:
    calls = [await begin(engine), await begin(engine)]
    with pytest.raises(TranscriptionError) as caught:
        await engine.transcribe(PHRASE, budget_s=AMPLE_S)
    assert caught.value.code == "throttled"
    engine.go.set()
    await asyncio.gather(*calls)
    assert (await engine.transcribe(PHRASE, budget_s=AMPLE_S)).text == "tem dipirona"


async def test_a_phrase_whose_budget_ran_out_in_the_queue_is_never_heard(engine: HeldUp) -> None:
    first = await begin(engine)
    with pytest.raises(TranscriptionError) as caught:
        await engine.transcribe(PHRASE[:100], budget_s=0.01)
    assert caught.value.code == "timeout"
    engine.go.set()
    await first
    await engine.transcribe(PHRASE[:200], budget_s=AMPLE_S)
    assert engine.heard == [16_000, 200]


async def test_closing_fails_those_who_wait_and_refuses_those_who_come(engine: HeldUp) -> None:
    running = await begin(engine)
    waiting = await begin(engine, PHRASE[:100])
    await asyncio.sleep(0)
    await engine.close()
    with pytest.raises(TranscriptionError) as caught:
        await waiting
    assert caught.value.code == "transient"
    with pytest.raises(TranscriptionError, match="closed"):
        await engine.transcribe(PHRASE, budget_s=AMPLE_S)
    engine.go.set()
    assert (await running).text == "tem dipirona"
    assert engine.heard == [16_000]


async def test_cancelling_the_caller_stays_a_cancellation(engine: HeldUp) -> None:
    call = await begin(engine)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_weights_that_are_not_there_are_a_transient_error(tmp_path: Path) -> None:
    (tmp_path / "whisper-none").mkdir()
    engine = WhisperTranscriber(tmp_path / "whisper-none")
    with pytest.raises(TranscriptionError) as caught:
        await engine.warm()
    await engine.close()
    assert caught.value.code == "transient"


@pytest.mark.parametrize(("weights", "name"), [("small", "whisper-small"), ("/models/whisper-turbo", "whisper-turbo")])
def test_the_model_is_named_after_its_weights(weights: str, name: str) -> None:
    engine = WhisperTranscriber(weights)
    assert engine.model == name


def test_a_usual_phrase_is_one_window() -> None:
    assert [w.size for w in windows(PHRASE)] == [16_000]


def test_long_audio_is_cut_where_it_is_quiet_and_nothing_is_lost() -> None:
    rng = np.random.default_rng(5)
    pcm = rng.integers(-3000, 3000, 16_000 * 24).astype(np.int16)
    pcm[16_000 * 7 : 16_000 * 8] = 0
    pieces = windows(pcm)
    assert all(0 < piece.size <= 16_000 * 10 for piece in pieces)
    assert 7 * 16_000 <= pieces[0].size <= 8 * 16_000
    assert np.array_equal(np.concatenate(pieces), pcm)


def test_a_cut_prefers_a_pause_to_a_gap_between_syllables() -> None:
    pcm = np.full(16_000 * 12, 3000, np.int16)
    pcm[16_000 * 6 : 16_000 * 6 + 800] = 0
    pcm[16_000 * 9 : 16_000 * 9 + 4800] = 50
    assert windows(pcm)[0].size == 16_000 * 9 + 2400
