"""The word error rate between two transcripts."""

import pytest

from actors.stt.wer import Difference, difference


@pytest.mark.parametrize(
    ("reference", "other", "errors", "words"),
    [
        ("quero uma dipirona", "quero uma dipirona", 0, 3),
        ("Quero uma Dipirona!", "quero, uma dipirona", 0, 3),
        ("quero uma dipirona", "quero dipirona", 1, 3),
        ("quero uma dipirona", "quero uma novalgina por favor", 3, 3),
        ("dor de cabeça", "dor de cabec\u0327a", 0, 3),
        ("dor de cabeça", "dor de cabeca", 1, 3),
        ("", "sim", 1, 0),
        ("AAS 100 mg", "aas 100 mg", 0, 3),
    ],
)
def test_words_are_counted_without_case_and_punctuation(reference: str, other: str, errors: int, words: int) -> None:
    assert difference(reference, other) == Difference(errors=errors, words=words)
