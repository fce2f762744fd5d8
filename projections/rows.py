"""What the reports return: one frozen dataclass a kind of row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """A phrase: when it was, how long each hop took in milliseconds, and what came of it. None: not (yet) known."""

    session_id: str
    phrase: int
    tenant: str
    counter_id: str | None
    captured_at: datetime | None
    sample_start: int | None
    sample_end: int | None
    speech_ms: float | None
    """Length of the phrase's audio."""
    audio_ms: float | None
    """From the phrase's capture to the first request for a transcript: cleaning and measuring."""
    stt_ms: float | None
    """Latency of the transcript that counted, be it accepted or rejected."""
    ai1_ms: float | None
    ai2_ms: float | None
    ws_ms: float | None
    """From the recommendation's decision until the socket had taken it."""
    total_ms: float | None
    """From the phrase's capture until the socket had taken the recommendation."""
    stt_provider: str | None
    stt_model: str | None
    ai1_engine: str | None
    ai1_model: str | None
    ai2_engine: str | None
    ai2_model: str | None
    categories: tuple[str, ...] | None
    """`MACRO/MICRO` or `MACRO`, the strongest first; None where the phrase was not classified."""
    basket: str | None
    outcome: str | None
    """`recommended`, `withheld:REASON`, `rejected:REASON` or `discarded:REASON`; None while it is under way."""
    cost_usd: float
    cpu_percent: float | None
    system_cpu_percent: float | None
    rss_bytes: int | None
    system_memory_percent: float | None
    loop_lag_ms: float | None
    ahead_ms: float | None
    """How far the phrase's end lay ahead of the session's clock when it was captured: above 0 only where audio had come
    faster than it was spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BiometricsRow:
    """Coarse acoustic statistics of a phrase; units as in `events.catalogue.PhraseMeasured`."""

    session_id: str
    phrase: int
    tenant: str
    counter_id: str | None
    measured_at: datetime
    sample_start: int
    sample_end: int
    pitch_mean_hz: float | None
    pitch_std_hz: float | None
    snr_db: float | None
    spectral_centroid_hz: float | None
    zero_crossing_rate: float | None
    rms_mean: float | None
    rms_max: float | None
    peak_dbfs: float | None
    clipping_ratio: float | None
    dc_offset: float | None
    band_low: float | None
    band_mid: float | None
    band_high: float | None
    duration_ms: float | None
    words_per_minute: float | None
    """As in `events.catalogue.TranscriptionReceived`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HopLatency:
    """Percentiles of one hop, in milliseconds, interpolated between neighbours; None where nothing was counted."""

    hop: str
    """`audio`, `stt`, `ai1`, `ai2`, `ws` or `total`; see `TimelineRow`."""
    count: int
    p50: float | None
    p95: float | None
    p99: float | None
    left_out: int = 0
    """Phrases that took it in sessions sent faster than speech, which are not counted where there are others."""
    faster_than_speech: bool = False
    """Whether there were no others, and these percentiles are theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session so far."""

    session_id: str
    tenant: str
    counter_id: str | None
    counter_name: str | None
    """None where the counter's registration is not known."""
    started_at: datetime | None
    ended_at: datetime | None
    """None while it lives, or if it was cut off without an end."""
    last_at: datetime
    """Its latest event."""
    end_reason: str | None
    encoding: str | None
    """As detected; as declared until then."""
    phrases: int
    recommendations: int
    bytes: int
    samples: int
    """Mono at 16 kHz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """A phrase that was understood as words, and the advice on it."""

    session_id: str
    phrase: int
    tenant: str
    counter_id: str | None
    at: datetime
    position: int
    """Global position of the event that holds the words, which are personal and not here."""
    categories: tuple[str, ...] | None
    items: tuple[dict[str, Any], ...]
    """`sugestao`, `explicacao` and `tag`; none where nothing was recommended."""
    recommendation_id: str | None
    answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterMetric:
    """A phrase at a counter: its latencies in milliseconds, its voice and what came of it. No words."""

    session_id: str
    phrase: int
    captured_at: datetime | None
    speech_ms: float | None
    audio_ms: float | None
    stt_ms: float | None
    ai1_ms: float | None
    ai2_ms: float | None
    ws_ms: float | None
    total_ms: float | None
    categories: tuple[str, ...] | None
    outcome: str | None
    cost_usd: float
    pitch_mean_hz: float | None
    snr_db: float | None
    spectral_centroid_hz: float | None
    zero_crossing_rate: float | None
    rms_mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A pharmacy. Its code is its tenant."""

    code: str
    legal_name: str
    registered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A counter, with the preset that it has if one was ever set."""

    counter_id: str
    code: str
    """Of its client; the tenant."""
    legal_name: str | None
    """Of its client."""
    name: str | None
    threshold_multiplier: float | None
    min_energy: float | None
    registered_at: datetime | None
    prefer: tuple[str, ...] = ()
    fast_path: bool | None = None
    daily_budget_usd: float | None = None
    """As in `events.catalogue.CounterTermsChanged`."""
