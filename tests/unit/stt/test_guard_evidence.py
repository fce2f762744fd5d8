"""The guard on what Whisper really wrote of our own short words and noises, with the figures that it gave.

The rows were kept by `python -m benchmarks guard --keep FILE`; nobody's voice is in them.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from actors.stt.guard import Evidence, reason_to_reject
from actors.stt.vocabulary import DEFAULT_PROMPT

ROWS: Final[list[dict[str, Any]]] = json.loads(Path(__file__).with_name("guard_evidence.json").read_text("utf-8"))
SAID: Final = [row for row in ROWS if row["said"]]
NOISE: Final = [row for row in ROWS if not row["said"]]


def verdict(row: dict[str, Any]) -> str | None:
    evidence = Evidence(
        avg_logprob=row["avg_logprob"],
        no_speech=row["no_speech"],
        duration_s=row["duration_s"],
        prompt=DEFAULT_PROMPT,
    )
    return reason_to_reject(row["text"], evidence)


def name(row: dict[str, Any]) -> str:
    return f"{row['said'] or row['kind']}-{row['text'][:20]}-{row['avg_logprob']}"


@pytest.mark.parametrize("row", SAID, ids=name)
def test_a_word_that_was_written_right_is_believed(row: dict[str, Any]) -> None:
    assert verdict(row) is None


@pytest.mark.parametrize("row", NOISE, ids=name)
def test_what_was_written_of_noise_is_not(row: dict[str, Any]) -> None:
    assert verdict(row) is not None


def test_there_are_names_repeated_orders_answers_and_noises_of_every_kind() -> None:
    assert {row["kind"] for row in SAID} == {"names", "orders", "answers"}
    assert len({row["kind"] for row in NOISE}) >= 6
    assert len(SAID) > 50
    assert len(NOISE) > 50
