"""Safety over sentences of the counter: alarm signs, what only sounds like one, and what is no request."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.basket.naming import contains, words
from actors.basket.resolver import BasketEngine
from actors.llm.encoder import encoder_installed
from actors.values import Classified, Conversation, Resolved, Withheld
from balto.advising import Adviser
from balto.engines import build_understandings
from balto.settings import Settings
from events.catalogue import Category, Entity
from tests.remembering import own_baskets

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
ALARMS = own_baskets().safety.alarm_names


@pytest.fixture(scope="module")
def adviser() -> Adviser:
    catalogue = own_baskets()
    settings = Settings(_env_file=None, llm="lexicon")
    return Adviser(build_understandings(settings, catalogue), BasketEngine(catalogue), budget_s=30)


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


@pytest.mark.skipif(not encoder_installed(), reason="the encoder comes with the extra `local`")
@pytest.mark.parametrize("text", ["ele está se sentindo muito mal e com o rosto estranho"])
async def test_a_sign_that_no_rule_knows_is_referred_by_its_meaning(adviser: Adviser, text: str) -> None:
    assert not any(entity.name in ALARMS for entity in own_baskets().safety.look(text))
    advice = await adviser.advise(text)
    assert (advice.macro, advice.withheld, advice.items) == ("ALERTA", "refer_to_pharmacist", ())


@pytest.mark.parametrize(
    ("silence", "text", "name"),
    [
        ("conversa de pagamento", "passa uma neosaldina no crédito", "dipirona com isometepteno"),
        ("conversa de pagamento", "metformina pela farmácia popular, duas caixas", "metformina"),
        ("conversa de pagamento", "separa um xarope de guaco que eu pago no pix", "guaco"),
        ("conversa de pagamento", "atenolol pelo convênio dos professores", "atenolol"),
        ("conversa do que passou", "larguei o omeprazol e a azia voltou", "azia"),
        ("conversa do que passou", "deu no jornal que tem dengue, quero um repelente", "repelente"),
        ("conversa do que passou", "meu primo tá com tosse, me vê um xarope de guaco", "guaco"),
        ("conversa do que passou", "lá em casa todo mundo pegou piolho", "piolho"),
    ],
)
async def test_an_order_in_the_same_breath_as_talk_is_one(adviser: Adviser, silence: str, text: str, name: str) -> None:
    advice = await adviser.advise(text)
    assert advice.safety_rule != silence
    assert name in [entity.name for entity in advice.entities]


def test_a_medicine_named_earlier_tells_who_it_is_for() -> None:
    catalogue = own_baskets()
    ibuprofen = Entity(kind="medicine", name="ibuprofeno", span="ibuprofeno", score=1.0)
    place = next(medicine.category for medicine in catalogue.medicines if medicine.name == "ibuprofeno")
    asked = Classified(categories=(place,), anchors=("ibuprofeno",), confidence=1.0)
    engine = BasketEngine(catalogue)
    assert isinstance(engine.resolve(asked, (ibuprofen,)), Resolved)
    before = Conversation(anchors=frozenset({"losartana"}))
    refused = engine.resolve(asked, (ibuprofen,), before)
    assert refused == Withheld(reason="refer_to_pharmacist", safety_rule="hipertenso")


@pytest.mark.parametrize("name", ["dexpantenol", "ureia", "enxofre", "ácido salicílico"])
def test_what_is_no_corticoid_is_not_classed_as_one(name: str) -> None:
    medicine = next(each for each in own_baskets().medicines if each.name == name)
    assert "corticoide" not in medicine.therapeutic_class


@pytest.mark.parametrize("macro", sorted(own_baskets().fallbacks))
def test_every_circumstance_leaves_each_macro_something_safe_or_the_pharmacist(macro: str) -> None:
    catalogue = own_baskets()
    engine = BasketEngine(catalogue)
    for rule in catalogue.safety.circumstances:
        before = Conversation(facts=frozenset({rule.name}))
        for micro in catalogue.baskets[macro]:
            asked = Classified(categories=(Category(macro=macro, micro=micro),), anchors=(), confidence=1.0)
            answer = engine.resolve(asked, (), before)
            if isinstance(answer, Resolved):
                assert all(rule.takes(item) for item in answer.items), (rule.name, micro)
            else:
                assert answer.reason == "refer_to_pharmacist", (rule.name, micro)


@pytest.mark.parametrize(
    ("before", "text", "never"),
    [
        ("usa anticoagulante", "memória fraca", ("ômega 3", "ginkgo")),
        ("usa anticoagulante", "osteoporose", ("vitamina k2",)),
        ("hipertenso", "tô muito cansado", ("guaraná",)),
        ("diabético", "garganta inflamada", ("mel", "chá de gengibre com mel")),
        ("diabético", "calo no pé", ("lixa para os pés",)),
        ("doente renal", "cãibra", ("magnésio",)),
        ("doente renal", "suplemento pra academia", ("creatina", "proteína")),
        ("suspeita de dengue", "enjoo", ("gengibre",)),
        ("asmático", "garganta inflamada", ("própolis",)),
        ("gestante", "tô ansiosa", ("óleo essencial", "magnésio", "chá de camomila")),
        ("bebê", "tosse seca", ("mel", "própolis")),
    ],
)
async def test_what_was_told_earlier_keeps_back_what_would_harm(
    adviser: Adviser, before: str, text: str, never: tuple[str, ...]
) -> None:
    catalogue = own_baskets()
    understanding = build_understandings(Settings(_env_file=None, llm="lexicon"), catalogue)[0]
    entities = (await understanding.normalise(text, budget_s=1)).entities
    classified = await understanding.classify(text, entities, budget_s=1)
    plain = BasketEngine(catalogue).resolve(classified, entities)
    assert isinstance(plain, Resolved)
    answer = BasketEngine(catalogue).resolve(classified, entities, Conversation(facts=frozenset({before})))
    suggested = [words(item.sugestao) for item in answer.items] if isinstance(answer, Resolved) else []
    assert not any(contains(name, words(each)) for name in suggested for each in never)
