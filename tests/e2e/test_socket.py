"""The socket as deployed clients speak it: every container and chunking, the tail, and what comes back."""

import asyncio
import logging

import aiohttp
import numpy as np
import orjson
import pytest

from actors.llm.understanding import UnderstandingError
from actors.stt.transcriber import TranscriptionError
from balto.logs import CHATTY
from balto.web.lowwater import LowWater, Tide
from events.catalogue import (
    AttemptEnded,
    AttemptStarted,
    AudioReceived,
    PhraseCaptured,
    RecommendationAnswered,
    RecommendationDelivered,
    SessionEnded,
    SessionStarted,
    TranscriptionReceived,
)
from tests.e2e.conftest import END, House, Open, converse, of_type
from tests.fakes import FailingUnderstanding, ScriptedTranscriber
from tests.recordings import conversation, silence, wav, webm

PCM = conversation("dor_de_cabeca", "tosse")


def ranges(events: list[object]) -> list[tuple[int, int]]:
    return [(e.sample_start, e.sample_end) for e in events if isinstance(e, PhraseCaptured)]


async def test_an_older_client_gets_the_kept_message_and_nothing_else(house: House) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
        await ws.send_str(orjson.dumps({"api_key": house.key, "vad_settings": {"threshold_multiplier": 1.5}}).decode())
        await ws.send_bytes(wav(PCM))
        message = orjson.loads(await ws.receive_str(timeout=60))
    assert set(message) == {"comando", "itens"}
    assert message["comando"] == "recomendar"
    assert 1 <= len(message["itens"]) <= 3
    assert all(item["sugestao"] and item["explicacao"] for item in message["itens"])


@pytest.mark.parametrize("chunk", [640, 3_200, 32_000])
async def test_raw_pcm_in_any_chunks_gives_the_same_phrases(house: House, chunk: int) -> None:
    await converse(house, PCM.tobytes(), chunk=chunk, protocol=2)
    ((*recorded,),) = await house.ended()
    captured = of_type(recorded, PhraseCaptured)
    assert ranges(list(captured)) == ranges(list(await phrases_of_reference(house)))


@pytest.mark.parametrize("crowded", [False, True])
async def test_a_busy_server_hears_the_same_and_leaves_no_word_of_a_client_unread(
    house: House, monkeypatch: pytest.MonkeyPatch, crowded: bool
) -> None:
    marks: list[int] = []
    raised = Tide.raised

    def noted(tide: Tide, mark: LowWater, within_s: float) -> None:
        marks.append(mark.mark)
        raised(tide, mark, within_s)

    monkeypatch.setattr(Tide, "busy", True)
    monkeypatch.setattr(Tide, "crowded", crowded)
    monkeypatch.setattr(Tide, "raised", noted)
    async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
        await ws.send_str(
            orjson.dumps({"api_key": house.key, "protocol": 2, "audio": {"encoding": "pcm_s16le"}}).decode()
        )
        data = PCM.tobytes()
        for at in range(0, len(data), 640):
            await ws.send_bytes(data[at : at + 640])
            # Faster than speech, yet never much ahead: the kernel has to wait for blocks.
            await asyncio.sleep(0)
            if at % 128_000 == 0:
                await ws.send_str(orjson.dumps({"tipo": "eco"}).decode())
                while orjson.loads(await ws.receive_str(timeout=10))["comando"] != "eco":
                    pass
        await ws.send_str(END)
        commands = [orjson.loads(frame.data)["comando"] async for frame in ws if frame.type is aiohttp.WSMsgType.TEXT]
        assert commands[-1] == "fim"
    assert min(marks) > 2 * 640
    ((*recorded,),) = await house.ended()
    assert ranges(list(of_type(recorded, PhraseCaptured))) == ranges(list(await phrases_of_reference(house)))


async def phrases_of_reference(house: House) -> list[PhraseCaptured]:
    await converse(house, PCM.tobytes(), chunk=len(PCM) * 2, protocol=2)
    return of_type((await house.ended(2))[-1], PhraseCaptured)


async def test_a_wav_cut_at_odd_places_is_heard_as_its_samples(house: House) -> None:
    await converse(house, wav(PCM), chunk=777, protocol=2)
    await converse(house, PCM.tobytes(), protocol=2)
    cut, raw = await house.ended(2)
    assert ranges(list(of_type(cut, PhraseCaptured))) == ranges(list(of_type(raw, PhraseCaptured)))


async def test_webm_opus_as_browsers_send_it_is_heard(house: House) -> None:
    answer = await converse(house, webm(PCM), chunk=1_000, protocol=2)
    ((*recorded,),) = await house.ended()
    assert len(of_type(recorded, PhraseCaptured)) == 2
    assert answer.close_code == 1000
    assert answer.of("recomendar")


async def test_the_tail_of_the_audio_is_kept_when_the_client_just_leaves(house: House) -> None:
    speech_to_the_end = np.concatenate([silence(1), conversation("dor_de_cabeca")[16_000:-24_000]])
    await converse(house, speech_to_the_end.tobytes(), finish=False, linger=False)
    ((*recorded,),) = await house.ended()
    (ended,) = of_type(recorded, SessionEnded)
    (captured,) = of_type(recorded, PhraseCaptured)
    assert ended.reason == "client_left"
    assert ended.samples == len(speech_to_the_end)
    assert captured.cut_reason == "end_of_audio"


async def test_every_byte_is_recorded_as_it_came(house: House) -> None:
    data = webm(PCM)
    await converse(house, data, chunk=999, protocol=2)
    ((*recorded,),) = await house.ended()
    stream = recorded[0].stream
    kept = b"".join([chunk.data async for chunk in house.balto.library.store.read_recording(stream)])
    assert kept == data
    assert of_type(recorded, AudioReceived)[-1].byte_end == len(data)


async def test_a_newer_client_is_told_all_it_asked_for(house: House) -> None:
    answer = await converse(house, PCM.tobytes(), protocol=2, want=["transcript", "vad", "recommendation", "metrics"])
    kinds = {message["comando"] for message in answer.messages}
    assert kinds == {"ready", "vad", "metrics", "transcript", "recomendar", "fim"}
    (first, *_) = answer.of("recomendar")
    assert first["id"]
    assert first["frase"] == 1
    assert answer.messages[0]["comando"] == "ready"
    assert answer.messages[-1]["comando"] == "fim"


async def test_an_answered_recommendation_is_recorded(house: House) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
        await ws.send_str(orjson.dumps({"api_key": house.key, "protocol": 2}).decode())
        await ws.send_bytes(PCM.tobytes())
        while (message := orjson.loads(await ws.receive_str(timeout=60)))["comando"] != "recomendar":
            pass
        await ws.send_str(orjson.dumps({"tipo": "resposta", "id": message["id"], "resultado": "aceita"}).decode())
        await ws.send_str(END)
        async for _ in ws:
            pass
    ((*recorded,),) = await house.ended()
    (answered,) = of_type(recorded, RecommendationAnswered)
    assert (answered.recommendation_id, answered.answer) == (message["id"], "aceita")
    assert message["id"] in {d.recommendation_id for d in of_type(recorded, RecommendationDelivered)}


async def test_a_failing_provider_is_stood_in_for(open_house: Open) -> None:
    down = ScriptedTranscriber(TranscriptionError("unauthorised", "no"), provider="cloud")
    confused = FailingUnderstanding(lambda: UnderstandingError("invalid_answer", "no"))
    async with open_house(down, ScriptedTranscriber("estou com dor de cabeça"), heads=(confused,)) as house:
        answer = await converse(house, PCM.tobytes(), protocol=2)
        ((*recorded,),) = await house.ended()
    assert len(answer.of("recomendar")) == 2
    attempts = of_type(recorded, AttemptEnded)
    heard = {(a.engine, a.outcome, a.code) for a in attempts if a.step == "transcription"}
    assert heard == {("cloud", "failed", "unauthorised"), ("cloud", "passed_over", "circuit_open")}
    # What the lexicon was certain about asked no model; what was asked fell back within the stage.
    understood = {(a.engine, a.outcome, a.code) for a in attempts if a.step != "transcription"}
    assert understood <= {("failing", "passed_over", "certain"), ("failing", "failed", "invalid_answer")}
    assert understood
    started = {(s.engine, s.why) for s in of_type(recorded, AttemptStarted) if s.step == "transcription"}
    assert started == {("scripted", "failed"), ("scripted", "circuit_open")}
    assert {received.provider for received in of_type(recorded, TranscriptionReceived)} == {"scripted"}


async def test_a_session_knows_its_counter_and_settings(house: House) -> None:
    await converse(house, PCM.tobytes(), protocol=2, vad_settings={"min_energy_threshold": 200})
    ((*recorded,),) = await house.ended()
    (started,) = of_type(recorded, SessionStarted)
    assert started.counter_id == house.counter_id
    assert started.settings["vad"]["min_energy"] == 200
    assert recorded[0].tenant != ""


async def test_sessions_beside_one_another_hear_only_themselves(house: House) -> None:
    one, other = conversation("dor_de_cabeca"), conversation("tosse", "tosse")
    await asyncio.gather(
        converse(house, one.tobytes(), protocol=2, chunk=1_000), converse(house, other.tobytes(), protocol=2)
    )
    sessions = await house.ended(2)
    assert sorted(len(of_type(recorded, PhraseCaptured)) for recorded in sessions) == [1, 2]


async def test_the_server_finishes_what_is_under_way_before_it_stops(open_house: Open) -> None:
    async with open_house() as house, aiohttp.ClientSession() as http:
        ws = await http.ws_connect(house.socket_url)
        await ws.send_str(orjson.dumps({"api_key": house.key, "protocol": 2, "want": ["vad"]}).decode())
        assert orjson.loads(await ws.receive_str(timeout=60))["comando"] == "ready"
        await ws.send_bytes(PCM[: 16_000 * 4].tobytes())
        assert orjson.loads(await ws.receive_str(timeout=60))["estado"] == "fala"
        reading = asyncio.create_task(_until_closed(ws))
        await house.balto.sessions.drain(patience_s=20)
        assert await reading == 1001
        ((*recorded,),) = await house.ended()
    assert of_type(recorded, SessionEnded)[0].reason == "server_stopping"
    assert of_type(recorded, PhraseCaptured)


async def _until_closed(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    async for _ in ws:
        pass
    return ws.close_code


async def test_no_log_holds_a_key_or_what_was_said(open_house: Open, caplog: pytest.LogCaptureFixture) -> None:
    for logger in ("", *CHATTY):
        caplog.set_level(logging.DEBUG, logger=logger or None)
    said = "estou com dor de cabeça desde a xilofonia"
    async with open_house(ScriptedTranscriber(said)) as house:
        answer = await converse(house, PCM.tobytes(), protocol=2, want=["transcript"])
        await converse(house, b"\x1a\x45\xdf\xa3" + PCM.tobytes(), protocol=2)
        await house.ended(2)
    assert answer.of("transcript")
    logged = caplog.text + "".join(str(record.args) for record in caplog.records)
    assert caplog.records
    assert house.key not in logged
    assert "xilofonia" not in logged
    assert "dor de cabeça" not in logged
