"""The protocol suite against a real server passes, and against one that does not keep the protocol it does not."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from rich.console import Console

from tests.api_suite.past import COUNTERS
from tests.api_suite.rest import HEALTH, REGISTRATION, TRIALS
from tests.api_suite.run_protocol import PARTS, run
from tests.api_suite.suite import Failed, Part, expect, run_checks
from tests.api_suite.visit import Visit, visiting
from tests.e2e.conftest import Open, open_house

__all__ = ["open_house"]

PASSWORD = "uma senha só do teste"
SCRIPT = Path(__file__).parent / "run_protocol.py"
QUIET = Console(quiet=True)


async def test_it_passes_against_a_real_server_and_writes_what_it_saw(
    open_house: Open, postgres_url: str, tmp_path: Path
) -> None:
    settings = {"admin_password": SecretStr(PASSWORD), "open_registration": False, "handshake_timeout_s": 4.0}
    async with open_house(**settings) as house:
        outcomes, visit = await run(house.url, PASSWORD, dsn=postgres_url, results=tmp_path, console=QUIET)
        keys = [counter.key for counter in visit.counters]
    assert [(o.check.says, o.reason) for o in outcomes if o.verdict != "ok"] == []
    page, proof = ((tmp_path / name).read_text() for name in ("walkthrough.md", "db_proof.txt"))
    assert f"**{len(outcomes)} passed, 0 failed, 0 skipped**" in page
    assert all(check.says in page for part in PARTS for check in part.checks)
    assert all(session in page for session in visit.sessions)
    assert "RecommendationAnswered" in proof
    assert set(re.findall(r'"token": ?"([^"]*)"', page)) == {"…"}
    for secret in (PASSWORD, *keys):
        assert secret not in page
        assert secret not in proof


async def test_without_a_password_it_registers_openly_and_skips_what_needs_one(open_house: Open) -> None:
    async with open_house(open_registration=True, handshake_timeout_s=4.0) as house:
        outcomes, _ = await run(house.url, None, console=QUIET, parts=(HEALTH, REGISTRATION, TRIALS, COUNTERS))
    assert [(o.check.says, o.reason) for o in outcomes if o.verdict == "failed"] == []
    assert {o.reason for o in outcomes if o.verdict == "skipped"} == {"needs --admin-password-file"}


@pytest.fixture
async def mute_server() -> AsyncIterator[TestServer]:
    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", never)
    server = TestServer(app, shutdown_timeout=0.1)
    await server.start_server()
    yield server
    await server.close()


async def test_a_time_out_is_a_failure_and_the_script_says_so(mute_server: TestServer, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, SCRIPT, "--url", str(mute_server.make_url("")), "--timeout", "0.3", "--json"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"HOME": str(tmp_path)},
    )
    out, err = await process.communicate()
    assert process.returncode == 1, err
    told = json.loads(out)
    assert (told["ok"], told["skipped"]) == (0, 0)
    assert told["checks"][0]["reason"] == "no answer within 0.3 s"
    needs = "needs what failed: GET /healthz and /readyz say that all is well"
    assert {check["reason"] for check in told["checks"][1:]} == {needs}
    lines = err.decode().splitlines()
    assert f"{len(told['checks']) - 1} more failed, for they need what failed" in lines
    assert len(lines) == 5  # the one that failed, its reason, how many follow, the sum, what is left
    assert "Nothing: no client was registered." in (tmp_path / "protocol-results" / "walkthrough.md").read_text()


async def test_each_way_to_break_the_protocol_is_a_failure_with_its_reason() -> None:
    part = Part("broken")

    @part.check("refuses")
    async def refuses(_: Visit) -> None:
        raise Failed("it refuses")

    @part.check("is of another shape")
    async def misshapen(_: Visit) -> None:
        answer: dict[str, str] = {}
        expect(answer["codigo"], "never said")

    @part.check("hangs", slow=True)
    async def hangs(_: Visit) -> None:
        await asyncio.Event().wait()

    @part.check("cannot be reached")
    async def away(visit: Visit) -> None:
        await visit.call("GET", "/healthz")

    async with visiting("http://127.0.0.1:1", None) as visit:
        outcomes = await run_checks([part], visit, patience_s=0.2, told=lambda _: None)
    assert {outcome.verdict for outcome in outcomes} == {"failed"}
    reasons = {outcome.check.says: outcome.reason for outcome in outcomes}
    assert reasons["refuses"] == "it refuses"
    assert reasons["is of another shape"].startswith("the answer has another shape: KeyError")
    assert reasons["hangs"] == "no answer within 0.2 s"
    assert reasons["cannot be reached"].startswith("ClientConnectorError")
