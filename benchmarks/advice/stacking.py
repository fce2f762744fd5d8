"""Fits what weighs the vocabulary's findings against the classifier's scores of sentences it has not seen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from actors.llm.by_example import KINDS, Judged, Row
from actors.llm.fusion import Evidence, kind_features, macro_features, named_features, softmax
from actors.llm.lexicon import LexiconUnderstanding
from benchmarks.advice.fitting import best_floors, fit_kinds, fit_macros, fit_named
from benchmarks.advice.ridge import FOLDS
from benchmarks.advice.tally import Tally
from events.catalogue import Entity

if TYPE_CHECKING:
    from benchmarks.advice.training import Rows

_LOST_REQUESTS, _LOST_TO_SIGNS = 0.02, 0.005
"""Shares of requests that may be taken for no request where the vocabulary finds something in them, and for a question
of price or dose or an alarm sign alone. Much the same ones are lost to both."""
_LEAST_WARY = 0.3
"""Probability of such a question or sign below which it never hushes."""
_TOLD_TALK = 0.03
"""Share of small talk that may be taken for a request where it finds nothing."""
_PROPOSED = 4
_EXACT = 0.97


class Fusion:
    """Fits what weighs the vocabulary's findings against the classifier's scores of sentences it has not seen."""

    def __init__(self, rows: "Rows", engine: LexiconUnderstanding) -> None:
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
        floors = self._floors(kind)
        named, name_floors = self._named(judged, chances)
        hit = right[asked, chances[asked].argmax(1)].mean()
        print(f"{mode}: macro {hit:.3f} of requests, floors {floors.round(3)}, macro weights {macro.round(2)}")
        self._tell(kind, floors)
        return {
            f"fusion_macro_{mode}": macro,
            f"fusion_kind_{mode}": fit_kinds(kind_table, self._kinds),
            f"fusion_floors_{mode}": floors,
            f"fusion_named_{mode}": named,
            f"fusion_names_{mode}": name_floors,
        }

    def _floors(self, kinds: Row) -> Row:
        """Return three probabilities.

        Of a request, below which what was found is hushed; of one, from which something is guessed; of a question of
        price or dose or an alarm sign, above which what was found is hushed too.
        """
        something = np.array([bool(found) for found in self._found])
        asked = self._kinds == 0
        request, wary = kinds[:, 0], kinds[:, 2] + kinds[:, 3]
        hushed = np.sort(request[asked & something])[int(_LOST_REQUESTS * asked.sum())]
        doubtful = np.sort(wary[asked & something])[::-1][int(_LOST_TO_SIGNS * asked.sum())]
        silent = np.sort(request[~asked & ~something])[::-1]
        guessed = silent[min(len(silent) - 1, int(_TOLD_TALK * (~asked).sum()))]
        return np.array(
            [min(hushed, 0.5), max(float(guessed), 0.5), max(float(doubtful), _LEAST_WARY)], dtype=np.float32
        )

    def _tell(self, kinds: Row, floors: Row) -> None:
        something = np.array([bool(found) for found in self._found])
        request, wary = kinds[:, 0], kinds[:, 2] + kinds[:, 3]
        passed = np.where(something, (request >= floors[0]) & (wary <= floors[2]), request > floors[1])
        for place, kind in enumerate(KINDS):
            of = self._kinds == place
            before, after = something[of].mean(), passed[of].mean()
            print(f"  {kind}: {before:.3f} with something found, {after:.3f} taken for a request")

    def _named(self, judged: Sequence[Judged], chances: Row) -> tuple[Row, Row]:
        """Fit what tells whether an entry, found or proposed, is named, and from what probability it is told."""
        rows, table, right, folds, groups = self._rows, [], [], [], []
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
                folds.append(rows.folds[place])
                groups.append(2 if entity is None else int(entity.score >= _EXACT))
        features, meant, fold_of = np.stack(table), np.array(right, dtype=np.float32), np.array(folds)
        chance = np.zeros(len(meant))
        for fold in range(FOLDS):
            seen = fold_of != fold
            chance[~seen] = 1 / (1 + np.exp(-(features[~seen] @ fit_named(features[seen], meant[seen]))))
        wanted = sum(len(rows.sentences[place].named) for place in np.flatnonzero(self._kinds == 0).tolist())
        floors = best_floors(chance, meant > 0, np.array(groups), wanted)
        return fit_named(features, meant), floors

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
