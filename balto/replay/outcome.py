"""The outcome of a what-if: what was gained and lost against the session as it was, in numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from actors.stt.wer import difference
from balto.replay.alignment import Extent, match_phrases
from balto.replay.answer import NO_RECORDING
from balto.replay.engine import Execution
from balto.replay.recorded import Moment
from events.catalogue import PhraseCaptured, RecommendationSent, RecommendationWithheld, TranscriptionReceived

_RATE: Final = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair[T]:
    """A figure as it was, and as it is in the replay."""

    then: T
    now: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A phrase that came out otherwise."""

    what: str
    """`phrase gained`, `phrase lost`, `text`, `advice gained`, `advice lost`, `advice`."""
    start_s: float
    then: str = ""
    now: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a replay compares with its session."""

    session: str
    replay: str | None = None
    """Its stream; None where it was not kept."""
    error: str | None = None
    """Why the session could not be heard again; then nothing else is told."""
    audio_s: float = 0.0
    cpu_s: float = 0.0
    phrases: Pair[int] = Pair(then=0, now=0)
    phrases_gained: int = 0
    phrases_lost: int = 0
    word_errors: int = 0
    """Words to insert, delete or replace to make the texts now of those then, in phrases that have both."""
    words: int = 0
    """Of the texts then."""
    advice: Pair[int] = Pair(then=0, now=0)
    advice_gained: int = 0
    advice_lost: int = 0
    advice_different: int = 0
    answer_ms: Pair[float | None] = Pair(then=None, now=None)
    """Median from a phrase's capture to its outcome. What is worked out takes no time in a replay. None: no phrase."""
    cost_usd: Pair[float] = Pair(then=0.0, now=0.0)
    answers_exact: int = 0
    answers_near: int = 0
    answers_missing: int = 0
    remarks: tuple[str, ...] = ()
    changes: tuple[Change, ...] = field(default=())

    @property
    def wer(self) -> float | None:
        """Word error rate between the texts then and now; None where there are none."""
        return self.word_errors / self.words if self.words else None


@dataclass(slots=True)
class _Side:
    """What came of a run's phrases, by number."""

    places: dict[int, Extent] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    advice: dict[int, RecommendationSent] = field(default_factory=dict)
    captured_us: dict[int, int] = field(default_factory=dict)
    waits_us: list[int] = field(default_factory=list)
    cost_usd: float = 0.0


def outcome_of(execution: Execution) -> Outcome:
    """Compare a replay with its session."""
    recorded = execution.recorded
    then, now = _side(recorded.moments), _side(execution.moments)
    same = match_phrases(then.places, now.places)
    lost = [number for number in then.places if number not in same]
    gained = [number for number in now.places if number not in same.values()]
    texts = [
        (number, then.texts[number], now.texts[other])
        for number, other in same.items()
        if number in then.texts and other in now.texts
    ]
    apart = [difference(one, other) for _, one, other in texts]
    advice = _advice(then, now, same)
    changes = [
        *(Change(what="phrase lost", start_s=_start(then, n), then=then.texts.get(n, "")) for n in lost),
        *(Change(what="phrase gained", start_s=_start(now, n), now=now.texts.get(n, "")) for n in gained),
        *(
            Change(what="text", start_s=_start(then, number), then=one, now=other)
            for (number, one, other), how in zip(texts, apart, strict=True)
            if how.errors
        ),
        *advice,
    ]
    tally = execution.tally
    return Outcome(
        session=recorded.started.session_id,
        audio_s=max((event.sample_end for event, _ in recorded.moments if hasattr(event, "sample_end")), default=0)
        / _RATE,
        cpu_s=execution.cpu_s,
        phrases=Pair(then=len(then.places), now=len(now.places)),
        phrases_gained=len(gained),
        phrases_lost=len(lost),
        word_errors=sum(each.errors for each in apart),
        words=sum(each.words for each in apart),
        advice=Pair(then=len(then.advice), now=len(now.advice)),
        advice_gained=_count(advice, "advice gained"),
        advice_lost=_count(advice, "advice lost"),
        advice_different=_count(advice, "advice"),
        answer_ms=Pair(then=_middle(then.waits_us), now=_middle(now.waits_us)),
        cost_usd=Pair(then=then.cost_usd, now=now.cost_usd),
        answers_exact=tally.exact,
        answers_near=tally.near,
        answers_missing=tally.missing,
        remarks=execution.remarks,
        changes=tuple(sorted(changes, key=lambda change: change.start_s)),
    )


def as_data(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome for machines; what was said and heard is in it."""
    from dataclasses import asdict  # noqa: PLC0415 - used here alone

    return {**asdict(outcome), "wer": outcome.wer, "no_recording": NO_RECORDING if outcome.answers_missing else None}


def _side(moments: Sequence[Moment]) -> _Side:
    side = _Side()
    for event, us in moments:
        side.cost_usd += getattr(event, "cost_usd", 0.0)
        match event:
            case PhraseCaptured():
                side.places[event.phrase] = (event.sample_start, event.sample_end)
                side.captured_us[event.phrase] = us
            case TranscriptionReceived(role="chosen"):
                side.texts[event.phrase] = event.text
            case RecommendationSent():
                side.advice[event.phrase] = event
                _wait(side, event.phrase, us)
            case RecommendationWithheld():
                _wait(side, event.phrase, us)
            case _:
                pass
    return side


def _wait(side: _Side, phrase: int, us: int) -> None:
    if phrase in side.captured_us:
        side.waits_us.append(us - side.captured_us[phrase])


def _advice(then: _Side, now: _Side, same: Mapping[int, int]) -> list[Change]:
    changes = []
    for number, sent in then.advice.items():
        other = now.advice.get(same.get(number, -1))
        if other is None:
            changes.append(Change(what="advice lost", start_s=_start(then, number), then=_told(sent)))
        elif (sent.basket, sent.items) != (other.basket, other.items):
            changes.append(Change(what="advice", start_s=_start(then, number), then=_told(sent), now=_told(other)))
    former = {other: number for number, other in same.items()}
    changes += [
        Change(what="advice gained", start_s=_start(now, number), now=_told(sent))
        for number, sent in now.advice.items()
        if former.get(number, -1) not in then.advice
    ]
    return changes


def _told(sent: RecommendationSent) -> str:
    return f"{sent.basket}: {', '.join(item.sugestao for item in sent.items)}"


def _start(side: _Side, number: int) -> float:
    return side.places[number][0] / _RATE if number in side.places else 0.0


def _count(changes: Iterable[Change], what: str) -> int:
    return sum(change.what == what for change in changes)


def _middle(waits_us: Sequence[int]) -> float | None:
    return median(waits_us) / 1000 if waits_us else None
