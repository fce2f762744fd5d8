"""A session's children and the phrases they work on: who is told what when a step is due."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from actors.audio.actor import AudioActor
from actors.audio.examiner import ExaminerActor
from actors.comparison import Compare, Compared
from actors.llm.actor import LlmActor
from actors.messages import (
    Classify,
    ClassifyDone,
    Decoded,
    Examine,
    Examined,
    FinishListening,
    Foresee,
    Foreseen,
    Listen,
    Listened,
    Normalise,
    NormaliseDone,
    OfferExamined,
    Transcribe,
    Transcribed,
)
from actors.runtime.actor import Actor
from actors.session.attempts import Gates
from actors.session.choosing import order
from actors.session.comparisons import Comparisons
from actors.session.early import lasting
from actors.session.intake import Intake
from actors.session.line import Line, tell
from actors.session.offers import Offers
from actors.session.phrase import PhraseState, Stage
from actors.session.ports import SessionServices, SessionSpec
from actors.session.resuming import Hearing
from actors.session.state import SessionState
from actors.session.streams import Streams
from actors.session.terms import terms_of
from actors.session.understanding import DUE, ModelDriver
from actors.session.writing import Writer
from actors.stt.actor import SttActor
from actors.stt.comparer import ComparerActor
from actors.stt.router import RoutedTranscriber
from actors.vad.actor import VadActor
from actors.values import EarlyPhrase, Heard, Pcm, Phrase
from events.catalogue import (
    AttemptStarted,
    ClassificationRequested,
    ComparisonRequested,
    EngineRule,
    Event,
    NormalisationRequested,
    PhraseCaptured,
    PhraseOffered,
    PhraseOfferWithdrawn,
    TranscriptionRequested,
)

_DUE: Final[Mapping[type[Event], Stage]] = {
    PhraseCaptured: "captured",
    TranscriptionRequested: "transcribing",
    **DUE,
}
"""The stage that each of these events begins."""


class Crew:
    """Audio, examiner, VAD, STT and LLM actors of one session, which owns them.

    Args:
        session: whose children they are.
        spec: audio format and voice-detection settings.
        services: engines, budgets and clock.
        writer: keeps the client's bytes.
        hearing: where listening goes on in a session that lived before.
        key_terms: gives the words of the running conversation.
    """

    def __init__(
        self,
        session: Actor,
        spec: SessionSpec,
        services: SessionServices,
        writer: Writer,
        hearing: Hearing | None,
        key_terms: Callable[[], tuple[str, ...]],
    ) -> None:
        me, audio = session.actor_ref, spec.audio if hearing is None else hearing.format_of(spec.audio)
        decoder = session.spawn(
            AudioActor,
            me,
            encoding=audio.encoding,
            sample_rate=audio.sample_rate,
            channels=audio.channels,
            pace=services.pace,
        )
        examiner = session.spawn(ExaminerActor, me, services.clock)
        live = services.streaming
        resumption = hearing.resumption if hearing else None
        self._vad = session.spawn(VadActor, me, spec.vad, resumption, live=live is not None)
        stt = session.spawn(
            SttActor, me, services.transcribers, budget_s=services.stt_budget_s, clock=services.clock, live=live
        )
        self._policy, self._terms = services.policy, terms_of(spec.settings)
        llm = session.spawn(
            LlmActor,
            me,
            services.understandings,
            budget_s=services.llm_budget_s,
            clock=services.clock,
            fast_path=self._terms.fast_path,
        )
        self._examiner = Line(examiner, ExaminerActor.capacity or 1)
        self._stt = Line(stt, SttActor.capacity or 1)
        self.gates = Gates()
        self.model = ModelDriver(Line(llm, LlmActor.capacity or 1), self.gates)
        self.intake = Intake(decoder, writer, rehearing=hearing is not None)
        self._comparer = self._line_to_comparer(session, services)
        self.comparisons = Comparisons(self._comparer.send if self._comparer else lambda _: None)
        self.streams = Streams(live, key_terms)
        self.offers = Offers(
            self._examiner.send,
            self._have_written,
            lambda examined: tell(me, OfferExamined(examined=examined)),
            self._order,
            self.streams.of,
        )
        self._key_terms = key_terms
        self._phrases: dict[int, Phrase] = {}
        self._cleaned: dict[int, Pcm] = {}

    def _line_to_comparer(self, session: Actor, services: SessionServices) -> Line | None:
        ears = services.transcribers[0]
        if not self._terms.compare or not isinstance(ears, RoutedTranscriber):
            return None
        comparer = session.spawn(
            ComparerActor, session.actor_ref, ears, budget_s=services.stt_budget_s, clock=services.clock
        )
        return Line(comparer, ComparerActor.capacity or 1)

    @property
    def phrases(self) -> Mapping[int, Phrase]:
        """The phrases whose audio is here, by number."""
        return self._phrases

    @property
    def idle(self) -> bool:
        """Whether no child has anything to do."""
        lines = self._examiner.idle and self._stt.idle and self.model.idle
        lines = lines and (self._comparer is None or self._comparer.idle)
        under_way = self._phrases or self.offers.under_way or self.streams.open
        return lines and self.intake.idle and not under_way

    def listen(self, decoded: Decoded) -> None:
        """Have samples listened to, and an open phrase closed if they are the last."""
        tell(self._vad, Listen(decoded.pcm, decoded.byte_end, decoded.bookmark, decoded.more))
        if decoded.final:
            self.finish_listening(decoded.byte_end)

    def finish_listening(self, byte_end: int) -> None:
        """Have an open phrase closed."""
        tell(self._vad, FinishListening(byte_end))

    def answered(self, message: object) -> None:
        """Note that a child is through with something: what it answered, or what it broke down over."""
        match message:
            case Listened(more=False, final=False):
                self.intake.came_back()
            case Examined() | Examine():
                self._examiner.answered()
            case Transcribed() | Transcribe():
                self._stt.answered()
            case NormaliseDone() | ClassifyDone() | Foreseen() | Normalise() | Classify() | Foresee():
                self.model.answered()
            case Compared() | Compare() if self._comparer is not None:
                self._comparer.answered()
            case _:
                return

    def pass_over(self, listened: Listened, state: SessionState) -> None:
        """Take the news that nothing was heard; somebody may still be speaking."""
        if not listened.more:
            self.intake.came_back()
        if listened.speech is not None:
            self.streams.hear(listened, state, state.last_started)

    def keep(self, heard: Iterable[Heard]) -> list[Phrase]:
        """Keep the audio of phrases until they have an outcome, and return the phrases."""
        heard = lasting(tuple(heard))
        self.offers.keep(heard)
        phrases = [each for each in heard if isinstance(each, Phrase)]
        self._phrases.update((phrase.number, phrase) for phrase in phrases)
        return phrases

    def keep_cleaned(self, number: int, pcm: Pcm) -> None:
        """Keep the cleaned audio of a phrase."""
        self._cleaned[number] = pcm

    def heard(self, number: int) -> Pcm | None:
        """Return what speech-to-text was given of a phrase, None where that is not here."""
        phrase = self._phrases.get(number)
        return None if phrase is None else self._cleaned.get(number, phrase.pcm)

    def forget_all_but(self, under_way: Collection[int]) -> None:
        """Let go of the audio of phrases that have their outcome."""
        self.offers.forget_all_but(under_way)
        self.streams.forget_all_but(under_way)
        self.gates.refuse_all_but(under_way)
        for number in [n for n in self._phrases if n not in under_way]:
            del self._phrases[number]
            self._cleaned.pop(number, None)

    def let_go(self) -> None:
        """Keep nobody waiting: the session is over, or goes on elsewhere."""
        self.streams.forget_all_but(())
        self.gates.refuse_all_but(())

    def take_up(self, state: SessionState, heard: Iterable[Heard]) -> None:
        """Drive what was under way when the session's former life ended and has its audio here again."""
        for each in heard:
            phrase = state.open_phrases.get(each.number)
            if phrase is None:
                continue
            if isinstance(each, Phrase) and each.number <= state.last_closed:
                self.drive(each.number, phrase)
            # One that this life has offered has another number as yet, and waits until that is durable.
            unheard = phrase.stage == "speaking" and phrase.offer is not None and phrase.offer.answer is None
            if isinstance(each, EarlyPhrase) and unheard:
                self.offers.drive(each.number, phrase)

    def act(self, event: Event, phrase: PhraseState | None) -> None:
        """Do what follows from a durable event for its phrase, unless the phrase is past that."""
        self.streams.act(event, phrase)
        match event:
            case PhraseOffered() if phrase is not None and phrase.offer is not None and phrase.offer.event == event:
                self.offers.drive(event.phrase, phrase)
            case PhraseOfferWithdrawn():
                self.offers.withdraw(event.phrase, event.offer)
                if event.reason == "failed" and phrase is not None and phrase.stage == "captured":
                    self.drive(event.phrase, phrase)
            case TranscriptionRequested() if phrase is not None and phrase.engine != event.provider:
                return  # another engine has been asked for meanwhile; its own event will have it driven
            case NormalisationRequested() | ClassificationRequested() if self.gates.was_asked_ahead(event):
                return
            case PhraseCaptured() | TranscriptionRequested() | NormalisationRequested() | ClassificationRequested():
                if phrase is not None and phrase.stage == _DUE[type(event)]:
                    self.drive(event.phrase, phrase)
            case AttemptStarted():
                self.gates.open(event)
            case ComparisonRequested():
                self.comparisons.act(event)
            case _:
                pass

    def _have_written(self, message: Transcribe) -> None:
        self._stt.send(replace(message, terms=self._key_terms()))

    def drive(self, number: int, phrase: PhraseState) -> None:
        """Ask for the step that a phrase's stream says is due."""
        match phrase.stage:
            case "captured":
                if not self.offers.examines(number, phrase):
                    self._examiner.send(Examine(self._phrases[number]))
            case "transcribing":
                if phrase.attempt == 0 and self.offers.calls(number, phrase):
                    return
                raw = self._phrases[number].pcm
                pcm = self._cleaned.get(number, raw) if phrase.audio_for_stt == "cleaned" else raw
                engines = self._order(phrase.engine, phrase.why)
                live = self.streams.of(number) if phrase.attempt == 0 else None
                self._have_written(Transcribe(number=number, pcm=pcm, attempt=phrase.attempt, order=engines, live=live))
            case "normalising" | "classifying":
                self.model.drive(number, phrase)
            case "speaking" | "gathering":
                return

    def _order(self, first: str, why: EngineRule) -> tuple[str, ...]:
        return order(self._terms, self._policy, first, why)
