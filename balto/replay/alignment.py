"""Aligning two runs of a session: which phrase is which by its samples, which event answers to which by its type."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, zip_longest
from typing import Final

from balto.replay.semantic import counts, lane_of
from events.catalogue import PhraseCaptured, PhraseDiscarded, SpeechStarted
from events.envelope import RecordedEvent

type Extent = tuple[int, int]
"""First sample, and one past the last."""

FAMILIES: Final = (
    frozenset({"PhraseCaptured", "PhraseDiscarded"}),
    frozenset({"TranscriptionReceived", "TranscriptionRejected", "TranscriptionFailed"}),
    frozenset({"NormalisationCompleted", "NormalisationFailed"}),
    frozenset({"ClassificationCompleted", "ClassificationFailed"}),
    frozenset({"BasketResolved", "RecommendationSent", "RecommendationWithheld"}),
)
"""Types of which one answers to another, where the runs part."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """An event of one run and what answers to it in the other; one of them may be missing."""

    a: RecordedEvent | None
    b: RecordedEvent | None

    @property
    def either(self) -> RecordedEvent:
        """The event of the first run, or else that of the second."""
        found = self.a or self.b
        if found is None:
            raise ValueError("an alignment of nothing")
        return found


@dataclass(frozen=True, slots=True)
class Alignment:
    """Two runs beside one another."""

    pairs: tuple[Aligned, ...]
    """Every event that counts, in an order in which no effect comes before its cause."""
    phrases: Mapping[int, int]
    """Numbers of phrases of the first run, and what the same phrase is called in the second."""
    a_extents: Mapping[int, Extent]
    b_extents: Mapping[int, Extent]


def align(a: Sequence[RecordedEvent], b: Sequence[RecordedEvent]) -> Alignment:
    """Align two runs. Phrases are the same where their samples overlap most; their numbers do not matter."""
    a_extents, b_extents = extents(a), extents(b)
    phrases = match_phrases(a_extents, b_extents)
    a_lanes, b_lanes = _lanes(a), _lanes(b)
    pairs: list[Aligned] = []
    for number in sorted(a_lanes.keys() | {0}):
        # Those without samples, such as of a file that lost events, keep their number.
        other = number if number not in a_extents else phrases.get(number, -1)
        pairs += _align_lane(a_lanes.get(number, []), b_lanes.pop(other, []))
    for left in b_lanes.values():
        pairs += [Aligned(None, event) for event in left]
    return Alignment(tuple(_in_order(pairs)), phrases, a_extents, b_extents)


def extents(recorded: Sequence[RecordedEvent]) -> dict[int, Extent]:
    """Return where each phrase of a run lies."""
    found: dict[int, Extent] = {}
    for each in recorded:
        match each.event:
            case SpeechStarted(phrase=number, sample_start=start):
                found[number] = (start, start + 1)
            case PhraseCaptured() | PhraseDiscarded() as event if event.sample_end > event.sample_start:
                found[event.phrase] = (event.sample_start, event.sample_end)
            case _:
                continue
    return found


def match_phrases(a: Mapping[int, Extent], b: Mapping[int, Extent]) -> dict[int, int]:
    """Return which phrase of one run is which of the other: those that overlap most first, each once."""
    ordered = sorted(b, key=lambda number: b[number])
    starts = [b[number][0] for number in ordered]
    furthest = list(accumulate((b[number][1] for number in ordered), max))
    candidates: list[tuple[float, int, int]] = []
    for number, (start, end) in a.items():
        at = bisect_right(furthest, start)
        while at < len(ordered) and starts[at] < end:
            other = ordered[at]
            common = min(end, b[other][1]) - max(start, b[other][0])
            if common > 0:
                candidates.append((-common / (max(end, b[other][1]) - min(start, b[other][0])), number, other))
            at += 1
    matched: dict[int, int] = {}
    taken: set[int] = set()
    for _, number, other in sorted(candidates):
        if number not in matched and other not in taken:
            matched[number] = other
            taken.add(other)
    return matched


def _lanes(recorded: Sequence[RecordedEvent]) -> dict[int, list[RecordedEvent]]:
    lanes: dict[int, list[RecordedEvent]] = {}
    for each in recorded:
        if counts(each.event):
            lanes.setdefault(lane_of(each.event), []).append(each)
    return lanes


def _align_lane(a: Sequence[RecordedEvent], b: Sequence[RecordedEvent]) -> list[Aligned]:
    matcher = SequenceMatcher(None, [each.type for each in a], [each.type for each in b], autojunk=False)
    pairs: list[Aligned] = []
    for what, a_from, a_to, b_from, b_to in matcher.get_opcodes():
        mine, theirs = list(a[a_from:a_to]), list(b[b_from:b_to])
        if what == "equal":
            pairs += [Aligned(one, other) for one, other in zip(mine, theirs, strict=True)]
            continue
        for one, other in zip_longest(mine, theirs):
            if one is not None and other is not None and _akin(one.type, other.type):
                pairs.append(Aligned(one, other))
            else:
                pairs += [Aligned(one, None)] * (one is not None) + [Aligned(None, other)] * (other is not None)
    return pairs


def _akin(one: str, other: str) -> bool:
    return any(one in family and other in family for family in FAMILIES)


def _in_order(pairs: Sequence[Aligned]) -> list[Aligned]:
    """Order by where each stands in the first run, and what is only in the second by where it would stand there.

    Within each run causes come before effects, and so they do in this order: an event of the second run alone comes
    behind all that came before it there, and between the two neighbours that both runs have by the time that has passed
    since the former.
    """
    mine = sorted((pair for pair in pairs if pair.a is not None), key=lambda pair: _position(pair.a))
    positions = [_position(pair.a) for pair in mine]
    behind: Aligned | None = None
    inserted: list[tuple[int, int, Aligned]] = []
    for pair in sorted((pair for pair in pairs if pair.b is not None), key=lambda pair: _position(pair.b)):
        if pair.a is not None:
            behind = pair if behind is None or _position(pair.a) > _position(behind.a) else behind
        else:
            inserted.append((_place(pair, behind, mine, positions), _position(pair.b), pair))
    ordered: list[Aligned] = []
    at = 0
    for place, _, pair in sorted(inserted, key=lambda each: each[:2]):
        ordered += [*mine[at:place], pair]
        at = place
    return [*ordered, *mine[at:]]


def _place(pair: Aligned, behind: Aligned | None, mine: Sequence[Aligned], positions: Sequence[int]) -> int:
    """Return before which of the first run's events one of the second run alone belongs."""
    at = 0 if behind is None else bisect_right(positions, _position(behind.a))
    passed = _elapsed(pair.b) - _elapsed(behind.b if behind is not None else None)
    until = _elapsed(behind.a if behind is not None else None) + passed
    while at < len(mine) and mine[at].b is None and _elapsed(mine[at].a) <= until:
        at += 1
    return at


def _position(recorded: RecordedEvent | None) -> int:
    return 0 if recorded is None else recorded.stream_position


def _elapsed(recorded: RecordedEvent | None) -> int:
    return 0 if recorded is None else recorded.elapsed_us
