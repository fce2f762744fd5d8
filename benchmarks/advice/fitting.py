"""Fits the few weights that join the vocabulary's findings to the classifier's scores: logistic models in numpy."""

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from actors.llm.by_example import KINDS, Row
from actors.llm.fusion import NAMED_FEATURES, softmax

_FLOORS = ((0.1, 0.15, 0.2, 0.25), (0.05, 0.1, 0.15), (0.55, 0.6, 0.65))
"""Between which the floors of likenesses, exact names and proposals are chosen: what is labelled is not all that may be
told, so that what was said right is believed sooner, and what only examples say later, than the corpus has it."""

Weights = NDArray[np.float64]


def fit(slope_at: Callable[[Weights], Weights], size: int, *, rounds: int = 3000, pace: float = 0.15) -> Weights:
    """Return the parameters that make a smooth loss least: Adam (Kingma & Ba, 2015) with a falling pace."""
    weights, mean, spread = (np.zeros(size) for _ in range(3))
    for step in range(1, rounds + 1):
        slope = slope_at(weights)
        mean, spread = 0.9 * mean + 0.1 * slope, 0.999 * spread + 0.001 * slope * slope
        move = (mean / (1 - 0.9**step)) / (np.sqrt(spread / (1 - 0.999**step)) + 1e-9)
        weights = weights - pace * (1 - step / (rounds + 1)) * move
    return weights


def fit_macros(table: Row, right: Row) -> Row:
    """Fit one weight a feature for all categories alike: table (n, macros, features), right (n, macros) of 0 and 1."""

    def slope(weights: Weights) -> Weights:
        chances = softmax((table @ weights).astype(np.float32)).astype(np.float64)
        hit = np.maximum((chances * right).sum(1, keepdims=True), 1e-9)
        return np.asarray(np.einsum("nm,nmf->f", chances - chances * right / hit, table) / len(table) + 1e-5 * weights)

    return fit(slope, table.shape[2]).astype(np.float32)


def fit_kinds(table: Row, kinds: NDArray[np.intp]) -> Row:
    """Fit a multinomial model: table (n, features), kinds (n,)."""
    one_hot = np.eye(len(KINDS))[kinds]

    def slope(flat: Weights) -> Weights:
        weights = flat.reshape(table.shape[1], len(KINDS))
        chances = softmax((table @ weights).astype(np.float32))
        return np.asarray(table.T @ (chances - one_hot) / len(table) + 1e-3 * weights).ravel()

    return fit(slope, table.shape[1] * len(KINDS), rounds=800).reshape(table.shape[1], len(KINDS)).astype(np.float32)


def fit_named(table: Row, right: Row) -> Row:
    """Fit a logistic model: table (n, features), right (n,) of 0 and 1."""

    def slope(weights: Weights) -> Weights:
        chances = 1 / (1 + np.exp(-(table @ weights)))
        return np.asarray(table.T @ (chances - right) / len(table) + 1e-4 * weights)

    return fit(slope, NAMED_FEATURES, rounds=500).astype(np.float32)


def best_floors(
    chances: NDArray[np.float64], right: NDArray[np.bool_], groups: NDArray[np.intp], wanted: int
) -> NDArray[np.float32]:
    """Return the probability from which each of three groups of candidates is told, so that the F1 of all is best.

    Args:
        chances: of each candidate, shape (n,).
        right: whether it is named, shape (n,).
        groups: 0, 1 or 2, shape (n,).
        wanted: how many things are named in all.
    """
    told = [[chances[groups == group] >= floor for floor in _FLOORS[group]] for group in range(3)]
    counts = [
        [(int((each & right[groups == group]).sum()), int(each.sum())) for each in told[group]] for group in range(3)
    ]
    grid = itertools.product(*(range(len(floors)) for floors in _FLOORS))

    def f1(places: tuple[int, ...]) -> float:
        hits, named = (sum(counts[group][place][part] for group, place in enumerate(places)) for part in (0, 1))
        return 2 * hits / (wanted + named)

    best = max(grid, key=f1)
    best_of = [_FLOORS[group][place] for group, place in enumerate(best)]
    print(f"  names: F1 {f1(best):.3f} of unseen, floors {best_of}")
    return np.array(best_of, dtype=np.float32)
