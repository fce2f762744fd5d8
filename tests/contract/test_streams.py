"""What every adapter promises that hears phrases while they are said, in health and in faults."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from actors.live import LiveStream
from actors.recordable import recordable_transcript
from actors.stt.assemblyai_streaming import AssemblyAIStreaming
from actors.stt.elevenlabs_realtime import ElevenLabsStreaming
from actors.stt.streaming import StreamingTranscriber
from actors.stt.transcriber import TranscriptionError
from actors.values import Pcm, Transcript
from tests.contract.speech import AMPLE_S, NOBODYS_URL, told_by
from tests.leaping import IN_VAIN_S, in_vain
from tests.simulators.assemblyai import AssemblyAISimulator
from tests.simulators.elevenlabs import ElevenLabsSimulator
from tests.simulators.live import LiveFault
from tests.simulators.speech import SpeechSimulator

SAID: Pcm = np.arange(-8000, 8000, dtype=np.int16)
MORE: Pcm = np.arange(0, 8000, dtype=np.int16)

Build = Callable[[SpeechSimulator, str, str], StreamingTranscriber]
MAKERS: dict[str, tuple[type[SpeechSimulator], Build]] = {
    "elevenlabs": (ElevenLabsSimulator, lambda s, url, key: ElevenLabsStreaming(key, s.live.model, url)),
    "assemblyai": (AssemblyAISimulator, lambda s, url, key: AssemblyAIStreaming(key, s.live.model, url)),
}


@dataclass
class Line:
    """A simulator and the adapter that speaks to it."""

    simulator: SpeechSimulator
    build: Build

    @asynccontextmanager
    async def engine(self, key: str | None = None) -> AsyncIterator[StreamingTranscriber]:
        async with self.simulator.serving() as url:
            engine = self.build(self.simulator, url, key or self.simulator.key)
            await engine.warm()
            try:
                yield engine
            finally:
                await engine.close()


@pytest.fixture(params=MAKERS)
def line(request: pytest.FixtureRequest) -> Line:
    simulator, build = MAKERS[request.param]
    return Line(simulator(), build)


def in_pieces(pcm: Pcm, size: int = 320) -> list[Pcm]:
    return [pcm[at : at + size] for at in range(0, pcm.size, size)]


FAULTS: list[Any] = [
    (LiveFault.UNAUTHORISED, "unauthorised"),
    (LiveFault.AUTH_ERROR, "unauthorised"),
    (LiveFault.QUOTA, "unauthorised"),
    (LiveFault.RATE_LIMITED, "throttled"),
    (LiveFault.THROTTLED, "throttled"),
    (LiveFault.REFUSED, "rejected"),
    (LiveFault.FAILED, "transient"),
    (LiveFault.SERVER_ERROR, "transient"),
    (LiveFault.HTML, "transient"),
    (LiveFault.DROPPED, "transient"),
    (LiveFault.SLOW, "timeout"),
    (LiveFault.CUT_SHORT, "transient"),
    (LiveFault.HUNG_UP, "transient"),
    (LiveFault.BROKEN_OFF, "transient"),
    (LiveFault.UNANSWERED, "timeout"),
    (LiveFault.DRIPPING, "timeout"),
    (LiveFault.NO_OBJECT, "transient"),
    (LiveFault.EMPTY_TEXT, "empty"),
]
NEVER = {LiveFault.SLOW, LiveFault.UNANSWERED, LiveFault.DRIPPING, LiveFault.BAD_JSON}
PARTICULAR = {
    # The one SDK takes what it can't parse for an error, the other passes it over.
    ("elevenlabs", LiveFault.BAD_JSON): "transient",
    ("assemblyai", LiveFault.BAD_JSON): "timeout",
    # The one SDK checks no fields, the other all of them.
    ("elevenlabs", LiveFault.MISSING_FIELDS): "empty",
    ("assemblyai", LiveFault.MISSING_FIELDS): "transient",
}


def test_every_fault_has_its_code() -> None:
    survived = {LiveFault.NUL, LiveFault.SURROGATE}
    assert {fault for fault, _ in FAULTS} | {fault for _, fault in PARTICULAR} | survived == set(LiveFault)


async def test_a_phrase_fed_in_pieces_comes_back_as_text(line: Line) -> None:
    async with line.engine() as engine:
        stream = engine.open()
        for piece in in_pieces(SAID):
            stream.feed(piece)
        transcript = await stream.transcript(budget_s=AMPLE_S)
        stream.cancel()
    assert (transcript.text, transcript.rejected, transcript.cost_usd) == (line.simulator.text, None, 0.0)
    assert [word.text for word in transcript.words] == line.simulator.text.split()
    assert all(word.start_s is not None for word in transcript.words)
    assert transcript.confidence == pytest.approx(0.95, abs=0.01)
    (call,) = line.simulator.live.calls
    assert bytes(call.audio) == SAID.astype("<i2").tobytes()
    assert call.commits == [2 * SAID.size]
    assert (stream.provider, line.simulator.requests) == (engine.provider, 0)


async def test_audio_goes_out_while_the_phrase_is_still_being_said(line: Line) -> None:
    async with line.engine() as engine:
        stream = engine.open()
        stream.feed(SAID)
        async with asyncio.timeout(AMPLE_S):
            await line.simulator.live.reached.wait()
        assert line.simulator.live.calls[0].commits == []


async def test_speech_that_goes_on_after_a_commit_is_heard_without_saying_anything_twice(line: Line) -> None:
    async with line.engine() as engine:
        stream = engine.open()
        stream.feed(SAID)
        first = await stream.transcript(budget_s=AMPLE_S)
        stream.feed(MORE)
        both = await stream.transcript(budget_s=AMPLE_S)
        again = await stream.transcript(budget_s=AMPLE_S)
    assert both.text == f"{first.text} {first.text}"
    assert again == both
    (call,) = line.simulator.live.calls
    assert bytes(call.audio) == np.concatenate([SAID, MORE]).astype("<i2").tobytes()
    assert call.commits == [2 * SAID.size, 2 * (SAID.size + MORE.size)]


async def test_an_early_commit_that_nobody_waits_for_is_not_made_again(line: Line) -> None:
    async with line.engine() as engine:
        stream = engine.open()
        stream.feed(SAID)
        stream.commit()
        waiting = asyncio.create_task(stream.transcript(budget_s=AMPLE_S))
        await asyncio.sleep(0)
        waiting.cancel()
        transcript = await stream.transcript(budget_s=AMPLE_S)
    assert transcript.text == line.simulator.text
    assert line.simulator.live.calls[0].commits == [2 * SAID.size]


@pytest.mark.parametrize(("fault", "code"), FAULTS)
async def test_every_fault_becomes_its_code_and_no_connection_is_asked_for_again(
    line: Line, fault: LiveFault, code: str
) -> None:
    await fails_with(line, fault, code)


@pytest.mark.parametrize(("name", "fault"), PARTICULAR)
async def test_a_text_that_cannot_be_read_is_an_error(name: str, fault: LiveFault) -> None:
    simulator, build = MAKERS[name]
    await fails_with(Line(simulator(), build), fault, PARTICULAR[name, fault])


async def transcribed(line: Line, stream: LiveStream, *, never: bool) -> Transcript:
    """Wait for a text; one that never comes, until its question is there."""
    live = line.simulator.live
    if not never:
        return await stream.transcript(budget_s=AMPLE_S)
    there = live.asked if live.fault is LiveFault.SLOW else live.reached
    return await in_vain(stream.transcript(budget_s=IN_VAIN_S), there)


async def fails_with(line: Line, fault: LiveFault, code: str) -> None:
    line.simulator.live.fault = fault
    async with line.engine() as engine:
        stream = engine.open()
        stream.feed(SAID)
        with pytest.raises(TranscriptionError) as caught:
            await transcribed(line, stream, never=code == "timeout")
        assert line.simulator.live.opened == 1
    # The one SDK gives the header of a refused upgrade, the other keeps it to itself.
    waits = fault is LiveFault.THROTTLED and engine.provider == "elevenlabs"
    assert (caught.value.code, caught.value.retry_after_s) == (code, 7.0 if waits else None)


@pytest.mark.parametrize("fault", [LiveFault.NUL, LiveFault.SURROGATE])
async def test_a_character_that_no_event_can_hold_costs_nothing_but_itself(line: Line, fault: LiveFault) -> None:
    line.simulator.live.fault = fault
    async with line.engine() as engine:
        stream = engine.open()
        stream.feed(SAID)
        heard = await stream.transcript(budget_s=AMPLE_S)
    assert heard.text != line.simulator.text
    assert recordable_transcript(heard).text == line.simulator.text


@pytest.mark.parametrize("fault", [None, *LiveFault])
async def test_neither_key_nor_speech_reaches_a_log_or_an_error(
    line: Line, fault: LiveFault | None, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    line.simulator.live.fault = fault
    caplog.set_level(logging.DEBUG)
    told = ""
    async with line.engine() as engine:
        stream = engine.open()
        stream.feed(SAID)
        try:
            await transcribed(line, stream, never=fault in NEVER)
        except TranscriptionError as error:
            told = told_by(error)
        told += repr(engine) + repr(stream)
    told += caplog.text + "".join(repr(record.__dict__) for record in caplog.records) + "".join(capfd.readouterr())
    assert line.simulator.key not in told
    assert line.simulator.text not in told


async def test_a_wrong_key_is_unauthorised(line: Line) -> None:
    async with line.engine("outra-chave") as engine:
        stream = engine.open()
        stream.feed(SAID)
        with pytest.raises(TranscriptionError) as caught:
            await stream.transcript(budget_s=AMPLE_S)
    assert caught.value.code == "unauthorised"
    assert line.simulator.live.calls == []


@pytest.mark.parametrize("fault", [None, LiveFault.SLOW, LiveFault.UNANSWERED])
async def test_a_stream_that_is_given_up_closes_its_connection(line: Line, fault: LiveFault | None) -> None:
    line.simulator.live.fault = fault
    async with line.engine() as engine:
        stream = engine.open()
        stream.feed(SAID)
        live = line.simulator.live
        await (live.asked if fault is LiveFault.SLOW else live.reached).wait()
        stream.cancel()
        async with asyncio.timeout(60):
            await line.simulator.live.left.wait()
        with pytest.raises(TranscriptionError):
            await stream.transcript(budget_s=AMPLE_S)


async def test_audio_that_comes_after_a_failure_is_never_passed_over_in_silence(line: Line) -> None:
    async with line.engine() as engine:
        stream = engine.open()
        stream.feed(SAID)
        await stream.transcript(budget_s=AMPLE_S)
        stream.cancel()
        stream.feed(MORE)
        with pytest.raises(TranscriptionError):
            await stream.transcript(budget_s=AMPLE_S)


async def test_a_server_that_is_not_there_is_transient(line: Line) -> None:
    engine = line.build(line.simulator, NOBODYS_URL, "k")
    stream = engine.open()
    stream.feed(SAID)
    with pytest.raises(TranscriptionError) as caught:
        await stream.transcript(budget_s=AMPLE_S)
    await engine.close()
    assert caught.value.code == "transient"


async def test_after_a_fault_the_next_phrase_is_heard(line: Line) -> None:
    async with line.engine() as engine:
        for fault in (LiveFault.DROPPED, LiveFault.CUT_SHORT, None):
            line.simulator.live.fault = fault
            stream = engine.open()
            stream.feed(SAID)
            if fault is not None:
                with pytest.raises(TranscriptionError):
                    await stream.transcript(budget_s=AMPLE_S)
        transcript = await stream.transcript(budget_s=AMPLE_S)
    assert transcript.text == line.simulator.text
