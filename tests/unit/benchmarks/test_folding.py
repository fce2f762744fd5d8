"""How sentences that others labelled get into the corpus."""

from typing import Any

import pytest

from actors.llm.lexicon import LexiconUnderstanding
from actors.values import LexiconEntry
from benchmarks.advice.folding import Folding
from events.catalogue import Category

ENTRY = LexiconEntry(
    name="dor de cabeça",
    kind="symptom",
    category=Category(macro="DOR_FEBRE_INFLAMACAO", micro="DOR_DE_CABECA"),
    forms=("cabeça estourando",),
)


def row(**changed: Any) -> dict[str, Any]:
    named = {"type": "disease", "name": "cefaleia", "also": ["Cabeça estourando"], "said": "cabeça estourando"}
    usual = {"text": "Tô com a cabeça estourando.", "kind": "request", "macros": ["DOR_FEBRE_INFLAMACAO"]}
    return usual | {"micro": "DOR_DE_CABECA", "entities": [named]} | changed


@pytest.fixture
def folding() -> Folding:
    engine = LexiconUnderstanding([ENTRY], "test")
    return Folding(engine, ["DOR_FEBRE_INFLAMACAO"], ["Bom dia, tudo bem?"])


def test_what_the_vocabulary_knows_by_another_name_gets_its_name_and_kind_first(folding: Folding) -> None:
    (taken,) = folding.mended([row()])
    assert taken["entities"] == [
        {
            "type": "symptom",
            "name": "dor de cabeça",
            "also": ["cefaleia", "cabeça estourando"],
            "said": "cabeça estourando",
        }
    ]


def test_a_sentence_that_is_known_but_for_case_and_punctuation_is_not_taken_again(folding: Folding) -> None:
    twice = [row(), row(text="tô com a cabeça estourando"), row(text="bom dia tudo bem", kind="small_talk")]
    assert len(list(folding.mended(twice))) == 1
    assert folding.counts == {"taken": 1, "known already": 2}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"text": " "}, "empty"),
        ({"kind": "chatter"}, "kind unknown"),
        ({"macros": ["DOR"]}, "macro category unknown"),
        ({"macros": []}, "request without a macro category"),
        ({"text": "Tô com dor na cabeça."}, "words that prove an entity are not in the text"),
    ],
)
def test_labels_that_contradict_the_sentence_are_refused(folding: Folding, changed: dict[str, Any], why: str) -> None:
    assert list(folding.mended([row(**changed)])) == []
    assert folding.counts == {why: 1}


def test_a_name_without_an_entry_is_kept_and_told(folding: Folding) -> None:
    (taken,) = folding.mended([row(entities=[{"name": "enxaqueca", "said": "cabeça"}])])
    assert taken["entities"][0]["name"] == "enxaqueca"
    assert folding.unnamed == {"enxaqueca": 1}


def test_what_asks_for_nothing_has_no_category(folding: Folding) -> None:
    (taken,) = folding.mended([row(kind="alarm", entities=[])])
    assert taken == {"text": "Tô com a cabeça estourando.", "kind": "alarm"}
