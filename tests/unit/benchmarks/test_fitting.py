"""What the classifier by example is fitted with."""

import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy import sparse

from actors.llm.by_example import KINDS
from benchmarks.advice.fitting import best_floors
from benchmarks.advice.ridge import FOLDS, Ridge
from benchmarks.advice.tally import Tally

SENTENCES, FORMS, FEATURES = 40, 15, 1100


@pytest.fixture
def rows() -> Any:
    chance = np.random.default_rng(1)
    texts = SENTENCES + FORMS
    return SimpleNamespace(
        texts=tuple(map(str, range(texts))),
        sentences=tuple(range(SENTENCES)),
        targets=chance.random((texts, len(KINDS) + 3)).astype(np.float32),
        asked=np.arange(texts) < SENTENCES + 5,
        placed=np.arange(texts) != SENTENCES + 2,
        folds=np.where(np.arange(texts) < SENTENCES, np.arange(texts) % FOLDS, -1),
    )


def test_what_a_fold_would_have_scored_follows_from_one_solution(rows: Any) -> None:
    matrix = (np.random.default_rng(2).random((SENTENCES + FORMS, FEATURES)) / 10).astype(np.float32)
    ridge = Ridge(cast("Any", rows), matrix, 0.7)
    weights, unseen = ridge.fitted()
    for fold in range(FOLDS):
        held_out = np.flatnonzero(rows.folds[:SENTENCES] == fold)
        expected = matrix[held_out] @ ridge.weights(rows.folds != fold)
        np.testing.assert_allclose(unseen[held_out], expected, atol=2e-3)
    np.testing.assert_allclose(weights, ridge.weights(np.ones(SENTENCES + FORMS, dtype=np.bool_)), atol=2e-3)


def test_sparse_features_give_the_same_scores_as_full_ones(rows: Any) -> None:
    full = np.random.default_rng(3).random((SENTENCES + FORMS, FEATURES)).astype(np.float32)
    full[full < 0.9] = 0
    matrices: tuple[Any, ...] = (full, sparse.csr_array(full))
    (weights, unseen), others = (Ridge(cast("Any", rows), matrix, 0.5).fitted() for matrix in matrices)
    np.testing.assert_allclose(others[0], weights, atol=2e-3)
    np.testing.assert_allclose(others[1], unseen, atol=2e-3)


def test_a_name_that_is_rarely_meant_counts_less_and_few_findings_say_little() -> None:
    tally = Tally()
    for _ in range(20):
        tally.add("xarope", beside=True, meant=False)
        tally.add("dipirona", beside=True, meant=True)
    tally.add("rara", beside=True, meant=False)
    odds = {name: beside for name, (_, beside) in tally.all().items()}
    assert odds["xarope"] < odds["rara"] < 0 < odds["dipirona"]
    assert tally.without("rara", beside=True, meant=False) == pytest.approx(0.0, abs=1e-9)
    assert all(math.isfinite(each) for each in odds.values())


def test_floors_are_those_that_tell_most_right() -> None:
    chances = np.array([0.9, 0.2, 0.9, 0.12, 0.9, 0.5])
    right = np.array([True, False, True, True, True, False])
    floors = best_floors(chances, right, np.array([0, 0, 1, 1, 2, 2]), wanted=4)
    assert floors[0] > 0.2
    assert floors[1] <= 0.12
    assert floors[2] > 0.5
