"""The client kit against a real server: typed messages, live audio, answers, and lines that break."""

import asyncio
import contextlib
import functools
import sys
from collections.abc import AsyncIterator
from typing import get_args

import pytest
from pydantic import TypeAdapter

from actors.session.ports import FlowWindow
from balto.client import (
    AudioFile,
    ClientError,
    Finished,
    Format,
    LiveAudio,
    Message,
    Metrics,
    Ready,
    Recommendation,
    Speech,
    Stream,
    Transcript,
)
from balto.web.outbox import SocketOutbox
from balto.web.said import SAID
from balto.web.silence import Silence
from events.catalogue import AudioReceived, PhraseCaptured, RecommendationAnswered, RecommendationSent, SessionStarted
from tests.e2e.conftest import House, of_type
from tests.recordings import conversation, wav, webm

PCM = conversation("dor_de_cabeca", "tosse", "dor_de_cabeca")
DATA = PCM.tobytes()
SHAPES = {get_args(kind.__annotations__["comando"])[0]: kind for kind in SAID}


@contextlib.asynccontextmanager
async def breaking_lines(house: House, stream: Stream, every: int) -> AsyncIterator[None]:
    """Cut a client's connection whenever so many bytes more are durable, so that each gets further than the last."""

    async def saboteur() -> None:
        cut_at = 0
        while True:
            await asyncio.sleep(0.005)
            if stream.session is None or stream.acknowledged < cut_at:
                continue
            for seat in list(house.balto.sessions._live.values()):
                outbox = seat.connection._outbox
                if isinstance(outbox, SocketOutbox):
                    outbox._cut_off()
            cut_at = stream.acknowledged + every

    trouble = asyncio.create_task(saboteur())
    try:
        yield
    finally:
        trouble.cancel()


def shown(messages: list[Message]) -> list[str]:
    """The recommendations that came; one that a line had swallowed may come after what was said meanwhile."""
    return [message.id for message in messages if isinstance(message, Recommendation)]


@pytest.mark.parametrize("kind", ["pcm", "wav", "webm"])
async def test_it_comes_back_by_itself_however_often_the_line_breaks(house: House, kind: str) -> None:
    data = {"pcm": DATA, "wav": wav(PCM), "webm": webm(PCM)}[kind]
    lost: list[str] = []
    audio = AudioFile(data, len(PCM) / 16_000)
    stream = Stream(house.url, house.key, audio, speed=8.0, want=("transcript",), on_lost=lost.append)
    async with breaking_lines(house, stream, len(data) // 4):
        messages = [message async for message in stream.messages()]
    assert stream.reconnections > 0
    assert lost
    assert all("the connection" in reason for reason in lost)
    ((*recorded,),) = await house.ended()
    # Whoever missed the end is told of that, and not how many bytes there are.
    assert of_type(recorded, AudioReceived)[-1].byte_end == len(data)
    assert sorted(event.recommendation_id for event in of_type(recorded, RecommendationSent)) == sorted(shown(messages))
    assert [phrase.phrase for phrase in of_type(recorded, PhraseCaptured)] == [1, 2, 3]


async def test_live_audio_loses_nothing_to_broken_lines_and_is_let_go_of_once_durable(house: House) -> None:
    audio = LiveAudio()

    async def microphone() -> None:
        for start in range(0, len(DATA), 6400):
            await audio.feed(DATA[start : start + 6400])
            await asyncio.sleep(0.02)
        audio.end()

    speaking = asyncio.create_task(microphone())
    stream = Stream(house.url, house.key, audio, format=Format("pcm_s16le", 16_000, 1))
    async with breaking_lines(house, stream, len(DATA) // 4):
        messages = [message async for message in stream.messages()]
    await speaking
    assert stream.reconnections > 0
    assert len(audio._kept) == 0
    ((*recorded,),) = await house.ended()
    place = recorded[0].stream
    assert b"".join([chunk.data async for chunk in house.balto.library.store.read_recording(place)]) == DATA
    assert sorted(event.recommendation_id for event in of_type(recorded, RecommendationSent)) == sorted(shown(messages))


async def test_messages_are_typed_and_answers_are_recorded(house: House) -> None:
    audio = AudioFile(DATA, len(PCM) / 16_000)
    preset = {"threshold_multiplier": 1.25}
    stream = Stream(house.url, house.key, audio, speed=0, want=("transcript", "vad", "metrics"), vad_settings=preset)
    messages: list[Message] = []
    async for message in stream.messages():
        messages.append(message)
        if isinstance(message, Recommendation):
            assert message.items[0].suggestion
            assert message.items[0].explanation
            await stream.answer(message.id, "aceita")
    assert isinstance(messages[0], Ready)
    assert messages[0].session == stream.session
    last = messages[-1]
    assert isinstance(last, Finished)
    assert last.phrases == 3
    for message in messages:
        kind = SHAPES[message.raw["comando"]]
        TypeAdapter(kind).validate_python(dict(message.raw), strict=True)
        assert set(message.raw) <= set(kind.__annotations__)
    kinds = {type(message) for message in messages}
    assert {Transcript, Speech, Metrics, Recommendation} <= kinds
    ((*recorded,),) = await house.ended()
    answered = [(event.recommendation_id, event.answer) for event in of_type(recorded, RecommendationAnswered)]
    # An answer to the last one may come when the session has ended.
    assert answered == [(each, "aceita") for each in shown(messages)][: len(answered)]
    assert answered
    assert of_type(recorded, SessionStarted)[0].settings["vad"]["threshold_multiplier"] == 1.25


async def test_it_gives_up_on_a_wrong_key_at_once(house: House) -> None:
    with pytest.raises(ClientError, match="4001"):
        async for _ in Stream(house.url, "bk_wrong", AudioFile(DATA, 1.0)).messages():
            pass


async def test_it_says_when_nobody_answers() -> None:
    with pytest.raises(ClientError, match="no Balto answers"):
        async for _ in Stream("http://127.0.0.1:9", "bk_any", AudioFile(DATA, 1.0)).messages():
            pass


async def test_a_later_loss_has_all_the_patience_of_the_first(house: House) -> None:
    audio = AudioFile(DATA, len(PCM) / 16_000)
    stream = Stream(house.url, house.key, audio, speed=4.0, patience_s=0.5)
    # A quarter takes longer than that to say.
    async with breaking_lines(house, stream, len(DATA) // 4):
        async for _ in stream.messages():
            pass
    assert stream.reconnections > 1
    ((*recorded,),) = await house.ended()
    assert of_type(recorded, AudioReceived)[-1].byte_end == len(DATA)


async def test_every_address_is_tried_before_a_session_begins(house: House) -> None:
    stream = Stream(["http://127.0.0.1:9", house.url], house.key, AudioFile(DATA, len(PCM) / 16_000), speed=0)
    messages = [message async for message in stream.messages()]
    assert isinstance(messages[0], Ready)
    assert stream.reconnections == 0


async def test_a_client_whom_the_server_reads_no_further_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("balto.web.socket.Silence", functools.partial(Silence, patience_s=1.0))
    monkeypatch.setattr(sys.modules[Stream.__module__], "_HEARTBEAT_S", 2.0)  # and 1 s for the answer
    acquire, reads_on = FlowWindow.acquire, asyncio.Event()

    async def held_back(self: FlowWindow, size: int) -> None:
        await reads_on.wait()
        await acquire(self, size)

    monkeypatch.setattr(FlowWindow, "acquire", held_back)
    asyncio.get_running_loop().call_later(4.0, reads_on.set)
    stream = Stream(house.url, house.key, AudioFile(DATA, len(PCM) / 16_000), speed=0)
    messages = [message async for message in stream.messages()]
    assert stream.reconnections == 0
    assert isinstance(messages[-1], Finished)


async def test_a_client_that_only_answers_pings_is_not_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("balto.web.socket.Silence", functools.partial(Silence, patience_s=1.0))
    audio = LiveAudio()
    stream = Stream(house.url, house.key, audio, format=Format("pcm_s16le", 16_000, 1))

    async def mute_for_a_while() -> None:
        await asyncio.sleep(3.0)
        await audio.feed(DATA)  # more at once than fits a frame that is small
        audio.end()

    speaking = asyncio.create_task(mute_for_a_while())
    messages = [message async for message in stream.messages()]
    await speaking
    assert stream.reconnections == 0
    assert isinstance(messages[-1], Finished)
