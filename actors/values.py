"""The values that pass between the crafts: samples, phrases, transcripts, what was understood and advised."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from events.catalogue import (
    BandEnergies,
    BasketRule,
    Category,
    CutReason,
    Entity,
    EntityKind,
    Item,
    ItemReason,
    VadSnapshot,
    WithheldReason,
    Word,
)

SAMPLE_RATE = 16_000
"""Hz. Everything after the decoder is mono int16 at this rate."""

_LEAST_TIMED = 3
"""Words, below which a rate says more of the pauses between them than of the speaker."""
_LEAST_SPOKEN_S = 1e-3
"""Seconds, within which nobody says so many words: the provider's times are wrong."""

Pcm = NDArray[np.int16]
"""Mono samples at `SAMPLE_RATE`, shape (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VadSettings:
    """How a counter's voice activity is detected. The defaults are those that deployed clients rely on."""

    threshold_multiplier: float = 1.5
    """A speech frame's RMS is at least this times the tracked noise floor; 1.0 to 10.0."""
    min_energy: float = 120.0
    """RMS of int16 samples below which nothing is speech; 0 to 5000."""
    mode: int = 3
    """Aggressiveness of webrtcvad, 0 to 3."""
    energy_gate: bool = True
    """Whether the energy gate is on. Without it every window is loud enough."""
    webrtc: bool = True
    """Whether webrtcvad is on. Without it the energy gate alone picks what is confirmed."""
    neural: bool = True
    """Whether Silero confirms what the cheap stages let through, where it is installed."""
    neural_threshold: float = 0.75
    """Probability from which the neural stage hears speech, 0.3 to 0.95; speech goes on until 0.25 below it."""
    onset_ms: int = 90
    """Speech needed to open a phrase."""
    pre_roll_ms: int = 300
    """Audio kept from before the onset."""
    hangover_ms: int = 512
    """Silence that closes a phrase."""
    offer_ms: int = 256
    """Silence after which a phrase is offered to speech-to-text, in case nothing more is said; 0 for never."""
    min_phrase_ms: int = 300
    """Speech below which a phrase is discarded as too short."""
    max_phrase_ms: int = 15_000
    """A longer phrase is cut at its quietest place."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeechBegan:
    """The segmenter opened a phrase."""

    number: int
    sample_start: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phrase:
    """The segmenter closed a phrase; it comes with its own audio."""

    number: int
    sample_start: int
    sample_end: int
    cut_reason: CutReason
    vad: VadSnapshot
    pcm: Pcm
    """Samples `sample_start` to `sample_end`."""
    noise: Pcm
    """Up to 1.5 s of the latest audio that was not speech: the session's noise profile. May be empty."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeechGivenUp:
    """The segmenter opened a phrase that turned out to be none."""

    number: int
    sample_start: int
    sample_end: int
    reason: Literal["too_short", "too_quiet"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EarlyPhrase:
    """A short pause: this is the phrase, unless speech goes on."""

    offer: int
    """Number of the offer in its session, from 1."""
    phrase: Phrase

    @property
    def number(self) -> int:
        """Number of the phrase."""
        return self.phrase.number


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeechWentOn:
    """What was offered early is not the whole phrase."""

    number: int
    offer: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenSpeech:
    """Samples of a phrase under way."""

    number: int
    sample_start: int
    pcm: Pcm


Heard = SpeechBegan | EarlyPhrase | SpeechWentOn | Phrase | SpeechGivenUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A phrase that was captured: where it is, and what was known when it was cut."""

    number: int
    sample_start: int
    sample_end: int
    cut_reason: CutReason
    vad: VadSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What went to speech-to-text early of a phrase under way, and has not been taken back."""

    offer: int
    sample_start: int
    sample_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """How far a session's listening had come when its former life ended; samples counted from its start."""

    first_sample: int
    """Of those that will be listened to now."""
    needed_from: int
    """From here on everything is to be heard as it would have been without a break."""
    closed_to: int
    """Up to here every phrase has been found, and has its number."""
    next_number: int
    """Of the next phrase."""
    last_offer: int = 0
    """Number of the last offer of any phrase."""
    offered: Offered | None = None
    """The offer of the phrase under way."""
    awaited: tuple[Captured, ...] = ()
    """Phrases found already whose audio is needed again, in order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cleaned:
    """A phrase after the noise reducer. Same length as before."""

    pcm: Pcm
    method: str
    noise_profile_ms: float
    reduction_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Biometrics:
    """Acoustic statistics of one phrase; units as in `events.catalogue.PhraseMeasured`."""

    pitch_mean_hz: float | None
    pitch_std_hz: float | None
    snr_db: float | None
    spectral_centroid_hz: float | None
    zero_crossing_rate: float
    rms_mean: float
    rms_max: float
    peak_dbfs: float | None
    clipping_ratio: float
    dc_offset: float
    bands: BandEnergies


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What an engine heard in one phrase."""

    text: str
    words: tuple[Word, ...] = ()
    confidence: float | None = None
    cost_usd: float = 0.0
    rejected: str | None = None
    """Why the text is not to be believed (noise, invention); None for a good one."""

    @property
    def words_per_minute(self) -> float | None:
        """Speech rate from the first timed word's start to the last one's end; None where fewer than 3 are timed."""
        timed = [(w.start_s, w.end_s) for w in self.words if w.start_s is not None and w.end_s is not None]
        if len(timed) < _LEAST_TIMED:
            return None
        spoken_s = max(end for _, end in timed) - min(start for start, _ in timed)
        return len(timed) * 60 / spoken_s if spoken_s > _LEAST_SPOKEN_S else None


UNNAMED_SILENCE: Final = "conversa de preço ou dose"
"""Name of talk of prices or doses that an engine recognises by its meaning and no rule by its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """Outcome of stage 1."""

    entities: tuple[Entity, ...]
    alarm: bool = False
    """Whether an engine took the phrase for an alarm sign that names nothing of the vocabulary."""
    silence: bool = False
    """Whether an engine took the phrase for talk of prices or doses that no rule knows."""
    cost_usd: float = 0.0
    placed: "Classified | None" = None
    """Stage 2's outcome for these very entities, where the engine was asked for both at once; it costs nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """Outcome of stage 2. `categories` holds at most two, the strongest first."""

    categories: tuple[Category, ...]
    anchors: tuple[str, ...]
    confidence: float
    cost_usd: float = 0.0
    with_stage_1: bool = False
    """Whether it came with stage 1's answer, so that nobody was asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What earlier phrases of the same conversation leave to a request. The empty one is `Conversation()`."""

    facts: frozenset[str] = frozenset()
    """Names of the baskets file's circumstances that still hold, such as a pregnancy."""
    suggested: frozenset[str] = frozenset()
    """Names of items suggested lately, without case and accents: not suggested again in their cool-down."""
    anchors: frozenset[str] = frozenset()
    """Products that the customer has named, without case and accents: never suggested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LexiconEntry:
    """One thing customers name, every way they say it, and where it belongs."""

    name: str
    """Canonical name, lower case, with accents."""
    kind: EntityKind
    category: Category
    forms: tuple[str, ...] = ()
    """Other ways to say it: brands, inflections, everyday expressions."""
    also: tuple[str, ...] = ()
    """Names of suggestions that mean the same product, so that they count as already named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The basket engine's answer: at most three items, and where they came from."""

    basket: str
    rule: BasketRule
    items: tuple[Item, ...]
    reasons: tuple[ItemReason, ...] = ()
    """One for each item."""
    catalogue: str = ""
    """Version of the baskets file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """The basket engine's silence, and why."""

    reason: WithheldReason
    safety_rule: str | None = None
    """Name of the safety rule that kept it back."""
