"""Whether a transcript is to be believed: pure rules against text that engines invent on noise."""

import math
import re
import unicodedata
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from actors.stt.vocabulary import PRODUCT_NAMES

Reason = Literal[
    "no_words", "low_confidence", "no_speech", "repetition", "prompt_echo", "stock_phrase", "impossible_pace"
]

MIN_LOGPROB = -1.0
"""Average log probability of a token below which Whisper is guessing."""
MIN_LOGPROB_OF_SPEECH = -1.2
"""The same where somebody certainly spoke: one short word that was written right scored -0.999."""
MIN_LOGPROB_OF_NAMES = -1.3
"""The same for a text of nothing but known names, since one short word alone always scores lower."""
MAX_NO_SPEECH = 0.6
MIN_LOGPROB_WHEN_SILENT = -0.7
SPEECH_BELOW = 0.35
"""Probability of no speech below which somebody spoke: of 144 noises none came below it, of 252 words all did."""
MAX_COMPRESSION = 2.0
"""UTF-8 bytes over zlib bytes; speech stays near 1, a decoder caught in a loop goes far above 2."""
MIN_UNIQUE = 0.4
"""Share of different words."""
MIN_WORDS_FOR_UNIQUE = 8
"""Below this many words a low share of different words is how people speak."""
_ONE_SOUND = re.compile(r"(\S)\1{7}")
"""A letter so many times that no word has it."""
HUMAN_REPEATS = 3
"""Times in a row that a customer may say the same order and be believed."""
MAX_WORDS_PER_SECOND = 8.0
MAX_WORDS_OF_A_SPURT = 3
"""So few words may come at any pace, since the phrase may have been cut."""
ECHO_WORDS = 5
"""Words in a row from the prompt, in its order, that no customer would say by chance."""

_STOCK_PHRASES = (
    "legendas pela comunidade amara org",
    "legenda adriana zanotto",
    "obrigado por assistir",
    "obrigada por assistir",
    "inscreva se no canal",
    "se inscreva no canal",
    "ate o proximo video",
    "transcricao e legendas",
)
"""Subtitles' boilerplate from the training data; never said to a pharmacist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an engine says about its own transcript. An engine that doesn't say leaves the field at None."""

    avg_logprob: float | None = None
    """Natural log, average over tokens or words."""
    no_speech: float | None = None
    """Probability, 0 to 1, that the audio holds no speech."""
    duration_s: float | None = None
    """Seconds of the phrase."""
    prompt: str = ""
    """What the engine had been primed with."""


def words_of(text: str) -> list[str]:
    """Split a text into lower-case words without accents or punctuation."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return re.findall(r"[a-z0-9]+", plain)


@lru_cache(maxsize=8)
def _names(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word for name in names for word in words_of(name))


def reason_to_reject(text: str, evidence: Evidence, *, known: tuple[str, ...] = PRODUCT_NAMES) -> Reason | None:
    """Say why a transcript is not to be believed, or None for a good one.

    There is no rule of length: "AAS" is an order. Text made of known names alone is held to a milder limit of
    confidence, and an order said up to three times in a row is no loop.

    Args:
        text: what the engine wrote.
        evidence: what the engine said about it.
        known: names that customers ask for; those of `vocabulary` by default.

    Source:
        Thresholds of Whisper's own decoder (Radford et al., 2022, section 4.5), tightened on noise clips.
    """
    words = words_of(text)
    only_names = set(words) <= _names(known)
    verdicts: tuple[tuple[Reason, bool], ...] = (
        ("no_words", not words),
        ("low_confidence", _is_guess(evidence, only_names=only_names)),
        ("no_speech", _is_silence(evidence)),
        ("stock_phrase", any(phrase in " ".join(words) for phrase in _STOCK_PHRASES)),
        ("repetition", is_loop(words) or _ONE_SOUND.search(text) is not None),
        ("impossible_pace", _is_too_fast(words, evidence.duration_s)),
        ("prompt_echo", _echoes(words, words_of(evidence.prompt))),
    )
    return next((reason for reason, found in verdicts if found), None)


def confidence_of(avg_logprob: float) -> float:
    """Turn an average log probability into a confidence from 0 to 1."""
    return math.exp(min(avg_logprob, 0.0))


def _is_guess(evidence: Evidence, *, only_names: bool) -> bool:
    spoken = evidence.no_speech is not None and evidence.no_speech < SPEECH_BELOW
    least = MIN_LOGPROB_OF_NAMES if only_names else MIN_LOGPROB_OF_SPEECH if spoken else MIN_LOGPROB
    return evidence.avg_logprob is not None and evidence.avg_logprob < least


def _is_silence(evidence: Evidence) -> bool:
    if evidence.no_speech is None or evidence.no_speech <= MAX_NO_SPEECH:
        return False
    return evidence.avg_logprob is None or evidence.avg_logprob < MIN_LOGPROB_WHEN_SILENT


def is_loop(words: list[str]) -> bool:
    """Tell whether words repeat as those of a decoder do that is caught: more often in a row than anybody says them."""
    if not words:
        return False
    encoded = " ".join(words).encode()
    compressed = len(encoded) / len(zlib.compress(encoded)) > MAX_COMPRESSION
    monotonous = len(words) >= MIN_WORDS_FOR_UNIQUE and len(set(words)) / len(words) < MIN_UNIQUE
    return (compressed or monotonous) and _longest_run(words) > HUMAN_REPEATS


def _is_too_fast(words: list[str], duration_s: float | None) -> bool:
    if not duration_s or len(words) <= MAX_WORDS_OF_A_SPURT:
        return False
    return len(words) / duration_s > MAX_WORDS_PER_SECOND


def _longest_run(words: list[str]) -> int:
    """Count how many times in a row the most repeated group of words comes."""
    longest = 1
    for size in range(1, len(words) // 2 + 1):
        run_words = 0
        for here in range(size, len(words)):
            run_words = run_words + 1 if words[here] == words[here - size] else 0
            longest = max(longest, 1 + run_words // size)
    return longest


def _echoes(words: list[str], prompt: list[str]) -> bool:
    if len(words) < ECHO_WORDS or len(prompt) < ECHO_WORDS:
        return False
    runs = {tuple(prompt[i : i + ECHO_WORDS]) for i in range(len(prompt) - ECHO_WORDS + 1)}
    return any(tuple(words[i : i + ECHO_WORDS]) in runs for i in range(len(words) - ECHO_WORDS + 1))
