"""Listening from the middle: an interrupted session finds the phrases that an uninterrupted one does."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from actors.vad.cascade import BLOCK_SAMPLES
from actors.vad.resumed import ResumedSegmenter, listen_from
from actors.vad.segmenter import Segmenter
from actors.vad.silero import speech_model
from actors.vad.webrtc import GENERATION, WARM_UP, in_charge_from
from actors.values import (
    SAMPLE_RATE,
    Captured,
    EarlyPhrase,
    Heard,
    Offered,
    Pcm,
    Phrase,
    Resumption,
    SpeechBegan,
    SpeechGivenUp,
    SpeechWentOn,
    VadSettings,
)
from balto.listening import decode_audio
from tests.recordings import DEMO

SETTINGS = VadSettings()
MODEL = speech_model()
SPAN = tuple[type, int, int, int]


def a_counter(noise_rms: float) -> Pcm:
    """Over three minutes at a counter, with steady noise."""
    said = decode_audio(DEMO.read_bytes())
    sound = np.concatenate([said, said]) + np.random.default_rng(5).normal(0, noise_rms, 2 * len(said))
    return np.clip(sound, -32_768, 32_767).astype(np.int16)


def span(heard: Heard) -> SPAN:
    match heard:
        case SpeechBegan():
            return type(heard), heard.number, heard.sample_start, heard.sample_start
        case EarlyPhrase():
            return type(heard), heard.number, heard.phrase.sample_start, heard.phrase.sample_end
        case SpeechWentOn():
            return type(heard), heard.number, heard.offer, heard.offer
        case _:
            return type(heard), heard.number, heard.sample_start, heard.sample_end


@dataclass
class Life:
    """What a session had found when it ended after some samples."""

    heard: list[Heard]
    samples: int

    def resumption(self, awaited: tuple[Captured, ...] = ()) -> Resumption:
        closed = [one for one in self.heard if isinstance(one, Phrase | SpeechGivenUp)]
        closed_to = closed[-1].sample_end if closed else 0
        opened = [one for one in self.heard if isinstance(one, SpeechBegan)][len(closed) :]
        needed = min([self.samples, *(one.sample_start for one in opened), *(one.sample_start for one in awaited)])
        return Resumption(
            first_sample=listen_from(needed),
            needed_from=needed,
            closed_to=closed_to,
            next_number=len(closed) + 1,
            last_offer=max([one.offer for one in self.heard if isinstance(one, EarlyPhrase)], default=0),
            offered=self._offered(),
            awaited=awaited,
        )

    def _offered(self) -> Offered | None:
        last = self.heard[-1] if self.heard else None
        if not isinstance(last, EarlyPhrase):
            return None
        return Offered(offer=last.offer, sample_start=last.phrase.sample_start, sample_end=last.phrase.sample_end)


def live_until(pcm: Pcm, end: int) -> Life:
    return Life(Segmenter(SETTINGS, MODEL).push(pcm[:end]), end)


def go_on(pcm: Pcm, resumption: Resumption, piece: int = 16_000) -> list[Heard]:
    segmenter = ResumedSegmenter(SETTINGS, resumption, MODEL)
    heard: list[Heard] = []
    for at in range(resumption.first_sample, len(pcm), piece):
        heard += segmenter.push(pcm[at : at + piece])
    return [*heard, *segmenter.flush()]


def interrupted(pcm: Pcm) -> Iterator[tuple[list[SPAN], list[SPAN]]]:
    """Interrupt a session here and there; yield what it finds from then on and what an uninterrupted one does."""
    segmenter = Segmenter(SETTINGS, MODEL)
    whole = [*segmenter.push(pcm), *segmenter.flush()]
    for end in range(40_000, len(pcm), 7 * SAMPLE_RATE + 123):
        before = live_until(pcm, end)
        known = {span(one) for one in before.heard}
        rest = [span(one) for one in go_on(pcm, before.resumption())]
        yield [one for one in rest if one not in known], [span(one) for one in whole[len(before.heard) :]]


@pytest.mark.parametrize("noise_rms", [0.0, 60.0])
def test_a_session_interrupted_anywhere_goes_on_to_the_same_phrases(noise_rms: float) -> None:
    for found, expected in interrupted(a_counter(noise_rms)):
        assert found == expected


def test_in_loud_noise_it_goes_on_to_the_same_phrases_but_for_a_block_at_their_bounds() -> None:
    for found, expected in interrupted(a_counter(400.0)):
        again, whole = ([one for one in spans if one[0] is Phrase] for spans in (found, expected))
        assert [one[1] for one in again] == [one[1] for one in whole]
        apart = np.array([one[2:] for one in again]) - np.array([one[2:] for one in whole])
        assert np.abs(apart).max(initial=0) <= BLOCK_SAMPLES


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
    longest = GENERATION + WARM_UP + SAMPLE_RATE
    for sample in range(0, 20 * 60 * SAMPLE_RATE, 12_345):
        start = listen_from(sample)
        assert 0 <= sample - start <= longest
        assert start % GENERATION == 0


def test_the_detector_in_charge_has_been_warmed_up() -> None:
    assert in_charge_from(GENERATION + WARM_UP - 1) == 0
    assert in_charge_from(GENERATION + WARM_UP) == GENERATION


def test_where_the_cut_comes_out_differently_no_sample_is_in_two_phrases() -> None:
    pcm = a_counter(0.0)
    segmenter = Segmenter(SETTINGS, MODEL)
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
