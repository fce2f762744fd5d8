"""One decision from two witnesses: what the vocabulary finds in a sentence, and what the classifier says of it.

All are logistic models with a handful of weights, fitted on the corpus to scores of a classifier that had not seen the
sentence (stacking: Wolpert, "Stacked generalization", 1992).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from actors.llm.by_example import KINDS, Judged, Learnt, Row
from actors.llm.cues import cue_features
from actors.values import LexiconEntry
from events.catalogue import Entity, EntityKind

_EXACT = 0.97
_KINDS = len(KINDS)
_ENTITY_KINDS: Final[tuple[EntityKind, ...]] = ("medicine", "symptom", "disease", "need")
"""Who names a disease often tells of someone; who names a medicine mostly wants it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the vocabulary has to say."""

    strengths: Mapping[str, float]
    """Of each macro category that an entity belongs in; see `LexiconUnderstanding.place`."""
    scores: tuple[float, ...]
    """Of the entities."""
    cues: Row
    """What `actors.llm.cues` sees in the sentence, and of which kinds something is named right; shape (features,)."""

    @classmethod
    def of(cls, text: str, strengths: Mapping[str, float], entities: Sequence[Entity]) -> "Evidence":
        """Return the evidence that a text and its entities are."""
        said_right = {entity.kind for entity in entities if entity.score >= _EXACT}
        kinds = np.array([kind in said_right for kind in _ENTITY_KINDS], dtype=np.float32)
        return cls(strengths, tuple(entity.score for entity in entities), np.concatenate([cue_features(text), kinds]))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a sentence is taken for."""

    kinds: Mapping[str, float]
    """Probabilities of request, small talk, price or dosage, and alarm."""
    macros: Mapping[str, float]
    """Probabilities of the macro categories, if it is a request."""


def macro_features(evidence: Evidence, judged: Judged, macros: Sequence[str]) -> Row:
    """Return what tells of each macro category, shape (macros, 6); the last column is there with an encoder only."""
    strengths = np.array([evidence.strengths.get(macro, 0.0) for macro in macros], dtype=np.float32)
    total = max(float(strengths.sum()), 1e-9)
    first = (strengths == strengths.max()) & (strengths > 0)
    exact = max(evidence.scores, default=0.0) >= _EXACT
    witnesses = [judged.words] if judged.meaning is None else [judged.words, judged.meaning]
    by_example = [scores[_KINDS : _KINDS + len(macros)] for scores in witnesses]
    return np.stack([strengths, strengths / total, first, first & exact, *by_example], axis=1).astype(np.float32)


def kind_features(evidence: Evidence, judged: Judged, macros: Row, count: int) -> Row:
    """Return what tells a request from what is none, shape (features,).

    Args:
        evidence: the vocabulary's.
        judged: the classifier's.
        macros: probabilities of the macro categories.
        count: of macro categories.
    """
    best = max(evidence.scores, default=0.0)
    own = [best > 0, best >= _EXACT, best, sum(evidence.strengths.values()), float(macros.max()), 1.0]
    witnesses = [judged.words] if judged.meaning is None else [judged.words, judged.meaning]
    for scores in witnesses:
        own += [*scores[:_KINDS], float(scores[_KINDS : _KINDS + count].max())]
    return np.concatenate([np.array(own, dtype=np.float32), evidence.cues])


def softmax(logits: Row) -> Row:
    """Return probabilities from logits along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float32)


def weigh(evidence: Evidence, judged: Judged, model: Learnt) -> Verdict:
    """Return what a sentence is taken for."""
    mode = mode_of(judged)
    macros = softmax(macro_features(evidence, judged, model.macros) @ model.fusion[f"macro_{mode}"])
    kinds = softmax(kind_features(evidence, judged, macros, len(model.macros)) @ model.fusion[f"kind_{mode}"])
    return Verdict(
        kinds=dict(zip(KINDS, kinds.tolist(), strict=True)),
        macros=dict(zip(model.macros, macros.tolist(), strict=True)),
    )


def mode_of(judged: Judged) -> str:
    """Return which of the fitted weights serve: those for words alone, or for words and meaning."""
    return "words" if judged.meaning is None else "meaning"


def name_scores(judged: Judged, model: Learnt) -> Row:
    """Return how much speaks for each name that the corpus knows, shape (names,)."""
    start = _KINDS + len(model.macros)
    return judged.words[start:] + (0 if judged.meaning is None else judged.meaning[start:])


NAMED_FEATURES = 15


def named_features(
    found: Entity | None,
    entry: LexiconEntry,
    score: float,
    top: float,
    verdict: Mapping[str, float],
    count: int,
    prior: float,
) -> Row:
    """Return what tells whether a sentence names an entry, shape (NAMED_FEATURES,).

    Args:
        found: the entity that the vocabulary finds, or None if the classifier alone proposes it.
        entry: the vocabulary's entry.
        score: the classifier's for this name; NaN if the corpus does not know it.
        top: the classifier's best score for any name.
        verdict: probabilities of the macro categories.
        count: of entities that the vocabulary finds.
        prior: how much more often than others this one is meant where it is found, in log odds; see `Learnt.priors`.
    """
    known = not np.isnan(score)
    likely = score if known else 0.0
    place = verdict.get(entry.category.macro, 0.0)
    nearest = float(known and score >= top)
    if found is None:
        return np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, likely, nearest, place, count > 0, 0], dtype=np.float32)
    return np.array(
        [
            1, 1, found.score, found.score >= _EXACT, entry.kind == "medicine", entry.kind == "need",
            not known, likely, (score - top) if known else 0, place, 0, nearest, 0, count, prior,
        ],
        dtype=np.float32,
    )  # fmt: skip
