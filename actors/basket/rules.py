"""The `seguranca` of a baskets file. Unlike a poor item, a poor safety rule is never skipped: the file is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actors.basket.entries import BasketFileError, sequence, table, type_name
from actors.basket.expressions import REACH, Expression, ExpressionError
from actors.basket.naming import words
from actors.basket.safety import Circumstance, Group, Rule, Safety

KEY = "seguranca"
_RULE_KEYS = frozenset({"nome", "motivo", "expressoes", "exceto", "alcance"})
ACCESSORIES = "acessorios"
_CIRCUMSTANCE_KEYS = (
    _RULE_KEYS
    | {"sem", "sem_tags", "salvo", "cestas", "encaminhar_medicamentos"}
    | {
        "toma",
        "toma_classes",
        "encaminhar",
        "encaminhar_classes",
    }
)


def safety(value: object, path: Path, known_baskets: frozenset[str]) -> Safety:
    """Return the safety rules of a file.

    Args:
        value: the file's `seguranca`.
        path: for messages.
        known_baskets: every `MACRO/MICRO` of the file.

    Raises:
        BasketFileError: anything is not as it should be: a rule that is not understood would not protect.
    """
    document = table(value, path, KEY)
    _only(document, frozenset({"alertas", "silencios", "contextos", ACCESSORIES}), path, KEY)
    places: dict[str, list[tuple[Mapping[str, Any], str]]] = {}
    for part, keys in (("alertas", _RULE_KEYS), ("silencios", _RULE_KEYS), ("contextos", _CIRCUMSTANCE_KEYS)):
        listed = sequence(document.get(part, []), path, f"{KEY}.{part}")
        places[part] = [(table(raw, path, f"{KEY}.{part}[{n}]"), f"{KEY}.{part}[{n}]") for n, raw in enumerate(listed)]
        for raw, place in places[part]:
            _only(raw, keys, path, place)
    found = Safety(
        alarms=tuple(Rule(**_rule(raw, path, place)) for raw, place in places["alertas"]),
        silences=tuple(Rule(**_rule(raw, path, place)) for raw, place in places["silencios"]),
        circumstances=tuple(_circumstance(raw, path, place, known_baskets) for raw, place in places["contextos"]),
    )
    if len(found.names) < len(found.alarms) + len(found.silences) + len(found.circumstances):
        raise BasketFileError(f"{path.name}: {KEY}: two rules have the same nome")
    return found


def accessories(value: object, path: Path) -> tuple[str, ...]:
    """Return the first words of products that only serve a medicine, as `seguranca` lists them.

    Raises:
        BasketFileError: they are no list of texts.
    """
    return tuple(_texts(table(value, path, KEY), ACCESSORIES, path, KEY))


def _rule(raw: Mapping[str, Any], path: Path, place: str) -> dict[str, Any]:
    reach = raw.get("alcance", REACH)
    if not isinstance(reach, int) or isinstance(reach, bool) or reach < 1:
        raise BasketFileError(f"{path.name}: {place}.alcance: a number of words was expected")
    expressions = _expressions(raw, "expressoes", path, place, reach)
    if not expressions:
        raise BasketFileError(f"{path.name}: {place}.expressoes: at least one is needed")
    return {
        "name": _text(raw, "nome", path, place).lower(),
        "reason": _text(raw, "motivo", path, place),
        "expressions": expressions,
        "unless": _expressions(raw, "exceto", path, place, reach),
    }


def _circumstance(raw: Mapping[str, Any], path: Path, place: str, known: frozenset[str]) -> Circumstance:
    baskets = frozenset(_texts(raw, "cestas", path, place))
    if baskets - known:
        raise BasketFileError(f"{path.name}: {place}.cestas: {min(baskets - known)} is no basket of this file")
    refers = raw.get("encaminhar_medicamentos", False)
    if not isinstance(refers, bool):
        raise BasketFileError(f"{path.name}: {place}.encaminhar_medicamentos: true or false was expected")
    return Circumstance(
        **_rule(raw, path, place),
        without=tuple(words(name) for name in _texts(raw, "sem", path, place)),
        without_tags=frozenset(_texts(raw, "sem_tags", path, place)),
        even_so=tuple(words(name) for name in _texts(raw, "salvo", path, place)),
        baskets=baskets,
        refers_medicines=refers,
        takes_medicines=_group(raw, "toma", path, place),
        refers=_group(raw, "encaminhar", path, place),
    )


def _group(raw: Mapping[str, Any], key: str, path: Path, place: str) -> Group:
    return Group(
        substances=frozenset(words(name) for name in _texts(raw, key, path, place)),
        classes=frozenset(words(name) for name in _texts(raw, f"{key}_classes", path, place)),
    )


def _expressions(raw: Mapping[str, Any], key: str, path: Path, place: str, reach: int) -> tuple[Expression, ...]:
    try:
        return tuple(Expression.parse(text, reach) for text in _texts(raw, key, path, place))
    except ExpressionError as error:
        raise BasketFileError(f"{path.name}: {place}.{key}: {error}") from None


def _texts(raw: Mapping[str, Any], key: str, path: Path, place: str) -> list[str]:
    listed = sequence(raw.get(key, []), path, f"{place}.{key}")
    for number, text in enumerate(listed):
        if not isinstance(text, str) or not text.strip():
            kind = "an empty one" if isinstance(text, str) else type_name(text)
            raise BasketFileError(f"{path.name}: {place}.{key}[{number}]: a text was expected, not {kind}")
    return list(listed)


def _text(raw: Mapping[str, Any], key: str, path: Path, place: str) -> str:
    text = raw.get(key)
    if not isinstance(text, str) or not text.strip():
        raise BasketFileError(f"{path.name}: {place}.{key} missing or empty")
    return text.strip()


def _only(raw: Mapping[str, Any], keys: frozenset[str], path: Path, place: str) -> None:
    unknown = sorted(set(raw) - keys)
    if unknown:
        raise BasketFileError(f"{path.name}: {place}: unknown key {unknown[0]}")
