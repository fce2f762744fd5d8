"""How the offline engine does on the corpus it learns from, each fifth understood by one that learnt from the rest."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from actors.basket.catalogue import BasketCatalogue
from actors.llm.by_example import Learnt, learnt, quantised
from actors.llm.corpus_reader import Sentence
from actors.llm.encoder import encoder_installed, shared_encoder
from actors.llm.learnt_forms import with_learnt_forms
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.nearest import NearestExamples, shipped_examples
from benchmarks.advice.forms import learnt_forms
from benchmarks.advice.labelled import Utterance
from benchmarks.advice.ridge import FOLDS, Ridge
from benchmarks.advice.training import RIDGE, encoded, hashed, sources


def engines_by_fold(catalogue: BasketCatalogue) -> Iterator[tuple[LexiconUnderstanding, list[Utterance]]]:
    """Yield for each fold an engine whose weights and forms come from the others, and the fold's sentences.

    The few weights of the fusion are the shipped ones: they were fitted to scores of unseen sentences. Takes minutes.
    """
    plain, rows = sources()
    idf, matrix = hashed(rows)
    by_words = Ridge(rows, matrix, RIDGE["words"])
    by_meaning = Ridge(rows, encoded(rows.texts), RIDGE["meaning"]) if encoder_installed() else None
    for fold in range(FOLDS):
        others = rows.folds != fold
        words, words_scale = quantised(by_words.weights(others))
        model = dataclasses.replace(learnt(), idf=idf, by_words=words, words_scale=words_scale)
        if by_meaning is not None:
            meaning, meaning_scale = quantised(by_meaning.weights(others))
            model = dataclasses.replace(model, by_meaning=meaning, meaning_scale=meaning_scale)
        numbers = rows.folds[: len(rows.sentences)]
        forms = learnt_forms(plain, [rows.sentences[place] for place in np.flatnonzero(numbers != fold).tolist()])
        held_out = [_utterance(rows.sentences[place]) for place in np.flatnonzero(numbers == fold).tolist()]
        yield _engine(catalogue, plain, forms, model), held_out


def _engine(
    catalogue: BasketCatalogue, plain: LexiconUnderstanding, forms: dict[str, tuple[str, ...]], model: Learnt
) -> LexiconUnderstanding:
    examples = shipped_examples(lambda name: plain.entry(name) is not None)
    nearest = NearestExamples(examples, shared_encoder() if encoder_installed() else None)
    entries = with_learnt_forms(catalogue.lexicon, forms)
    return LexiconUnderstanding(entries, catalogue.version, nearest=nearest, learnt=lambda: model)


def _utterance(sentence: Sentence) -> Utterance:
    return Utterance(
        text=sentence.text,
        kind=sentence.kind,
        macros=frozenset(sentence.macros),
        entities=tuple(each.names for each in sentence.named) if sentence.kind == "request" else (),
    )
