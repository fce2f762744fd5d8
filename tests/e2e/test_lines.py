"""The client kit on lines that die or are taken, against a server that is played: what it sends again, and when."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from balto.client import AudioFile, ClientError, Format, LiveAudio, Recommendation, Stream
from tests.e2e.test_command_line import balto as command
from tests.recordings import conversation, wav

ADVICE = {"comando": "recomendar", "itens": [{"sugestao": "Chá", "explicacao": "."}], "frase": 1, "cesta": "X"}
ANSWER = {"tipo": "resposta", "id": "r1", "resultado": "aceita"}
Play = Callable[[web.WebSocketResponse, int], Awaitable[None]]


def ready(offset: int = 0) -> dict[str, Any]:
    return {"comando": "ready", "session": "s1", "token": "t", "offset": offset}


@contextlib.asynccontextmanager
async def played(play: Play) -> AsyncIterator[str]:
    """A server whose part in the conversation is `play(socket, number of the connection)`, after the handshake."""
    connections = 0

    async def converse(request: web.Request) -> web.WebSocketResponse:
        nonlocal connections
        connections += 1
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.receive_json()
        await play(ws, connections)
        if not ws.closed and request.transport is not None:
            request.transport.abort()  # the line dies without a farewell
        return ws

    door = web.Application()
    door.router.add_get("/ws", converse)
    server = TestServer(door)
    await server.start_server()
    try:
        yield str(server.make_url(""))
    finally:
        await server.close()


async def test_an_answer_that_went_into_a_dead_line_is_told_again_after_the_resume() -> None:
    told: list[dict[str, Any]] = []
    audio = LiveAudio()

    async def play(ws: web.WebSocketResponse, number: int) -> None:
        await ws.send_json(ready())
        if number == 1:
            await ws.send_json({**ADVICE, "id": "r1"})
            await ws.receive_str()  # the answer, which nobody hears
            return  # and with it the line
        async for frame in ws:
            if frame.type is WSMsgType.TEXT and json.loads(frame.data)["tipo"] == "resposta":
                told.append(json.loads(frame.data))
                audio.end()
            elif frame.type is WSMsgType.TEXT:
                await ws.send_json({"comando": "fim", "frases": 1, "recomendacoes": 1})
                await ws.close()

    async with played(play) as url:
        stream = Stream(url, "bk_1", audio, format=Format("pcm_s16le"))
        async for message in stream.messages():
            if isinstance(message, Recommendation):
                await stream.answer(message.id, "aceita")
    assert told == [ANSWER]


async def test_a_session_that_another_connection_took_is_not_taken_back() -> None:
    connections = 0

    async def play(ws: web.WebSocketResponse, number: int) -> None:
        nonlocal connections
        connections = number
        await ws.send_json(ready())
        await ws.close(code=4003, message="outra conexão assumiu esta sessão".encode())

    async with played(play) as url:
        with pytest.raises(ClientError, match="4003") as raised:
            async for _ in Stream(url, "bk_1", LiveAudio(), format=Format("pcm_s16le")).messages():
                pass
    assert (raised.value.code, raised.value.reason) == (4003, "outra conexão assumiu esta sessão")
    assert connections == 1


async def test_a_line_that_is_lost_before_the_session_began_has_it_begun_again() -> None:
    heard = bytearray()

    async def play(ws: web.WebSocketResponse, number: int) -> None:
        if number == 1:
            return  # the line dies
        if number == 2:
            await ws.close(code=1001)
            return
        await ws.send_json(ready())
        async for frame in ws:
            if frame.type is WSMsgType.BINARY:
                heard.extend(frame.data[8:])
            else:
                await ws.send_json({"comando": "fim", "frases": 0, "recomendacoes": 0})
                await ws.close()

    async with played(play) as url:
        audio = AudioFile(bytes(64_000), 2.0)
        stream = Stream(url, "bk_1", audio, speed=0, format=Format("pcm_s16le"))
        said = [message.raw["comando"] async for message in stream.messages()]
    assert said == ["ready", "fim"]
    assert heard == bytes(64_000)
    assert stream.reconnections == 0


@pytest.mark.parametrize(("code", "patience_s", "most"), [(4002, 60.0, 1), (1011, 60.0, 1), (1001, 0.3, 9)])
async def test_a_session_that_does_not_come_to_begin_is_given_up(code: int, patience_s: float, most: int) -> None:
    connections = 0

    async def play(ws: web.WebSocketResponse, number: int) -> None:
        nonlocal connections
        connections = number
        await ws.close(code=code)

    async with played(play) as url:
        with pytest.raises(ClientError, match=str(code)):
            async for _ in Stream(url, "bk_1", AudioFile(bytes(2), 1.0), patience_s=patience_s).messages():
                pass
    assert 1 + (patience_s < 1) <= connections <= most


async def test_why_a_stream_was_refused_is_told_in_the_servers_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(ws: web.WebSocketResponse, _: int) -> None:
        await ws.close(code=1008, message="sessão desconhecida ou encerrada".encode())

    monkeypatch.chdir(tmp_path)
    (tmp_path / "said.wav").write_bytes(wav(conversation("tosse")))
    async with played(play) as url:
        result = await command("stream", "said.wav", "--url", url, "--key", "bk_1", "--fast")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        1,
        "balto: the server ended the session: it refused what it was sent: sessão desconhecida ou encerrada (1008)",
    )
