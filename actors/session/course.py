"""The course of a session: what it hears is decided on, made durable, told to the client and acted on."""

import contextlib
import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import assert_never, override

import pykka

from actors.comparison import Compared
from actors.messages import (
    WITHDRAWN,
    AttemptDue,
    ClassifyDone,
    Decoded,
    DecodingFailed,
    Delivered,
    Examined,
    Foreseen,
    JumpTo,
    Listened,
    NormaliseDone,
    OfferExamined,
    RecommendationReply,
    Rehear,
    RehearOver,
    Transcribed,
)
from actors.runtime.actor import Actor, ChildFailed, ChildRestarting, LettersDied
from actors.session.calls import Answer, GatherTick, Message, Unreadable
from actors.session.conversation import key_terms_of
from actors.session.crew import Crew
from actors.session.decisions import decide
from actors.session.gathering import GatherTimer
from actors.session.inputs import (
    AudioLost,
    Classification,
    Drained,
    Input,
    Progressed,
    StreamsLost,
    Undelivered,
    phrase_failed,
)
from actors.session.ports import Goodbye, SessionServices
from actors.session.resting import Resting
from actors.session.resuming import WITHOUT_AUDIO, Rehearsal, hearing_of
from actors.session.seat import Seat
from actors.session.settling import Settling
from actors.session.state import SessionState, fold
from actors.session.writing import Durable, Writer
from actors.values import Phrase
from events.catalogue import (
    AudioReceived,
    EndReason,
    RecommendationSent,
    SessionEnded,
    SessionResumed,
)
from events.store import WrongExpectedPositionError

logger = logging.getLogger(__name__)


class Course(Actor):
    """What all of a session's actor is about but its life: see `actors.session.actor.SessionActor`."""

    def __init__(self, seat: Seat, services: SessionServices) -> None:
        super().__init__()
        self._seat = seat
        self._spec = seat.spec
        self._services = services
        self._connection = seat.connection
        self._state = SessionState()
        self._sendable: set[str] = set()
        self._samples = 0
        self._durable_bytes = 0
        self._end_reason: EndReason | None = None
        self._handing_over = False
        self._gave_up = False
        self._heard_all = False
        self._over = False
        self._settling = Settling()
        self._rehearsal = Rehearsal(self._spec.stream, services.memory, self._tell_myself)
        self._resting = Resting(seat, services.memory)
        self._gathering = GatherTimer(
            services.policy.rules.gather_samples,
            lambda seconds: self._later(seconds, GatherTick()),
            services.clock.monotonic_us,
        )
        self._let_go: Callable[[], None] = lambda: None

    def _begin(self, state: SessionState, began_us: int) -> None:
        self._state = state
        self._sendable = {sent.recommendation_id for sent in state.recent}
        self._samples = state.samples_recorded
        self._durable_bytes = state.bytes_recorded
        self._writer = Writer(
            self._spec, self._services, self.actor_ref, recorded_to=state.bytes_recorded, began_us=began_us
        )
        hearing = hearing_of(state) if state.position else None
        self._crew = Crew(
            self, self._spec, self._services, self._writer, hearing, lambda: key_terms_of(self._state.memory)
        )
        self._let_go = self._crew.let_go
        self._decide(StreamsLost())
        if hearing is not None:
            self.system.run_coroutine(self._rehearsal.read(hearing, self._crew.intake.window))
            for number, phrase in sorted(state.open_phrases.items()):
                if phrase.stage in WITHOUT_AUDIO:
                    self._crew.drive(number, phrase)

    def _decide(self, message: Input) -> None:
        events = decide(self._state, message, self._services.policy)
        if events and not self._state.ended and not self._gave_up:
            self._crew.comparisons.keep(events, self._crew.heard)
            expected = self._state.position
            self._state = fold(events, self._state)
            self._writer.write(events, expected)
            self._crew.model.ask_ahead(events, self._state.open_phrases)

    def _on_answer(self, message: Answer) -> None:
        self._crew.answered(message)
        match message:
            case Decoded():
                if message.encoding is not None:
                    self._decide(message)
                self._crew.listen(message)
            case DecodingFailed():
                self._decide(message)
                self._end_reason = "audio_undecodable"
                self._crew.intake.stop()
                self._crew.finish_listening(message.byte_end)
            case Listened():
                self._keep(message)
            case Examined() if message.offer:
                self._crew.offers.examined(message, self._state.open_phrases.get(message.number))
            case Examined():
                self._examined(message)
            case OfferExamined(examined=examined):
                self._examined(examined)
            case Transcribed(error=error):
                self._crew.offers.answered(message.number, message.offer)
                if error != WITHDRAWN:
                    self._decide(message)
                    self._crew.model.foresee(message, self._state)
            case ClassifyDone():
                self._decide(Classification(done=message, client_present=self._connection.awaited))
            case NormaliseDone() | Delivered() | RecommendationReply() | Compared():
                self._decide(message)
            case AttemptDue():
                self._crew.gates.hold(message)
                self._decide(message)
            case Foreseen():
                return
            case _:
                assert_never(message)

    def _rehear(self, message: JumpTo | Rehear | RehearOver | Unreadable) -> None:
        intake = self._crew.intake
        match message:
            case JumpTo():
                intake.jump(message)
            case Rehear(data):
                intake.rehear(data)
            case Unreadable(error):
                self._give_up(error)
            case RehearOver(complete):
                intake.read_back()
                if not complete:
                    logger.error("session %s ends: a part of its recording is gone", self._spec.session_id)
                    self._end_failed()

    def _examined(self, message: Examined) -> None:
        if message.cleaned is not None:
            self._crew.keep_cleaned(message.number, message.cleaned.pcm)
        self._decide(message)

    def _keep(self, listened: Listened) -> None:
        if listened.heard:
            self._decide(self._services.purse.allowance(self._spec.counter_id))
        phrases = self._crew.keep(listened.heard)
        self._crew.take_up(self._state, listened.heard)
        resources = self._services.sample_resources() if phrases else None
        began_after = self._state.last_started
        self._decide(Progressed(listened=listened, resources=resources, streaming=self._crew.streams.ready))
        self._crew.streams.hear(listened, self._state, began_after)
        self._take_over(phrases)
        self._samples = max(self._samples, listened.sample_end)
        self._heard_all = self._heard_all or listened.final

    def _take_over(self, phrases: Iterable[Phrase]) -> None:
        """Decide right away on phrases whose offers have been examined and written down.

        Nothing is asked of anybody for that, so it need not wait until their capture is durable: both are written
        together, and what they ask for comes after.
        """
        for phrase in phrases:
            examined = self._crew.offers.ready(phrase.number, self._state.open_phrases.get(phrase.number))
            if examined is not None:
                self._examined(examined)

    def _miss_what_did_not_come_back(self) -> None:
        for number, phrase in sorted(self._state.open_phrases.items()):
            if phrase.captured is not None and phrase.stage not in WITHOUT_AUDIO and number not in self._crew.phrases:
                self._decide(AudioLost(number))

    def _on_durable(self, message: Durable) -> None:
        self._writer.settled()
        if message.error is not None:
            self._give_up(message.error)
            return
        if not self._writer.pending:
            self._resting.note(self._state, message.position, self.system.run_coroutine)
        self._pay(message)
        for event in message.events:
            self._connection.publish(event)
            match event:
                case AudioReceived():
                    self._durable_bytes = event.byte_end
                case RecommendationSent():
                    self._sendable.add(event.recommendation_id)
                case SessionResumed():
                    self._say_again()
                case SessionEnded():
                    self._leave(event.reason)
                case _:
                    self._crew.act(event, self._state.open_phrases.get(getattr(event, "phrase", 0)))

    def _pay(self, message: Durable) -> None:
        usd = sum(getattr(event, "cost_usd", 0.0) for event in message.events)
        if usd:
            self._services.purse.charge(self._spec.counter_id, usd, message.position)

    def _say_again(self) -> None:
        """Send what the former connection may have lost on its way, under the same ids, which the client knows."""
        for sent in self._state.recent:
            if sent.recommendation_id in self._sendable:
                self._connection.publish(sent)

    @override
    def on_child_restarting(self, restarting: ChildRestarting) -> None:
        """Skip the phrase that a child broke down over; what waits behind it is handled by the child's new instance."""
        self._crew.answered(restarting.message)
        failed = phrase_failed(restarting.message, self._crew.phrases)
        if failed is not None:
            broken = f"{restarting.actor_class} failed ({restarting.error})"
            logger.error("session %s skips phrase %d: its %s", self._spec.session_id, failed.number, broken)
            self._decide(failed)
        self._after()

    @override
    def on_letters_died(self, died: LettersDied) -> None:
        """Record it: whoever asks why something is missing finds it in the stream."""
        self._decide(Undelivered(actor=died.actor_class, kinds=died.kinds, reason=died.reason))

    def _on_child_failed(self, failed: ChildFailed) -> None:
        logger.error("session %s ends: its %s failed (%s)", self._spec.session_id, failed.actor_class, failed.error)
        self._end_failed()

    def _end_failed(self) -> None:
        self._end_reason = "failed"
        if not self._state.ended:
            self._decide(Drained(reason="failed", byte_end=self._writer.bytes_received))

    def _give_up(self, error: Exception) -> None:
        # Nothing may be told to the client that is not durable, so there is nothing left to do for this session.
        self._gave_up = True
        if isinstance(error, WrongExpectedPositionError):
            self._go_on_elsewhere()
            return
        logger.error("session %s lost its journal: %s", self._spec.session_id, error)
        self._leave("journal_unavailable")

    def _yield_to(self, epoch: int) -> None:
        """Leave, if it was somebody else who claimed the stream last: the next write would be refused."""
        if epoch > self._state.epoch and not (self._gave_up or self._over):
            self._gave_up = True
            self._go_on_elsewhere()

    def _go_on_elsewhere(self) -> None:
        logger.warning("session %s goes on elsewhere", self._spec.session_id)
        self._leave("taken_over")

    def _leave(self, reason: Goodbye) -> None:
        logger.info("session %s is over here: %s", self._spec.session_id, reason)
        # Its place is given back before its client, who may come again at once, is told.
        self.leave()
        self._connection.close(reason)

    def _later(self, seconds: float, message: Message) -> None:
        self.system.loop.call_later(seconds, self._tell_myself, message)

    def _tell_myself(self, message: Message) -> None:
        with contextlib.suppress(pykka.ActorDeadError):
            (self._seat.address or self.actor_ref).tell(message)

    @abstractmethod
    def _after(self) -> None:
        """See to what follows from the present state, after every message."""
