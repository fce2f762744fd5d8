"""Events as messages for clients."""

import re
from pathlib import Path
from typing import get_args

import orjson
import pytest

from actors.values import VadSettings
from balto.web.outcomes import outcome
from balto.web.wire import HandshakeError, parse_handshake, to_client, vad_settings
from events.catalogue import (
    Event,
    PhraseDiscarded,
    PhraseGathered,
    RecommendationWithheld,
    TranscriptionReceived,
    TranscriptionRejected,
    WithheldReason,
)

GIVEN_UP = PhraseDiscarded(phrase=3, sample_start=100, sample_end=900, reason="too_short")


def test_speech_that_was_given_up_ends_for_whoever_was_told_that_it_began() -> None:
    wants_it = parse_handshake('{"api_key": "k", "protocol": 2, "want": ["vad"]}')
    assert to_client(GIVEN_UP, wants_it, "s", "t") == {
        "comando": "vad",
        "estado": "silencio",
        "frase": 3,
        "amostra": 900,
        "descartada": True,
    }
    assert to_client(GIVEN_UP, parse_handshake('{"api_key": "k", "protocol": 2}'), "s", "t") is None


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            TranscriptionRejected(
                phrase=3, provider="p", model="m", reason="no_speech", text="x", latency_ms=1.0, cost_usd=0.0
            ),
            {"frase": 3, "resultado": "rejeitada", "motivo": "no_speech", "mensagem": "Não parecia fala."},
        ),
        (
            RecommendationWithheld(phrase=3, reason="nothing_asked"),
            {"frase": 3, "resultado": "sem_sugestao", "motivo": "nothing_asked", "mensagem": "Nada foi pedido."},
        ),
        (
            PhraseGathered(phrase=3, into=4),
            {
                "frase": 3,
                "resultado": "juntada",
                "motivo": "gathered",
                "mensagem": "Entendida junto com a frase seguinte.",
                "com": 4,
            },
        ),
    ],
)
def test_who_wants_outcomes_is_told_of_phrases_that_come_to_nothing(event: Event, said: dict[str, object]) -> None:
    for wish in ("outcome", "transcript"):
        wants = parse_handshake(f'{{"api_key": "k", "protocol": 2, "want": ["{wish}"]}}')
        assert to_client(event, wants, "s", "t") == {"comando": "desfecho", **said}
    for other in ('{"api_key": "k", "protocol": 2, "want": ["vad"]}', '{"api_key": "k", "want": ["outcome"]}'):
        assert to_client(event, parse_handshake(other), "s", "t") is None


def test_outcomes_are_told_without_what_was_said() -> None:
    wants = parse_handshake('{"api_key": "k", "protocol": 2, "want": ["outcome"]}')
    heard = TranscriptionReceived(
        phrase=3,
        provider="p",
        model="m",
        text="x",
        confidence=0.9,
        latency_ms=1.0,
        cost_usd=0.0,
    )
    assert to_client(heard, wants, "s", "t") is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ('"offsets": "true"', "offsets"),
        ('"offsets": 1', "offsets"),
        ('"protocol": true', "protocol"),
        ('"protocol": "2"', "protocol"),
        ('"audio": {"sample_rate": "16000"}', "audio.sample_rate"),
        ('"audio": {"channels": true}', "audio.channels"),
    ],
)
def test_a_field_of_a_wrong_type_is_refused_by_its_name(fields: str, named: str) -> None:
    with pytest.raises(HandshakeError, match=f"^campo inválido: {named}$"):
        parse_handshake(f'{{"api_key": "k", {fields}}}')


@pytest.mark.parametrize(
    "fields",
    [
        '"vad_settings": {"threshold_multiplier": 1.5, "min_energy": 120.0}',
        '"vad_settings": {"threshold_multiplier": 2, "min_energy_threshold": 120}',
        '"vad_settings": null',
        '"vad_settings": {"min_energy": null}',
        '"protocol": 2.0',
        '"audio": {"sample_rate": 16000.0, "channels": 1.0}',
        '"offsets": false, "resume": null, "want": null',
    ],
)
def test_numbers_are_taken_however_they_are_written(fields: str) -> None:
    handshake = parse_handshake(f'{{"api_key": "k", {fields}}}')
    vad_settings(handshake, VadSettings())
    assert (handshake.audio.sample_rate, handshake.audio.channels, handshake.offsets) == (16_000, 1, False)


@pytest.mark.parametrize("page", ["README.md", "README.pt-BR.md"])
def test_the_first_client_that_a_newcomer_writes_hears_of_referrals(page: str) -> None:
    text = Path(__file__).parents[3].joinpath(page).read_text(encoding="utf-8")
    hello, answers = re.findall(r"```json\n(.+?)```", text, re.DOTALL)
    _, referral = answers.splitlines()
    event = RecommendationWithheld(phrase=3, reason="refer_to_pharmacist")
    assert to_client(event, parse_handshake(hello), "s", "t") == orjson.loads(referral)


def test_nobody_is_told_that_nobody_was_there() -> None:
    wants = parse_handshake('{"api_key": "k", "protocol": 2, "want": ["transcript"]}')
    assert to_client(RecommendationWithheld(phrase=3, reason="client_left"), wants, "s", "t") is None


def test_every_reason_to_keep_silent_has_its_words_but_that_nobody_was_there() -> None:
    told = {reason: outcome(RecommendationWithheld(phrase=1, reason=reason)) for reason in get_args(WithheldReason)}
    assert {reason for reason, message in told.items() if message is None} == {"client_left"}
    assert all(message["mensagem"] != "Sem sugestão para este pedido." for message in told.values() if message)
