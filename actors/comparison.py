"""What a session and its comparer say to one another."""

from dataclasses import dataclass

from actors.values import Pcm, Transcript


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compare:
    """Session → comparer: have another engine write down a phrase that has its transcript, which is `text`."""

    number: int
    provider: str
    pcm: Pcm
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Comparer → session. Exactly one of `transcript` and `error` is set."""

    number: int
    provider: str
    transcript: Transcript | None
    word_errors: int = 0
    chosen_words: int = 0
    """As in `events.catalogue.TranscriptCompared`."""
    error: str | None = None
    latency_ms: float
