import pytest

from actors.basket.naming import contains, key, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Gaze", "gazes"),
        ("barbeador", "Barbeadores"),
        ("algodão", "ALGODAO"),
        ("pomada de calêndula", "Pomadas de calendulas"),
        ("loção", "loções"),
        ("lenço", "lenços"),
        ("gel", "géis"),
        ("porta-comprimidos", "porta comprimido"),
        ("nariz", "narizes"),
    ],
)
def test_case_accents_plural_and_hyphens_make_no_difference(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_different_products_stay_different() -> None:
    assert words("gás") != words("gaze")


def test_a_part_is_found_only_as_neighbouring_whole_words() -> None:
    whole = words("Soro fisiológico nasal em spray")
    assert contains(whole, words("soro fisiológico"))
    assert not contains(whole, words("soro nasal"))
    assert not contains(whole, words("sor"))
    assert not contains(whole, ())


def test_a_key_is_lower_case_without_accents_and_joined_by_underscores() -> None:
    assert key(" Ácido Acetil-salicílico ") == "acido_acetil_salicilico"
