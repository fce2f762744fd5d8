"""The guard: what is invention, and what must never be taken for it."""

import pytest

from actors.stt.guard import Evidence, Reason, confidence_of, reason_to_reject, words_of
from actors.stt.vocabulary import DEFAULT_PROMPT

SURE = Evidence(avg_logprob=-0.3, no_speech=0.1, duration_s=4.0, prompt=DEFAULT_PROMPT)


def evidence(**changes: float | str | None) -> Evidence:
    whole = {"avg_logprob": -0.3, "no_speech": 0.1, "duration_s": 4.0, "prompt": DEFAULT_PROMPT} | changes
    return Evidence(**whole)  # type: ignore[arg-type]  # the fields differ in type; the test knows them


@pytest.mark.parametrize(
    "text",
    [
        "AAS",
        "aas.",
        "Dipirona!",
        "Sim.",
        "Estou com muita dor de cabeça e febre desde ontem.",
        "dipirona, dipirona, dipirona",
        "Quero uma dipirona, quero uma dipirona, quero uma dipirona.",
        "me dá um dorflex, um dorflex e dois AAS, isso, um dorflex e dois AAS",
        "dipirona, paracetamol e ibuprofeno",
        "Boa tarde, depois do almoço eu sinto muita azia e queimação no estômago.",
    ],
)
def test_what_customers_say_is_believed(text: str) -> None:
    assert reason_to_reject(text, SURE) is None


@pytest.mark.parametrize(
    ("text", "changes", "reason"),
    [
        ("", {}, "no_words"),
        (" ... ?!", {}, "no_words"),
        ("O que é isso?", {"avg_logprob": -1.01, "no_speech": 0.35}, "low_confidence"),
        ("O que é isso?", {"avg_logprob": -1.21}, "low_confidence"),
        ("FFFFFFFFFFFFFFFFFFFFFFFF", {}, "repetition"),
        ("O que é isso?", {"avg_logprob": -0.75, "no_speech": 0.61}, "no_speech"),
        ("Legendas pela comunidade Amara.org", {}, "stock_phrase"),
        ("Obrigado por assistir!", {}, "stock_phrase"),
        ("não, não, não, não, não, não, não, não, não", {}, "repetition"),
        ("eu vou lá " * 12, {"duration_s": 10.0}, "repetition"),
        ("um dois três quatro cinco seis sete oito nove", {"duration_s": 1.0}, "impossible_pace"),
        ("Dorflex, Neosaldina, Buscopan, amoxicilina, azitromicina, loratadina", {}, "prompt_echo"),
    ],
)
def test_inventions_are_named(text: str, changes: dict[str, float], reason: Reason) -> None:
    assert reason_to_reject(text, evidence(**changes)) == reason


@pytest.mark.parametrize(
    ("avg_logprob", "no_speech"),
    [(-1.2, 0.34), (-1.0, 0.35), (-0.7, 0.99), (-0.99, 0.6)],
)
def test_the_limits_themselves_are_believed(avg_logprob: float, no_speech: float) -> None:
    assert reason_to_reject("O que é isso?", evidence(avg_logprob=avg_logprob, no_speech=no_speech)) is None


def test_a_known_name_alone_is_held_to_a_milder_limit_of_confidence() -> None:
    assert reason_to_reject("AAS", evidence(avg_logprob=-1.3)) is None
    assert reason_to_reject("AAS", evidence(avg_logprob=-1.4)) == "low_confidence"
    assert reason_to_reject("Oi", evidence(avg_logprob=-1.3)) == "low_confidence"


def test_known_names_can_be_the_callers_own() -> None:
    shy = evidence(avg_logprob=-1.3)
    assert reason_to_reject("Zolpidem", shy) == "low_confidence"
    assert reason_to_reject("Zolpidem", shy, known=("zolpidem",)) is None


def test_engines_that_say_nothing_of_themselves_are_judged_by_the_text_alone() -> None:
    assert reason_to_reject("tem dipirona", Evidence()) is None
    assert reason_to_reject("não " * 30, Evidence()) == "repetition"


def test_three_words_in_a_short_cut_phrase_are_no_impossible_pace() -> None:
    assert reason_to_reject("tem dipirona aí", evidence(duration_s=0.3)) is None


def test_words_lose_accents_case_and_punctuation() -> None:
    assert words_of("É p'ra Ação, às 10h30!") == ["e", "p", "ra", "acao", "as", "10h30"]


def test_confidence_is_a_probability() -> None:
    assert confidence_of(0.0) == 1.0
    assert confidence_of(-1.0) == pytest.approx(0.3679, abs=1e-4)
    assert confidence_of(0.5) == 1.0
