"""Ways to say what the vocabulary knows that were picked from the corpus; they come with the package."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from actors.values import LexiconEntry

LEARNT_FORMS = "learnt_forms.txt"
"""List in `actors/llm/word_lists/`: entry, colon, form."""


@cache
def learnt_forms() -> Mapping[str, tuple[str, ...]]:
    """Return the forms that come with the package, by the names of their entries."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    text = (files("actors.llm") / "word_lists" / LEARNT_FORMS).read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, form = line.partition(": ")
            found[name].append(form)
    return {name: tuple(forms) for name, forms in found.items()}


def with_learnt_forms(
    entries: Sequence[LexiconEntry], forms: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[LexiconEntry, ...]:
    """Return entries with further forms, after those that they have; names that are no entry's are left out.

    Args:
        entries: a vocabulary.
        forms: by name; those that come with the package by default.
    """
    more = learnt_forms() if forms is None else forms
    return tuple(
        dataclasses.replace(each, forms=(*each.forms, *more[each.name])) if each.name in more else each
        for each in entries
    )
