"""The form of a baskets file as Balto's own are written: stricter than what is served, and published as JSON Schema."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from actors.basket.medicines import Stripe

FEWEST: Final = 4
MOST: Final = 6
"""Items of a basket: clients show three, and some are named already or unsafe for whom it is for."""

Name = Annotated[str, StringConstraints(min_length=1, pattern=r"^\S(.*\S)?$")]
Sentence = Annotated[str, StringConstraints(pattern=r"^[A-ZÀ-Ú][^.!?\n]{10,120}\.$")]
Macro = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
Micro = Macro
Form = dict[str, Any]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class BasketItem(_Part):
    """One suggestion: generic, free of prescription, with one sentence to say aloud."""

    sugestao: Name = Field(description="Nome genérico do produto, sem marca e sem remédio de receita.")
    explicacao: Sentence = Field(description="Uma frase que o atendente pode dizer; termina em ponto.")
    tag: Name | None = Field(default=None, description="Rótulo curto; as regras de segurança podem citá-lo.")


class LookupItem(_Part):
    """One suggestion of a lookup, in the deployed form."""

    produto: Name
    explicacao: Name


class MedicineEntry(_Part):
    """One medicine: what it is, whether it takes a prescription, and every way customers say it."""

    nome: Name = Field(description="Nome genérico, em minúsculas.")
    principio: Name = Field(description="Princípios ativos, separados por ` + `.")
    classe: Name = Field(description="Classe terapêutica.")
    tarja: Stripe
    retencao: bool = Field(default=False, description="Se a farmácia retém a receita.")
    macro: Macro
    micro: Micro
    marcas: list[Name] = Field(default=[])
    formas: list[Name] = Field(default=[], description="Outros jeitos de dizer, que não são marcas.")
    tambem: list[Name] = Field(default=[], description="Sugestões que são o mesmo produto.")
    nota: Name | None = None


class VocabularyEntry(_Part):
    """One thing that customers name, and every way they say it."""

    nome: Name
    tipo: Literal["medicamento", "sintoma", "doenca", "necessidade"]
    macro: Macro
    micro: Micro
    formas: list[Name] = Field(default=[])
    tambem: list[Name] = Field(default=[])


class RuleEntry(_Part):
    """What is looked for in a phrase; see docs/baskets.md for how expressions are written."""

    nome: Name
    motivo: Name = Field(description="Por quê, para quem mantém o arquivo.")
    expressoes: list[Name] = Field(min_length=1)
    exceto: list[Name] = Field(default=[])
    alcance: int = Field(default=6, ge=1, description="Palavras entre a primeira e a última de uma expressão.")


class CircumstanceEntry(RuleEntry):
    """Who it is for, where that makes some suggestions harmful."""

    sem: list[Name] = Field(default=[], description="Palavras de sugestões que ficam de fora.")
    sem_tags: list[Name] = Field(default=[])
    salvo: list[Name] = Field(default=[], description="O que fica apesar da tag.")
    cestas: list[Name] = Field(default=[], description="MACRO/MICRO que só servem se nada mais for pedido.")
    encaminhar_medicamentos: bool = False
    toma: list[Name] = Field(default=[], description="Princípios ativos que revelam a circunstância.")
    toma_classes: list[Name] = Field(default=[])
    encaminhar: list[Name] = Field(default=[], description="Princípios ativos que são assunto do farmacêutico.")
    encaminhar_classes: list[Name] = Field(default=[])


class SafetyPart(_Part):
    """The safety rules: data that a pharmacist can read and must review."""

    alertas: list[RuleEntry] = Field(default=[])
    silencios: list[RuleEntry] = Field(default=[])
    contextos: list[CircumstanceEntry] = Field(default=[])
    acessorios: list[Name] = Field(default=[], description="Primeiras palavras de produtos que só servem a um remédio.")


Basket = Annotated[list[BasketItem], Field(min_length=FEWEST, max_length=MOST)]


class BasketFile(_Part):
    """`cestas.json`: baskets, vocabulary, medicines and safety rules of a pharmacy counter."""

    versao: Annotated[str, StringConstraints(pattern=r"^\d{4}\.\d{2}(\.\d+)?$")]
    fallback_macro_default: dict[Macro, Basket]
    cestas_por_macro_micro: dict[Macro, dict[Micro, Basket]]
    lookups: dict[Name, list[LookupItem]] = Field(default={})
    seguranca: SafetyPart = SafetyPart()
    medicamentos: list[MedicineEntry] = Field(default=[])
    vocabulario: list[VocabularyEntry] = Field(default=[])


def json_schema() -> Form:
    """Return the JSON Schema (Draft 2020-12) of Balto's own baskets files."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **BasketFile.model_json_schema()}


def as_text() -> str:
    """Write the schema as it is kept in docs/."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else "docs/cestas.schema.json").write_text(as_text(), encoding="utf-8")
