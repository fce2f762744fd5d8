"""The stages together, on recorded voices in noise: what each lets through, and what is confirmed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.vad import silero
from actors.vad.cascade import BLOCK_SAMPLES, Cascade, Window
from actors.vad.segmenter import Segmenter
from actors.vad.silero import CONTEXT, WINDOW, Memory, Silero, speech_model
from actors.values import EarlyPhrase, Pcm, Phrase, SpeechBegan, SpeechGivenUp, VadSettings
from tests.hearing import described, everything_heard
from tests.recordings import conversation
from tests.sounds import noise, pcm, tone, vowel

SPOKEN = conversation("dor_de_cabeca", "tosse", "chuva", pause_s=1.5)


def windows(samples: Pcm, settings: VadSettings | None = None, *, neural: bool = True) -> list[Window]:
    cascade = Cascade(settings or VadSettings(), speech_model() if neural else None)
    whole = len(samples) - len(samples) % BLOCK_SAMPLES
    return [w for at in range(0, whole, BLOCK_SAMPLES) for w in cascade.hear(samples[at : at + BLOCK_SAMPLES])]


def phrases(samples: Pcm, settings: VadSettings | None = None) -> list[Phrase]:
    segmenter = Segmenter(settings or VadSettings(), speech_model())
    return [event for event in everything_heard(segmenter, samples) if isinstance(event, Phrase)]


def in_noise(samples: Pcm, rms: float, seed: int = 3) -> Pcm:
    return pcm(samples / 32_768 + noise(len(samples) / 16_000, rms, seed))


class Scripted:
    """A neural stage that always answers the same, and remembers what it was asked."""

    name = "scripted"

    def __init__(self, probability: float) -> None:
        self.probability = probability
        self.asked: list[tuple[int, bool]] = []

    def judge(self, samples: Pcm, memory: Memory | None) -> tuple[list[float], Memory]:
        count = (samples.size - CONTEXT) // WINDOW
        self.asked.append((count, memory is not None))
        state = np.zeros((1, 1, 128), np.float32)
        return [self.probability] * count, (state, state)


def test_the_model_is_there_and_is_one() -> None:
    assert speech_model() is speech_model() is not None


@pytest.mark.parametrize("rms", [0.0, 0.01, 0.05])
def test_recorded_phrases_are_found_in_any_noise(rms: float) -> None:
    found = phrases(in_noise(SPOKEN, rms))
    assert len(found) == 3
    for phrase in found:
        assert phrase.vad.neural == "silero-v6"
        assert phrase.vad.neural_mean is not None
        assert phrase.vad.neural_mean > 0.7


def test_a_far_voice_of_minus_44_dbfs_is_heard() -> None:
    level = np.sqrt(np.mean(np.square(SPOKEN[np.abs(SPOKEN) > 300].astype(float))))
    far = (SPOKEN * (32_768 * 10 ** (-44 / 20) / level)).astype(np.int16)
    assert len(phrases(far)) == 3


def test_what_only_sounds_like_a_voice_is_not_confirmed() -> None:
    beeps = np.concatenate([np.concatenate([tone(440 + 30 * n, 0.3, 0.2), np.zeros(8_000)]) for n in range(12)])
    samples = pcm(beeps + noise(len(beeps) / 16_000, 0.002))
    cheap = windows(samples, neural=False)
    assert sum(window.speech for window in cheap) > 30
    assert not any(window.speech for window in windows(samples))


def test_the_neural_stage_is_not_asked_about_silence() -> None:
    told = [window.probability is not None for window in windows(SPOKEN)]
    assert 0.2 < np.mean(told) < 0.85
    assert not any(told[:40])
    quiet = windows(pcm(noise(10, 0.003)))
    assert not any(window.probability is not None for window in quiet[20:])


def test_each_stage_can_be_switched_off() -> None:
    samples = in_noise(SPOKEN, 0.003)
    assert all(window.loud for window in windows(samples, VadSettings(energy_gate=False)))
    assert all(window.voiced for window in windows(samples, VadSettings(webrtc=False)))
    assert all(window.probability is None for window in windows(samples, VadSettings(neural=False)))
    alone = windows(samples, VadSettings(energy_gate=False, webrtc=False))
    assert all(window.probability is not None for window in alone)
    (first, *_) = phrases(samples, VadSettings(webrtc=False))
    assert (first.vad.webrtc_ratio, first.vad.neural) == (None, "silero-v6")
    (first, *_) = phrases(samples, VadSettings(energy_gate=False, neural=False))
    assert (first.vad.loud_ratio, first.vad.neural, first.vad.neural_mean) == (None, None, None)


def test_a_voice_below_the_least_energy_is_nothing() -> None:
    assert phrases(SPOKEN // 4, VadSettings(min_energy=3_000)) == []
    assert len(phrases(SPOKEN // 4)) == 3


def test_a_stream_may_begin_in_the_middle_of_a_word() -> None:
    (first, *_) = phrases(SPOKEN[16_000 * 5 // 2 :])
    assert first.sample_start == 0


def test_only_candidates_wake_the_neural_stage_and_it_is_warmed_up_before_them() -> None:
    model = Scripted(0.9)
    cascade = Cascade(VadSettings(webrtc=False), model)
    quiet, loud = np.zeros(BLOCK_SAMPLES, np.int16), pcm(vowel(120, BLOCK_SAMPLES / 16_000))
    for block in (quiet, quiet, quiet, loud, loud):
        cascade.hear(block)
    # six windows before the first candidate and the block itself, then a block that goes on from there
    assert model.asked == [(10, False), (4, True)]


def test_it_goes_on_for_sixteen_windows_unless_it_is_sure_of_silence() -> None:
    quiet, loud = np.zeros(BLOCK_SAMPLES, np.int16), pcm(vowel(120, BLOCK_SAMPLES / 16_000))
    for probability, after in ((0.9, 16), (0.0, 4)):
        model = Scripted(probability)
        cascade = Cascade(VadSettings(webrtc=False), model)
        for block in (loud, *[quiet] * 10):
            cascade.hear(block)
        assert sum(count for count, _ in model.asked[1:]) == after
        assert not cascade.confirming


def test_after_a_short_rest_it_hears_what_it_missed_and_remembers() -> None:
    quiet, loud = np.zeros(BLOCK_SAMPLES, np.int16), pcm(vowel(120, BLOCK_SAMPLES / 16_000))
    model = Scripted(0.0)
    cascade = Cascade(VadSettings(webrtc=False), model)
    for block in (loud, quiet, quiet, loud, quiet, quiet, quiet, loud):
        cascade.hear(block)
    # the block that it slept through is made up for; after two it begins anew, with its warm-up
    assert model.asked == [(4, False), (4, True), (8, True), (4, True), (10, False)]


def test_speech_goes_on_a_little_below_where_it_begins() -> None:
    model = Scripted(0.6)
    cascade = Cascade(VadSettings(energy_gate=False, webrtc=False), model)
    block = np.zeros(BLOCK_SAMPLES, np.int16)
    assert not any(window.speech for window in cascade.hear(block))
    model.probability = 0.8
    assert all(window.speech for window in cascade.hear(block))
    model.probability = 0.6
    assert all(window.speech for window in cascade.hear(block))
    model.probability = 0.4
    assert not any(window.speech for window in cascade.hear(block))


@given(sizes=st.lists(st.integers(160, 9_000), min_size=1, max_size=6), rms=st.sampled_from([0.0, 0.01, 0.04]))
@settings(max_examples=10, deadline=None)
def test_where_the_audio_is_cut_never_changes_what_is_heard(sizes: list[int], rms: float) -> None:
    samples = in_noise(SPOKEN[: 16_000 * 9], rms)
    whole = everything_heard(Segmenter(VadSettings(), speech_model()), samples)
    assert {SpeechBegan, EarlyPhrase, Phrase} <= {type(event) for event in whole}
    assert described(everything_heard(Segmenter(VadSettings(), speech_model()), samples, sizes)) == described(whole)


def test_speech_that_is_loud_nowhere_is_given_up_as_too_quiet() -> None:
    spike = np.zeros(16_000 * 2, np.int16)
    spike[16_000 : 16_000 + 1_500] = pcm(vowel(120, 1_500 / 16_000))
    events = everything_heard(Segmenter(VadSettings(webrtc=False, onset_ms=300), Scripted(0.9)), spike)
    assert [event.reason for event in events if isinstance(event, SpeechGivenUp)] == ["too_quiet"]


def test_without_the_model_counters_are_served_by_the_cheap_stages(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(silero, "_FILE", Path("assets", "nowhere.onnx"))
    missing = speech_model.__wrapped__()
    assert missing is None
    assert "energy and webrtcvad alone" in caplog.text
    found = [e for e in everything_heard(Segmenter(VadSettings(), missing), SPOKEN) if isinstance(e, Phrase)]
    assert len(found) >= 3
    assert all(phrase.vad.neural is None for phrase in found)


def test_a_model_that_cannot_be_loaded_is_as_good_as_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph")
    monkeypatch.setattr(silero, "_FILE", broken)
    assert speech_model.__wrapped__() is None
    assert "can't be loaded" in caplog.text


def test_windows_in_one_call_are_judged_as_in_several() -> None:
    model = speech_model()
    assert isinstance(model, Silero)
    samples = np.concatenate([np.zeros(CONTEXT, np.int16), SPOKEN[40_000 : 40_000 + 16 * WINDOW]])
    together, _ = model.judge(samples, None)
    memory: Memory | None = None
    apart: list[float] = []
    for at in range(0, 16 * WINDOW, BLOCK_SAMPLES):
        told, memory = model.judge(samples[at : at + CONTEXT + BLOCK_SAMPLES], memory)
        apart += told
    assert apart == pytest.approx(together, abs=1e-4)
    assert max(together) > 0.9
