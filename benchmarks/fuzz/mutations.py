"""What the decoders are fed: sound files of every kind, damaged by a seed, and bytes that were never any."""

import random
import struct
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from actors.audio.decode import AudioUndecodableError, open_decoder
from tests.recordings import ASSETS
from tests.sounds import pcm, tone
from tests.unit.audio.containers import encoded, wav

QUICK: Final = ("webm", "webm with video", "chromium", "firefox", "ogg", "firefox ogg", "wav", "wav of floats", "pcm")
"""Kinds decoded in process."""
SLOW: Final = ("mp3", "flac", "mp4", "fragmented mp4", "adts", "mkv", "ogg flac", "aiff", "mpegts")
"""Kinds that take an ffmpeg process each."""
_MAGICS: Final = (
    b"\x1aE\xdf\xa3",
    b"OggS\0\x02",
    b"RIFF\xff\xff\xff\xffWAVEfmt ",
    b"\0\0\0\x18ftyp",
    b"fLaC",
    b"ID3\x04\0\0",
)
_STEPS: Final = (1, 41, 500, 4_096, 1 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One damaged stream and how it is fed."""

    kind: str
    encoding: str
    raw: bytes
    step: int
    """Bytes of a chunk."""
    sample_rate: int = 16_000
    channels: int = 1


@cache
def originals() -> dict[str, tuple[str, bytes]]:
    """Return a sound file of each kind with the encoding that a client would declare."""
    stereo = tone(440, 0.2, rate=22_050).repeat(2)
    aac = {"rate": 44_100, "seconds": 0.3, "frame_size": 1_024}
    return {
        "webm": ("webm-opus", encoded("webm", "libopus", seconds=0.4)),
        "webm with video": ("webm-opus", encoded("webm", "libopus", layout="mono", seconds=0.4, video="libvpx")),
        "chromium": ("webm-opus", (ASSETS / "mediarecorder_chrome.webm").read_bytes()[:4_000]),
        "firefox": ("auto", (ASSETS / "mediarecorder_firefox.webm").read_bytes()[:4_000]),
        "ogg": ("ogg-opus", encoded("ogg", "libopus", seconds=0.4)),
        "firefox ogg": ("auto", (ASSETS / "mediarecorder_firefox.ogg").read_bytes()[:5_000]),
        "wav": ("wav", wav(pcm(stereo).tobytes(), rate=22_050, channels=2)),
        "wav of floats": ("wav", wav(stereo.astype("<f4").tobytes(), tag=3, bits=32, rate=44_100)),
        "pcm": ("pcm_s16le", pcm(stereo).tobytes()),
        "mp3": ("auto", encoded("mp3", "libmp3lame", rate=44_100, seconds=0.3, frame_size=1_152)),
        "flac": ("auto", encoded("flac", "flac", **aac)),
        "mp4": ("auto", encoded("mp4", "aac", **aac)),
        "fragmented mp4": ("auto", encoded("mp4", "aac", fragmented=True, **aac)),
        "adts": ("auto", encoded("adts", "aac", **aac)),
        "mkv": ("auto", encoded("matroska", "aac", **aac)),
        "ogg flac": ("auto", encoded("ogg", "flac", **aac)),
        "aiff": ("auto", encoded("aiff", "pcm_s16be", **aac)),
        "mpegts": ("auto", encoded("mpegts", "aac", **aac)),
    }


def case(seed: str, number: int, *, slow: float = 0.05) -> Case:
    """Make a case; the same seed and number make the same.

    Args:
        seed: of the whole run.
        number: of the case in it.
        slow: share of the cases that need an ffmpeg process.
    """
    dice = random.Random(f"{seed} {number}")
    kind = dice.choice(SLOW if dice.random() < slow else QUICK)
    encoding, raw = originals()[kind]
    if kind in QUICK and dice.random() < 0.1:
        kind, encoding, raw = "blob", dice.choice(("auto", encoding)), blob(dice)
        if encoding == "auto" and dice.random() > slow:
            encoding = dice.choice(("webm-opus", "ogg-opus", "wav", "pcm_s16le"))
    else:
        raw = mutated(raw, dice)
    odd = encoding == "pcm_s16le"
    # byte by byte costs a call each, so only short streams come that way
    step = dice.choice(_STEPS if len(raw) < 5_000 else _STEPS[1:])
    return Case(
        kind=kind,
        encoding=encoding,
        raw=raw,
        step=step,
        sample_rate=dice.randrange(4_000, 192_001) if odd else 16_000,
        channels=dice.randrange(1, 33) if odd else 1,
    )


def blob(dice: random.Random) -> bytes:
    """Return bytes that are no sound file, some beginning like one."""
    magic = dice.choice(_MAGICS) if dice.random() < 0.5 else b""
    match dice.randrange(3):
        case 0:
            body = dice.randbytes(dice.randrange(20_000))
        case 1:
            body = bytes([dice.randrange(256)]) * dice.randrange(20_000)
        case _:
            samples = np.random.default_rng(dice.randrange(1 << 32)).standard_normal(dice.randrange(8_000))
            body = (samples * 10 ** dice.uniform(0, 5)).clip(-32_768, 32_767).astype("<i2").tobytes()
    return magic + body


def mutated(raw: bytes, dice: random.Random) -> bytes:
    """Damage a stream in one to eight places, mostly near its start."""
    out = bytearray(raw)
    near = dice.random() < 0.7
    for _ in range(dice.choice((1, 1, 2, 8))):
        at = dice.randrange(max(1, min(len(out), 600 if near else len(out))))
        match dice.randrange(10):
            case 0 | 1:
                out[at : at + 1] = bytes([dice.randrange(256)])
            case 2:
                out[at : at + 1] = bytes([(out[at] if at < len(out) else 0) ^ 1 << dice.randrange(8)])
            case 3:
                del out[at : at + dice.randrange(1, 50)]
            case 4:
                out[at:at] = dice.randbytes(dice.randrange(1, 20))
            case 5:
                out[at : at + 8] = b"\xff" * 8
            case 6:
                out[at : at + 4] = bytes(4)
            case 7:
                out[at : at + 4] = struct.pack(dice.choice("<>") + "I", dice.choice((1, 255, 65_536, 2**31, 2**32 - 2)))
            case 8:
                taken = dice.randrange(len(out) + 1)
                out[at:at] = out[taken : taken + dice.randrange(1, 2_000)]
            case _:
                del out[dice.randrange(len(out) + 1) :]
    return bytes(out)


def fault(damaged: Case) -> AudioUndecodableError | None:
    """Decode a stream to its end and return the error that it ended with."""
    decoder = open_decoder(damaged.encoding, sample_rate=damaged.sample_rate, channels=damaged.channels)
    raw, step = damaged.raw, damaged.step
    try:
        for at in range(0, len(raw), step):
            decoder.feed(raw[at : at + step])
        while decoder.flush().size:
            pass
    except AudioUndecodableError as error:
        return error
    finally:
        decoder.close()
    return None
