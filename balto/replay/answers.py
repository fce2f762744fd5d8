"""What engines answered in a recorded session, to be found again by the samples or the words they were asked about."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from actors.routing.attempts import Due, Ended
from actors.session.state import SessionState, evolve
from actors.values import Classified, Normalised, Transcript
from balto.replay.answer import NEAR, Answer, Place, Thought
from balto.replay.recorded import Moment
from events.catalogue import (
    AttemptEnded,
    AttemptStarted,
    AttemptStep,
    ClassificationCompleted,
    ClassificationFailed,
    ComparisonFailed,
    Entity,
    NormalisationCompleted,
    NormalisationFailed,
    OfferTranscribed,
    PhraseCaptured,
    PhraseOffered,
    PhraseOfferWithdrawn,
    TranscriptCompared,
    TranscriptionFailed,
    TranscriptionReceived,
    TranscriptionRejected,
)


@dataclass(slots=True)
class _Calls:
    """Further calls and losers of a step that has not been answered yet."""

    asked_us: int = 0
    attempts: list[tuple[int, AttemptStarted]] = field(default_factory=list)
    others: list[Ended] = field(default_factory=list)


class Answers:
    """All answers of a session.

    Args:
        moments: of the session, in order.
    """

    def __init__(self, moments: Iterable[Moment]) -> None:
        self.phrases: dict[int, Place] = {}
        """Where each captured phrase is."""
        self._finals: dict[Place, Answer[Transcript]] = {}
        self._offered: dict[Place, Answer[Transcript]] = {}
        self._compared: dict[tuple[Place, str], Answer[Transcript]] = {}
        self._normalised: list[Thought[Normalised]] = []
        self._classified: list[Thought[Classified]] = []
        self._places: dict[tuple[int, int], Place] = {}
        self._calls: dict[tuple[int, AttemptStep], _Calls] = defaultdict(_Calls)
        state = SessionState()
        for moment in moments:
            self._read(moment, state)
            state = evolve(state, moment.event)

    def transcript(self, place: Place, *, offered: bool) -> tuple[Answer[Transcript] | None, Literal["exact", "near"]]:
        """Find what was written down of a phrase, or of what was offered of one."""
        first, second = (self._offered, self._finals) if offered else (self._finals, self._offered)
        found = first.get(place) or second.get(place)
        if found is not None:
            return found, "exact"
        near = [other for other in self._finals if _distance(other, place) <= NEAR]
        return (self._finals[min(near, key=lambda other: _distance(other, place))] if near else None), "near"

    def comparison(self, place: Place, provider: str) -> Answer[Transcript] | None:
        """Find what another engine wrote down of a phrase."""
        return self._compared.get((place, provider))

    def normalised(self, phrase: int, text: str) -> Answer[Normalised] | None:
        """Find what stage 1 made of a text."""
        return _find(self._normalised, phrase, text, None)

    def classified(self, phrase: int, text: str, entities: Sequence[Entity]) -> Answer[Classified] | None:
        """Find what stage 2 made of a text with these entities."""
        return _find(self._classified, phrase, text, _named(entities))

    def near(self, place: Place) -> int | None:
        """Return the number of the recorded phrase at a place, or near it; None where there is none."""
        close = [(_distance(other, place), number) for number, other in self.phrases.items()]
        best = min(close, default=(NEAR + 1, 0))
        return best[1] if best[0] <= NEAR else None

    def _read(self, moment: Moment, state: SessionState) -> None:
        event, us = moment
        match event:
            case PhraseCaptured():
                self.phrases[event.phrase] = self._places[event.phrase, 0] = (event.sample_start, event.sample_end)
            case PhraseOffered():
                self._places[event.phrase, event.offer] = (event.sample_start, event.sample_end)
                self._calls[event.phrase, "transcription"] = _Calls(asked_us=us)
            case AttemptStarted():
                self._calls[event.phrase, event.step].attempts.append((us, event))
            case AttemptEnded():
                self._calls[event.phrase, event.step].others.append(_ended(event))
            case OfferTranscribed():
                place = self._places.get((event.phrase, event.offer))
                if place is not None:
                    self._offered[place] = self._transcribed(event, event.rejected)
            case PhraseOfferWithdrawn():
                self._withdrawn(event, us)
            case TranscriptionReceived(role="chosen", offer=0):
                self._final(event.phrase, self._transcribed(event, None))
            case TranscriptionRejected(offer=0):
                self._final(event.phrase, self._transcribed(event, event.reason))
            case TranscriptionFailed() if event.code != "budget_reached":
                calls = self._taken(event.phrase, "transcription")
                self._final(event.phrase, _failed(event.provider, event.model, event.code, event.latency_ms, calls))
            case TranscriptCompared() | ComparisonFailed() if event.phrase in self.phrases:
                self._compared[self.phrases[event.phrase], event.provider] = _other_ears(event)
            case NormalisationCompleted():
                whole = Normalised(entities=event.entities, cost_usd=event.cost_usd)
                self._think(self._normalised, event, whole, state, "normalisation")
            case NormalisationFailed():
                self._think(self._normalised, event, None, state, "normalisation")
            case ClassificationCompleted():
                whole_2 = Classified(
                    categories=event.categories,
                    anchors=event.anchors,
                    confidence=event.confidence,
                    cost_usd=event.cost_usd,
                    with_stage_1=event.with_stage_1,
                )
                self._think(self._classified, event, whole_2, state, "classification")
            case ClassificationFailed():
                self._think(self._classified, event, None, state, "classification")
            case _:
                self._ask(moment)

    def _ask(self, moment: Moment) -> None:
        step = _STEPS.get(type(moment.event).__name__)
        phrase = getattr(moment.event, "phrase", 0)
        # A call that an offer began goes on as the phrase's own.
        if step is not None and not (step == "transcription" and self._calls[phrase, step].asked_us):
            self._calls[phrase, step] = _Calls(asked_us=moment.elapsed_us)

    def _taken(self, phrase: int, step: AttemptStep) -> _Calls:
        return self._calls.pop((phrase, step), None) or _Calls()

    def _final(self, phrase: int, answer: Answer[Transcript]) -> None:
        place = self.phrases.get(phrase)
        if place is not None:
            self._finals[place] = answer

    def _transcribed(
        self, event: OfferTranscribed | TranscriptionReceived | TranscriptionRejected, rejected: str | None
    ) -> Answer[Transcript]:
        calls = self._taken(event.phrase, "transcription")
        transcript = Transcript(
            text=event.text,
            words=() if isinstance(event, TranscriptionRejected) else event.words,
            confidence=None if isinstance(event, TranscriptionRejected) else event.confidence,
            cost_usd=event.cost_usd,
            rejected=rejected,
        )
        return Answer(
            outcome=transcript,
            engine=event.provider,
            model=event.model,
            latency_ms=event.latency_ms,
            attempts=_dues(calls),
            others=tuple(calls.others),
        )

    def _withdrawn(self, event: PhraseOfferWithdrawn, us: int) -> None:
        calls = self._taken(event.phrase, "transcription")
        place = self._places.get((event.phrase, event.offer))
        if place is None or place in self._offered:
            return
        if event.reason == "transcription_failed":
            took_ms = max(0, us - calls.asked_us) / 1000
            self._offered[place] = _failed(event.provider, event.model, "transient", took_ms, calls)
        else:
            self._offered[place] = Answer(outcome=None, attempts=_dues(calls))

    def _think[T](
        self,
        kept: list[Thought[T]],
        event: NormalisationCompleted | NormalisationFailed | ClassificationCompleted | ClassificationFailed,
        outcome: T | None,
        state: SessionState,
        step: AttemptStep,
    ) -> None:
        phrase, calls = state.open_phrases.get(event.phrase), self._taken(event.phrase, step)
        if phrase is None:
            return
        answer = Answer(
            outcome=outcome,
            error=getattr(event, "code", None),
            engine=event.engine,
            model=event.model,
            latency_ms=event.latency_ms,
            attempts=_dues(calls),
            others=tuple(calls.others),
        )
        named = None if step == "normalisation" else _named(phrase.entities)
        kept.append(Thought(phrase=event.phrase, text=phrase.text, entities=named, answer=answer))


_STEPS: Final[dict[str, AttemptStep]] = {
    "TranscriptionRequested": "transcription",
    "NormalisationRequested": "normalisation",
    "ClassificationRequested": "classification",
}


def _find[T](
    thoughts: Sequence[Thought[T]], phrase: int, text: str, named: tuple[tuple[str, str], ...] | None
) -> Answer[T] | None:
    same = [thought for thought in thoughts if thought.text == text and thought.entities == named]
    # Whoever says the same thing twice may have been answered twice.
    return min(same, key=lambda thought: abs(thought.phrase - phrase)).answer if same else None


def _named(entities: Sequence[Entity]) -> tuple[tuple[str, str], ...]:
    return tuple((entity.kind, entity.name) for entity in entities)


def _distance(one: Place, other: Place) -> int:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


def _dues(calls: _Calls) -> tuple[tuple[int, Due], ...]:
    return tuple(
        (
            max(0, us - calls.asked_us),
            Due(attempt=e.attempt, engine=e.engine, model=e.model, why=e.why, cost_usd=e.may_cost_usd),
        )
        for us, e in calls.attempts
    )


def _failed(engine: str, model: str, code: str, latency_ms: float, calls: _Calls) -> Answer[Transcript]:
    return Answer(
        outcome=None,
        error=code,
        engine=engine,
        model=model,
        latency_ms=latency_ms,
        attempts=_dues(calls),
        others=tuple(calls.others),
    )


def _other_ears(event: TranscriptCompared | ComparisonFailed) -> Answer[Transcript]:
    if isinstance(event, ComparisonFailed):
        return _failed(event.provider, event.model, event.code, event.latency_ms, _Calls())
    transcript = Transcript(
        text=event.text,
        words=event.words,
        confidence=event.confidence,
        cost_usd=event.cost_usd,
        rejected=event.rejected,
    )
    return Answer(outcome=transcript, engine=event.provider, model=event.model, latency_ms=event.latency_ms)


def _ended(event: AttemptEnded) -> Ended:
    return Ended(
        attempt=event.attempt,
        engine=event.engine,
        model=event.model,
        outcome=event.outcome,
        code=event.code,
        latency_ms=event.latency_ms,
        cost_usd=event.cost_usd,
    )
