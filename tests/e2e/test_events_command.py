"""`balto events` over a real database: every condition, either way, and followed."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import asyncpg
import pytest

from events.ids import phrase_id
from events.postgres import PostgresStore
from events.sealing import MasterKeys
from events.store import Append
from tests.e2e.test_ledger_commands import SESSION, STREAM, balto, home, told
from tests.events_at_hand import new_event

__all__ = ["home"]  # fixtures


async def listed(*options: str) -> list[int]:
    """Return the positions of the events that are shown."""
    result = await balto("events", *options, "--json")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line)["position"] for line in result.stdout.splitlines()]


async def test_events_are_shown_by_every_condition_and_either_way(home: Path, postgres_url: str) -> None:
    store = await PostgresStore.connect(postgres_url, masters=MasterKeys.load(home / "master.key"))
    asked = replace(new_event(), correlation_id=phrase_id("s", 1))
    answered = replace(new_event(), correlation_id=phrase_id("s", 1), causation_id=asked.event_id)
    await store.append(Append(stream="session-2", tenant="u", events=[asked, answered]))
    await store.close()
    owner = await asyncpg.connect(postgres_url)
    (third, fourth) = await owner.fetch("SELECT recorded_at FROM events WHERE position IN (3, 4) ORDER BY position")
    await owner.close()
    assert await listed() == [1, 2, 3, 4, 5, 6]
    assert await listed("--backwards", "--limit", "2") == [6, 5]
    assert await listed("--stream", SESSION) == await listed("--stream", STREAM) == [1, 2, 3]
    assert await listed("--stream", "last", "-b") == [6, 5]
    assert await listed("--category", "session", "--after", "2", "--upto", "5") == [3, 5]
    assert await listed("--tenant", "u") == [5, 6]
    assert await listed("--tenant", "nobody") == []
    assert await listed("--type", "SessionEnded", "--type", "TranscriptionReceived") == [2, 3]
    assert await listed("--correlation", str(asked.correlation_id), "-b") == [6, 5]
    assert await listed("--causation", str(asked.event_id)) == [6]
    assert await listed("--since", fourth["recorded_at"].isoformat()) == [4, 5, 6]
    west = fourth["recorded_at"].astimezone(timezone(timedelta(hours=-3)))
    assert await listed("--until", west.isoformat()) == [1, 2, 3]
    assert third["recorded_at"] < fourth["recorded_at"]
    assert await listed("--until", "2020-01-01") == []


async def test_events_are_followed_from_where_they_are_asked_for(home: Path, postgres_url: str) -> None:
    following = asyncio.create_task(
        balto("events", "--follow", "--after", "2", "--tenant", "t", "--limit", "3", "--json")
    )
    store = await PostgresStore.connect(postgres_url)
    while not following.done():
        await store.append(Append(stream="elsewhere", tenant="u", events=[new_event()]))
        await store.append(Append(stream="other", tenant="t", events=[new_event()]))
        await asyncio.sleep(0.05)
    await store.close()
    shown = [json.loads(line) for line in (await following).stdout.splitlines()]
    assert [row["position"] for row in shown[:2]] == [3, 4]
    assert (shown[2]["stream"], shown[2]["stream_position"], shown[2]["tenant"]) == ("other", 2, "t")


async def test_who_follows_a_stream_is_told_that_its_past_is_not_shown(home: Path, postgres_url: str) -> None:
    following = asyncio.create_task(balto("events", "--stream", "other", "--follow", "--limit", "1", "--json"))
    store = await PostgresStore.connect(postgres_url)
    while not following.done():
        await store.append(Append(stream="other", tenant="t", events=[new_event()]))
        await asyncio.sleep(0.05)
    await store.close()
    said = await following
    assert said.stderr == "balto: waiting for new events of other; --after 0 shows the past too\n"
    assert json.loads(said.stdout)["stream"] == "other"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--follow", "--backwards"), "--follow has no end: give it without --backwards, --until and --upto"),
        (("--stream", "a", "--category", "b"), "give either --stream or --category"),
        (
            ("--since", "ontem"),
            "--since ontem is no time: write 2026-11-26, 2026-11-26T14:30 or 2026-11-26T14:30:00-03:00",
        ),
        (("--causation", "x"), "--causation x is no id: `balto events --json` shows them"),
        (("--stream", "nobody"), "there is no stream nobody (`balto sessions` lists the sessions)"),
    ],
)
async def test_what_cannot_be_shown_is_one_line(home: Path, options: tuple[str, ...], line: str) -> None:
    result = await balto("events", *options)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"balto: {line}\n")


async def test_the_last_session_is_the_last_one_though_the_read_models_are_behind(home: Path) -> None:
    erased = await told("erase", "last", "--yes")
    assert erased["stream"] == STREAM
