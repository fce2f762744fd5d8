"""The signs by which a request is told from talk."""

import numpy as np
import pytest

from actors.llm.cues import cue_features, cues


def seen(sentence: str) -> set[str]:
    features = cue_features(sentence)
    return {name for name, value in zip(cues(), features, strict=False) if value}


@pytest.mark.parametrize(
    ("sentence", "sign"),
    [
        ("me vê uma dipirona", "pede"),
        ("acabou o losartana da minha mãe", "pede"),
        ("o que eu passo nisso aqui", "indica"),
        ("tô com uma coceira", "queixa_de_agora"),
        ("essa pomada tá com desconto?", "preco"),
        ("tomo antes do almoço?", "dose"),
        ("de 8 em 8 horas", "dose"),
        ("quando eu era pequeno tive asma", "passado"),
        ("meu avô morreu disso", "dos_mortos"),
        ("na novela de ontem", "midia"),
        ("ele fica o dia todo ou tira", "alternativa"),
        ("queria saber o valor", "quer_saber"),
    ],
)
def test_a_sign_is_seen_where_it_is_said(sentence: str, sign: str) -> None:
    assert sign in seen(sentence)


def test_words_that_only_begin_like_a_sign_are_none() -> None:
    assert "esporte" not in seen("o santoral e a copaíba")
    assert "alternativa" not in seen("outro")


def test_neighbouring_signs_may_share_a_blank() -> None:
    many = cue_features("desconto promocao oferta")
    one = cue_features("desconto")
    often = len(cues()) + list(cues()).index("preco")
    assert many[often] == pytest.approx(1.0)
    assert one[often] == pytest.approx(1 / 3)


def test_features_are_as_many_for_every_sentence_and_never_above_one() -> None:
    rows = [cue_features(text) for text in ("", "oi", "tô com dor? quanto é " * 400)]
    assert len({row.shape for row in rows}) == 1
    assert all(row.dtype == np.float32 and row.min() >= 0 and row.max() <= 1 for row in rows)
