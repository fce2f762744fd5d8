"""The difference between two runs of a session: the first event in which they part, and what explains it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from balto.replay.alignment import Aligned, Extent, align
from balto.replay.contrast import Contrast, Verdict, contrast
from balto.replay.inputs import Given, bears_on, inputs_that_differ
from balto.replay.run import Run
from balto.replay.semantic import lane_of, stream_hash
from events.catalogue import OfferTranscribed
from events.envelope import RecordedEvent

_ANSWERS = frozenset(
    {
        "TranscriptionReceived",
        "TranscriptionRejected",
        "TranscriptionFailed",
        "NormalisationCompleted",
        "NormalisationFailed",
        "ClassificationCompleted",
        "ClassificationFailed",
    }
)
"""What engines answered, and not what was decided on it."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two runs part first."""

    contrast: Contrast
    explained_by: tuple[Given, ...]
    """Inputs that differ and on which an event of this type depends, the likeliest first; empty: none that is
    recorded."""
    chain: tuple[RecordedEvent, ...]
    """What led to it within its phrase, from the first cause on; in the first run, or where it has none, the second."""


@dataclass(frozen=True, slots=True)
class Diff:
    """Two runs compared."""

    a: Run
    b: Run
    inputs: tuple[Given, ...]
    """What was given differently. It makes no difference by itself."""
    contrasts: tuple[Contrast, ...]
    """Every event that counts, in order."""
    first: Divergence | None
    counts: Mapping[Verdict, int]
    extents: tuple[Mapping[int, Extent], Mapping[int, Extent]]

    @property
    def same(self) -> bool:
        """Whether the same came of both."""
        return self.first is None

    @property
    def hashes(self) -> tuple[str, str]:
        """The semantic hashes of both."""
        return stream_hash(self.a.events), stream_hash(self.b.events)


def diff(a: Run, b: Run) -> Diff:
    """Compare two runs of one session, or two sessions of the same audio."""
    alignment = align(a.recorded, b.recorded)
    contrasts = tuple(contrast(pair, alignment.phrases) for pair in alignment.pairs)
    inputs = tuple(inputs_that_differ(a, b))
    parted = next((each for each in contrasts if each.verdict != "same"), None)
    return Diff(
        a=a,
        b=b,
        inputs=inputs,
        contrasts=contrasts,
        first=None if parted is None else _divergence(parted, a, b, inputs),
        counts=Counter(each.verdict for each in contrasts),
        extents=(alignment.a_extents, alignment.b_extents),
    )


def _divergence(parted: Contrast, a: Run, b: Run, inputs: Iterable[Given]) -> Divergence:
    pair = parted.pair
    chain = causes(a if pair.a is not None else b, pair.either)
    bearing = [given for given in inputs if bears_on(given, pair.either.type)]
    return Divergence(parted, (*_answered(parted, a, b), *bearing), tuple(chain))


def causes(run: Run, event: RecordedEvent) -> list[RecordedEvent]:
    """Return the events that led to one, each the cause of the next, the first cause first and without the one itself.

    Events of a phrase name the one before them as their cause.
    """
    by_id = {each.event_id: each for each in run.recorded}
    chain: list[RecordedEvent] = []
    cause = event.causation_id
    while cause is not None and cause in by_id and len(chain) < len(by_id):
        chain.append(by_id[cause])
        cause = chain[-1].causation_id
    return chain[::-1]


def _answered(parted: Contrast, a: Run, b: Run) -> Iterable[Given]:
    """Yield what of the difference is an engine's: another one answered, or the same one otherwise."""
    pair = parted.pair
    if pair.either.type not in _ANSWERS or pair.a is None or pair.b is None:
        return
    if parted.makers:
        yield Given("engine", pair.a.type, _maker(pair.a), _maker(pair.b))
        return
    mine, theirs = _early(a, pair.a), _early(b, pair.b)
    where = pair.a.type if mine is None or theirs is None else f"OfferTranscribed #{mine} and #{theirs}"
    yield Given("answer", where, _maker(pair.a), _maker(pair.b))


def _maker(recorded: RecordedEvent) -> str:
    event = recorded.event
    return f"{getattr(event, 'provider', getattr(event, 'engine', ''))}/{getattr(event, 'model', '')}"


def _early(run: Run, answer: RecordedEvent) -> int | None:
    """Return where the text of a phrase was answered before the phrase was certain to be over; None where it wasn't."""
    offer = getattr(answer.event, "offer", 0)
    for each in run.recorded:
        event = each.event
        if isinstance(event, OfferTranscribed) and (event.phrase, event.offer) == (lane_of(answer.event), offer):
            return each.stream_position
    return None


def phrase_of(pair: Aligned) -> tuple[int, int]:
    """Return the numbers of a pair's phrase in both runs, 0 where there is none."""
    return (
        0 if pair.a is None else lane_of(pair.a.event),
        0 if pair.b is None else lane_of(pair.b.event),
    )
