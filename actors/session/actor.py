"""The session actor: a thin shell that folds, journals and, once events are durable, acts."""

import contextlib
import logging
from typing import Any, ClassVar, assert_never, override

import pykka

from actors.messages import (
    AudioArrived,
    AudioFinished,
    ClassifyDone,
    Decoded,
    DecodingFailed,
    Delivered,
    Examined,
    HandOver,
    JumpTo,
    Listened,
    NormaliseDone,
    RecommendationReply,
    Rehear,
    RehearOver,
    Transcribed,
)
from actors.runtime.actor import Actor, ChildFailed, ChildRestarting, LettersDied
from actors.session.calls import Answer, Attach, ConnectionLost, GraceOver, Message, Settle, Unreadable
from actors.session.connection import MAX_PHRASES_UNDER_WAY
from actors.session.crew import Crew
from actors.session.decisions import decide
from actors.session.inputs import (
    AudioLost,
    Classification,
    Drained,
    Input,
    Lost,
    Progressed,
    Rested,
    TakenUp,
    Undelivered,
    phrase_failed,
)
from actors.session.ports import Goodbye, Outbox, SessionServices
from actors.session.resting import Resting
from actors.session.resuming import WITHOUT_AUDIO, Rehearsal, hearing_of
from actors.session.seat import Rest, Seat
from actors.session.settling import Settling
from actors.session.state import SessionState, fold
from actors.session.writing import Durable, Writer
from actors.values import Phrase
from events.catalogue import (
    AudioReceived,
    ClassificationRequested,
    EndReason,
    NormalisationRequested,
    PhraseCaptured,
    RecommendationSent,
    SessionEnded,
    SessionResumed,
    TranscriptionRequested,
)
from events.store import WrongExpectedPositionError

logger = logging.getLogger(__name__)


class SessionActor(Actor):
    """One counter's conversation, from handshake to end, over one connection or several.

    Args:
        seat: what of this session outlives its actor.
        services: what all sessions share.
    """

    capacity: ClassVar[int | None] = 64
    bounded: ClassVar[frozenset[type] | None] = frozenset({AudioArrived, RecommendationReply})
    """What clients send. All else is an answer, or comes once: were it bounded, session and children might wait for one
    another."""

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

    @override
    def on_start(self) -> Any:
        restored, self._seat.restored = self._seat.restored, None
        if self._seat.rest is not None:
            return self._wake(self._seat.rest)
        began_us = self._services.clock.monotonic_us() - (restored.elapsed_us if restored else 0)
        self._begin(restored.state if restored else SessionState(), began_us)
        if restored is None:
            self._decide(self._spec.began())
        elif restored.resumed is not None:
            self._connection.publish(restored.resumed)
            self._say_again()
        return None

    async def _wake(self, rest: Rest) -> None:
        state = await self._resting.recall(rest)
        if state is not None:
            self._begin(state, rest.began_us)

    def _begin(self, state: SessionState, began_us: int) -> None:
        self._state = state
        self._sendable = {sent.recommendation_id for sent in state.recent}
        self._samples = state.samples_recorded
        self._durable_bytes = state.bytes_recorded
        self._writer = Writer(
            self._spec, self._services, self.actor_ref, recorded_to=state.bytes_recorded, began_us=began_us
        )
        hearing = hearing_of(state) if state.position else None
        self._crew = Crew(self, self._spec, self._services, self._writer, hearing)
        if hearing is not None:
            self.system.run_coroutine(self._rehearsal.read(hearing, self._crew.intake.window))
            for number, phrase in sorted(state.open_phrases.items()):
                if phrase.stage in WITHOUT_AUDIO:
                    self._crew.drive(number, phrase)

    @override
    def on_receive(self, message: Message) -> Any:
        if self._resting.lost is not None:
            self._leave(self._resting.lost)
            return None
        self._resting.disturb(message)
        answer = self._handle(message)
        self._after()
        return answer

    @override
    def on_idle(self) -> None:
        """Leave the process's memory, if there is nothing to do; the next message brings the session back."""
        if self._is_at_rest() and self._resting.begin(self._state):
            self._decide(Rested(byte_end=self._writer.bytes_received, sample_end=self._samples))
            self._after()

    def _handle(self, message: Message) -> int | None:
        match message:
            case AudioArrived():
                self._take(message)
            case JumpTo() | Rehear() | RehearOver() | Unreadable():
                self._rehear(message)
            case AudioFinished(reason):
                self._finish(reason)
            case Attach(outbox, flow):
                self._connection.attach(outbox, flow, self._writer.bytes_received)
                self._decide(TakenUp(self._writer.bytes_received))
                return self._writer.bytes_received
            case ConnectionLost(outbox):
                self._lose(outbox)
            case GraceOver(generation):
                if generation == self._connection.generation and not self._connection.open:
                    self._finish("client_left")
            case HandOver():
                self._hand_over()
            case Settle(done):
                self._settling.ask(done)
            case ChildFailed():
                self._on_child_failed(message)
            case Durable():
                self._on_durable(message)
            case _:
                self._on_answer(message)
        return None

    def _on_answer(self, message: Answer) -> None:
        self._crew.answered(message)
        match message:
            case Decoded():
                self._decide(message)
                self._crew.listen(message)
            case DecodingFailed():
                self._decide(message)
                self._end_reason = "audio_undecodable"
                self._crew.intake.stop()
                self._crew.finish_listening(message.byte_end)
            case Listened():
                self._keep(message)
            case Examined():
                if message.cleaned is not None:
                    self._crew.keep_cleaned(message.number, message.cleaned.pcm)
                self._decide(message)
            case ClassifyDone():
                self._decide(Classification(done=message, client_present=self._connection.awaited))
            case Transcribed() | NormaliseDone() | Delivered() | RecommendationReply():
                self._decide(message)
            case _:
                assert_never(message)

    def _take(self, message: AudioArrived) -> None:
        """Take a client's bytes: what is there already is passed over, a hole ends the connection."""
        fresh = self._writer.fresh(message)
        if fresh is None:
            self._connection.close("gap")
            return
        if self._end_reason is not None or self._handing_over:
            fresh = b""
        self._connection.discard(len(message.data) - len(fresh))
        if fresh:
            self._writer.receive(fresh)

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

    def _say_again(self) -> None:
        """Send what the former connection may have lost on its way, under the same ids, which the client knows."""
        for sent in self._state.recent:
            if sent.recommendation_id in self._sendable:
                self._connection.publish(sent)

    def _lose(self, outbox: Outbox) -> None:
        if not self._connection.lose(outbox):
            return
        if not self._spec.resumable:
            self._finish("client_left")
        elif not self._handing_over and not self._state.ended:
            self._decide(Lost(self._services.grace_s))
            over = GraceOver(self._connection.generation)
            self.system.loop.call_later(self._services.grace_s, self._tell_myself, over)

    def _tell_myself(self, message: Message) -> None:
        with contextlib.suppress(pykka.ActorDeadError):
            (self._seat.address or self.actor_ref).tell(message)

    def _hand_over(self) -> None:
        if not self._spec.resumable:
            self._finish("server_stopping")
        elif not self._state.ended:
            self._handing_over = True
            self._decide(Lost(self._services.grace_s))

    def _decide(self, message: Input) -> None:
        events = decide(self._state, message, self._services.policy)
        if events and not self._state.ended and not self._gave_up:
            expected = self._state.position
            self._state = fold(events, self._state)
            self._writer.write(events, expected)

    def _finish(self, reason: EndReason) -> None:
        if reason == "client_left":
            self._connection.give_up()
        if self._end_reason is None:
            self._end_reason = reason
            self._crew.intake.finish()

    def _keep(self, listened: Listened) -> None:
        phrases = [heard for heard in listened.heard if isinstance(heard, Phrase)]
        self._crew.keep(phrases)
        for phrase in phrases:
            if phrase.number <= self._state.last_closed:
                # It was under way when the session's former life ended, and its audio is here again.
                self._crew.drive(phrase.number, self._state.open_phrases.get(phrase.number))
        resources = self._services.sample_resources() if phrases else None
        self._decide(Progressed(listened=listened, resources=resources))
        self._samples = max(self._samples, listened.sample_end)
        self._heard_all = self._heard_all or listened.final

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
        for event in message.events:
            self._connection.publish(event)
            match event:
                case PhraseCaptured() | TranscriptionRequested() | NormalisationRequested() | ClassificationRequested():
                    self._crew.drive(event.phrase, self._state.open_phrases.get(event.phrase))
                case AudioReceived():
                    self._durable_bytes = event.byte_end
                case RecommendationSent():
                    self._sendable.add(event.recommendation_id)
                case SessionResumed():
                    self._say_again()
                case SessionEnded():
                    self._leave(event.reason)
                case _:
                    pass

    def _after(self) -> None:
        self._crew.forget_all_but(self._state.open_phrases)
        self._writer.forget_all_but(self._state.open_phrases, self._state.undelivered.values())
        piled_up = len(self._crew.phrases) > MAX_PHRASES_UNDER_WAY
        self._crew.intake.hand_out(hold=piled_up)
        if self._crew.intake.heard_again():
            self._miss_what_did_not_come_back()
        if not piled_up:
            self._connection.work_through(self._durable_bytes)
        if self._resting.may_leave(self._state) and self._is_at_rest():
            self._resting.leave(self._state, self._writer.began_us)
            self.leave()
            return
        if self._handing_over and not self._writer.pending and not self._over:
            self._leave("server_stopping")
            return
        under_way = bool(self._state.open_phrases) or self._writer.pending > 0
        undelivered = bool(self._state.undelivered) and self._connection.awaited
        if self._end_reason and self._heard_all and not under_way and not undelivered and not self._state.ended:
            self._decide(Drained(reason=self._end_reason, byte_end=self._writer.bytes_received))
        worked_through = self._crew.intake.idle or self._state.rejected
        if worked_through and not (self._crew.phrases or self._writer.pending or undelivered):
            self._settling.sign()

    def _is_at_rest(self) -> bool:
        undelivered = bool(self._state.undelivered) and self._connection.open
        busy = self._writer.pending or not self._crew.idle or undelivered or self._settling.asked
        ending = self._end_reason or self._handing_over or self._gave_up or self._over or self._state.ended
        return not (busy or ending) and all(p.stage == "speaking" for p in self._state.open_phrases.values())

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

    @override
    def on_escalation(self, failed: ChildFailed) -> None:
        """End in good order, instead of failing too."""
        self.on_receive(failed)

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
            logger.warning("session %s goes on elsewhere", self._spec.session_id)
            self._leave("taken_over")
            return
        logger.error("session %s lost its journal: %s", self._spec.session_id, error)
        self._leave("journal_unavailable")

    def _leave(self, reason: Goodbye) -> None:
        logger.info("session %s is over here: %s", self._spec.session_id, reason)
        self._connection.close(reason)
        self.leave()

    @override
    def on_stop(self) -> None:
        self._rehearsal.stop()
        if not self._over and not self._resting.left:
            self._over = True
            self._connection.end()
            self._settling.sign()
            self._seat.on_end(self._spec.session_id)

    @override
    def on_failure(self, *exc_info: Any) -> None:
        self._connection.close("failed")
        self.on_stop()
        super().on_failure(*exc_info)
