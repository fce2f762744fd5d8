"""The parts of a baskets file: items, lookups and vocabulary entries, each read with its place in hand."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from actors.values import LexiconEntry
from events.catalogue import Category, EntityKind, Item

KINDS: Mapping[str, EntityKind] = {
    "medicamento": "medicine",
    "sintoma": "symptom",
    "doenca": "disease",
    "necessidade": "need",
}
"""What the file's `tipo` means."""

Refuse = Callable[[str], str | None]
"""Takes an item's name and returns why it may not be suggested, or None."""

_NAMES = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true/false",
    int: "a number",
    float: "a number",
}


class BasketFileError(Exception):
    """A baskets file can't be used. The message is one line that names the file and the place in it."""


def type_name(value: object) -> str:
    """Return what a JSON value is, in words."""
    return "null" if value is None else _NAMES.get(type(value), type(value).__name__)


def table(value: object, path: Path, place: str) -> Mapping[str, Any]:
    """Return a JSON object.

    Raises:
        BasketFileError: it is something else.
    """
    if not isinstance(value, dict):
        raise BasketFileError(f"{at(path, place)}: an object was expected, not {type_name(value)}")
    return value


def sequence(value: object, path: Path, place: str) -> Sequence[Any]:
    """Return a JSON list.

    Raises:
        BasketFileError: it is something else.
    """
    if not isinstance(value, list):
        raise BasketFileError(f"{at(path, place)}: a list was expected, not {type_name(value)}")
    return value


def items(
    value: object,
    path: Path,
    place: str,
    warnings: list[str],
    *,
    name_key: str = "sugestao",
    refuse: Refuse = lambda _: None,
) -> tuple[Item, ...]:
    """Return the good items of a list; the others, and those that are refused, are skipped with a warning.

    Raises:
        BasketFileError: it is no list.
    """
    found: list[Item] = []
    for number, raw in enumerate(sequence(value, path, place)):
        where = f"{at(path, place)}[{number}]"
        if not isinstance(raw, dict):
            warnings.append(f"{where}: an object was expected, not {type_name(raw)}; item skipped")
            continue
        poor = [key for key in (name_key, "explicacao") if not text(raw.get(key))]
        if poor:
            warnings.append(f"{where}: {' and '.join(poor)} missing or empty; item skipped")
            continue
        refused = refuse(text(raw[name_key]))
        if refused:
            warnings.append(f"{where}: {refused}; item skipped")
            continue
        tag = raw.get("tag")
        if tag is not None and not isinstance(tag, str):
            warnings.append(f"{where}: tag is {type_name(tag)}, not a text; served without it")
        found.append(Item(sugestao=text(raw[name_key]), explicacao=text(raw["explicacao"]), tag=text(tag) or None))
    return tuple(found)


def lookups(
    value: object, path: Path, place: str, warnings: list[str], *, refuse: Refuse = lambda _: None
) -> dict[str, tuple[Item, ...]]:
    """Return the lookups of the deployed format: `{key: [{"produto", "explicacao"}, …]}`.

    Raises:
        BasketFileError: it is no object of lists.
    """
    prefix = f"{place}." if place else ""
    return {
        key: items(listed, path, f"{prefix}{key}", warnings, name_key="produto", refuse=refuse)
        for key, listed in table(value, path, place).items()
    }


def lexicon(value: object, path: Path, warnings: list[str]) -> tuple[LexiconEntry, ...]:
    """Return the good entries of a `vocabulario`; the others are skipped with a warning.

    Raises:
        BasketFileError: it is no list.
    """
    found: list[LexiconEntry] = []
    for number, raw in enumerate(sequence(value, path, "vocabulario")):
        where = f"{at(path, 'vocabulario')}[{number}]"
        entry = _entry(raw)
        if isinstance(entry, str):
            warnings.append(f"{where}: {entry}; entry skipped")
        else:
            found.append(entry)
    return tuple(found)


def _entry(raw: object) -> LexiconEntry | str:
    """Return a vocabulary entry, or what is wrong with it."""
    if not isinstance(raw, dict):
        return f"an object was expected, not {type_name(raw)}"
    poor = [key for key in ("nome", "tipo", "macro") if not text(raw.get(key))]
    if poor:
        return f"{' and '.join(poor)} missing or empty"
    kind = KINDS.get(text(raw["tipo"]))
    if kind is None:
        return f"tipo is none of {', '.join(KINDS)}"
    lists = name_lists(raw, ("formas", "tambem"))
    if isinstance(lists, str):
        return lists
    return LexiconEntry(
        name=text(raw["nome"]).lower(),
        kind=kind,
        category=Category(macro=text(raw["macro"]), micro=text(raw.get("micro")) or None),
        forms=lists["formas"],
        also=lists["tambem"],
    )


def name_lists(raw: Mapping[str, Any], keys: Sequence[str]) -> dict[str, tuple[str, ...]] | str:
    """Return the lists of names under some keys, empty where one is missing, or what is wrong with them."""
    lists: dict[str, tuple[str, ...]] = {}
    for key in keys:
        listed = raw.get(key, [])
        if not isinstance(listed, list) or not all(text(name) for name in listed):
            return f"{key} is no list of texts"
        lists[key] = tuple(text(name) for name in listed)
    return lists


def text(value: object) -> str:
    """Return a text without blanks around it; anything else is empty."""
    return value.strip() if isinstance(value, str) else ""


def at(path: Path, place: str) -> str:
    """Return how a place in a file is named in messages."""
    return f"{path.name}: {place}" if place else path.name
