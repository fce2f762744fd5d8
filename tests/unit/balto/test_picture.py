"""The picture of what was heard: what is in it, and that nothing is too short or too long to be drawn."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from actors.vad.silero import speech_model
from actors.vad.trace import trace
from actors.values import SAMPLE_RATE, Pcm, VadSettings
from balto.picture import Mark, captions, draw
from tests.recordings import conversation
from tests.sounds import noise, pcm, silence


def drawn(path: Path) -> NDArray[np.uint8]:
    """Return a picture's pixels, shape (height, width, 3)."""
    with av.open(str(path)) as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24").astype(np.uint8)


def has(pixels: NDArray[np.uint8], color: str) -> bool:
    """Tell whether more than a few pixels have just this colour."""
    wanted = np.frombuffer(bytes.fromhex(color), dtype=np.uint8)
    return int((pixels == wanted).all(axis=2).sum()) > 20


def test_the_stages_that_let_something_through_have_their_lanes(tmp_path: Path) -> None:
    heard = conversation("tosse")
    spoken = trace(heard, VadSettings(), speech_model())
    assert [stage.name for stage in spoken.stages] == ["energy gate", "webrtcvad", "silero", "speech"]
    assert all(stage.passed.any() for stage in spoken.stages)
    draw(tmp_path / "a.png", heard, title="a", trace=spoken, marks=[Mark(start=0, end=16_000, caption="1 pause")])
    pixels = drawn(tmp_path / "a.png")
    lanes = ("a7b3c2", "7f9bd1", "0d9488")
    assert all(has(pixels, color) for color in lanes)
    draw(tmp_path / "b.png", heard, title="b")
    assert not any(has(drawn(tmp_path / "b.png"), color) for color in lanes)


def test_without_the_neural_stage_the_last_lets_through_what_both_others_do() -> None:
    gate, voice, speech = trace(conversation("tosse", "chuva"), VadSettings(), None).stages
    assert np.array_equal(speech.passed, gate.passed & voice.passed)
    assert gate.value is not None
    assert gate.threshold is not None
    assert np.array_equal(gate.passed, gate.value >= gate.threshold)


@pytest.mark.parametrize("sound", [pcm(silence(0.001)), pcm(silence(3)), pcm(noise(0.02, 0.1)), pcm(noise(200, 0.1))])
def test_any_recording_can_be_drawn(tmp_path: Path, sound: Pcm) -> None:
    marks = [Mark(start=0, end=sound.size // 2, caption="1 um dois três"), Mark(start=5, end=sound.size, caption="2")]
    draw(
        tmp_path / "a.png",
        sound,
        title="a",
        marks=marks,
        trace=trace(sound, VadSettings(), None),
        facts=[("SNR", "1 dB")],
    )
    assert drawn(tmp_path / "a.png").shape[1] >= 13 * 130


def test_captions_of_short_phrases_are_whole_in_lines_that_do_not_meet() -> None:
    marks = [
        Mark(start=second * SAMPLE_RATE, end=(second + 1) * SAMPLE_RATE, caption=f"{second} pausa")
        for second in range(10)
    ]
    laid_out = captions(marks, seconds=10.0, letter=0.25)
    assert [caption for caption, _, _ in laid_out] == [mark.caption for mark in marks]
    for line in range(3):
        here = [(at, at + len(caption) * 0.25) for caption, at, of in laid_out if of == line]
        assert here == sorted(here)
        assert all(end <= following for (_, end), (following, _) in pairwise(here))
        assert all(end <= 10.0 for _, end in here)
    assert all(at == mark.start / SAMPLE_RATE for (_, at, _), mark in zip(laid_out[:7], marks[:7], strict=True))


def test_captions_far_apart_are_in_one_line_and_shortened_where_there_is_no_room_at_all() -> None:
    apart = [
        Mark(start=second * SAMPLE_RATE, end=second * SAMPLE_RATE + 1, caption="1 dor de cabeça") for second in (0, 50)
    ]
    assert [line for _, _, line in captions(apart, seconds=100.0, letter=0.25)] == [0, 0]
    dense = [Mark(start=0, end=9, caption="1 dor de cabeça e febre")] * 5
    assert len(captions(dense, seconds=1.0, letter=0.25)) == 3
