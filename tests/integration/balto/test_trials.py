"""POST /api/test/analisar, /segmentar and /transcrever."""

import base64
import dataclasses
import io
import wave
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer

from actors.llm.understanding import UnderstandingError
from actors.stt.transcriber import TranscriptionError
from balto.app import Balto
from balto.shelf import Shelf
from balto.web import bodies, workshop
from balto.web.server import build_app
from tests.fakes import FailingUnderstanding, FakeClock, ScriptedTranscriber
from tests.integration.balto.door import AFAR, Client, audio_form, each, error_of, log_in, register
from tests.recordings import conversation, spoken, wav


async def test_a_text_with_a_complaint_gets_items_and_the_words_that_prove_them(client: Client) -> None:
    response = await client.post("/api/test/analisar", json={"texto": "estou com muita dor de cabeça"})
    assert response.status == 200
    body = await response.json()
    assert set(body) == {"deve_sugerir", "evidencias", "itens"}
    assert body["deve_sugerir"] is True
    assert body["evidencias"] == ["dor de cabeça"]
    assert 1 <= len(body["itens"]) <= 3
    assert all(item["sugestao"] and item["explicacao"] for item in body["itens"])


async def test_a_text_that_asks_for_nothing_gets_nothing(client: Client) -> None:
    response = await client.post("/api/test/analisar", json={"texto": "bom dia, tudo bem?"})
    assert await response.json() == {"deve_sugerir": False, "evidencias": [], "itens": []}


@each("body", [{}, {"texto": ""}, {"texto": "   "}, {"texto": 5}, {"texto": "a" * 2001}])
async def test_a_text_that_does_not_fit_is_refused(client: Client, body: dict[str, Any]) -> None:
    response = await client.post("/api/test/analisar", json=body)
    assert response.status == 400
    await error_of(response)


async def test_where_no_engine_understands_the_answer_says_so(balto: Balto) -> None:
    failing = FailingUnderstanding(lambda: UnderstandingError("transient", "no"))
    shelf = Shelf(dataclasses.replace(balto.shelf.compiled, understandings=(failing,)))
    broken = dataclasses.replace(balto, shelf=shelf)
    async with TestClient(TestServer(build_app(broken))) as client:
        response = await client.post("/api/test/analisar", json={"texto": "dor de cabeça"})
        assert response.status == 502
        await error_of(response)


async def test_phrases_come_back_as_wav_files_of_their_own(client: Client) -> None:
    audio = wav(conversation("dor_de_cabeca", "tosse"))
    response = await client.post("/api/test/segmentar", data=audio_form(audio))
    assert response.status == 200
    body = await response.json()
    assert body["total_segments"] == len(body["segments"]) == 2
    for segment in body["segments"]:
        file = base64.b64decode(segment["audio_base64"])
        assert len(file) == segment["size_bytes"]
        with wave.open(io.BytesIO(file)) as reader:
            assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (16_000, 1, 2)
            assert reader.getnframes() / 16_000 == pytest.approx(segment["duration_sec"], abs=0.001)


async def test_the_file_may_come_under_another_name(client: Client) -> None:
    form = FormData()
    form.add_field("file", wav(conversation("tosse")), filename="x.wav")
    assert (await (await client.post("/api/test/segmentar", data=form)).json())["total_segments"] == 1


async def test_a_short_file_is_written_down_in_one_piece(client: Client, transcriber: ScriptedTranscriber) -> None:
    pcm = spoken("dor_de_cabeca")
    response = await client.post("/api/test/transcrever", data=audio_form(wav(pcm), provider="scripted"))
    assert response.status == 200
    assert await response.json() == {"texto": "estou com dor de cabeça"}
    assert [heard.size for heard in transcriber.heard] == [pcm.size]


async def test_a_long_file_is_written_down_phrase_by_phrase(client: Client, transcriber: ScriptedTranscriber) -> None:
    names = ["dor_de_cabeca", "tosse"] * 4
    response = await client.post("/api/test/transcrever", data=audio_form(wav(conversation(*names))))
    assert len(transcriber.heard) > 1
    assert (await response.json())["texto"] == " ".join(["estou com dor de cabeça"] * len(transcriber.heard))


@pytest.mark.parametrize("path", ["/api/test/segmentar", "/api/test/transcrever"])
async def test_bodies_that_hold_no_audio_are_refused(client: Client, path: str) -> None:
    broken = b"RIFF\xff\xff\xff\xffWAVEfmt \x01\x00\x00\x00\x00"
    no_boundary = {"Content-Type": "multipart/form-data"}
    cut_off = {"Content-Type": "multipart/form-data; boundary=x"}
    for response, status in (
        (await client.post(path, data=audio_form(b"")), 400),
        (await client.post(path, data=audio_form(broken)), 400),
        (await client.post(path, data=FormData({"provider": "local"}, default_to_multipart=True)), 400),
        (await client.post(path, data=b"abc", headers=no_boundary), 400),
        (await client.post(path, data=b"--x\r\nabc", headers=cut_off), 400),
        (await client.post(path, json={"audio": "x"}), 415),
        (await client.post(path), 415),
    ):
        assert response.status == status
        await error_of(response)


async def test_an_unknown_provider_is_refused(client: Client) -> None:
    response = await client.post("/api/test/transcrever", data=audio_form(wav(spoken("tosse")), provider="nenhum"))
    assert response.status == 400
    assert "provider" in await error_of(response)


@pytest.mark.parametrize(
    ("code", "status"), [("empty", 200), ("throttled", 503), ("timeout", 502), ("unauthorised", 502)]
)
async def test_an_engine_that_gives_no_transcript_is_told_apart(balto: Balto, code: Any, status: int) -> None:
    failing = ScriptedTranscriber(TranscriptionError(code, "no"))
    tried = dataclasses.replace(balto, engines=dataclasses.replace(balto.engines, transcribers=(failing,)))
    async with TestClient(TestServer(build_app(tried))) as client:
        response = await client.post("/api/test/transcrever", data=audio_form(wav(spoken("tosse"))))
        assert response.status == status
        if status == 200:
            assert await response.json() == {"texto": ""}
        else:
            await error_of(response)


async def test_the_next_engine_is_asked_where_one_fails(balto: Balto) -> None:
    failing = ScriptedTranscriber(TranscriptionError("timeout", "no"), provider="first")
    second = ScriptedTranscriber("dipirona", provider="second")
    tried = dataclasses.replace(balto, engines=dataclasses.replace(balto.engines, transcribers=(failing, second)))
    async with TestClient(TestServer(build_app(tried))) as client:
        audio = wav(spoken("tosse"))
        both = await client.post("/api/test/transcrever", data=audio_form(audio))
        assert await both.json() == {"texto": "dipirona"}
        named = await client.post("/api/test/transcrever", data=audio_form(audio, provider="first"))
        assert named.status == 502


@pytest.mark.parametrize("declared", [True, False])
async def test_an_upload_that_is_too_large_is_refused_as_it_comes(
    client: Client, monkeypatch: pytest.MonkeyPatch, declared: bool
) -> None:
    monkeypatch.setattr(bodies, "UPLOAD_LIMIT", 100_000)

    async def chunks() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n'
        for _ in range(20):
            yield bytes(10_000)
        yield b"\r\n--x--\r\n"

    body = b"".join([chunk async for chunk in chunks()]) if declared else chunks()
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    response = await client.post("/api/test/segmentar", data=body, headers=headers)
    assert response.status == 413
    await error_of(response)


async def test_audio_that_plays_too_long_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workshop, "MAX_AUDIO_S", 1)
    response = await client.post("/api/test/segmentar", data=audio_form(wav(conversation("tosse"))))
    assert response.status == 413
    await error_of(response)


async def test_from_afar_a_key_or_a_session_is_needed(client: Client) -> None:
    registered = await register(client)
    for path in ("/api/test/analisar", "/api/test/segmentar", "/api/test/transcrever"):
        refused = await client.post(path, json={"texto": "tosse"}, headers=AFAR)
        assert refused.status == 401
        await error_of(refused)
    body = {"texto": "tosse"}
    assert (await client.post("/api/test/analisar", json=body, headers=registered.headers)).status == 200
    await log_in(client)
    assert (await client.post("/api/test/analisar", json=body, headers=AFAR)).status == 200


async def test_trials_are_limited_for_each_counter_by_itself(client: Client, clock: FakeClock) -> None:
    one = await register(client)
    other = await register(client, "outra@farmacia.example")
    body = {"texto": "bom dia"}
    statuses = [(await client.post("/api/test/analisar", json=body, headers=one.headers)).status for _ in range(61)]
    assert statuses == [200] * 60 + [429]
    assert (await client.post("/api/test/analisar", json=body, headers=other.headers)).status == 200
    clock.advance(0.5)
    assert (await client.post("/api/test/analisar", json=body, headers=one.headers)).status == 200
