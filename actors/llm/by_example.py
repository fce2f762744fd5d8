"""The classifier by example: what a sentence is, where it belongs and what it names, learnt from the corpus.

Two linear models, kernel ridge regressions in their primal form (Saunders et al., 1998), one over hashed words, letters
and sounds, the other over the sentence encoder's vectors. `python -m benchmarks.advice.training` makes the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from actors.llm.features import counted, weighed

Kind = Literal["request", "small_talk", "price_or_dosage", "alarm"]
KINDS: Final[tuple[Kind, ...]] = ("request", "small_talk", "price_or_dosage", "alarm")
WEIGHTS: Final = "by_example.npz"
"""Name of the file with the weights, in `actors/llm/weights/`."""

Row = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Learnt:
    """The weights, and what was fitted beside them."""

    macros: tuple[str, ...]
    names: tuple[str, ...]
    """Entries of the vocabulary that the corpus names; medicines are not among them."""
    idf: Row
    """Shape (BUCKETS,)."""
    by_words: NDArray[np.int8]
    """Shape (BUCKETS, kinds + macros + names), to be multiplied by `words_scale`."""
    words_scale: Row
    by_meaning: NDArray[np.int8]
    """Shape (512, kinds + macros + names), to be multiplied by `meaning_scale`."""
    meaning_scale: Row
    fusion: dict[str, Row]
    """See `actors.llm.fusion`."""
    priors: dict[str, tuple[float, float]]
    """By entry, how much more often than others it is meant where it is found, in log odds: alone, beside others."""
    digest: str
    """Of what it was learnt from."""
    columns: Mapping[str, int] = field(init=False, repr=False, compare=False)
    """Places of the names."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", {name: place for place, name in enumerate(self.names)})


@cache
def learnt() -> Learnt:
    """Read the weights that come with the package, once a process. Blocks for some 20 ms."""
    with as_file(files("actors.llm") / "weights" / WEIGHTS) as path, np.load(path) as read:
        return Learnt(
            macros=tuple(map(str, read["macros"])),
            names=tuple(map(str, read["names"])),
            idf=read["idf"].astype(np.float32),
            # A sentence takes some rows, so each is to lie in one place.
            by_words=np.ascontiguousarray(read["by_words"]),
            words_scale=read["words_scale"],
            by_meaning=read["by_meaning"],
            meaning_scale=read["meaning_scale"],
            fusion={key.removeprefix("fusion_"): read[key] for key in read.files if key.startswith("fusion_")},
            priors=dict(zip(map(str, read["prior_names"]), map(tuple, read["priors"].tolist()), strict=True)),
            digest=str(read["digest"]),
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """Scores of a sentence, about 0 to 1 each but no probabilities; those by meaning are None without the encoder."""

    words: Row
    """Shape (kinds + macros + names,)."""
    meaning: Row | None


def judge(sentence: str, vector: Row | None, model: Learnt) -> Judged:
    """Score a sentence.

    Args:
        sentence: the text.
        vector: what the encoder makes of it, shape (512,).
        model: the weights.
    """
    columns, weights = weighed(counted(sentence), model.idf)
    words = (weights @ model.by_words[columns].astype(np.float32)) * model.words_scale
    meaning = None if vector is None else (vector @ model.by_meaning.astype(np.float32)) * model.meaning_scale
    return Judged(words, meaning)


def quantised(weights: Row) -> tuple[NDArray[np.int8], Row]:
    """Return weights of shape (features, outputs) as whole numbers, and the scale of each output."""
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127
    return np.round(weights / scale).astype(np.int8), scale.astype(np.float32)
