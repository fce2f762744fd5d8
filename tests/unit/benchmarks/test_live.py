"""The load generator speaks WebSocket as real servers do, in real time, and tells the truth about what it saw."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from benchmarks.live.audio import TIMESLICE_MS, slice_ends
from benchmarks.live.ledger import _closing_sample
from benchmarks.live.plan import Plan, Talk, Told
from benchmarks.live.shard import run
from benchmarks.live.wire import TEXT, Reader, frame
from tests.recordings import webm
from tests.sounds import pcm, tone

SCENE = np.arange(16_000, dtype=np.int16).tobytes()


class Server:
    """Acknowledges what comes, recommends once, and closes when the client has finished."""

    def __init__(self, *, acknowledge: bool = True) -> None:
        self.audio = b""
        self.hello: dict[str, object] = {}
        self._acknowledge = acknowledge

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self.hello = json.loads((await socket.receive()).data)
        await socket.send_str('{"comando":"ready","session":"s1"}')
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str('{"comando":"recomendar","id":"r1","frase":1,"itens":[]}')
                await socket.close(code=1000)
                break
            assert int.from_bytes(message.data[:8]) == len(self.audio)
            self.audio += message.data[8:]
            if self._acknowledge:
                await socket.send_str(f'{{"comando":"ack","offset":{len(self.audio)}}}')
        return socket


@asynccontextmanager
async def listening(server: Server) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/ws", server.serve)
    async with TestServer(app) as started:
        yield str(started.make_url("/ws")).replace("http", "ws", 1)


async def talk(url: str, folder: Path) -> Told:
    (folder / "scene.pcm").write_bytes(SCENE)
    one = Talk(number=0, key="bk_1", kind="pcm", message_ms=20, begin_s=0.2, seconds=0.3, audio=15_000)
    plan = Plan(url=url, dialect="balto", folder=str(folder), start=time.time(), window=(0.0, 5.0), talks=[one])
    (told,) = await run(Plan.of(json.loads(json.dumps(plan.as_json()))))
    return told


async def test_a_client_sends_its_part_of_the_scene_on_time_and_notes_what_comes_back(tmp_path: Path) -> None:
    server = Server()
    async with listening(server) as url:
        told = await talk(url, tmp_path)
    assert server.hello["api_key"] == "bk_1"
    assert server.audio == (SCENE[30_000:] + SCENE)[:9_600]
    assert (told.session, told.messages, len(told.sends), told.close_code, told.error) == ("s1", 15, 15, 1000, "")
    assert told.sent_s == pytest.approx(0.3)
    assert [(name, phrase) for name, phrase, _ in told.received] == [("r1", 1)]
    assert all(earlier <= later for earlier, later in zip(told.sends, told.sends[1:], strict=False))


async def test_what_nobody_acknowledges_is_behind(tmp_path: Path) -> None:
    async with listening(Server(acknowledge=False)) as url:
        told = await talk(url, tmp_path)
    assert told.behind_s == pytest.approx(0.3)


async def test_a_server_that_opens_no_socket_is_told_as_an_error(tmp_path: Path) -> None:
    async with listening(Server()) as url:
        told = await talk(url + "x", tmp_path)
    assert "404" in told.error


def test_a_server_s_frames_are_read_however_they_are_cut() -> None:
    texts = [b"", b"a" * 125, b"b" * 126, b"c" * 70_000]
    answer = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    # A server's frames have no mask: without the four bytes of it, ours are theirs.
    sent = answer + b"".join(unmasked(frame(TEXT, text), len(text)) for text in texts)
    for step in (1, 7, 4096, len(sent)):
        reader = Reader()
        read = [each for at in range(0, len(sent), step) for each in reader.feed(sent[at : at + step])]
        assert read == [(TEXT, text) for text in texts]


def unmasked(data: bytes, size: int) -> bytes:
    head = data[: len(data) - size - 4]
    return bytes((head[0], head[1] & 0x7F)) + head[2:] + data[len(data) - size :]


def test_slices_of_a_recording_end_with_the_packets_of_their_time() -> None:
    data = webm(pcm(tone(440, seconds=1.0)))
    ends = slice_ends(data)
    assert ends == sorted(ends)
    assert ends[-1] == len(data)
    assert abs(len(ends) - 1000 // TIMESLICE_MS) <= 1


def test_a_phrase_closes_with_the_block_that_completes_its_pause() -> None:
    # The phrase keeps 256 ms of the 512 ms pause; blocks have 2048 samples.
    assert _closing_sample(2_048) == 2_048 + 4_096
    assert _closing_sample(2_049) == 2_048 + 4_096 + 2_048
