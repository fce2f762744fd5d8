"""Workers that hang are noticed, killed and replaced; real processes, and one that is only played for the rest."""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from actors.llm.encoder import EncoderAwayError
from actors.llm.remote import RemoteEncoder
from actors.runtime.caller import Caller
from actors.stt.remote import RemoteWhisper
from actors.stt.transcriber import TranscriptionError
from actors.stt.whisper import WhisperTranscriber
from actors.values import Pcm
from balto.library import silent
from balto.workers.heartbeat import BEATS, watch_heart
from balto.workers.modelling import LocalModels
from balto.workers.models import Desk
from balto.workers.parent import Crew, Worker
from balto.workers.shared import SharedMemory

NEVER_S = 600.0
"""More patience than a slow machine needs."""


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    """A worker in a crew of one, which runs and starts it again, and by itself never takes it for dead."""
    with contextlib.closing(SharedMemory.make()) as memory:
        crew = Crew(
            lambda number, answer: Worker(number, {}, (), memory, answer, "tests.hanging_worker"), 1, None, NEVER_S
        )
        async with crew.running():
            yield crew.workers[0]


@pytest.mark.parametrize("how", ["stopped", "in an endless loop"])
async def test_a_worker_that_hangs_is_killed_and_replaced(
    worker: Worker, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    former = worker.pid
    assert former is not None
    for _ in range(BEATS):
        await asyncio.wait_for(worker.lives(), 60)
    if how == "stopped":
        worker.tell(signal.SIGSTOP)
    else:
        assert worker._line is not None
        hanging = asyncio.ensure_future(worker._line.ask("hang"))
    # Only from now on with little patience: who is slow, but lives, is not to be killed by this test.
    watching = asyncio.create_task(watch_heart(worker, 0.5))
    async with asyncio.timeout(60):
        while worker.is_ready.is_set():  # noqa: ASYNC110 - an event tells when it is set, not when it is cleared
            await asyncio.sleep(0.02)
        watching.cancel()
        while worker.pid in (None, former) or not worker.is_ready.is_set():  # noqa: ASYNC110 - a process sets nothing here
            await asyncio.sleep(0.02)
    assert not psutil.pid_exists(former)
    said = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert said == [
        "worker 1 has not answered for 0.5 s and is killed",
        f"worker 1 (process {former}) ended by SIGKILL; it is started again",
    ]
    if how != "stopped":
        await asyncio.gather(hanging, return_exceptions=True)


@pytest.fixture
async def models(tmp_path: Path) -> AsyncIterator[LocalModels]:
    """Local models that never finish a phrase; by themselves they are never taken for dead."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        process = LocalModels(tmp_path / "s", listening, silent, NEVER_S, "tests.hanging_models")
        try:
            async with process.stack:
                await process.summon()
                yield process
        finally:
            await process.stop(0.0)


def has_taken(caller: Caller) -> bool:
    """Tell whether the other process has taken a question that it has not answered."""
    return caller._line is not None and bool(caller._line._taken)


@pytest.mark.parametrize("how", ["stopped", "in an endless loop"])
async def test_local_models_that_hang_are_replaced_and_what_they_had_fails_as_it_does_when_they_die(
    models: LocalModels, how: str
) -> None:
    former, caller = models.pid, Caller(models.path)
    whisper, encoder = RemoteWhisper(models.path, "whisper-base"), RemoteEncoder(models.path)
    assert former is not None
    await encoder.warm()
    for _ in range(BEATS):
        await asyncio.wait_for(models.lives(), 60)
    hearing = asyncio.create_task(whisper.transcribe(np.zeros(16_000, np.int16), budget_s=NEVER_S))
    encoding = asyncio.create_task(asyncio.to_thread(encoder.encode, ["dor"] * 4_096))
    # What it had not taken would be asked of whoever comes after it.
    async with asyncio.timeout(60):
        while not (has_taken(whisper._caller) and has_taken(encoder._caller)):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    if how == "stopped":
        models.tell(signal.SIGSTOP)
    else:
        hanging = asyncio.ensure_future(caller.ask("hang"))
    watching = asyncio.create_task(watch_heart(models, 0.5))
    with pytest.raises(TranscriptionError) as failed:
        await asyncio.wait_for(hearing, 60)
    watching.cancel()
    assert failed.value.code == "transient"
    with pytest.raises(EncoderAwayError):
        await asyncio.wait_for(encoding, 60)
    await asyncio.wait_for(models.is_ready.wait(), 60)
    assert models.pid not in (None, former)
    await asyncio.wait_for(models.lives(), 60)
    if how != "stopped":
        await asyncio.gather(hanging, return_exceptions=True)
    for one in (caller, whisper, encoder):
        await one.close()


class Caught(WhisperTranscriber):
    """Whisper whose model comes back from a phrase only once the gate is opened."""

    gate = threading.Event()

    def _hear(self, pcm: Pcm, *, prompt: str) -> list[Any]:
        self.gate.wait(60)
        return []


async def test_local_models_say_that_they_live_unless_a_phrase_never_comes_back() -> None:
    whisper = Caught("nowhere")
    desk = Desk(whisper, None, stuck_s=0.05)
    await desk("lives", None, b"")
    hearing = asyncio.create_task(whisper.transcribe(np.zeros(16_000, np.int16), budget_s=0.1))
    while whisper.under_way is None:  # noqa: ASYNC110 - a thread sets nothing here
        await asyncio.sleep(0.01)
    await desk("lives", None, b"")
    with pytest.raises(TranscriptionError):
        await hearing
    await asyncio.sleep(0.1)  # longer than it may be at one phrase, however soon its budget was spent
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(desk("lives", None, b""), 0.1)
    whisper.gate.set()
    while whisper.under_way is not None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await asyncio.wait_for(desk("lives", None, b""), 60)
    await whisper.close()


@dataclass
class Played:
    """A worker that answers as a script has it: False for a question in vain."""

    script: list[bool]
    asked: int = 0
    name: str = "worker 1"
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    told: list[signal.Signals] = field(default_factory=list)

    async def lives(self) -> None:
        self.asked += 1
        if self.script and not self.script.pop(0):
            await asyncio.get_running_loop().create_future()

    def tell(self, number: signal.Signals) -> None:
        self.told.append(number)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ([False] * (BEATS - 1), []),
        ([False] * (BEATS - 1) + [True] + [False] * (BEATS - 1), []),
        ([False] * BEATS, [signal.SIGKILL]),
    ],
)
async def test_only_questions_in_vain_one_after_another_kill(script: list[bool], told: list[signal.Signals]) -> None:
    played = Played(list(script))
    watching = asyncio.create_task(watch_heart(played, 0.1))
    await asyncio.sleep(0.05)
    assert played.asked == 0, "who takes no connections need not answer"
    played.is_ready.set()
    async with asyncio.timeout(60):
        # Who is asked once more was not killed for the question before.
        while played.asked < len(script) + (not told) or len(played.told) < len(told):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    watching.cancel()
    assert played.told == told
