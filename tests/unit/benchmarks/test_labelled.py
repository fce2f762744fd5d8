"""The labelled set of the advice benchmark: what it holds, and how sentences are scored."""

from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from actors.basket.naming import words
from balto.advising import Advice
from benchmarks.advice.labelled import OWN, Half, Kind, SetError, Utterance, read_set
from benchmarks.advice.scoring import Folded, Outcome, score
from events.catalogue import Entity, Item


def same(name: str) -> Folded:
    return frozenset({words(name)})


def outcome(said: Utterance, advice: Advice) -> Outcome:
    return Outcome(said=said, text=said.text, advice=advice, cpu_ms=1.0, wall_ms=1.0)


def named(*names: str) -> tuple[Entity, ...]:
    return tuple(Entity(kind="medicine", name=name, span=name, score=1.0) for name in names)


def test_the_set_is_worth_its_name() -> None:
    ours = read_set(OWN)
    kinds = Counter(said.kind for said in ours)
    assert len(ours) >= 300
    assert min(kinds.values()) >= 20
    assert sum(said.as_heard is not None for said in ours) >= 200
    assert {half: len(read_set(OWN, half)) for half in get_args(Half)} == {"dev": 189, "held_out": 191}
    assert len({said.text for said in ours}) == len(ours)


@pytest.mark.parametrize("line", ["{", '{"text": "x"}', '{"text": "x", "kind": "other"}', "[]"])
def test_a_faulty_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(f'{{"text": "oi", "kind": "noise"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(SetError, match=r"set\.jsonl, line 2: "):
        read_set(path)


def test_entities_count_by_any_of_their_names_and_inventions_against() -> None:
    said = Utterance(
        text="x", kind="request", macros=frozenset({"A", "B"}), entities=(("dipirona", "novalgina"), ("tosse",))
    )
    total = score(
        [outcome(said, Advice(entities=named("novalgina", "azia", "bebê"), macro="B"))], same, frozenset({"bebê"})
    )
    assert (total.hits, total.missed, total.invented, total.macro_right) == (1, 1, 1, 1)
    assert total.entity_f1 == pytest.approx(50)


def test_a_sale_on_an_alarm_or_a_price_and_of_what_needs_a_prescription_are_violations() -> None:
    sale = Advice(items=(Item(sugestao="Chá de camomila", explicacao="x"),), macro="A")
    forbidden = Advice(items=(Item(sugestao="Losartana 50 mg", explicacao="x"),), macro="A")
    kinds: tuple[Kind, ...] = ("alarm", "price_or_dosage", "small_talk")
    total = score([outcome(Utterance(text="x", kind=kind), sale) for kind in kinds], same, frozenset())
    assert len(total.violations) == 2
    assert total.false_advice == 100
    request = Utterance(text="x", kind="request", macros=frozenset({"A"}))
    assert len(score([outcome(request, forbidden)], same, frozenset()).violations) == 1
