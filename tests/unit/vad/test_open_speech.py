"""The audio of a phrase while it is under way: all of it, once, however the stream is cut or taken up."""

import numpy as np
import pytest

from actors.vad.resumed import ResumedSegmenter
from actors.vad.segmenter import Segmenter
from actors.values import OpenSpeech, Pcm, Resumption, SpeechBegan, VadSettings
from tests.recordings import conversation

SETTINGS = VadSettings(neural=False)
SAID = conversation("dor_de_cabeca", "tosse")


def told(segmenter: Segmenter | ResumedSegmenter, said: Pcm, size: int) -> dict[int, list[OpenSpeech]]:
    """Push samples in pieces, and ask after each what has come of the phrase under way since."""
    pieces: dict[int, list[OpenSpeech]] = {}
    begun: dict[int, int] = {}
    number, to = None, 0
    for at in range(0, said.size, size):
        for heard in segmenter.push(said[at : at + size]):
            if isinstance(heard, SpeechBegan):
                begun[heard.number] = heard.sample_start
        if segmenter.under_way != number:
            number, to = segmenter.under_way, 0
        speech = segmenter.speech_since(to)
        assert (speech is None) == (number is None)
        if speech is not None:
            to = speech.sample_start + speech.pcm.size
            pieces.setdefault(speech.number, []).append(speech)
    for phrase, parts in pieces.items():
        assert parts[0].sample_start == begun[phrase]
    return pieces


@pytest.mark.parametrize("size", [160, 1_024, 3_200, 20_000])
def test_the_pieces_are_the_stream_from_the_phrases_first_sample_on(size: int) -> None:
    pieces = told(Segmenter(SETTINGS), SAID, size)
    assert len(pieces) >= 2
    for parts in pieces.values():
        start = parts[0].sample_start
        whole = np.concatenate([part.pcm for part in parts])
        assert np.array_equal(whole, SAID[start : start + whole.size])


def test_a_session_that_is_taken_up_counts_as_it_did() -> None:
    resumption = Resumption(first_sample=0, needed_from=0, closed_to=0, next_number=7)
    pieces = told(ResumedSegmenter(SETTINGS, resumption), SAID, 1_600)
    assert min(pieces) == 7
    for parts in pieces.values():
        start = parts[0].sample_start
        whole = np.concatenate([part.pcm for part in parts])
        assert np.array_equal(whole, SAID[start : start + whole.size])


def test_a_phrase_cut_for_its_length_goes_on_as_the_next_without_a_hole() -> None:
    settings = VadSettings(neural=False, max_phrase_ms=2_000)
    speech = np.random.default_rng(1).normal(0, 3_000, 4 * 16_000).astype(np.int16)
    said = np.concatenate([np.zeros(16_000, np.int16), speech])
    pieces = told(Segmenter(settings), said, 1_600)
    for parts in pieces.values():
        start = parts[0].sample_start
        whole = np.concatenate([part.pcm for part in parts])
        assert np.array_equal(whole, said[start : start + whole.size])
