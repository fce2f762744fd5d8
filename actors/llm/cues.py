"""Signs by which one tells a request from a complaint, a question of price or dose, and mere talk."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.llm.words import MAX_LETTERS, tokenise

_ASKING: Final = ("pede", "tem", "indica")
_COMPLAINING: Final = ("queixa_de_agora",)
_LENGTHS: Final = (4, 8, 14, 22)
_MANY: Final = 3
"""Times from which it makes no difference how often a sign is seen."""


@cache
def cues() -> dict[str, re.Pattern[str]]:
    """Return the signs of `word_lists/cues.toml`, by their names, each to be looked for in words between blanks."""
    text = (files("actors.llm") / "word_lists" / "cues.toml").read_text(encoding="utf-8")
    return {name: _compiled(listed) for name, listed in tomllib.loads(text).items()}


def cue_features(sentence: str) -> NDArray[np.float32]:
    """Return how much of each sign is in a sentence, and its length and kind: shape (features,), each 0 to 1."""
    tokens = tokenise(sentence[:MAX_LETTERS])
    words = f" {' '.join(token.text for token in tokens)} "
    seen = {name: len(pattern.findall(words)) for name, pattern in cues().items()}
    asks = any(seen[name] for name in _ASKING)
    complains = any(seen[name] for name in _COMPLAINING)
    question = "?" in sentence
    there = [float(count > 0) for count in seen.values()]
    often = [min(count, _MANY) / _MANY for count in seen.values()]
    shape = [float(question), float(asks), float(complains), float(not asks and not complains)]
    shape += [float(len(tokens) >= length) for length in _LENGTHS]
    return np.array([*there, *often, *shape], dtype=np.float32)


def _compiled(listed: str) -> re.Pattern[str]:
    phrases = {" ".join(phrase.split()) for phrase in listed.split(",")}
    ways = sorted((" ".join(map(_word, phrase.split())) for phrase in phrases if phrase), key=len, reverse=True)
    # What follows is only looked at, so that two signs may share a blank.
    return re.compile(f" (?:{'|'.join(ways)})(?= )")


def _word(term: str) -> str:
    ways = [_way(way) for way in term.split("|")]
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"


def _way(way: str) -> str:
    return "[0-9]+" if way == "#" else re.escape(way[:-1]) + "[a-z0-9]*" if way.endswith("*") else re.escape(way)
