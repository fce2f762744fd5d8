"""A process without a free file handle: newcomers are refused and told why, and whoever is live goes on."""

import asyncio
import contextlib
import itertools
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import aiohttp
import orjson
import psutil

from balto.web.wire import CloseCode
from tests.e2e.conftest import END
from tests.e2e.counting import Line
from tests.e2e.processes import a_server, instant_ears
from tests.recordings import conversation

WHY = CloseCode.OVERLOADED, "servidor sobrecarregado: faltam descritores de arquivo"
REPEATED_S = 30.0
"""After so long, that there are none is told again."""


def lowest_free(process: psutil.Process) -> int:
    """Return the handle that the process would get next: with a limit there it gets none, whichever it has."""
    taken = {int(one.name) for one in Path(f"/proc/{process.pid}/fd").iterdir()}
    return next(number for number in itertools.count() if number not in taken)


DATA = conversation("dor_de_cabeca", "tosse", "dor_de_cabeca").tobytes()


async def test_out_of_file_handles_newcomers_are_refused_and_the_live_go_on(postgres_url: str, tmp_path: Path) -> None:
    with instant_ears() as ears, a_server(tmp_path / "home", **ears, BALTO_DATABASE_URL=postgres_url) as server:
        _, made = server.ask("/cadastro/cliente", {"email": "a@b.example", "razao_social": "Farmácia"})
        _, counter = server.ask(
            "/cadastro/balcao", {"nome_balcao": "Balcão", "user_codigo": orjson.loads(made)["codigo"]}
        )
        hello = orjson.dumps({"api_key": orjson.loads(counter)["api_key"], "protocol": 2, "offsets": True}).decode()
        process = psutil.Process(server.process.pid)
        usual = process.rlimit(psutil.RLIMIT_NOFILE)

        async def greet(stack: contextlib.AsyncExitStack, http: aiohttp.ClientSession) -> aiohttp.WSMessage:
            ws = await stack.enter_async_context(http.ws_connect(f"{server.url}/ws"))
            await ws.send_str(hello)
            return await ws.receive(timeout=60)

        async def begin(stack: contextlib.AsyncExitStack, http: aiohttp.ClientSession) -> Line:
            ws = await stack.enter_async_context(http.ws_connect(f"{server.url}/ws"))
            await ws.send_str(hello)
            one = Line(ws, DATA)
            one.ready = await one.until("ready")
            await one.send(0, 200_000)
            await one.until_acknowledged(150_000)
            return one

        async def finish(one: Line) -> None:
            await one.send(200_000, len(DATA))
            await one.ws.send_str(END)
            assert await one.rest() == CloseCode.NORMAL
            assert one.messages[-1]["comando"] == "fim"

        async with aiohttp.ClientSession() as http, contextlib.AsyncExitStack() as stack:
            await finish(await begin(stack, http))
            await asyncio.to_thread(server.wait_for, "(what sessions need is loaded)")
            live = await begin(stack, http)
            process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds() + 20, usual[1]))
            refused = await greet(stack, http)
            assert (refused.data, refused.extra) == WHY
            # What is kept back from newcomers is for whoever is live.
            await finish(live)
            # Where nobody can even be accepted, whoever knocks is turned away or waits at the door, and may come again;
            # where a handle was given back meanwhile, they are told.
            process.rlimit(psutil.RLIMIT_NOFILE, (lowest_free(process), usual[1]))
            knocking = asyncio.create_task(greet(stack, http))
            await asyncio.wait({knocking}, timeout=1.0)
            waits = not knocking.done()
            process.rlimit(psutil.RLIMIT_NOFILE, usual)
            with contextlib.suppress(aiohttp.ClientConnectionError):
                answer = await knocking
                assert (answer.data, answer.extra) == WHY or (waits and orjson.loads(answer.data)["comando"] == "ready")
            assert orjson.loads((await greet(stack, http)).data)["comando"] == "ready"
        told = [one for one in server.lines() if one["event"].startswith("out of file handles")]
        assert "raise the limit (LimitNOFILE= of systemd" in told[0]["event"]
        at = [datetime.fromisoformat(one["timestamp"]).timestamp() for one in told]
        assert all(later - earlier > 0.9 * REPEATED_S for earlier, later in pairwise(at))
        assert not [one for one in server.lines() if "Traceback" in one["event"] or "exception" in one]
