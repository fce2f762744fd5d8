"""The medicines of a baskets file: read leniently, told apart strictly."""

import json
from pathlib import Path

import pytest

from actors.basket.catalogue import BasketCatalogue, load_baskets
from actors.basket.medicines import Formulary, Medicine, medicines
from balto.settings import OWN_BASKETS

PATH = Path("cestas.json")
AMOXICILLIN = {
    "nome": "amoxicilina",
    "principio": "amoxicilina",
    "classe": "antibiótico",
    "tarja": "vermelha",
    "retencao": True,
    "macro": "GASTROINTESTINAL",
    "micro": "FLORA_ANTIBIOTICO",
    "marcas": ["amoxil"],
}


def medicine(name: str, stripe: str = "vermelha", substance: str = "", brands: tuple[str, ...] = ()) -> Medicine:
    listed = [{**AMOXICILLIN, "nome": name, "principio": substance or name, "tarja": stripe, "marcas": list(brands)}]
    return medicines(listed, PATH, [])[0]


@pytest.fixture(scope="module")
def own() -> BasketCatalogue:
    return load_baskets(OWN_BASKETS)


def test_a_medicine_is_read_with_all_that_is_known_of_it() -> None:
    warnings: list[str] = []
    (read,) = medicines([AMOXICILLIN], PATH, warnings)
    assert (read.name, read.therapeutic_class, read.stripe) == ("amoxicilina", "antibiótico", "vermelha")
    assert read.prescription_only
    assert read.controlled
    assert read.entry.forms == ("amoxil",)
    assert warnings == []


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"nome": ""}, "cestas.json: medicamentos[0]: nome missing or empty; entry skipped"),
        ({"principio": None, "classe": " "}, "principio and classe missing or empty; entry skipped"),
        ({"marcas": "amoxil"}, "marcas is no list of texts; entry skipped"),
        ({"tarja": "azul"}, "tarja is none of livre, vermelha, preta; taken as vermelha"),
    ],
)
def test_a_poor_medicine_is_warned_of_with_its_place(change: dict[str, object], warning: str) -> None:
    warnings: list[str] = []
    medicines([{**AMOXICILLIN, **change}], PATH, warnings)
    (line,) = warnings
    assert line.endswith(warning)


def test_a_stripe_that_nobody_knows_counts_as_prescription_only() -> None:
    (read,) = medicines([{**AMOXICILLIN, "tarja": "amarela"}], PATH, [])
    assert read.prescription_only


@pytest.mark.parametrize(
    ("product", "found"),
    [
        ("Amoxicilina 500 mg", "amoxicilina"),
        ("AMOXIL suspensão", "amoxicilina"),
        ("Xarope de codeína", "paco"),
        ("Aciclovir creme", None),
        ("Aciclovir comprimidos", "aciclovir"),
        ("Insulina NPH", "insulina"),
        ("Agulha de insulina", None),
        ("Estojo para insulina", None),
        ("Paracetamol 750 mg", None),
        ("Amoxi", None),
        ("", None),
    ],
)
def test_a_product_names_what_may_only_be_sold_on_prescription(product: str, found: str | None) -> None:
    formulary = Formulary(
        medicines=(
            medicine("amoxicilina", brands=("amoxil",)),
            medicine("paco", substance="paracetamol + codeína"),
            medicine("paracetamol", "livre"),
            medicine("aciclovir"),
            medicine("aciclovir creme", "livre", substance="aciclovir"),
            medicine("insulina"),
        ),
        products=("agulha de insulina",),
        accessories=("estojo",),
    )
    named = formulary.prescription_only(product)
    assert (named and named.name) == found


def test_a_brand_is_told_from_a_generic_name() -> None:
    formulary = Formulary(medicines=(medicine("dipirona", "livre", brands=("novalgina",)),))
    assert formulary.brand("Novalgina gotas") == "novalgina"
    assert formulary.brand("Dipirona gotas") is None


def test_there_are_five_hundred_generic_names_each_with_its_basket(own: BasketCatalogue) -> None:
    assert len({m.name for m in own.medicines}) == len(own.medicines) >= 500
    assert sum(len(m.brands) for m in own.medicines) >= 1000
    for each in own.medicines:
        assert each.category.micro in own.baskets[each.category.macro], each.name


@pytest.mark.parametrize(
    ("name", "stripe", "controlled"),
    [
        *((name, "livre", False) for name in ("dipirona", "paracetamol", "loratadina", "omeprazol", "simeticona")),
        *((name, "vermelha", False) for name in ("nimesulida", "losartana", "metformina", "levonorgestrel")),
        *((name, "vermelha", True) for name in ("amoxicilina", "azitromicina", "isotretinoína", "sertralina")),
        *((name, "vermelha", True) for name in ("pregabalina", "semaglutida", "tramadol", "fenobarbital")),
        *((name, "preta", True) for name in ("clonazepam", "zolpidem", "metilfenidato", "sibutramina", "morfina")),
    ],
)
def test_stripes_are_what_the_pharmacy_law_says(own: BasketCatalogue, name: str, stripe: str, controlled: bool) -> None:
    found = next(m for m in own.medicines if m.name == name)
    assert (found.stripe, found.controlled) == (stripe, controlled)


def test_every_medicine_stands_on_a_line_of_its_own() -> None:
    lines = OWN_BASKETS.read_text(encoding="utf-8").splitlines()
    document = json.loads(OWN_BASKETS.read_text(encoding="utf-8"))
    assert sum('"principio": ' in line for line in lines) == len(document["medicamentos"])
