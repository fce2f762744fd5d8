"""The process of the local models: shared, never in the way, and started again when it dies."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from actors.llm.encoder import EncoderAwayError
from actors.llm.nearest import Example, NearestExamples
from actors.llm.remote import RemoteEncoder
from actors.stt.remote import RemoteWhisper
from actors.stt.transcriber import TranscriptionError
from actors.stt.weights import ensure_weights
from balto.library import silent
from balto.settings import Settings
from balto.workers.modelling import LocalModels, local_models
from tests.recordings import conversation

pytestmark = pytest.mark.whisper

ROOT = Path(__file__).resolve().parents[3]
PCM = conversation("dor_de_cabeca")


@pytest.fixture
async def models(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalModels]:
    weights = ensure_weights(ROOT / ".balto" / "whisper-base")
    monkeypatch.setenv("BALTO_WHISPER_MODEL", str(weights))
    monkeypatch.setenv("BALTO_LOG_FORMAT", "json")
    async with local_models(Settings(_env_file=None), silent) as process:
        assert process is not None
        await process.summon()
        yield process


async def test_several_hear_with_one_model_and_a_crash_fails_what_it_had_and_nothing_else(models: LocalModels) -> None:
    workers = [RemoteWhisper(models.path, "whisper-base") for _ in range(2)]
    heard = await asyncio.gather(*(worker.transcribe(PCM, budget_s=30) for worker in workers))
    assert len({transcript.text for transcript in heard}) == 1
    assert "cabeça" in heard[0].text
    assert heard[0].rejected is None
    assert heard[0].confidence is not None

    encoder = RemoteEncoder(models.path)
    await encoder.warm()
    sentences = ["estou com dor de cabeça", "minha cabeça dói", "qual o preço"]
    vectors = await asyncio.to_thread(encoder.encode, sentences)
    assert vectors.shape == (3, 512)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)
    assert await encoder.encode_one(sentences[0]) == pytest.approx(vectors[0], abs=1e-5)
    on_another_loop = await asyncio.to_thread(asyncio.run, encoder.encode_one(sentences[0]))
    assert on_another_loop == pytest.approx(vectors[0], abs=1e-5)

    before = models.pid
    assert before is not None
    busy = psutil.Process(before)
    idle_s = busy.cpu_times().user
    under_way = asyncio.create_task(workers[0].transcribe(np.tile(PCM, 4), budget_s=30))
    while busy.cpu_times().user < idle_s + 0.1:  # noqa: ASYNC110 - another process says nothing of it
        await asyncio.sleep(0.01)
    os.kill(before, signal.SIGKILL)
    with pytest.raises(TranscriptionError) as caught:
        await under_way
    assert caught.value.code == "transient"
    # Who comes while it is started again waits, as long as its budget lasts.
    assert (await workers[1].transcribe(PCM, budget_s=60)).text == heard[0].text
    assert models.pid != before
    assert (await asyncio.to_thread(encoder.encode, sentences)).shape == (3, 512)
    await encoder.close()
    for one in workers:
        await one.close()


async def test_without_its_process_letters_alone_tell_what_is_near(tmp_path: Path) -> None:
    encoder = RemoteEncoder(tmp_path / "nobody")
    with pytest.raises(EncoderAwayError):
        encoder.encode(["dor"])
    with pytest.raises(EncoderAwayError):
        await encoder.encode_one("dor")
    near = NearestExamples([Example("estou com dor de cabeça", "dor de cabeça")], encoder)
    assert near.find("estou com dor de cabeca").name == "dor de cabeça"


async def test_a_phrase_is_not_waited_for_beyond_its_budget(tmp_path: Path) -> None:
    nobody = RemoteWhisper(tmp_path / "nobody", "whisper-base")
    with pytest.raises(TranscriptionError) as caught:
        await nobody.transcribe(PCM, budget_s=0.2)
    assert caught.value.code == "transient"
    kept: list[asyncio.StreamWriter] = []  # one that nobody keeps is closed
    listening = await asyncio.start_unix_server(lambda _reader, writer: kept.append(writer), tmp_path / "silent")
    try:
        with pytest.raises(TranscriptionError) as caught:
            await RemoteWhisper(tmp_path / "silent", "whisper-base").transcribe(PCM, budget_s=0.2)
        assert caught.value.code == "timeout"
    finally:
        listening.close()
