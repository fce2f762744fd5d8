"""Once the codec is warm, the first phrase of a process waits for no writer."""

import subprocess
import sys
from pathlib import Path

FIRST_PHRASE = """
from events import codec
from events.catalogue import SpeechStarted, TranscriptionReceived

def refuse(*_, **__):
    raise AssertionError("a writer was made under a phrase")

if "warm" in __import__("sys").argv:
    codec.warm()
codec.TypeAdapter = codec.SchemaSerializer = refuse
codec.encode_apart(SpeechStarted(phrase=1, sample_start=0))
heard = dict(phrase=1, provider="p", model="m", text="tosse", words=(), confidence=None, latency_ms=1.0, cost_usd=0.0)
assert b"tosse" in codec.encode_apart(TranscriptionReceived(**heard))[1]
"""


def first_phrase(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Write what a first phrase writes in a new process, where nothing was made by anybody else."""
    command = [sys.executable, "-c", FIRST_PHRASE, *arguments]
    return subprocess.run(
        command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=30, check=False
    )


def test_what_phrases_need_is_made_by_the_warming_alone() -> None:
    assert first_phrase("warm").returncode == 0
    assert "a writer was made under a phrase" in first_phrase().stderr
