"""What became of each session: what was lost, doubled or out of order, in the store and at the client."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from events.catalogue import (
    AudioReceived,
    PhraseCaptured,
    PhraseDiscarded,
    PhraseGathered,
    RecommendationSent,
    RecommendationWithheld,
    SessionEnded,
    SessionResumed,
    TranscriptionRejected,
)
from events.envelope import RecordedEvent

Range = tuple[int, int]

OUTCOMES = (RecommendationSent, RecommendationWithheld, TranscriptionRejected, PhraseDiscarded, PhraseGathered)
"""Of these every phrase has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Counts over one session or, summed, over many."""

    sessions: int = 0
    phrases: int = 0
    lost: int = 0
    """Phrases that are not in the stream, or without an outcome, or recommendations that never reached the client."""
    doubled: int = 0
    disordered: int = 0
    bytes_lost: int = 0
    """Acknowledged bytes that the recording does not hold."""
    unended: int = 0
    abandoned: int = 0
    """Sessions that ended otherwise than by their client's word."""
    resumed: int = 0

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(**{name: getattr(self, name) + getattr(other, name) for name in Verdict.__slots__})


def judge(
    recorded: Sequence[RecordedEvent], expected: Sequence[Range], received: Sequence[str], acknowledged: int, kept: int
) -> Verdict:
    """Compare a session's stream with the phrases of its audio, and what the client got with what was sent.

    Args:
        recorded: the stream.
        expected: sample ranges of the phrases, as an undisturbed detector finds them.
        received: ids of the recommendations that the client was given, in order.
        acknowledged: bytes that the client was told are durable.
        kept: bytes in the recording.
    """
    events = [record.event for record in recorded]
    captured = [(e.sample_start, e.sample_end) for e in events if isinstance(e, PhraseCaptured)]
    numbers = [e.phrase for e in events if isinstance(e, PhraseCaptured)]
    outcomes = Counter(e.phrase for e in events if isinstance(e, OUTCOMES))
    sent = [e.recommendation_id for e in events if isinstance(e, RecommendationSent)]
    without_outcome = sum(outcomes[number] == 0 for number in numbers)
    missing = sum((Counter(expected) - Counter(captured)).values())
    unheard = sum((Counter(sent) - Counter(received)).values())
    extra = sum((Counter(captured) - Counter(expected)).values())
    repeated = sum((Counter(sent) - Counter(set(sent))).values()) + sum(
        (Counter(received) - Counter(set(sent))).values()
    )
    audio = [e.byte_end for e in events if isinstance(e, AudioReceived)]
    return Verdict(
        sessions=1,
        phrases=len(captured),
        lost=missing + without_outcome + unheard,
        doubled=extra + repeated + sum(count - 1 for count in outcomes.values() if count > 1),
        disordered=int(captured != sorted(captured)) + int(audio != sorted(audio)) + int(received != sent),
        bytes_lost=max(0, acknowledged - kept),
        unended=int(not any(isinstance(e, SessionEnded) for e in events)),
        abandoned=sum(isinstance(e, SessionEnded) and e.reason != "client_finished" for e in events),
        resumed=sum(isinstance(e, SessionResumed) for e in events),
    )
