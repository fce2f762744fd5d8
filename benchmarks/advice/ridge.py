"""Kernel ridge regressions of all that the classifier by example scores, and what each fold's would have scored."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from actors.llm.by_example import KINDS, Row

if TYPE_CHECKING:
    from benchmarks.advice.training import Rows

FOLDS = 5
_FORMS_RIDGE = 2.0
"""How much more of the ridge the vocabulary's forms get: they are many, and no sentences."""

type Matrix = sparse.csr_array | Row
"""Features of all texts, shape (texts, features)."""


class Ridge:
    """Kernel ridge regressions of all targets over one linear kernel, solved for the features.

    A system of the features is as large whatever is learnt from, and where these are sparse it is soon put together.
    """

    def __init__(self, rows: "Rows", matrix: Matrix, ridge: float) -> None:
        self._rows = rows
        self._matrix = matrix
        plain = np.arange(len(rows.texts)) < len(rows.sentences)
        self._weights = (1 / (ridge * np.where(plain, 1.0, _FORMS_RIDGE))).astype(np.float32)
        self._plain_weight = np.float32(1 / ridge)

    def weights(self, learnt_from: NDArray[np.bool_]) -> Row:
        """Return primal weights, shape (features, targets), learnt from some of the texts."""
        parts = [self._solved(np.flatnonzero(learnt_from & of), columns)[1] for of, columns in self._blocks()]
        return np.concatenate(parts, axis=1)

    def fitted(self) -> tuple[Row, Row]:
        """Return the primal weights learnt from all texts, and the corpus's scores by models that had not seen them.

        Shapes (features, targets) and (sentences, targets). The system is solved once: what leaving out a fold does to
        its scores follows from the share that its own sentences have in them (An et al., "Fast cross-validation
        algorithms for least squares support vector machine and kernel ridge regression", 2007).
        """
        count = len(self._rows.sentences)
        parts, unseen = [], np.zeros((count, self._rows.targets.shape[1]), dtype=np.float32)
        for of, columns in self._blocks():
            lower, weights = self._solved(np.flatnonzero(of), columns)
            parts.append(weights)
            for fold in range(FOLDS):
                held_out = np.flatnonzero(self._rows.folds[:count] == fold)
                targets = self._rows.targets[held_out, columns]
                half = linalg.solve_triangular(lower, _full(self._matrix[held_out]).T, lower=True, overwrite_b=True)
                others_share = np.eye(len(held_out), dtype=np.float32) - self._plain_weight * (half.T @ half)
                missed = np.linalg.solve(others_share, targets - self._matrix[held_out] @ weights)
                unseen[held_out, columns] = targets - missed
        return np.concatenate(parts, axis=1), unseen

    def _solved(self, chosen: NDArray[np.intp], columns: slice) -> tuple[Row, Row]:
        """Return the lower Cholesky factor of a system, shape (features, features), and the weights that solve it."""
        known = self._matrix[chosen]
        scaled = known.T * self._weights[chosen]
        system = _full(scaled @ known)
        system[np.diag_indices(len(system))] += 1
        lower = linalg.cholesky(system, lower=True, overwrite_a=True, check_finite=False)
        weights = linalg.cho_solve((lower, True), scaled @ self._rows.targets[chosen, columns], check_finite=False)
        return lower, np.asarray(weights, dtype=np.float32)

    def _blocks(self) -> tuple[tuple[NDArray[np.bool_], slice], ...]:
        kinds = len(KINDS)
        return (self._rows.asked, slice(None, kinds)), (self._rows.placed, slice(kinds, None))


def _full(matrix: Matrix) -> Row:
    return matrix if isinstance(matrix, np.ndarray) else np.asarray(matrix.toarray(), dtype=np.float32)
