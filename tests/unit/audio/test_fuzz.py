"""Mutated containers: whatever the bytes are, there is either audio or an `AudioUndecodableError`."""

import random
from typing import Final

import pytest

from actors.audio.decode import AudioUndecodableError, open_decoder
from tests.sounds import pcm, tone
from tests.unit.audio.containers import encoded, wav

ROUNDS: Final = 300


def originals() -> dict[str, tuple[str, bytes]]:
    stereo = tone(440, 0.2, rate=22_050).repeat(2)
    return {
        "webm": ("webm-opus", encoded("webm", "libopus", seconds=0.4)),
        "webm with video": ("webm-opus", encoded("webm", "libopus", layout="mono", seconds=0.4, video="libvpx")),
        "ogg": ("ogg-opus", encoded("ogg", "libopus", seconds=0.4)),
        "wav": ("wav", wav(pcm(stereo).tobytes(), rate=22_050, channels=2)),
        "wav of floats": ("wav", wav(stereo.astype("<f4").tobytes(), tag=3, bits=32, rate=44_100)),
    }


def mutated(raw: bytes, dice: random.Random) -> bytes:
    """Damage a stream in one to eight places, mostly near its start."""
    out = bytearray(raw)
    near = dice.random() < 0.7
    for _ in range(dice.choice((1, 1, 2, 8))):
        at = dice.randrange(max(1, min(len(out), 600 if near else len(out))))
        match dice.randrange(6):
            case 0:
                out[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del out[at : at + dice.randrange(1, 50)]
            case 2:
                out[at:at] = dice.randbytes(dice.randrange(1, 20))
            case 3:
                out[at : at + 8] = b"\xff" * 8
            case 4:
                out[at : at + 4] = bytes(4)
            case 5:
                del out[dice.randrange(len(out) + 1) :]
    return bytes(out)


def fault(encoding: str, raw: bytes, step: int) -> AudioUndecodableError | None:
    """Decode a stream to its end and return the error that it ended with."""
    decoder = open_decoder(encoding)
    try:
        for at in range(0, len(raw), step):
            decoder.feed(raw[at : at + step])
        decoder.flush()
    except AudioUndecodableError as error:
        return error
    finally:
        decoder.close()
    return None


@pytest.mark.parametrize("name", ["webm", "webm with video", "ogg", "wav", "wav of floats"])
def test_damaged_streams_are_decoded_or_refused_but_never_crash(name: str) -> None:
    encoding, raw = originals()[name]
    dice = random.Random(f"balto {name}")
    refused = 0
    for _ in range(ROUNDS):
        damaged = mutated(raw, dice)
        error = fault(encoding, damaged, dice.choice((41, 500, 1 << 20)))
        if error is not None:
            refused += 1
            assert 0 <= error.byte_offset <= len(damaged)
    assert 0 < refused < ROUNDS


@pytest.mark.parametrize("container", ["mp3", "flac", "mp4"])
def test_damaged_files_for_ffmpeg_are_decoded_or_refused(container: str) -> None:
    codec = {"mp3": "libmp3lame", "flac": "flac", "mp4": "aac"}[container]
    raw = encoded(container, codec, rate=44_100, seconds=0.3, frame_size=1_024)
    dice = random.Random(container)
    for _ in range(15):
        damaged = mutated(raw, dice)
        error = fault("auto", damaged, 1 << 20)
        assert error is None or 0 <= error.byte_offset <= len(damaged)
