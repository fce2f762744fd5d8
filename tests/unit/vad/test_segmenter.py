"""Finding phrases: where they begin and end, in what noise, and the same ones however the audio is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.vad.phrases import State
from actors.vad.segmenter import Segmenter
from actors.values import (
    EarlyPhrase,
    Heard,
    Pcm,
    Phrase,
    SpeechBegan,
    SpeechGivenUp,
    SpeechWentOn,
    VadSettings,
)
from tests.hearing import described, everything_heard
from tests.sounds import Sound, noise, pcm, silence, tone, vowel


def heard(samples: Pcm, sizes: list[int] | None = None, settings: VadSettings | None = None) -> list[Heard]:
    """What is heard without a neural stage; `tests/unit/vad/test_cascade.py` has one."""
    return everything_heard(Segmenter(settings or VadSettings()), samples, sizes)


def phrases(samples: Pcm, settings: VadSettings | None = None) -> list[Phrase]:
    return [event for event in heard(samples, settings=settings) if isinstance(event, Phrase)]


def begun_and_ended(events: list[Heard]) -> list[SpeechBegan | Phrase | SpeechGivenUp]:
    return [event for event in events if not isinstance(event, EarlyPhrase | SpeechWentOn)]


def conversation(background: float, seed: int = 1) -> tuple[Pcm, list[tuple[float, float]]]:
    """Three phrases of two words each, and where they are in seconds."""
    parts: list[Sound] = []
    spans = []
    at = 0.0
    for index in range(3):
        pause = 1.5 + 0.17 * index
        words = [vowel(110 + 40 * index, 0.8), silence(0.2), vowel(140 + 30 * index, 0.5)]
        parts += [silence(pause), *words]
        spans.append((at + pause, at + pause + 1.5))
        at += pause + 1.5
    parts.append(silence(2.0))
    clean = np.concatenate(parts)
    return pcm(clean + noise(len(clean) / 16_000, background, seed)), spans


@pytest.mark.parametrize("background", [0.0, 0.002, 0.01, 0.03])
def test_phrases_are_found_and_end_soon_after_their_speech(background: float) -> None:
    samples, spans = conversation(background)
    found = phrases(samples)
    assert len(found) == len(spans)
    for phrase, (start, end) in zip(found, spans, strict=True):
        assert start - 0.45 <= phrase.sample_start / 16_000 <= start
        assert end <= phrase.sample_end / 16_000 <= end + 0.5
        assert phrase.cut_reason == "pause"


def test_a_phrase_is_closed_within_a_second_of_its_speech_in_moderate_noise() -> None:
    samples, spans = conversation(0.03)
    segmenter = Segmenter(VadSettings())
    closed = []
    for at in range(0, len(samples), 480):
        closed += [at / 16_000 for event in segmenter.push(samples[at : at + 480]) if isinstance(event, Phrase)]
    assert len(closed) == len(spans)
    assert all(when - end < 1.0 for when, (_, end) in zip(closed, spans, strict=True))


def test_a_phrase_is_exactly_the_samples_it_says() -> None:
    samples, _ = conversation(0.01)
    found = phrases(samples)
    assert len(found) == 3
    for phrase in found:
        assert np.array_equal(phrase.pcm, samples[phrase.sample_start : phrase.sample_end])


@given(sizes=st.lists(st.integers(100, 9_000), min_size=1, max_size=6), seed=st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_where_the_audio_is_cut_never_changes_what_is_heard(sizes: list[int], seed: int) -> None:
    samples, _ = conversation(0.01, seed)
    whole = heard(samples)
    assert len(whole) >= 6
    assert described(heard(samples, sizes)) == described(whole)


def test_audio_may_come_sample_by_sample() -> None:
    samples = pcm(np.concatenate([silence(0.5), vowel(120, 0.8), silence(1.0)]) + noise(2.3, 0.005))
    whole = heard(samples)
    assert [type(event) for event in whole] == [SpeechBegan, EarlyPhrase, Phrase]
    assert described(heard(samples, [1])) == described(whole)


@given(
    lengths=st.lists(st.floats(0.05, 3.0), min_size=1, max_size=8),
    pauses=st.lists(st.floats(0.0, 1.2), min_size=8, max_size=8),
    longest=st.integers(2_000, 4_000),
)
@settings(max_examples=25, deadline=None)
def test_phrases_never_overlap_and_every_beginning_has_its_end(
    lengths: list[float], pauses: list[float], longest: int
) -> None:
    parts = [sound for index, length in enumerate(lengths) for sound in (silence(pauses[index]), vowel(130, length))]
    clean = np.concatenate(parts)
    samples = pcm(clean + noise(len(clean) / 16_000, 0.003)[: len(clean)])
    events = begun_and_ended(heard(samples, settings=VadSettings(max_phrase_ms=longest)))
    end = number = 0
    for began, ended in zip(events[::2], events[1::2], strict=True):
        assert isinstance(began, SpeechBegan)
        assert isinstance(ended, Phrase | SpeechGivenUp)
        assert began.number == ended.number == number + 1
        assert end <= began.sample_start == ended.sample_start < ended.sample_end <= len(samples)
        end, number = ended.sample_end, ended.number
        if isinstance(ended, Phrase):
            assert np.array_equal(ended.pcm, samples[ended.sample_start : ended.sample_end])
            assert ended.sample_end - ended.sample_start <= (longest + 32) * 16


def test_a_long_speech_is_cut_at_its_quietest_place() -> None:
    dip = vowel(120, 0.09) * 0.02
    samples = pcm(silence(1), vowel(120, 4.2), dip, vowel(120, 3.0), silence(2))
    found = phrases(samples, VadSettings(max_phrase_ms=6_000))
    assert [phrase.cut_reason for phrase in found] == ["max_length", "pause"]
    assert found[0].sample_end / 16_000 == pytest.approx(5.245, abs=0.06)
    assert found[1].sample_start == found[0].sample_end


def test_an_open_phrase_is_closed_at_the_end_of_the_audio() -> None:
    samples = pcm(silence(1), vowel(120, 1.0))[: 16_000 * 2 - 77]
    (phrase,) = phrases(samples)
    assert phrase.cut_reason == "end_of_audio"
    assert phrase.sample_end == len(samples)


def test_a_short_sound_is_given_up() -> None:
    events = heard(pcm(silence(1), vowel(120, 0.15), silence(1.5)))
    assert [type(event) for event in events] == [SpeechBegan, SpeechGivenUp]
    assert isinstance(events[1], SpeechGivenUp)
    assert events[1].reason == "too_short"


def test_what_is_quieter_than_the_least_energy_is_nothing() -> None:
    samples = pcm(silence(1), vowel(120, 1.0, level=0.1), silence(1))
    assert heard(samples, settings=VadSettings(min_energy=1_500)) == []
    assert len(phrases(samples)) == 1


def test_a_higher_multiplier_needs_a_louder_voice() -> None:
    clean = np.concatenate([silence(2), vowel(120, 1.0, level=0.15), silence(2)])
    samples = pcm(clean + noise(5, 0.015))
    assert len(phrases(samples, VadSettings(threshold_multiplier=1.5))) == 1
    assert phrases(samples, VadSettings(threshold_multiplier=10)) == []


def test_noise_and_silence_hold_no_phrase() -> None:
    for samples in (pcm(silence(5)), pcm(noise(5, 0.02)), pcm(tone(50, 5, 0.05))):
        assert phrases(samples) == []


def test_a_click_does_not_keep_a_phrase_open() -> None:
    clean = np.concatenate([silence(1), vowel(120, 1.0), silence(3)])
    for at in range(2 * 16_000 + 6_400, len(clean) - 480, 6_400):
        clean[at : at + 160] = 0.3
    (phrase,) = phrases(pcm(clean + noise(5, 0.003)))
    assert phrase.sample_end / 16_000 < 2.6


def test_the_noise_profile_is_the_latest_audio_without_speech() -> None:
    samples, _ = conversation(0.01)
    for phrase in phrases(samples):
        assert 8_000 <= phrase.noise.size <= 24_000
        assert np.sqrt(np.mean(phrase.noise.astype(np.float64) ** 2)) == pytest.approx(0.01 * 32_768, rel=0.05)


def test_a_phrase_carries_what_the_detector_knew() -> None:
    samples, _ = conversation(0.01)
    for phrase in phrases(samples):
        assert phrase.vad.noise_floor_rms == pytest.approx(0.01 * 32_768, rel=0.15)
        assert phrase.vad.threshold_rms == pytest.approx(1.5 * phrase.vad.noise_floor_rms)
        assert 0.4 < phrase.vad.voiced_ratio <= 1
        assert (phrase.vad.mode, phrase.vad.min_energy, phrase.vad.neural) == (3, 120.0, None)


def test_memory_is_bounded_however_long_the_audio() -> None:
    segmenter = Segmenter(VadSettings())
    speech = pcm(vowel(120, 5.0) + noise(5.0, 0.003))
    held = []
    for _ in range(30):
        segmenter.push(speech)
        held.append(sum(block.size for block in segmenter._history._blocks))
    assert max(held) < 16 * 16_000


def test_after_a_short_pause_the_phrase_is_offered_and_is_what_was_offered() -> None:
    samples = pcm(np.concatenate([silence(1), vowel(120, 1.0), silence(2)]) + noise(4, 0.003))
    began, early, phrase = heard(samples)
    assert isinstance(began, SpeechBegan)
    assert isinstance(early, EarlyPhrase)
    assert isinstance(phrase, Phrase)
    assert (early.offer, early.phrase.number) == (1, 1)
    assert (early.phrase.sample_start, early.phrase.sample_end) == (phrase.sample_start, phrase.sample_end)
    assert early.phrase.pcm.tobytes() == phrase.pcm.tobytes()


def test_an_offer_comes_before_the_hangover_is_over() -> None:
    segmenter = Segmenter(VadSettings(offer_ms=200, hangover_ms=800))
    samples = pcm(np.concatenate([silence(1), vowel(120, 1.0), silence(2)]) + noise(4, 0.003))
    when = {type(event): at for at in range(0, len(samples), 512) for event in segmenter.push(samples[at : at + 512])}
    assert (when[Phrase] - when[EarlyPhrase]) / 16 == pytest.approx(600, abs=130)


def test_an_offer_is_withdrawn_when_speech_goes_on() -> None:
    clean = np.concatenate([silence(1), vowel(120, 0.8), silence(0.38), vowel(140, 0.8), silence(2)])
    events = heard(pcm(clean + noise(len(clean) / 16_000, 0.003)))
    assert [type(event) for event in events] == [SpeechBegan, EarlyPhrase, SpeechWentOn, EarlyPhrase, Phrase]
    assert [event.offer for event in events if isinstance(event, EarlyPhrase | SpeechWentOn)] == [1, 1, 2]
    first, last = events[1], events[-1]
    assert isinstance(first, EarlyPhrase)
    assert isinstance(last, Phrase)
    assert first.phrase.sample_end < last.sample_end


def test_nothing_is_offered_where_that_is_off_or_what_was_said_is_too_short() -> None:
    samples = pcm(np.concatenate([silence(1), vowel(120, 1.0), silence(2)]) + noise(4, 0.003))
    assert [type(event) for event in heard(samples, settings=VadSettings(offer_ms=0))] == [SpeechBegan, Phrase]
    assert [type(event) for event in heard(pcm(silence(1), vowel(120, 0.15), silence(1.5)))] == [
        SpeechBegan,
        SpeechGivenUp,
    ]


def test_a_noise_that_keeps_starting_nothing_does_no_harm() -> None:
    clicks = np.zeros(16_000 * 40)
    for at in range(16_000, len(clicks) - 512, 4 * 512):
        clicks[at : at + 512] = vowel(120, 0.032)
    events = heard(pcm(clicks + noise(40, 0.002)))
    assert not any(isinstance(event, Phrase) for event in events)


def test_states_follow_the_speech() -> None:
    segmenter = Segmenter(VadSettings())
    states: list[State] = []
    samples = pcm(np.concatenate([silence(1), vowel(120, 1.0), silence(1.5)]) + noise(3.5, 0.003))
    for at in range(0, len(samples), 480):
        segmenter.push(samples[at : at + 480])
        if not states or states[-1] is not segmenter.state:
            states.append(segmenter.state)
    assert states == [State.QUIET, State.STARTING, State.SPEAKING, State.STOPPING, State.QUIET]


def test_nothing_may_be_pushed_after_the_end() -> None:
    segmenter = Segmenter(VadSettings())
    assert segmenter.flush() == []
    assert segmenter.flush() == []
    with pytest.raises(ValueError, match="flushed"):
        segmenter.push(pcm(silence(1)))


def test_a_phrase_is_the_audio_that_was_offered_and_not_a_copy() -> None:
    events = heard(conversation(0.01)[0])
    offered = {event.phrase.number: event.phrase.pcm for event in events if isinstance(event, EarlyPhrase)}
    captured = {event.number: event.pcm for event in events if isinstance(event, Phrase)}
    assert len(captured) == 3
    assert all(captured[number] is offered[number] for number in captured)


def test_between_phrases_no_more_is_kept_than_the_next_may_need() -> None:
    segmenter, held = Segmenter(VadSettings()), []
    samples = np.concatenate([conversation(0.01)[0], pcm(noise(4.0, 0.01))])
    for at in range(0, samples.size, 2_048):
        segmenter.push(samples[at : at + 2_048])
        if segmenter.under_way is None:
            history, profile = segmenter._history, segmenter._noise
            held.append(history.end - history._first + profile.samples.size)
    # A profile, the pre-roll with what an onset may take, and a block; without what is old, twice the profile more.
    assert max(held) < 24_000 + 4_800 + 9 * 512 + 10 * 512 + 2 * 2_048
