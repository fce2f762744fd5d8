"""The real local model on our own synthetic phrases."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.stt.weights import ensure_weights
from actors.stt.whisper import WhisperTranscriber
from actors.values import Pcm
from benchmarks.corpus.assembly import read_opus
from benchmarks.corpus.score import lines_of, missing_keywords, word_errors

pytestmark = pytest.mark.whisper

ROOT = Path(__file__).resolve().parents[3]
ASSETS = ROOT / "tests" / "assets"
PHRASES: list[dict[str, Any]] = json.loads((ASSETS / "phrases.json").read_text("utf-8"))["phrases"]
DEMO = ROOT / "balto" / "demo" / "counter.json"
BUDGET_S = 60.0
MAX_WER = 0.34
"""Generous: other processors round differently, and a word or two may go."""


@pytest.fixture
async def engine() -> AsyncIterator[WhisperTranscriber]:
    engine = WhisperTranscriber(ensure_weights(ROOT / ".balto" / "whisper-base"))
    await engine.warm()
    yield engine
    await engine.close()


def sound(name: str) -> Pcm:
    return read_opus(ASSETS / name)


@pytest.mark.parametrize("phrase", [p for p in PHRASES if p["text"]], ids=lambda p: p["file"])
async def test_a_phrase_is_heard_with_its_key_words(engine: WhisperTranscriber, phrase: dict[str, Any]) -> None:
    transcript = await engine.transcribe(sound(phrase["file"]), budget_s=BUDGET_S)
    errors, words = word_errors(phrase["text"], transcript.text)
    assert transcript.rejected is None
    assert missing_keywords(phrase["keywords"], transcript.text) == []
    assert errors / words <= MAX_WER
    assert transcript.confidence is not None
    assert transcript.confidence > 0.5


async def test_room_tone_is_not_believed(engine: WhisperTranscriber) -> None:
    transcript = await engine.transcribe(sound("silencio.opus"), budget_s=BUDGET_S)
    assert transcript.rejected is not None


@pytest.mark.parametrize("level", [100, 1000, 4000])
async def test_noise_is_not_believed(engine: WhisperTranscriber, level: int) -> None:
    noise = (np.random.default_rng(level).standard_normal(32_000) * level).astype(np.int16)
    transcript = await engine.transcribe(noise, budget_s=BUDGET_S)
    assert transcript.rejected is not None


async def test_no_sentence_of_a_long_phrase_is_skipped(engine: WhisperTranscriber) -> None:
    pcm = np.concatenate([sound("chuva.opus"), sound("dor_de_cabeca.opus"), sound("tosse.opus")])
    assert pcm.size > 14 * 16_000
    transcript = await engine.transcribe(pcm, budget_s=BUDGET_S)
    assert missing_keywords(["hoje", "febre", "dipirona", "tosse", "xarope"], transcript.text) == []


async def test_every_request_of_the_recorded_counter_is_heard(engine: WhisperTranscriber) -> None:
    requests = [(line, samples) for line, samples in lines_of(DEMO) if line["about"]]
    assert len({line["about"] for line, _ in requests}) == 5
    for line, samples in requests:
        transcript = await engine.transcribe(samples, budget_s=BUDGET_S)
        assert transcript.rejected is None
        assert missing_keywords(line["keywords"], transcript.text) == []


async def test_a_question_and_its_answer_in_one_phrase_are_both_heard(engine: WhisperTranscriber) -> None:
    script = json.loads(DEMO.read_text("utf-8"))["lines"]
    question = next(n for n, line in enumerate(script) if "pomada" in line["text"])
    samples = read_opus(DEMO.with_suffix(".opus"))
    start, end = script[question]["start_ms"] - 300, script[question + 1]["end_ms"] + 300
    transcript = await engine.transcribe(samples[start * 16 : end * 16], budget_s=BUDGET_S)
    assert missing_keywords(["pomada", "vendida"], transcript.text) == []
