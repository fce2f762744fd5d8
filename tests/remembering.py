"""What is dear to compute and the same each time, computed once a process: runs of the speech model, catalogues.

Tests hear the same few recordings again and again, and every Balto compiles the same baskets file. What is remembered
is a pure function of what it is asked, to the byte, so nothing is proved less; what changes is asked anew.
"""

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import pytest

import balto.shelf
from actors.basket import catalogue
from actors.basket.catalogue import BasketCatalogue
from actors.llm import lexicon
from actors.llm.matching import MatchingIndex
from actors.vad.silero import speech_model
from balto.settings import OWN_BASKETS

_MOST_RUNS: Final = 30_000
"""A run's answer weighs about a kilobyte and a half."""


@functools.cache
def own_baskets() -> BasketCatalogue:
    """Return the catalogue that comes with Balto; it cannot be changed."""
    return catalogue.load_baskets(OWN_BASKETS)


@pytest.fixture(scope="session", autouse=True)
def remembered() -> Iterator[None]:
    """Put the memory in front of what is dear, for the whole run."""
    with pytest.MonkeyPatch.context() as patch:
        model: Any = speech_model()
        if model is not None:
            patch.setattr(model, "_run", _remembering_runs(model._run))
        patch.setattr(balto.shelf, "load_baskets", _by_files(catalogue.load_baskets))
        patch.setattr(lexicon, "MatchingIndex", _by_entries(MatchingIndex))
        yield


def _remembering_runs(run: Callable[..., Any]) -> Callable[..., Any]:
    known: OrderedDict[bytes, Any] = OrderedDict()

    def remembered_run(outputs: Any, inputs: dict[str, Any]) -> Any:
        asked = blake2b(repr([value.shape for value in inputs.values()]).encode(), digest_size=16)
        for value in inputs.values():
            asked.update(value.tobytes())
        key = asked.digest()
        if key not in known:
            known[key] = run(outputs, inputs)
            if len(known) > _MOST_RUNS:
                known.popitem(last=False)
        return known[key]

    return remembered_run


def _by_files(load: Callable[..., BasketCatalogue]) -> Callable[..., BasketCatalogue]:
    """Remember catalogues of files that lie in the repository; tests write others, and write them anew."""

    @functools.lru_cache(maxsize=8)
    def kept(path: Path, lookups: Path | None, vocabulary: Path | None) -> BasketCatalogue:
        return load(path, lookups=lookups, vocabulary=vocabulary)

    def loaded(path: Path, *, lookups: Path | None = None, vocabulary: Path | None = None) -> BasketCatalogue:
        if path == OWN_BASKETS and lookups is None and vocabulary in (None, OWN_BASKETS):
            return kept(path, lookups, vocabulary)
        return load(path, lookups=lookups, vocabulary=vocabulary)

    return loaded


def _by_entries(make: Callable[..., MatchingIndex]) -> Callable[..., MatchingIndex]:
    kept = functools.lru_cache(maxsize=4)(make)

    def made(entries: Sequence[Any]) -> MatchingIndex:
        return kept(tuple(entries))

    return made
