"""Over real sockets: sessions at rest, slow actors, a full server, and how much of a recording is heard again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.messages import Listen
from actors.vad.actor import VadActor
from actors.values import Phrase, VadSettings
from balto.listening import decode_audio, find_phrases
from balto.memory import Memory
from balto.web.wire import CloseCode
from events.catalogue import AudioBookmarked, MessageUndelivered, PhraseCaptured, RecommendationSent, SessionResumed
from events.store import RecordingChunk
from tests.e2e.conftest import END, Open, converse, of_type
from tests.e2e.counting import break_line, line, until_it_rests
from tests.recordings import DEMO, conversation, webm

SHORT = conversation("dor_de_cabeca", "tosse", "dor_de_cabeca")
LONG = decode_audio(DEMO.read_bytes())


def phrases_in(pcm: Any) -> list[tuple[int, int]]:
    return [(h.sample_start, h.sample_end) for h in find_phrases(pcm, VadSettings()) if isinstance(h, Phrase)]


@pytest.mark.parametrize("kind", ["pcm", "webm"])
async def test_a_silent_client_finds_its_session_as_it_was(open_house: Open, kind: str) -> None:
    data = SHORT.tobytes() if kind == "pcm" else webm(SHORT)
    expected = phrases_in(decode_audio(data))
    async with open_house(idle_s=0.3) as house:
        async with line(house, data=data) as one:
            for at, end in ((0, len(data) // 3), (len(data) // 3, len(data) // 2), (len(data) // 2, len(data))):
                await one.send(at, end)
                await until_it_rests(house)
                assert house.balto.sessions.live == 1
            await one.until_acknowledged(len(data))
            await one.ws.send_str(END)
            assert await one.rest() == CloseCode.NORMAL
        ((*recorded,),) = await house.ended()
    assert [(e.sample_start, e.sample_end) for e in of_type(recorded, PhraseCaptured)] == expected
    assert len(of_type(recorded, RecommendationSent)) == len(expected)
    assert not of_type(recorded, SessionResumed)
    assert not of_type(recorded, MessageUndelivered)


async def test_a_client_takes_up_a_session_at_rest_after_its_line_broke(open_house: Open) -> None:
    data = SHORT.tobytes()
    async with open_house(idle_s=0.3) as house:
        async with line(house, data=data) as first:
            await first.send(0, 150_000)
            await until_it_rests(house)
            await break_line(first)
        async with line(house, first) as second:
            assert second.ready["offset"] == 150_000
            await second.send(150_000, len(data))
            await second.ws.send_str(END)
            assert await second.rest() == CloseCode.NORMAL
        ((*recorded,),) = await house.ended()
    assert [(e.sample_start, e.sample_end) for e in of_type(recorded, PhraseCaptured)] == phrases_in(SHORT)


async def test_another_node_hears_only_the_last_of_a_long_recording_again(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, cut = LONG.tobytes(), 32_000 * 100
    read: list[int] = []
    recording = Memory.recording

    def counting(self: Memory, stream: str, from_byte: int) -> AsyncIterator[RecordingChunk]:
        read.append(from_byte)
        return recording(self, stream, from_byte)

    monkeypatch.setattr(Memory, "recording", counting)
    async with open_house() as here, open_house(client_email="other@b.example") as there:
        there.key = here.key
        async with line(here, data=data) as first:
            for at in range(0, cut, 320_000):
                await first.send(at, at + 320_000)
            await first.until_acknowledged(cut - 64_000)
            async with line(there, first) as second:
                offset = second.ready["offset"]
                assert offset >= cut - 64_000
                await second.send(offset, len(data))
                await second.ws.send_str(END)
                assert await second.rest() == CloseCode.NORMAL
        ((*recorded,),) = await there.ended()
    captured = of_type(recorded, PhraseCaptured)
    assert [(e.sample_start, e.sample_end) for e in captured] == phrases_in(LONG)
    assert [e.phrase for e in captured] == list(range(1, len(captured) + 1))
    assert len(of_type(recorded, AudioBookmarked)) == 3
    # The detector's memory, and what the phrase under way adds.
    assert read == [from_byte for from_byte in read if from_byte > offset - 32_000 * 70] != []


async def test_a_slow_actor_stops_the_sockets_reading(open_house: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = asyncio.Event()

    async def slowly(self: VadActor, message: Any) -> None:
        if isinstance(message, Listen):
            await heard.wait()
        if (work := quick(self, message)) is not None:
            await work

    quick = VadActor.on_receive
    monkeypatch.setattr(VadActor, "on_receive", slowly)
    frame = bytes(64_000)
    async with open_house() as house, line(house, data=frame * 400) as one:
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while sent < 400:
                await one.send(sent * len(frame), (sent + 1) * len(frame))
                sent += 1

        flooding = asyncio.create_task(flood())
        (seat,) = house.balto.sessions._live.values()
        async with asyncio.timeout(60):
            while seat.connection._flow.used < 1 << 20:  # noqa: ASYNC110 - nobody tells when it is full
                await asyncio.sleep(0.01)
            at_first = -1
            while sent != at_first:  # until the sockets' buffers are full too
                at_first = sent
                await asyncio.sleep(1.0)
        # One frame may overshoot the window; what the client has written beyond waits in the sockets' buffers.
        assert seat.connection._flow.used <= (1 << 20) + len(frame)
        assert sent == at_first < 400
        heard.set()
        await flooding
        await one.until_acknowledged(400 * len(frame) - 32_000)


async def test_an_overloaded_server_refuses_with_the_reason_and_opens_again(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house() as house:
        reason: str | None = "servidor sobrecarregado: mensagens esperam na fila"
        monkeypatch.setattr(house.balto.sessions, "_overload", lambda: reason)
        async with line(house, data=SHORT.tobytes()) as one:  # the first session of an idle server is always taken
            refused = await converse(house, b"")
            assert refused.close_code == CloseCode.OVERLOADED
            reason = None
            taken = await converse(house, SHORT.tobytes())
            assert taken.close_code == CloseCode.NORMAL
            await one.ws.send_str(END)
            assert await one.rest() == CloseCode.NORMAL
