"""Kernel ridge regressions of all that the classifier by example scores, and what each fold's would have scored."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from actors.llm.by_example import KINDS, Row

if TYPE_CHECKING:
    from benchmarks.advice.training import Rows

FOLDS = 5
_FORMS_RIDGE = 2.0
"""How much more of the ridge the vocabulary's forms get: they are many, and no sentences."""
_PRIMAL = 1024
"""Features up to which a ridge regression is solved for them rather than for the sentences."""


class Ridge:
    """Kernel ridge regressions of all targets over one linear kernel."""

    def __init__(self, rows: "Rows", matrix: Row, ridge: float) -> None:
        self._rows = rows
        self._matrix = matrix
        self._gram = matrix @ matrix.T if matrix.shape[1] > _PRIMAL else None
        plain = np.arange(len(rows.texts)) < len(rows.sentences)
        self._ridge = (ridge * np.where(plain, 1.0, _FORMS_RIDGE)).astype(np.float32)

    def weights(self, learnt_from: NDArray[np.bool_]) -> Row:
        """Return primal weights, shape (features, targets), learnt from some of the texts."""
        parts = []
        for of, columns in self._blocks():
            chosen = np.flatnonzero(learnt_from & of)
            targets = self._rows.targets[chosen, columns]
            if self._gram is None:
                parts.append(self._primal(chosen, targets))
            else:
                parts.append(self._matrix[chosen].T @ np.linalg.solve(self._system(chosen), targets))
        return np.concatenate(parts, axis=1)

    def fitted(self) -> tuple[Row, Row]:
        """Return the primal weights learnt from all texts, and the corpus's scores by models that had not seen them.

        Shapes (features, targets) and (sentences, targets). Where the system is large it is solved once: what leaving
        out a fold does to its scores follows from the inverse (An et al., "Fast cross-validation algorithms for least
        squares support vector machine and kernel ridge regression", 2007).
        """
        everything = np.ones(len(self._rows.texts), dtype=np.bool_)
        if self._gram is None:
            return self.weights(everything), self._unseen_by_refitting()
        count = len(self._rows.sentences)
        parts, unseen = [], np.zeros((count, self._rows.targets.shape[1]), dtype=np.float32)
        for of, columns in self._blocks():
            chosen = np.flatnonzero(of)
            targets = self._rows.targets[chosen, columns]
            width = targets.shape[1]
            mine = np.flatnonzero(chosen < count)
            solved = np.linalg.solve(
                self._system(chosen), np.concatenate([targets, np.eye(len(chosen), dtype=np.float32)[:, mine]], axis=1)
            )
            dual, inverse = solved[:, :width], solved[mine, width:]
            parts.append(self._matrix[chosen].T @ dual)
            for fold in range(FOLDS):
                held_out = np.flatnonzero(self._rows.folds[:count] == fold)
                missed = np.linalg.solve(inverse[np.ix_(held_out, held_out)], dual[mine][held_out])
                unseen[held_out, columns] = targets[mine][held_out] - missed
        return np.concatenate(parts, axis=1), unseen

    def _unseen_by_refitting(self) -> Row:
        count = len(self._rows.sentences)
        scores = np.zeros((count, self._rows.targets.shape[1]), dtype=np.float32)
        for fold in range(FOLDS):
            held_out = np.flatnonzero(self._rows.folds[:count] == fold)
            scores[held_out] = self._matrix[held_out] @ self.weights(self._rows.folds != fold)
        return scores

    def _blocks(self) -> tuple[tuple[NDArray[np.bool_], slice], ...]:
        kinds = len(KINDS)
        return (self._rows.asked, slice(None, kinds)), (self._rows.placed, slice(kinds, None))

    def _system(self, chosen: NDArray[np.intp]) -> Row:
        assert self._gram is not None
        system = self._gram[np.ix_(chosen, chosen)]
        system[np.diag_indices(len(chosen))] += self._ridge[chosen]
        return system

    def _primal(self, chosen: NDArray[np.intp], targets: Row) -> Row:
        """Solve for the features: least squares weighted by the inverse ridges give the same weights."""
        known = self._matrix[chosen]
        scaled = known.T / self._ridge[chosen]
        return np.asarray(np.linalg.solve(scaled @ known + np.eye(known.shape[1], dtype=np.float32), scaled @ targets))
