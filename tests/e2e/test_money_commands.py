"""The commands about preference, budget, cost and comparison over a real database."""

from pathlib import Path
from typing import Any

import pytest

from balto.library import open_library
from balto.settings import Settings
from events.catalogue import SessionStarted, TranscriptCompared, TranscriptionReceived
from events.store import Append
from tests.e2e.test_command_line import balto, home, told
from tests.events_at_hand import new_event

__all__ = ["home"]  # the fixture

ENGINE: dict[str, Any] = {"provider": "elevenlabs", "model": "scribe_v2", "text": "dor", "confidence": None}
OTHER: dict[str, Any] = {"provider": "assemblyai", "model": "universal", "text": "dor", "confidence": None}


async def a_session(counter_id: str, session_id: str = "s1") -> None:
    began = SessionStarted(
        session_id=session_id, counter_id=counter_id, protocol=1, encoding="auto", settings={}, versions={}
    )
    heard = TranscriptionReceived(phrase=1, latency_ms=300.0, cost_usd=0.0125, **ENGINE)
    compared = TranscriptCompared(
        phrase=1,
        rejected=None,
        latency_ms=450.0,
        cost_usd=0.025,
        word_errors=1,
        chosen_words=4,
        chosen_provider="elevenlabs",
        chosen_model="scribe_v2",
        chosen_latency_ms=300.0,
        chosen_cost_usd=0.0125,
        audio_ms=3_600.0,
        **OTHER,
    )
    events = [new_event(event) for event in (began, heard, compared)]
    async with open_library(Settings(_env_file=None)) as library:
        await library.store.append(Append(stream=f"session-{session_id}", tenant="t", events=events))


async def test_a_counters_terms_are_set_by_its_name_and_listed(home: Path) -> None:
    made = await told("counters", "add", "Frente", "--email", "b@c.example")
    terms = await told(
        "counters", "set", "Frente", "--prefer", "assemblyai,elevenlabs", "--fast-path", "off", "--daily-budget", "2.50"
    )
    assert terms == {
        "counter_id": made["counter_id"],
        "prefer": ["assemblyai", "elevenlabs"],
        "fast_path": False,
        "daily_budget_usd": 2.5,
    }
    left = await told("counters", "set", made["counter_id"], "--daily-budget", "none", "--fast-path", "default")
    assert (left["prefer"], left["fast_path"], left["daily_budget_usd"]) == (["assemblyai", "elevenlabs"], None, None)
    (listed,) = await told("counters", "list")
    assert (listed["prefer"], listed["daily_budget_usd"]) == (["assemblyai", "elevenlabs"], None)
    table = await balto("counters", "set", "Frente", "--prefer", "default")
    assert "as the server has it" in table.stdout


async def test_a_preference_that_no_key_is_there_for_is_set_and_told_in_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told("counters", "add", "Frente", "--email", "b@c.example")
    result = await balto("counters", "set", "Frente", "--prefer", "assemblyai,elevenlabs,local")
    assert result.exit_code == 0
    assert result.stderr == (
        "balto: a server with these settings passes over assemblyai, elevenlabs: it has no key for it, or was told not"
        " to use it (its engines: local)\n"
    )
    monkeypatch.setenv("BALTO_STT", "auto")
    monkeypatch.setenv("BALTO_ASSEMBLYAI_API_KEY", "k")
    assert (await balto("counters", "set", "Frente", "--prefer", "assemblyai,local")).stderr == ""


async def test_a_key_is_rotated_by_the_counters_name(home: Path) -> None:
    made = await told("counters", "add", "Frente", "--email", "b@c.example")
    rotated = await told("counters", "rotate-key", "Frente")
    assert rotated["counter_id"] == made["counter_id"]
    assert rotated["api_key"] != made["api_key"]
    await told("counters", "add", "Frente", "--email", "c@d.example")
    several = await balto("counters", "rotate-key", "Frente")
    assert (several.exit_code, several.stderr.count("\n")) == (1, 1)
    assert several.stderr.startswith("balto: several counters have this name: ")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("--prefer", "whisper"),
            "there is no speech-to-text engine 'whisper'; there are elevenlabs, assemblyai, local",
        ),
        (("--prefer", "local,local"), "an engine is named twice"),
        (("--daily-budget", "-1"), "a daily budget is a sum from 0"),
        (("--daily-budget", "nan"), "a daily budget is a sum from 0"),
        (("--daily-budget", "muito"), "--daily-budget muito is not a sum"),
        ((), "nothing to set"),
    ],
)
async def test_what_makes_no_sense_is_one_line(home: Path, words: tuple[str, ...], line: str) -> None:
    await told("counters", "add", "Frente", "--email", "b@c.example")
    result = await balto("counters", "set", "Frente", *words)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"balto: {line}")
    assert len(result.stderr.strip().splitlines()) == 1


async def test_an_unknown_counter_is_one_line(home: Path) -> None:
    for command in (("counters", "set", "Lado", "--prefer", "local"), ("report", "cost", "--counter", "Lado")):
        result = await balto(*command)
        assert result.exit_code == 1
        assert "balto: there is no counter Lado" in result.stderr


async def test_what_days_and_sessions_cost(home: Path) -> None:
    made = await told("counters", "add", "Frente", "--email", "b@c.example")
    await a_session(made["counter_id"])
    await a_session("elsewhere", "s2")
    rows = await told("report", "cost", "--counter", "Frente", "--since", "2026-03-02", "--until", "2026-03-03")
    assert [(r["day"], r["counter_name"], r["step"], r["provider"], r["calls"], r["usd"]) for r in rows] == [
        ("2026-03-02", "Frente", "comparison", "assemblyai", 1, 0.025),
        ("2026-03-02", "Frente", "transcription", "elevenlabs", 1, 0.0125),
    ]
    assert await told("report", "cost", "--since", "2026-03-03") == []
    assert len(await told("report", "cost", "--session", "s1")) == 2
    table = await balto("report", "cost")
    assert "in all 0.0750 dollars, 4 calls" in table.stdout
    wrong = await balto("report", "cost", "--session", "s1", "--since", "2026-03-02")
    assert wrong.exit_code == 1


async def test_a_session_that_is_not_there_is_one_line(home: Path) -> None:
    for how in ((), ("--json",), ("--html", "cost.html")):
        result = await balto("report", "cost", "--session", "nope", *how)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "balto: there is no session nope (`balto sessions` lists them)\n"
    assert not (home / "cost.html").exists()


async def test_pages_of_cost_and_advice(home: Path) -> None:
    made = await told("counters", "add", "Frente", "--email", "b@c.example")
    await a_session(made["counter_id"])
    for words, drawn in (
        (("cost", "--counter", "Frente"), "elevenlabs scribe_v2"),
        (("cost", "--session", "s1"), "comparison: assemblyai universal"),
        (("advice",), "assemblyai against elevenlabs (1 phrases)"),
    ):
        result = await balto("report", *words, "--html", "page.html")
        assert result.exit_code == 0, result.stderr
        assert drawn in (home / "page.html").read_text(encoding="utf-8")
    unwritable = await balto("report", "cost", "--html", "nowhere/page.html")
    assert unwritable.exit_code == 1
    assert unwritable.stderr == "balto: nowhere/page.html cannot be written: No such file or directory\n"


async def test_engines_that_heard_the_same_phrases(home: Path) -> None:
    made = await told("counters", "add", "Frente", "--email", "b@c.example")
    await a_session(made["counter_id"])
    (row,) = await told("report", "advice", "--compare")
    assert (row["chosen_provider"], row["provider"], row["phrases"]) == ("elevenlabs", "assemblyai", 1)
    assert (row["wer"], row["chosen_p50_ms"], row["p95_ms"]) == (0.25, 300.0, 450.0)
    assert (row["chosen_usd_per_hour"], row["usd_per_hour"]) == (pytest.approx(12.5), pytest.approx(25.0))
    assert await told("report", "advice", "--compare", "--since", "2026-03-03") == []
    table = await balto("report", "advice", "--compare")
    assert "WER" in table.stdout
