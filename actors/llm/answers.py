"""What a language model is asked to answer, as strict JSON schemas, and how much of an answer is believed."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from actors.llm.phonetics import fold
from actors.values import Classified, Normalised
from events.catalogue import Category, Entity

NO_ADVICE = "OUTRO"
"""The macro category of requests that are no business of a pharmacy."""

_MAX_CATEGORIES = 2
_PRODUCTS = ("medicine", "need")

Taxonomy = Mapping[str, Sequence[str]]
"""Micro labels by macro label."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SaidEntity(_Strict):
    """One entity as the model gives it."""

    tipo: Literal["medicine", "symptom", "disease", "need"]
    nome: str
    trecho: str
    certeza: float = Field(allow_inf_nan=False)


class SaidEntities(_Strict):
    """Answer of stage 1."""

    entidades: tuple[SaidEntity, ...]


class SaidCategory(_Strict):
    """One category as the model gives it."""

    macro: str
    micro: str | None


class SaidCategories(_Strict):
    """Answer of stage 2."""

    categorias: tuple[SaidCategory, ...]
    ancoras: tuple[str, ...]
    certeza: float = Field(allow_inf_nan=False)


class SaidAll(SaidEntities, SaidCategories):
    """Answer of both stages at once."""


def entities_schema() -> dict[str, Any]:
    """Return the strict JSON schema of stage 1: every property required, none beside them, no defaults."""
    return _object(**_entities())


def categories_schema(taxonomy: Taxonomy) -> dict[str, Any]:
    """Return the strict JSON schema of stage 2, with the labels of a taxonomy as the only choices."""
    return _object(**_categories(taxonomy))


def all_schema(taxonomy: Taxonomy) -> dict[str, Any]:
    """Return the strict JSON schema of both stages' answers in one: what was named comes before where it belongs."""
    return _object(**_entities(), **_categories(taxonomy))


def believed_entities(said: SaidEntities, text: str, cost_usd: float) -> Normalised:
    """Keep the entities whose proof is in the text, each name once; the rest was invented."""
    heard = _words(text)
    found: dict[str, Entity] = {}
    for entity in said.entidades:
        name = " ".join(entity.nome.lower().split())
        proof = _words(entity.trecho)
        if name and proof.strip() and proof in heard:
            score = min(1.0, max(0.0, entity.certeza))
            found.setdefault(name, Entity(kind=entity.tipo, name=name, span=entity.trecho.strip(), score=score))
    return Normalised(entities=tuple(found.values()), cost_usd=cost_usd)


def believed_categories(
    said: SaidCategories, entities: Sequence[Entity], taxonomy: Taxonomy, cost_usd: float
) -> Classified | None:
    """Keep the categories that exist; a micro of another macro is left out.

    Returns:
        The classification, or None where categories were given but none of them exists.
    """
    kept: dict[str, Category] = {}
    for category in said.categorias:
        if category.macro in taxonomy or category.macro == NO_ADVICE:
            micro = category.micro if category.micro in taxonomy.get(category.macro, ()) else None
            kept.setdefault(category.macro, Category(macro=category.macro, micro=micro))
    if said.categorias and not kept:
        return None
    named = [entity.name for entity in entities if entity.kind in _PRODUCTS]
    anchors = dict.fromkeys((*named, *(" ".join(name.lower().split()) for name in said.ancoras)))
    return Classified(
        categories=tuple(kept.values())[:_MAX_CATEGORIES],
        anchors=tuple(name for name in anchors if name),
        confidence=min(1.0, max(0.0, said.certeza)) if kept else 0.0,
        cost_usd=cost_usd,
    )


def _words(text: str) -> str:
    """Return the folded words of a text between blanks, so that whole words are compared."""
    letters = "".join(c if c.isalnum() else " " for c in fold(text))
    return f" {' '.join(letters.split())} "


def _entities() -> dict[str, object]:
    entity = _object(
        tipo={"type": "string", "enum": ["medicine", "symptom", "disease", "need"]},
        nome={"type": "string"},
        trecho={"type": "string"},
        certeza={"type": "number"},
    )
    return {"entidades": _list(entity)}


def _categories(taxonomy: Taxonomy) -> dict[str, object]:
    micros: list[str | None] = list(dict.fromkeys(micro for listed in taxonomy.values() for micro in listed))
    category = _object(
        macro={"type": "string", "enum": list(dict.fromkeys((*taxonomy, NO_ADVICE)))},
        micro={"type": ["string", "null"], "enum": [*micros, None]},
    )
    return {"categorias": _list(category), "ancoras": _list({"type": "string"}), "certeza": {"type": "number"}}


def _object(**properties: object) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: object) -> dict[str, Any]:
    return {"type": "array", "items": items}
