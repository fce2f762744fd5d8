"""The recorded counter through the whole pipeline gives the expected events, in the expected order.

The expected stream is `counter.txt` beside this file. After a change that is meant to alter it, run this test with
`BALTO_WRITE_GOLDEN=1`, read the difference, and commit it with the change.
"""

import os
from pathlib import Path

import pytest

from actors.basket.catalogue import load_baskets
from actors.stt.weights import ensure_weights
from actors.stt.whisper import WhisperTranscriber
from balto.app import open_balto
from balto.engines import Engines, build_understandings
from balto.listening import Collector, decode_audio, listen
from balto.settings import Settings
from events.catalogue import PhraseCaptured
from tests.golden.telling import story
from tests.recordings import DEMO

EXPECTED = Path(__file__).with_name("counter.txt")
WEIGHTS = Path(__file__).parents[2] / ".balto" / "whisper-base"


@pytest.mark.whisper
async def test_the_recorded_counter_gives_the_expected_events(postgres_url: str, tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None, data_dir=tmp_path, database_url=postgres_url, stt_budget_s=60, llm_budget_s=60, llm="lexicon"
    )
    engines = Engines(
        transcribers=(WhisperTranscriber(ensure_weights(WEIGHTS)),),
        understandings=build_understandings(settings, load_baskets(settings.baskets)),
    )
    async with open_balto(settings, engines=engines) as balto:
        collector = Collector()
        session_id = await listen(balto.sessions, decode_audio(DEMO.read_bytes()).tobytes(), collector=collector)
        stored = [event.event async for event in balto.library.store.read_stream(f"session-{session_id}")]
    assert stored == collector.events
    assert sum(isinstance(event, PhraseCaptured) for event in stored) == 26
    told = story(stored)
    if os.environ.get("BALTO_WRITE_GOLDEN"):
        EXPECTED.write_text(told, encoding="utf-8")
    assert told == EXPECTED.read_text(encoding="utf-8")
