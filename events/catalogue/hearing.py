"""Events of hearing: speech starts, a phrase is captured or discarded, cleaned and measured."""

from dataclasses import dataclass
from typing import Literal

from events.catalogue.base import Event, recorded
from events.upcasters import Data, upcaster

CutReason = Literal["pause", "max_length", "end_of_audio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VadSnapshot:
    """What the voice-activity detector knew and was set to when it cut a phrase. Levels are RMS of int16 samples."""

    noise_floor_rms: float
    threshold_rms: float
    """Energy that a frame needed to be taken for speech."""
    threshold_multiplier: float
    min_energy: float
    voiced_ratio: float
    """Share of the phrase's frames taken for speech, 0 to 1."""
    mode: int
    """Aggressiveness of webrtcvad, 0 to 3."""
    loud_ratio: float | None = None
    """Share of the phrase's windows that the energy gate let through, 0 to 1; None where it was off."""
    webrtc_ratio: float | None = None
    """Share that webrtcvad took for voice; None where it was off."""
    neural: str | None = None
    """Model that confirmed them; None where there was none."""
    neural_mean: float | None = None
    """Mean probability that it gave the windows taken for speech, 0 to 1."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted(Event):
    """The onset of a phrase: enough of the last frames were speech."""

    phrase: int
    """Number of the phrase in its session, from 1."""
    sample_start: int
    """First sample of the phrase, pre-roll included (16 kHz)."""


@recorded(version=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseCaptured(Event):
    """A phrase is complete; its audio is the session's samples from `sample_start` to `sample_end`."""

    phrase: int
    sample_start: int
    sample_end: int
    cut_reason: CutReason
    vad: VadSnapshot


@upcaster("PhraseCaptured", from_version=1)
def _captured_by_two_stages(data: Data) -> Data:
    # Before, energy and webrtcvad decided alone, and only what came of both was kept.
    unknown = {"loud_ratio": None, "webrtc_ratio": None, "neural": None, "neural_mean": None}
    return {**data, "vad": {**data["vad"], **unknown}}


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseDiscarded(Event):
    """A stretch that looked like speech was given up before transcription."""

    phrase: int
    sample_start: int
    sample_end: int
    reason: Literal["too_short", "too_quiet", "failed"]


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseCleaned(Event):
    """The noise reducer ran on a phrase."""

    phrase: int
    method: str
    noise_profile_ms: float
    """Length of the session's noise profile that was used; 0 where the phrase's own was."""
    reduction_db: float
    """RMS before over RMS after, in dB."""
    given_to_stt: Literal["raw", "cleaned"]
    duration_ms: float
    """How long cleaning took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandEnergies:
    """Share of the spectral energy by band; the three sum to 1. None where the phrase is digital silence."""

    low: float | None
    """Below 500 Hz."""
    mid: float | None
    """500 to 2000 Hz."""
    high: float | None
    """Above 2000 Hz."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseMeasured(Event):
    """Coarse acoustic statistics of a phrase, as it was received (not cleaned). Absent values are null, never NaN."""

    phrase: int
    sample_start: int
    sample_end: int
    pitch_mean_hz: float | None
    """Mean F0 over voiced frames."""
    pitch_std_hz: float | None
    snr_db: float | None
    """Against the tracked noise floor."""
    spectral_centroid_hz: float | None
    zero_crossing_rate: float
    """Sign changes per sample, 0 to 1, mean over frames."""
    rms_mean: float
    """Mean of the frames' RMS, of full scale 1.0."""
    rms_max: float
    peak_dbfs: float | None
    clipping_ratio: float
    """Share of samples at full scale."""
    dc_offset: float
    """Mean sample, of full scale 1.0."""
    bands: BandEnergies
    duration_ms: float
    """How long measuring took."""
