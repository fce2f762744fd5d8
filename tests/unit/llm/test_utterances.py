"""Labelled sentences: requests as written, as a recogniser mishears them, and small talk."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from actors.llm.lexicon import LexiconUnderstanding

UTTERANCES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("utterances.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("said", UTTERANCES, ids=lambda said: str(said["texto"]))
async def test_an_utterance_is_understood(engine: LexiconUnderstanding, said: dict[str, Any]) -> None:
    text = said["texto"]
    normalised = await engine.normalise(text, budget_s=1)
    classified = await engine.classify(text, normalised.entities, budget_s=1)
    assert {entity.name for entity in normalised.entities} == set(said["entidades"])
    assert (classified.categories[0].macro if classified.categories else None) == said["macro"]
    for entity in normalised.entities:
        assert entity.span in text
        assert 0.75 < entity.score <= 1


def test_the_collection_is_worth_its_name() -> None:
    kinds = Counter(said["tipo"] for said in UTTERANCES)
    assert kinds["pedido"] >= 60
    assert min(kinds["whisper"], kinds["conversa"]) >= 30
    assert len({said["texto"] for said in UTTERANCES}) == len(UTTERANCES)
    assert len({said["macro"] for said in UTTERANCES}) == 17
