"""The nearest example: by letters alone, by meaning, or nothing; what is hushed hushes."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from actors.llm.encoder import SentenceEncoder, Vectors, encoder_installed
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.nearest import Example, NearestExamples, shipped_examples
from actors.llm.tfidf import CharacterTfidf
from actors.values import LexiconEntry
from events.catalogue import Category

ENTRIES = (
    LexiconEntry(name="insônia", kind="symptom", category=Category(macro="A"), forms=("sem sono",)),
    LexiconEntry(name="azia", kind="symptom", category=Category(macro="B")),
)
EXAMPLES = (
    Example("passo a noite virando na cama", "insônia"),
    Example("queimando por dentro depois de comer", "azia"),
    Example("que horas vocês fecham", None),
    Example("engoliu a cartela inteira de remédio", None, hush=True),
)


class ByWords:
    """An encoder whose meaning of a sentence is one axis for each of a few words."""

    axes = ("noite", "comer", "horas", "cartela", "acordado")

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def encode(self, sentences: Sequence[str]) -> Vectors:
        self.threads.add(threading.get_ident())
        rows = np.array([[float(axis in sentence) for axis in self.axes] for sentence in sentences], dtype=np.float32)
        return (rows / np.maximum(1e-9, np.linalg.norm(rows, axis=1, keepdims=True))).astype(np.float32)


def engine(encoder: ByWords | None = None) -> LexiconUnderstanding:
    return LexiconUnderstanding(ENTRIES, "v", nearest=NearestExamples(EXAMPLES, encoder))


async def names(lexicon: LexiconUnderstanding, text: str) -> list[str]:
    return [entity.name for entity in (await lexicon.normalise(text, budget_s=5)).entities]


@pytest.mark.parametrize("encoder", [None, ByWords()])
async def test_what_no_entry_names_is_what_the_nearest_example_names(encoder: ByWords | None) -> None:
    lexicon = engine(encoder)
    (entity,) = (await lexicon.normalise(" passo a noite toda virando ", budget_s=5)).entities
    assert (entity.name, entity.span, entity.kind) == ("insônia", "passo a noite toda virando", "symptom")
    assert entity.score < 0.97
    assert lexicon.certain_category("passo a noite toda virando", (entity,)) is None


@pytest.mark.parametrize(
    "text",
    ["a que horas vocês fecham hoje", "o preço do dólar caiu", "noite", "", "não tô sem sono passo a noite na cama"],
)
async def test_small_talk_what_is_far_and_what_is_denied_name_nothing(text: str) -> None:
    assert await names(engine(ByWords()), text) == []


async def test_what_is_hushed_hushes_even_what_the_vocabulary_names() -> None:
    assert await names(engine(), "tomou azia da cartela inteira") == ["azia"]
    assert await names(engine(ByWords()), "tomou azia da cartela inteira") == []


async def test_what_means_an_alarm_sign_is_told_apart_from_what_is_only_hushed() -> None:
    examples = (*EXAMPLES, Example("quanto custa de dia", None, hush=True, kind="price_or_dosage"))
    alarmed = Example("passou mal acordado", None, hush=True, kind="alarm")
    lexicon = LexiconUnderstanding(ENTRIES, "v", nearest=NearestExamples((*examples, alarmed), ByWords()))
    sign = await lexicon.normalise("azia e ficou acordado demais", budget_s=5)
    assert (sign.entities, sign.alarm) == ((), True)
    hushed = await lexicon.normalise("tomou azia da cartela inteira", budget_s=5)
    assert (hushed.entities, hushed.alarm) == ((), False)


async def test_the_encoder_is_loaded_and_run_in_a_thread() -> None:
    encoder = ByWords()
    lexicon = engine(encoder)
    assert not encoder.threads
    await lexicon.warm()
    await names(lexicon, "passo a noite toda virando")
    assert threading.get_ident() not in encoder.threads


async def test_examples_that_take_longer_than_the_budget_are_not_waited_for() -> None:
    held = threading.Event()

    class Stuck(ByWords):
        def encode(self, sentences: Sequence[str]) -> Vectors:
            if len(sentences) == 1:
                held.wait(60)
            return super().encode(sentences)

    lexicon = engine(Stuck())
    await lexicon.warm()
    try:
        answer = await asyncio.wait_for(lexicon.normalise("passo a noite toda virando", budget_s=0.01), 60)
    finally:
        held.set()
    assert answer.entities == ()


def test_every_shipped_example_names_an_entry(engine: LexiconUnderstanding) -> None:
    known = shipped_examples(lambda name: engine.entry(name) is not None)
    assert len(known) == len(shipped_examples(lambda _: True))
    assert {example.hush for example in known} == {True, False}


def test_without_examples_nothing_is_near() -> None:
    assert NearestExamples(()).find("passo a noite").name is None


def test_likeness_by_letters_is_a_cosine() -> None:
    letters = CharacterTfidf(["dor de cabeça", "nariz entupido", ""])
    likeness = letters.likeness("DOR DE CABECA")
    assert likeness == pytest.approx([1.0, 0.0, 0.0])
    assert letters.likeness("") == pytest.approx([0.0, 0.0, 0.0])


@pytest.mark.skipif(not encoder_installed(), reason="the encoder comes with the extra `local`")
def test_the_encoder_knows_what_means_the_same() -> None:
    first, same, other = SentenceEncoder().encode(
        ["não consigo dormir à noite", "passo a madrugada acordado", "quanto custa o estacionamento"]
    )
    assert first @ same > first @ other + 0.1
    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-3)
