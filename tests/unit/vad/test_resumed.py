"""Listening from the middle: an interrupted session finds the phrases that an uninterrupted one does."""

from dataclasses import dataclass

import numpy as np
import pytest

from actors.vad.resumed import ResumedSegmenter, listen_from
from actors.vad.segmenter import Segmenter
from actors.vad.webrtc import FRAME, GENERATION, WARM_UP, in_charge_from
from actors.values import SAMPLE_RATE, Captured, Heard, Pcm, Phrase, Resumption, SpeechBegan, VadSettings
from balto.listening import decode_audio
from tests.recordings import DEMO

SETTINGS = VadSettings()
SPAN = tuple[type, int, int, int]


def a_counter(noise_rms: float) -> Pcm:
    """Over three minutes at a counter, with steady noise."""
    said = decode_audio(DEMO.read_bytes())
    sound = np.concatenate([said, said]) + np.random.default_rng(5).normal(0, noise_rms, 2 * len(said))
    return np.clip(sound, -32_768, 32_767).astype(np.int16)


def span(heard: Heard) -> SPAN:
    end = heard.sample_start if isinstance(heard, SpeechBegan) else heard.sample_end
    return type(heard), heard.number, heard.sample_start, end


@dataclass
class Life:
    """What a session had found when it ended after some samples."""

    heard: list[Heard]
    samples: int

    def resumption(self, awaited: tuple[Captured, ...] = ()) -> Resumption:
        closed = [one for one in self.heard if not isinstance(one, SpeechBegan)]
        closed_to = closed[-1].sample_end if closed else 0
        opened = [one for one in self.heard if isinstance(one, SpeechBegan)][len(closed) :]
        needed = min([self.samples, *(one.sample_start for one in opened), *(one.sample_start for one in awaited)])
        return Resumption(
            first_sample=listen_from(needed),
            needed_from=needed,
            closed_to=closed_to,
            next_number=len(closed) + 1,
            awaited=awaited,
        )


def live_until(pcm: Pcm, end: int) -> Life:
    return Life(Segmenter(SETTINGS).push(pcm[:end]), end)


def go_on(pcm: Pcm, resumption: Resumption, piece: int = 16_000) -> list[Heard]:
    segmenter = ResumedSegmenter(SETTINGS, resumption)
    heard: list[Heard] = []
    for at in range(resumption.first_sample, len(pcm), piece):
        heard += segmenter.push(pcm[at : at + piece])
    return [*heard, *segmenter.flush()]


@pytest.mark.parametrize("noise_rms", [0.0, 60.0, 400.0])
def test_a_session_interrupted_anywhere_goes_on_to_the_same_phrases(noise_rms: float) -> None:
    pcm = a_counter(noise_rms)
    segmenter = Segmenter(SETTINGS)
    whole = [*segmenter.push(pcm), *segmenter.flush()]
    for end in range(40_000, len(pcm), 7 * SAMPLE_RATE + 123):
        before = live_until(pcm, end)
        rest = go_on(pcm, before.resumption())
        known = {span(one) for one in before.heard}
        assert [span(one) for one in rest if span(one) not in known] == [span(one) for one in whole][
            len(before.heard) :
        ]


def test_audio_that_is_wanted_again_comes_under_its_old_number() -> None:
    pcm = a_counter(60.0)
    before = live_until(pcm, 100 * SAMPLE_RATE)
    phrases = [one for one in before.heard if isinstance(one, Phrase)]
    awaited = tuple(
        Captured(number=p.number, sample_start=p.sample_start, sample_end=p.sample_end, cut_reason="pause", vad=p.vad)
        for p in phrases[-3:]
    )
    again = [one for one in go_on(pcm, before.resumption(awaited)) if isinstance(one, Phrase)][:3]
    assert [one.number for one in again] == [one.number for one in phrases[-3:]]
    for one, first in zip(again, phrases[-3:], strict=True):
        assert np.array_equal(one.pcm, first.pcm)
        assert one.vad == first.vad


def test_only_a_bounded_stretch_is_heard_again() -> None:
    longest = (GENERATION + WARM_UP) * FRAME + SAMPLE_RATE
    for sample in range(0, 20 * 60 * SAMPLE_RATE, 12_345):
        start = listen_from(sample)
        assert 0 <= sample - start <= longest
        assert start % (GENERATION * FRAME) == 0


def test_the_detector_in_charge_has_been_warmed_up() -> None:
    assert in_charge_from(GENERATION + WARM_UP - 1) == 0
    assert in_charge_from(GENERATION + WARM_UP) == GENERATION


def test_where_the_cut_comes_out_differently_no_sample_is_in_two_phrases() -> None:
    pcm = a_counter(0.0)
    segmenter = Segmenter(SETTINGS)
    whole = [*segmenter.push(pcm), *segmenter.flush()]
    phrase = next(one for one in whole if isinstance(one, Phrase) and one.number == 5)
    # A former life that, for whatever reason, had cut this phrase in the middle.
    middle = (phrase.sample_start + phrase.sample_end) // 2
    resumption = Resumption(first_sample=0, needed_from=middle, closed_to=middle, next_number=6)
    rest = go_on(pcm, resumption)
    assert [type(one).__name__ for one in rest[:2]] == ["SpeechBegan", "Phrase"]
    first = rest[1]
    assert isinstance(first, Phrase)
    assert (first.number, first.sample_start, first.sample_end) == (6, middle, phrase.sample_end)
    assert np.array_equal(first.pcm, pcm[middle : phrase.sample_end])
    following = [one.number for one in rest if isinstance(one, Phrase)]
    assert following == list(range(6, 6 + len(following)))
