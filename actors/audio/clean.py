"""Noise reduction of a phrase with the session's noise profile."""

from typing import Final

import numpy as np

from actors.values import SAMPLE_RATE, Cleaned, Pcm

METHOD: Final = "noisereduce_stationary"
TOO_LITTLE_NOISE: Final = "none_profile_too_short"
TOO_SHORT: Final = "none_phrase_too_short"
SILENT: Final = "none_silent"
_LEAST_PROFILE: Final = SAMPLE_RATE // 4
_FFT: Final = 512
_HOP: Final = 256
"""Half a window: transcripts come out no worse than with noisereduce's own quarter, at half the cost."""
_PROP_DECREASE: Final = 0.7
"""More of it costs words: measured on a speech recogniser, full reduction raises its error rate everywhere."""
_PADDING: Final = 512
_MAX_PROFILE: Final = 3 * SAMPLE_RATE // 2


def warm() -> None:
    """Import the noise reducer, which takes a while, so that the first phrase doesn't wait for it."""
    import noisereduce  # noqa: F401, PLC0415 - imported for its effect, and only where it is used


def clean(pcm: Pcm, noise: Pcm) -> Cleaned:
    """Reduce the noise of a phrase by stationary spectral gating (Sainburg, "noisereduce", 2020).

    Args:
        pcm: the phrase, shape (n,).
        noise: audio of the same session without speech, shape (m,); at least a quarter of a second is needed.

    Returns:
        A phrase of the same length. Where it couldn't be cleaned it is `pcm` itself, and the method says why.
    """
    if noise.size < _LEAST_PROFILE:
        return _unchanged(pcm, TOO_LITTLE_NOISE)
    if pcm.size < _FFT:
        return _unchanged(pcm, TOO_SHORT)
    if not pcm.any() or not noise.any():
        return _unchanged(pcm, SILENT)
    from noisereduce import reduce_noise  # noqa: PLC0415 - takes half a second to import, and not every process cleans

    profile = noise[-_MAX_PROFILE:].astype(np.float32)
    reduced = reduce_noise(
        y=pcm.astype(np.float32),
        sr=SAMPLE_RATE,
        stationary=True,
        y_noise=profile,
        prop_decrease=_PROP_DECREASE,
        n_fft=_FFT,
        hop_length=_HOP,
        padding=_PADDING,
        chunk_size=pcm.size,
        n_jobs=1,
    )
    samples = np.clip(np.rint(np.nan_to_num(reduced)), -32_768, 32_767).astype(np.int16)
    return Cleaned(
        pcm=samples,
        method=METHOD,
        noise_profile_ms=profile.size * 1000 / SAMPLE_RATE,
        reduction_db=_reduction_db(pcm, samples),
    )


def _unchanged(pcm: Pcm, method: str) -> Cleaned:
    return Cleaned(pcm=pcm, method=method, noise_profile_ms=0.0, reduction_db=0.0)


def _reduction_db(before: Pcm, after: Pcm) -> float:
    powers = [float(np.mean(np.square(pcm.astype(np.float64)))) for pcm in (before, after)]
    return float(10 * np.log10(powers[0] / max(powers[1], 1 / 12)))
