"""The replay command over a real database: into a stream of its own, which no report counts and erasure reaches."""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from actors.runtime.clock import SystemClock
from balto.app import new_event_id, open_balto
from balto.cli.commands import app
from balto.engines import Engines, build_understandings
from balto.listening import Collector, listen
from balto.replay.engine import execute
from balto.replay.kit import Kit
from balto.replay.plan import Plan
from balto.replay.recorded import read_session
from balto.replay.rerun import keep
from balto.settings import Settings
from balto.shelf import read_catalogue
from events.catalogue import SubjectErased
from tests.events_at_hand import new_event
from tests.fakes import ScriptedTranscriber
from tests.recordings import conversation

CANARY = "estou com dor de cabeça forte"
REPORTS = (("sessions",), ("report", "cost"), ("report", "latency"))


@pytest.fixture
async def session(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A session of three phrases in a ledger of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALTO_DATABASE_URL", postgres_url)
    monkeypatch.setenv("BALTO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BALTO_LLM", "lexicon")
    settings = Settings(_env_file=None)
    engines = Engines(
        transcribers=(ScriptedTranscriber(CANARY, "tem xarope para tosse?"),),
        understandings=build_understandings(settings, read_catalogue(settings)),
    )
    pcm = conversation("dor_de_cabeca", "tosse", "gravida", pause_s=1.0)
    async with open_balto(settings, engines=engines) as balto_:
        return await listen(balto_.sessions, pcm.tobytes(), collector=Collector())


async def balto(*arguments: str, stdin: str | None = None) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), input=stdin)


async def told(*arguments: str) -> Any:
    result = await balto(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


async def events(stream: str) -> list[dict[str, Any]]:
    shown = await balto("events", "--stream", stream, "--json")
    return [json.loads(line) for line in shown.stdout.splitlines()]


@pytest.mark.timeout(240)
async def test_a_session_is_heard_again_beside_itself(session: str) -> None:
    before = [await told(*report) for report in REPORTS]
    (same,) = await told("replay", "last", "--execute")
    assert (same["session"], same["error"], same["changes"]) == (session, None, [])
    assert same["phrases"] == {"then": 3, "now": 3}
    assert (same["answers_missing"], same["wer"]) == (0, 0.0)
    written = await events(same["replay"])
    assert [event["type"] for event in written][:: len(written) - 1] == ["ReplayStarted", "ReplayEnded"]
    assert written[0]["data"]["original"] == f"session-{session}"
    assert "AudioReceived" not in {event["type"] for event in written}
    assert (await balto("diff", session, same["replay"])).exit_code == 0

    # What the ledger tells of counters is as if nobody had replayed anything.
    assert [await told(*report) for report in REPORTS] == before
    assert (await told("verify"))["whole"]

    assert CANARY in (await balto("events", "--stream", same["replay"], "--json")).stdout
    await told("erase", session, "--yes")
    assert CANARY not in (await balto("events", "--stream", same["replay"], "--json")).stdout
    gone = await balto("replay", session, "--execute")
    assert gone.exit_code == 1
    assert gone.stderr == f"balto: session {session} was erased: nothing of what was said is left to hear again\n"


async def test_a_day_of_sessions_is_heard_again_with_a_setting_changed(session: str) -> None:
    chosen = ("--counter", "file", "--since", "2020-01-01", "--set", "vad.hangover_ms=4000", "--jobs", "2", "--no-keep")
    result = await balto("replay", *chosen, "--json")
    assert result.exit_code == 0, result.stderr
    (outcome,) = json.loads(result.stdout)
    assert outcome["replay"] is None
    assert outcome["phrases"]["now"] < outcome["phrases"]["then"]
    assert outcome["answers_missing"] > 0
    assert {change["what"] for change in outcome["changes"]} >= {"phrase lost"}
    assert not (await told("replay", "--until", "2020-01-01", "--execute"))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "say which session: its id or `last`, or --counter, --since, --until for several"),
        (("last", "--set", "vad.loudness=3"), "--set vad.loudness: there is no such setting"),
        (("last", "--set", "vad.mode=7"), "--set vad.mode must be between 0 and 3"),
        (("last", "--prompt", "classify=/nowhere"), "--prompt classify=/nowhere: the file cannot be read"),
        (("last", "--pin", "/nowhere"), "/nowhere cannot be read: No such file or directory"),
        (("last", "--execute", "--step"), "--step, --speed and --audio are about telling one session again"),
    ],
)
async def test_what_makes_no_sense_is_one_line(arguments: tuple[str, ...], line: str) -> None:
    result = await balto("replay", *arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"balto: {line}")
    assert result.stderr.count("\n") == 1


@pytest.mark.timeout(240)
async def test_a_replay_of_what_was_erased_meanwhile_is_erased_too(session: str) -> None:
    settings = Settings(_env_file=None)
    kit = Kit(settings, Plan())
    await kit.warm()
    engines = Engines(
        transcribers=(ScriptedTranscriber(),), understandings=build_understandings(settings, read_catalogue(settings))
    )
    async with open_balto(settings, engines=engines) as house:
        store = house.library.store
        recorded = await read_session(store, f"session-{session}")
        execution = await asyncio.to_thread(execute, recorded, kit)
        await store.erase(f"session-{session}", new_event(SubjectErased(reason="asked for")))
        clock = SystemClock()
        ids = partial(new_event_id, clock)
        replay = await keep(store, execution, now=clock.utc(), replay_id=ids(), ids=ids)
        kept = [event async for event in store.read_stream(replay)]
    assert len(kept) > 3
    assert kept[-1].event == SubjectErased(reason="asked for")
    assert CANARY not in repr(kept)
