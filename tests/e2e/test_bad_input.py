"""Bad input is normal input: every kind ends in a documented close code, and neighbours don't notice."""

import asyncio
import contextlib
from typing import Any

import aiohttp
import numpy as np
import orjson
import pytest

from balto.web.limits import Limits
from balto.web.wire import OFFSET_BYTES, CloseCode
from events.catalogue import AudioReceived, AudioRejected, PhraseCaptured, SessionEnded
from tests.e2e.conftest import House, Open, converse, of_type
from tests.fakes import FakeClock
from tests.recordings import DEMO, conversation, mp4_with_picture, webm

PCM = conversation("dor_de_cabeca")


async def first_frame(house: House, frame: str | bytes | None) -> tuple[int | None, str | None]:
    """Send one first frame and return how the server closed."""
    async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
        if isinstance(frame, str):
            await ws.send_str(frame)
        elif frame is not None:
            await ws.send_bytes(frame)
        closed = await ws.receive(timeout=60)
        assert closed.type is aiohttp.WSMsgType.CLOSE
        return closed.data, closed.extra


def test_the_close_codes_are_those_that_clients_know() -> None:
    assert {code.name: int(code) for code in CloseCode} == {
        "NORMAL": 1000,
        "GOING_AWAY": 1001,
        "POLICY": 1008,
        "TOO_BIG": 1009,
        "INTERNAL": 1011,
        "TRY_AGAIN": 1013,
        "INVALID_KEY": 4001,
        "OVERLOADED": 4002,
        "TAKEN_OVER": 4003,
        "HANDSHAKE_TOO_LATE": 4008,
        "UNDECODABLE": 4009,
    }


async def test_a_wrong_key_is_refused(house: House) -> None:
    code, _ = await first_frame(house, '{"api_key": "bk_nonsense"}')
    assert code == CloseCode.INVALID_KEY


async def test_who_tries_many_keys_is_slowed_down_and_a_right_key_is_not_counted(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Time would forgive some of them.
    monkeypatch.setattr("balto.web.http.Limits", lambda _, buckets: Limits(FakeClock(), buckets))
    async with open_house() as house:
        for _ in range(25):
            assert (await converse(house, b"", protocol=2)).close_code == CloseCode.NORMAL
        codes = [(await first_frame(house, '{"api_key": "bk_nonsense"}'))[0] for _ in range(25)]
    assert codes == [CloseCode.INVALID_KEY] * 20 + [CloseCode.OVERLOADED] * 5


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "[]",
        "7",
        "null",
        "{}",
        '{"api_key": 7}',
        '{"api_key": ""}',
        '{"api_key": "bk_x", "vad_settings": "loud"}',
        '{"api_key": "bk_x", "vad_settings": {"min_energy": "loud"}}',
        '{"api_key": "bk_x", "vad_settings": {"threshold_multiplier": -1}}',
        '{"api_key": "bk_x", "protocol": 99}',
        '{"api_key": "bk_x", "audio": {"encoding": "mp3-over-pigeon"}}',
        '{"api_key": "bk_x", "want": ["everything"]}',
        "{" * 5_000,
        b"\x00\x01binary first",
        b"",
    ],
)
async def test_a_first_frame_that_is_no_handshake_is_refused_with_a_reason(house: House, frame: str | bytes) -> None:
    code, reason = await first_frame(house, frame)
    assert code == CloseCode.POLICY
    assert reason
    assert "Traceback" not in reason


async def test_a_client_that_says_nothing_is_sent_away(open_house: Open) -> None:
    async with open_house(handshake_timeout_s=0.2) as house:
        assert (await first_frame(house, None))[0] == CloseCode.HANDSHAKE_TOO_LATE


async def test_a_full_server_says_so_and_opens_again(open_house: Open) -> None:
    async with open_house(max_sessions=1) as house, aiohttp.ClientSession() as http:
        async with http.ws_connect(house.socket_url) as ws:
            await ws.send_str(orjson.dumps({"api_key": house.key, "protocol": 2}).decode())
            await ws.receive(timeout=60)
            code, reason = await first_frame(house, orjson.dumps({"api_key": house.key}).decode())
            assert (code, reason) == (CloseCode.OVERLOADED, "limite de sessões atingido")
        await house.ended()
        assert (await converse(house, PCM.tobytes(), protocol=2)).close_code == 1000


@pytest.mark.parametrize("frame", [bytes(1 << 26), "a" * 5_000_000], ids=["64 MiB", "text of 5 MB"])
async def test_a_frame_that_is_too_large_is_refused_by_its_code_and_what_came_before_is_kept(
    house: House, frame: str | bytes
) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
        await ws.send_str(orjson.dumps({"api_key": house.key}).decode())
        await ws.send_bytes(PCM.tobytes())
        # The server stops reading as soon as it knows how long the frame is, and aiohttp stops writing when told so.
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            await (ws.send_str(frame) if isinstance(frame, str) else ws.send_bytes(frame))
        assert await _closing(ws) == CloseCode.TOO_BIG
    ((*recorded,),) = await house.ended()
    assert of_type(recorded, SessionEnded)[0].samples == len(PCM)
    assert len(of_type(recorded, PhraseCaptured)) == 1


async def test_a_first_frame_that_is_too_large_is_refused_by_its_code(house: House) -> None:
    assert await first_frame(house, "a" * 5_000_000) == (CloseCode.TOO_BIG, "quadro grande demais")


async def _closing(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    async for _ in ws:
        pass
    return ws.close_code


async def test_a_session_without_a_byte_ends_well(house: House) -> None:
    answer = await converse(house, b"", protocol=2)
    ((*recorded,),) = await house.ended()
    assert answer.close_code == 1000
    assert [r.type for r in recorded] == ["SessionStarted", "SessionEnded"]


@pytest.mark.parametrize("seed", range(5))
async def test_random_bytes_are_noise_or_refused_never_a_crash(house: House, seed: int) -> None:
    noise = np.random.default_rng(seed).bytes(100_000 + seed)
    answer = await converse(house, noise, protocol=2)
    ((*recorded,),) = await house.ended()
    assert answer.close_code in {1000, CloseCode.UNDECODABLE}
    assert of_type(recorded, AudioReceived)[-1].byte_end == len(noise)


async def test_a_video_without_sound_is_refused(house: House) -> None:
    answer = await converse(house, mp4_with_picture(PCM), protocol=2)
    ((*recorded,),) = await house.ended()
    assert answer.close_code == CloseCode.UNDECODABLE
    assert of_type(recorded, AudioRejected)
    assert of_type(recorded, SessionEnded)[0].reason == "audio_undecodable"


async def test_audio_of_another_format_than_declared_is_refused_and_never_said_to_be_answered(house: House) -> None:
    noise = bytes(OFFSET_BYTES) + np.random.default_rng(7).bytes(3_200)
    hello: dict[str, Any] = {"protocol": 2, "audio": {"encoding": "ogg-opus"}, "offsets": True}
    answer = await converse(house, noise, chunk=len(noise), **hello)
    assert (answer.close_code, answer.of("fim")) == (CloseCode.UNDECODABLE, [])
    ((*recorded,),) = await house.ended()
    assert of_type(recorded, SessionEnded)[0].reason == "audio_undecodable"
    (ready,) = answer.of("ready")
    again = await converse(house, b"", **hello, resume={"session": ready["session"], "token": ready["token"]})
    assert (again.close_code, again.of("fim")) == (CloseCode.UNDECODABLE, [])
    assert again.of("ack") == [{"comando": "ack", "offset": 3_200}]


async def test_what_a_webm_held_before_it_broke_is_heard(house: House) -> None:
    whole = webm(PCM)
    broken = whole[: len(whole) * 3 // 4] + b"\xff" * 2_000
    answer = await converse(house, broken, protocol=2)
    ((*recorded,),) = await house.ended()
    assert answer.close_code in {1000, CloseCode.UNDECODABLE}
    assert of_type(recorded, PhraseCaptured)


async def test_a_webm_cut_in_the_middle_is_heard_up_to_there(house: House) -> None:
    whole = webm(PCM)
    answer = await converse(house, whole[: len(whole) * 3 // 4], protocol=2)
    ((*recorded,),) = await house.ended()
    assert answer.close_code == 1000
    assert of_type(recorded, PhraseCaptured)


@pytest.mark.parametrize("text", ["", "???", "[]", '{"tipo": "dance"}', '{"tipo": "resposta", "id": 7}'])
async def test_an_unknown_text_frame_is_answered_and_the_session_goes_on(house: House, text: str) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
        await ws.send_str(orjson.dumps({"api_key": house.key, "protocol": 2}).decode())
        assert orjson.loads(await ws.receive_str(timeout=60))["comando"] == "ready"
        await ws.send_str(text)
        assert orjson.loads(await ws.receive_str(timeout=60))["code"] == "mensagem_desconhecida"
        await ws.send_str('{"tipo": "eco"}')
        assert orjson.loads(await ws.receive_str(timeout=60)) == {"comando": "eco"}
        await ws.send_str('{"tipo": "fim"}')
        assert await _closing(ws) == 1000


async def test_a_neighbour_of_bad_clients_hears_everything(house: House) -> None:
    async def bad(data: bytes, **options: Any) -> None:
        await converse(house, data, **options)

    good = asyncio.create_task(converse(house, PCM.tobytes(), protocol=2, chunk=1_600))
    await asyncio.gather(
        bad(b"\x1a\x45\xdf\xa3" + bytes(5_000)),
        bad(b"RIFF" + b"\xff" * 5_000),
        bad(b"OggS" + b"\x00" * 5_000),
        bad(DEMO.read_bytes()[:4_000], finish=False, linger=False),
        first_frame(house, "nonsense"),
        first_frame(house, '{"api_key": "bk_wrong"}'),
    )
    answer = await good
    assert answer.close_code == 1000
    assert len(answer.of("recomendar")) == 1
