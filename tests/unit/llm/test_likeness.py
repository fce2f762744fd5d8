"""Likeness of phonetic keys: what is told from single letters leaves out nothing that is alike."""

import random

from rapidfuzz import fuzz, process

from actors.llm.likeness import MIN_RATIO, Likeness

_LETTERS = "aaiiubdkjlnprstx19"


def _keys(count: int, rng: random.Random) -> list[str]:
    return list(dict.fromkeys("".join(rng.choices(_LETTERS, k=rng.randint(6, 16))) for _ in range(count)))


def _spoilt(key: str, rng: random.Random) -> str:
    letters = list(key)
    for _ in range(rng.randint(0, 3)):
        at = rng.randrange(len(letters))
        letters[at : at + 1] = rng.choices(_LETTERS, k=rng.randint(0, 2))
    return "".join(letters)


def test_the_nearest_keys_are_those_of_comparing_with_all() -> None:
    rng = random.Random(20)
    keys = _keys(2_000, rng)
    likeness = Likeness(keys)
    in_order = sorted(keys, key=len)
    found = 0
    for key in (_spoilt(key, rng) for key in keys):
        all_of_them = process.extract(key, in_order, scorer=fuzz.ratio, score_cutoff=MIN_RATIO, limit=3)
        expected = () if len(key) < 6 else tuple((other, ratio) for other, ratio, _ in all_of_them)
        assert likeness.nearest(key) == expected
        found += len(expected)
    assert found > len(keys) // 2


def test_of_equal_likenesses_the_first_key_comes_first() -> None:
    assert Likeness(["dramina", "dramine", "dramini"]).nearest("draminu")[0][0] == "dramina"
    assert Likeness(["dramini", "dramine", "dramina"]).nearest("draminu")[0][0] == "dramini"


def test_letters_that_are_the_same_in_another_order_are_not_alike() -> None:
    assert Likeness(["paracitamou"]).nearest("uomaticarap") == ()


def test_a_key_shorter_or_longer_than_all_has_none_near() -> None:
    assert Likeness(["dramini"]).nearest("dra") == ()
    assert Likeness(["dramini"]).nearest("dramini" * 9) == ()
    assert Likeness([]).nearest("dramini") == ()
