"""Safety over sentences of the counter: alarm signs, what only sounds like one, and what is no request."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.basket.catalogue import load_baskets
from actors.basket.resolver import BasketEngine
from balto.advising import Adviser
from balto.engines import build_understandings
from balto.settings import OWN_BASKETS, Settings

LINES = Path(__file__).with_name("safety_sentences.txt").read_text(encoding="utf-8").splitlines()
REASONS = {"alarm": "refer_to_pharmacist", "refer": "refer_to_pharmacist", "silence": "price_or_dosage"}


def sentences() -> Iterator[tuple[str, str, str]]:
    kind = rule = ""
    for line in LINES:
        if line.startswith("["):
            kind, _, rule = line.strip("[]").partition(" ")
        elif line and not line.startswith("#"):
            yield kind, rule, line


CASES = list(sentences())
ALARMS = load_baskets(OWN_BASKETS).safety.alarm_names


@pytest.fixture(scope="module")
def adviser() -> Adviser:
    catalogue = load_baskets(OWN_BASKETS)
    settings = Settings(_env_file=None, llm="lexicon")
    return Adviser(build_understandings(settings, catalogue), BasketEngine(catalogue), budget_s=1)


def test_there_are_enough_of_each() -> None:
    kinds = [kind for kind, _, _ in CASES]
    assert len(CASES) >= 120
    assert min(map(kinds.count, ("alarm", "calm", "silence", "refer"))) >= 10


@pytest.mark.parametrize(("kind", "rule", "text"), CASES, ids=[text for _, _, text in CASES])
async def test_a_sentence_is_taken_for_what_it_is(adviser: Adviser, kind: str, rule: str, text: str) -> None:
    advice = await adviser.advise(text)
    if kind == "calm":
        assert advice.macro != "ALERTA"
        assert advice.safety_rule not in ALARMS
        return
    assert (advice.withheld, advice.safety_rule, advice.items) == (REASONS[kind], rule, ())
