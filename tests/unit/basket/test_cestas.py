"""The baskets file that comes with Balto: complete, consistent and safe."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from actors.basket.catalogue import MACROS, NO_ADVICE, BasketCatalogue, load_baskets
from actors.basket.naming import contains, key, words
from actors.basket.resolver import BasketEngine
from actors.values import Classified, Resolved
from balto.settings import Settings
from events.catalogue import Entity

PATH: Path = Settings().baskets

NEVER_SUGGESTED = Path(__file__).with_name("never_suggested.txt")
ALLOWED = {"Escova para mamadeira", "Esterilizador de mamadeira", "Saco para armazenar leite", "Bomba tira-leite"}


@pytest.fixture(scope="module")
def catalogue() -> BasketCatalogue:
    return load_baskets(PATH)


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(PATH.read_text(encoding="utf-8"))


def suggested(catalogue: BasketCatalogue) -> set[str]:
    baskets = [listed for micros in catalogue.baskets.values() for listed in micros.values()]
    return {item.sugestao for listed in (*baskets, *catalogue.fallbacks.values()) for item in listed}


def test_it_loads_without_a_warning(catalogue: BasketCatalogue) -> None:
    assert catalogue.warnings == ()
    assert re.fullmatch(r"\d{4}\.\d{2}(\.\d+)?", catalogue.version)


def test_every_advising_macro_has_a_fallback_and_at_least_three_micros(catalogue: BasketCatalogue) -> None:
    advising = set(MACROS) - {NO_ADVICE}
    assert set(catalogue.baskets) == set(catalogue.fallbacks) == advising
    assert all(len(micros) >= 3 for micros in catalogue.baskets.values())
    assert sum(map(len, catalogue.baskets.values())) >= 60


def test_every_basket_has_four_or_more_items_none_twice(catalogue: BasketCatalogue) -> None:
    baskets = {
        f"{macro}/{micro}": listed for macro, micros in catalogue.baskets.items() for micro, listed in micros.items()
    } | dict(catalogue.fallbacks)
    for place, listed in baskets.items():
        names = [words(item.sugestao) for item in listed]
        assert 4 <= len(names) == len(set(names)) <= 6, place


def test_every_explanation_is_one_sentence_to_say_aloud(catalogue: BasketCatalogue) -> None:
    for listed in (*catalogue.fallbacks.values(), *(i for m in catalogue.baskets.values() for i in m.values())):
        for item in listed:
            assert re.fullmatch(r"[A-ZÀ-Ú][^.!?\n]{10,120}\.", item.explicacao), item


def test_every_vocabulary_entry_has_its_basket(catalogue: BasketCatalogue) -> None:
    assert len(catalogue.lexicon) >= 250
    for entry in catalogue.lexicon:
        assert entry.category.micro in catalogue.baskets[entry.category.macro], entry.name


def test_nothing_can_be_said_in_two_entries(catalogue: BasketCatalogue) -> None:
    said = Counter(key(form).replace("_", "") for e in catalogue.lexicon for form in (e.name, *e.forms))
    assert [form for form, times in said.items() if times > 1] == []


def test_every_kind_of_entry_is_well_covered(catalogue: BasketCatalogue) -> None:
    kinds = Counter(entry.kind for entry in catalogue.lexicon)
    assert kinds["medicine"] >= 150
    assert min(kinds["symptom"], kinds["need"]) >= 50
    assert kinds["disease"] >= 30


def test_what_counts_as_named_too_is_something_that_is_suggested(catalogue: BasketCatalogue) -> None:
    known = {words(name) for name in suggested(catalogue)}
    unknown = {also for e in catalogue.lexicon for also in e.also if not any(contains(k, words(also)) for k in known)}
    assert unknown == set()


def test_nothing_prescription_only_no_brand_and_nothing_forbidden_is_suggested(
    catalogue: BasketCatalogue,
) -> None:
    lines = NEVER_SUGGESTED.read_text(encoding="utf-8").splitlines()
    names = [name for line in lines if not line.startswith("#") for name in line.split()]
    forbidden = {words(name): name for name in names}
    found = {
        (suggestion, name)
        for suggestion in suggested(catalogue) - ALLOWED
        for part, name in forbidden.items()
        if contains(words(suggestion), part)
    }
    assert found == set()


def test_no_medicine_of_the_vocabulary_is_suggested_beside_another_of_its_basket(
    catalogue: BasketCatalogue,
) -> None:
    engine = BasketEngine(catalogue)
    for entry in catalogue.lexicon:
        if entry.kind != "medicine":
            continue
        micros = catalogue.baskets[entry.category.macro]
        listed = micros[entry.category.micro or ""]
        own_names = [words(name) for name in (entry.name, *entry.forms)]
        answer = engine.resolve(Classified(categories=(entry.category,), anchors=(entry.name,), confidence=1.0), ())
        assert isinstance(answer, Resolved), entry.name
        assert answer.rule == "macro_micro", f"{entry.name}: its own basket of {len(listed)} gave nothing"
        for item in answer.items:
            assert not any(contains(words(item.sugestao), name) for name in own_names), (entry.name, item)


def test_babies_get_no_honey_and_high_pressure_no_salt_or_stimulant(catalogue: BasketCatalogue) -> None:
    children = {item.sugestao for listed in catalogue.baskets["PEDIATRIA"].values() for item in listed}
    assert not any({"mel", "propolis"} & set(words(name)) for name in children)
    heart = {item.sugestao for listed in catalogue.baskets["CARDIO_PRESSAO"].values() for item in listed}
    heart |= {item.sugestao for item in catalogue.fallbacks["CARDIO_PRESSAO"]}
    unsafe = {"efervescente", "guarana", "cafeina", "reidratacao", "potassio", "substituto", "descongestionante"}
    assert not any(unsafe & set(words(name)) for name in heart)


def test_anticoagulants_meet_no_vitamin_k_and_no_omega_3(catalogue: BasketCatalogue) -> None:
    warfarin = Entity(kind="medicine", name="varfarina", span="varfarina", score=1.0)
    entry = next(e for e in catalogue.lexicon if e.name == "varfarina")
    answer = BasketEngine(catalogue).resolve(
        Classified(categories=(entry.category,), anchors=("varfarina",), confidence=1.0), (warfarin,)
    )
    assert isinstance(answer, Resolved)
    assert not any({"k2", "omega", "ginkgo"} & set(words(item.sugestao)) for item in answer.items)


def test_the_file_is_formatted_one_item_a_line(document: Any) -> None:
    text = PATH.read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert "\\u" not in text
    assert "\t" not in text
    entries = sum(1 for line in text.splitlines() if line.lstrip().startswith('{"nome": '))
    assert entries == len(document["vocabulario"]) + len(document["medicamentos"])
