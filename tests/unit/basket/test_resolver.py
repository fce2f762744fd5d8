from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from actors.basket.catalogue import BasketCatalogue
from actors.basket.medicines import Formulary, medicines
from actors.basket.naming import contains, words
from actors.basket.resolver import BasketEngine
from actors.values import Classified, Conversation, LexiconEntry, Resolved, Withheld
from events.catalogue import Category, Entity, EntityKind, Item, ItemReason, WithheldReason


def items(*names: str) -> tuple[Item, ...]:
    return tuple(Item(sugestao=name, explicacao="Ajuda.") for name in names)


BASKETS = {
    "DOR": {"FEBRE": items("Termômetro", "Soro de reidratação", "Lenços", "Bolsa térmica"), "VAZIO": ()},
    "PELE": {"SOL": items("Hidratante")},
}
FALLBACKS = {"DOR": items("Porta-comprimidos"), "GASTRO": items("Probiótico", "Chá"), "OUTRO": items("Chocolate")}
LOOKUPS = {
    "dipirona_febre_dengue": items("Repelente"),
    "dipirona_febre_default": items("Compressa"),
    "dipirona_default_dengue": items("Mosquiteiro"),
    "dipirona_default_default": items("Água"),
    "ácido acetilsalicílico_default_default": items("Antiácido"),
    "aas_default_default": (),
}
LEXICON = (
    LexiconEntry(
        name="dipirona",
        kind="medicine",
        category=Category(macro="DOR"),
        forms=("novalgina",),
        also=("analgésico", "bolsa térmica"),
    ),
    LexiconEntry(name="febre", kind="symptom", category=Category(macro="DOR"), forms=("lenço",)),
)


def engine(lookups: Mapping[str, tuple[Item, ...]] | None = None) -> BasketEngine:
    return BasketEngine(
        BasketCatalogue(version="1", baskets=BASKETS, fallbacks=FALLBACKS, lookups=lookups or {}, lexicon=LEXICON)
    )


def said(*labels: tuple[str, str | None], anchors: Sequence[str] = ()) -> Classified:
    return Classified(
        categories=tuple(Category(macro=macro, micro=micro) for macro, micro in labels),
        anchors=tuple(anchors),
        confidence=1.0,
    )


def named(kind: EntityKind, name: str, span: str | None = None) -> Entity:
    return Entity(kind=kind, name=name, span=span or name, score=1.0)


def suggestions(answer: Resolved | Withheld) -> list[str]:
    assert isinstance(answer, Resolved)
    return [item.sugestao for item in answer.items]


@pytest.mark.parametrize(
    ("labels", "rule", "basket"),
    [
        ([("DOR", "FEBRE"), ("PELE", "SOL")], "macro_micro", "DOR/FEBRE"),
        ([("dor", "Febre")], "macro_micro", "DOR/FEBRE"),
        ([("DOR", "VAZIO"), ("PELE", "SOL")], "macro_fallback", "DOR/*"),
        ([("DOR", "OUTRA_COISA")], "macro_fallback", "DOR/*"),
        ([("DOR", None)], "macro_fallback", "DOR/*"),
        ([("ALERGIAS", "RINITE"), ("PELE", "SOL")], "second_macro_micro", "PELE/SOL"),
        ([("PELE", "LUA"), ("GASTRO", "AZIA")], "second_macro_fallback", "GASTRO/*"),
        ([("OUTRO", None), ("PELE", "SOL")], "macro_micro", "PELE/SOL"),
    ],
)
def test_the_order_of_resolution(labels: list[tuple[str, str | None]], rule: str, basket: str) -> None:
    answer = engine().resolve(said(*labels), ())
    assert isinstance(answer, Resolved)
    assert (answer.rule, answer.basket) == (rule, basket)


@pytest.mark.parametrize(
    ("entities", "key"),
    [
        ([("medicine", "dipirona"), ("symptom", "febre"), ("disease", "dengue")], "dipirona_febre_dengue"),
        ([("symptom", "febre"), ("medicine", "dipirona")], "dipirona_febre_default"),
        ([("medicine", "dipirona"), ("symptom", "tosse"), ("disease", "dengue")], "dipirona_default_dengue"),
        ([("medicine", "Dipirona")], "dipirona_default_default"),
        ([("medicine", "aas"), ("medicine", "dipirona")], "dipirona_default_default"),
        ([("medicine", "acido acetilsalicilico")], "ácido acetilsalicílico_default_default"),
    ],
)
def test_an_exact_lookup_comes_first_the_most_telling_one(entities: list[tuple[EntityKind, str]], key: str) -> None:
    answer = engine(LOOKUPS).resolve(said(("PELE", "SOL")), tuple(named(k, n) for k, n in entities))
    assert isinstance(answer, Resolved)
    assert (answer.rule, answer.basket) == ("lookup", f"lookup:{key}")


def test_a_lookup_serves_even_without_a_category() -> None:
    assert suggestions(engine(LOOKUPS).resolve(said(), (named("medicine", "dipirona"),))) == ["Água"]


def test_a_symptom_alone_has_no_lookup_but_its_category_serves() -> None:
    answer = engine(LOOKUPS).resolve(said(("DOR", "FEBRE")), (named("symptom", "febre"),))
    assert suggestions(answer) == ["Termômetro", "Soro de reidratação", "Lenços"]


@pytest.mark.parametrize(
    "anchor", ["termômetro", "TERMOMETRO", "Termômetros", "bolsa térmica", "bolsas termicas", "lenço", "soro"]
)
def test_what_was_named_never_comes_back(anchor: str) -> None:
    left = suggestions(engine().resolve(said(("DOR", "FEBRE"), anchors=[anchor]), ()))
    assert not any(contains(words(name), words(anchor)) for name in left)
    assert len(left) == 3


def test_half_a_word_is_no_name() -> None:
    assert "Termômetro" in suggestions(engine().resolve(said(("DOR", "FEBRE"), anchors=["termo", "metro"]), ()))


@pytest.mark.parametrize("anchor", ["dipirona", "Dipirona", "novalgina"])
def test_synonyms_of_an_anchor_never_come_back(anchor: str) -> None:
    answer = engine().resolve(said(("DOR", "FEBRE"), anchors=[anchor]), ())
    assert "Bolsa térmica" not in suggestions(answer)


def test_products_count_as_named_by_name_and_by_the_words_said_and_symptoms_do_not() -> None:
    product = named("need", "medidor", span="termometro")
    assert "Termômetro" not in suggestions(engine().resolve(said(("DOR", "FEBRE")), (product,)))
    symptom = named("symptom", "febre", span="lenço")
    assert "Lenços" in suggestions(engine().resolve(said(("DOR", "FEBRE")), (symptom,)))


def test_a_basket_emptied_by_anchors_gives_way_to_the_next() -> None:
    answer = engine().resolve(said(("PELE", "SOL"), ("GASTRO", None), anchors=["hidratante"]), ())
    assert isinstance(answer, Resolved)
    assert answer.rule == "second_macro_fallback"


def test_the_same_suggestion_twice_counts_once_and_three_are_the_most() -> None:
    catalogue = BasketCatalogue(
        version="1", baskets={"A": {"B": items("Gaze", "gazes", "Algodão", "Fita", "Soro")}}, fallbacks={}
    )
    assert suggestions(BasketEngine(catalogue).resolve(said(("A", "B")), ())) == ["Gaze", "Algodão", "Fita"]


@pytest.mark.parametrize(
    ("classified", "reason"),
    [
        (said(), "nothing_asked"),
        (said(anchors=["dipirona"]), "nothing_asked"),
        (said(("OUTRO", None)), "category_without_advice"),
        (said(("ALERGIAS", "RINITE")), "no_basket"),
        (said(("PELE", "SOL"), anchors=["hidratante"]), "all_named_already"),
    ],
)
def test_silence_has_its_reason(classified: Classified, reason: WithheldReason) -> None:
    assert engine().resolve(classified, ()) == Withheld(reason=reason)


MEDICINES = (
    {
        "nome": "dipirona com orfenadrina",
        "principio": "dipirona + orfenadrina",
        "tarja": "livre",
        "marcas": ["dorflex"],
    },
    {"nome": "dipirona", "principio": "dipirona", "tarja": "livre", "marcas": ["novalgina"]},
    {"nome": "nimesulida", "principio": "nimesulida", "tarja": "vermelha", "marcas": ["nisulid"]},
)


def stocked(*suggested: str) -> BasketEngine:
    listed = medicines([{"classe": "dor", "macro": "DOR", **each} for each in MEDICINES], Path("cestas.json"), [])
    return BasketEngine(
        BasketCatalogue(
            version="7",
            baskets={"DOR": {"COSTAS": items(*suggested)}},
            fallbacks={},
            lexicon=tuple(medicine.entry for medicine in listed),
            medicines=listed,
            formulary=Formulary(medicines=listed),
        )
    )


@pytest.mark.parametrize("product", ["dorflex", "Dorflex", "dipirona com orfenadrina"])
def test_a_brand_stands_for_its_substances_and_none_of_them_comes_back(product: str) -> None:
    engine = stocked("Dipirona gotas", "Novalgina", "Dorflex", "Bolsa térmica")
    answer = engine.resolve(said(("DOR", "COSTAS"), anchors=[product]), ())
    assert suggestions(answer) == ["Bolsa térmica"]


def test_what_takes_a_prescription_is_not_suggested_even_by_a_file_that_was_not_checked() -> None:
    engine = stocked("Nimesulida", "Nisulid gel", "Bolsa térmica")
    assert suggestions(engine.resolve(said(("DOR", "COSTAS")), ())) == ["Bolsa térmica"]
    nothing_else = stocked("Nimesulida").resolve(said(("DOR", "COSTAS")), ())
    assert nothing_else == Withheld(reason="prescription_only")


def test_what_was_suggested_lately_waits_and_what_was_named_before_never_comes_back() -> None:
    engine = stocked("Bolsa térmica", "Faixa lombar", "Adesivo térmico")
    before = Conversation(suggested=frozenset({"bolsa termica"}), anchors=frozenset({"faixa lombar"}))
    assert suggestions(engine.resolve(said(("DOR", "COSTAS")), (), before)) == ["Adesivo térmico"]
    all_of_it = Conversation(suggested=frozenset({"bolsa termica", "faixa lombar", "adesivo termico"}))
    assert engine.resolve(said(("DOR", "COSTAS")), (), all_of_it) == Withheld(reason="suggested_lately")


def test_a_product_named_earlier_anchors_its_substances_as_well() -> None:
    before = Conversation(anchors=frozenset({"dorflex"}))
    answer = stocked("Dipirona gotas", "Bolsa térmica").resolve(said(("DOR", "COSTAS")), (), before)
    assert suggestions(answer) == ["Bolsa térmica"]


def test_each_item_says_what_led_to_it() -> None:
    answer = stocked("Bolsa térmica", "Faixa lombar").resolve(
        said(("DOR", "COSTAS")), (named("medicine", "dipirona"), named("symptom", "tosse"))
    )
    assert isinstance(answer, Resolved)
    assert answer.catalogue == "7"
    assert answer.reasons == (ItemReason(basket="DOR/COSTAS", rule="macro_micro", entities=("dipirona",)),) * len(
        answer.items
    )
