"""From a script to sound: lines spoken in turn over room tone, and written as Ogg/Opus."""

import io
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from benchmarks.corpus.noise import room_tone
from benchmarks.corpus.voices import VOICE_RATE, Kokoro, Wave

RATE = 16_000
ROOM_TONE_DBFS = -60.0
SPEECH_DBFS = -23.0
BIT_RATE = 24_000
Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenLine:
    """One line of the conversation, where it lies in the recording."""

    who: str
    voice: str
    text: str
    start_ms: int
    end_ms: int
    about: str | None
    """Macro of a good recommendation; None where nothing should be recommended."""
    keywords: tuple[str, ...]
    """What a transcript must hold for the line to have been understood."""


def read_script(path: Path) -> dict[str, Any]:
    """Read a TOML script as it stands."""
    return tomllib.loads(path.read_text("utf-8"))


def speak(kokoro: Kokoro, text: str, *, voice: str, speed: float, gain_db: float = 0.0) -> Wave:
    """Speak a line at 16 kHz, levelled to `SPEECH_DBFS` plus a gain."""
    wave = resampled(kokoro.say(text, voice, speed))
    level = 10 ** ((SPEECH_DBFS + gain_db) / 20) / max(1e-6, float(np.sqrt(np.mean(wave**2))))
    return (wave * level).astype(np.float32)


def converse(script: dict[str, Any], kokoro: Kokoro) -> tuple[Samples, list[SpokenLine]]:
    """Speak a whole conversation.

    Args:
        script: as `counter.toml`.
        kokoro: the voices.

    Returns:
        int16 mono samples at 16 kHz, and where each line lies in them.
    """
    position = int(script["lead_in"] * RATE)
    placed: list[tuple[int, Wave]] = []
    lines: list[SpokenLine] = []
    for line in script["lines"]:
        speaker = script["speakers"][line["who"]]
        wave = speak(kokoro, line["text"], voice=speaker["voice"], speed=speaker["speed"], gain_db=speaker["gain_db"])
        placed.append((position, wave))
        lines.append(
            SpokenLine(
                who=line["who"],
                voice=speaker["voice"],
                text=line["text"],
                start_ms=position * 1000 // RATE,
                end_ms=(position + wave.size) * 1000 // RATE,
                about=line.get("about"),
                keywords=tuple(line.get("keywords", ())),
            )
        )
        position += wave.size + int(line["pause"] * RATE)
    mixed = room_tone(position, dbfs=ROOM_TONE_DBFS, seed=script["seed"])
    for start, wave in placed:
        mixed[start : start + wave.size] += wave
    return to_samples(mixed), lines


def alone(wave: Wave, *, seed: int, margin_s: float = 0.5) -> Samples:
    """Lay one phrase over room tone, with some of it before and after."""
    margin = int(margin_s * RATE)
    mixed = room_tone(wave.size + 2 * margin, dbfs=ROOM_TONE_DBFS, seed=seed)
    mixed[margin : margin + wave.size] += wave
    return to_samples(mixed)


def to_samples(wave: Wave) -> Samples:
    """Turn floats into int16, clipping what is too loud."""
    return np.round(np.clip(wave, -1.0, 1.0) * 32767).astype(np.int16)


def resampled(wave: Wave) -> Wave:
    """Bring a wave from `VOICE_RATE` to 16 kHz."""
    frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate = VOICE_RATE
    resampler = AudioResampler(format="flt", layout="mono", rate=RATE)
    frames = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([f.to_ndarray().ravel() for f in frames]).astype(np.float32)


def write_opus(path: Path, samples: Samples) -> None:
    """Encode int16 mono 16 kHz samples as Ogg/Opus, made for speech."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ogg") as container:
        stream = container.add_stream(
            "libopus", rate=RATE, options={"application": "voip", "vbr": "on", "frame_duration": "20"}
        )
        stream.bit_rate = BIT_RATE
        stream.layout = "mono"
        for start in range(0, samples.size, RATE // 50):
            block = samples[start : start + RATE // 50]
            frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = RATE
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())


def read_opus(path: Path) -> Samples:
    """Decode a recording to int16 mono 16 kHz."""
    resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([f.to_ndarray().ravel() for f in frames]).astype(np.int16)


def as_json(lines: list[SpokenLine]) -> list[dict[str, Any]]:
    """Give the lines as plain data."""
    return [asdict(line) for line in lines]
