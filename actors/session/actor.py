"""The session actor: a session's life, over one connection or several, at rest or not, from its start to its end."""

from typing import Any, ClassVar, override

from actors.messages import (
    AudioArrived,
    AudioFinished,
    Decoded,
    HandOver,
    JumpTo,
    Listened,
    RecommendationReply,
    Rehear,
    RehearOver,
)
from actors.runtime.actor import ChildFailed
from actors.session.calls import Attach, Claimed, ConnectionLost, GatherTick, GraceOver, Message, Settle, Unreadable
from actors.session.connection import MAX_PHRASES_UNDER_WAY
from actors.session.course import Course
from actors.session.decisions import is_uneventful
from actors.session.inputs import Drained, GatherDue, Lost, Rested, TakenUp
from actors.session.seat import Rest
from actors.session.state import SessionState
from actors.session.utterance import waiting
from actors.session.writing import Durable
from events.catalogue import EndReason


class SessionActor(Course):
    """One counter's conversation, from handshake to end, over one connection or several.

    Args:
        seat: what of this session outlives its actor.
        services: what all sessions share.
    """

    capacity: ClassVar[int | None] = 64
    bounded: ClassVar[frozenset[type] | None] = frozenset({AudioArrived, RecommendationReply})
    """What clients send. All else is an answer, or comes once: were it bounded, session and children might wait for one
    another."""

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

    @override
    def on_receive(self, message: Message) -> Any:
        if self._resting.lost is not None:
            self._leave(self._resting.lost)
            return None
        self._resting.disturb(message)
        if self._passes(message):
            return None
        answer = self._handle(message)
        self._after()
        return answer

    def _passes(self, message: Message) -> bool:
        """Pass on bytes, samples, or the news that they held nothing, as most messages are; False for all others.

        It changes nothing that `_after` sees to, which costs more than all the rest.
        """
        if self._end_reason or self._handing_over or self._state.rejected or self._settling.asked:
            return False
        match message:
            case AudioArrived():
                self._take(message)
            case Decoded(encoding=None, final=False):
                self._crew.listen(message)
                return True
            case Listened() if not self._crew.intake.rehearing and is_uneventful(self._state, message):
                self._crew.pass_over(message, self._state)
                self._samples = max(self._samples, message.sample_end)
            case _:
                return False
        self._hand_out()
        return True

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
            case ConnectionLost():
                self._lose(message)
            case GraceOver(generation):
                if generation == self._connection.generation and not self._connection.open:
                    self._finish("client_left")
            case Claimed(epoch):
                self._yield_to(epoch)
            case GatherTick():
                self._tick(message)
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

    def _take(self, message: AudioArrived) -> None:
        """Take a client's bytes: what is there already is passed over, a hole ends the connection.

        While the session ends, none is taken, and what follows one that was not is no hole.
        """
        fresh = b"" if self._end_reason is not None or self._handing_over else self._writer.fresh(message)
        if fresh is None:
            self._connection.close("gap")
            return
        self._connection.discard(len(message.data) - len(fresh))
        if fresh:
            self._writer.receive(fresh)

    def _lose(self, lost: ConnectionLost) -> None:
        if not self._connection.lose(lost.outbox):
            return
        nobodys = not lost.greeted and self._state.epoch == 0
        if not self._spec.resumable or (nobodys and not self._handing_over):
            self._finish("client_left")
        elif not self._handing_over and not self._state.ended:
            self._decide(Lost(self._services.grace_s))
            self._later(self._services.grace_s, GraceOver(self._connection.generation))

    def _hand_over(self) -> None:
        if not self._spec.resumable:
            self._finish("server_stopping")
        elif not self._state.ended:
            self._handing_over = True
            self._decide(Lost(self._services.grace_s))

    def _finish(self, reason: EndReason) -> None:
        if reason == "client_left":
            self._connection.give_up()
        if self._end_reason is None:
            self._end_reason = reason
            self._crew.intake.finish()

    def _after(self) -> None:
        self._go_on_without_more()
        self._crew.forget_all_but(self._state.open_phrases)
        self._writer.forget_all_but(self._state.open_phrases, self._state.undelivered.values())
        piled_up = self._hand_out()
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
        if self._settling.asked:
            self._settle(undelivered=undelivered)

    def _settle(self, *, undelivered: bool) -> None:
        worked_through = self._crew.intake.idle or self._state.rejected
        waits = set(waiting(self._state))
        busy = self._crew.phrases.keys() - waits or self._crew.offers.under_way or self._writer.pending or undelivered
        if worked_through and not busy:
            self._settling.sign()

    def _hand_out(self) -> bool:
        """Have what waits decoded, unless what came of earlier audio has piled up; return whether it has."""
        piled_up = len(self._crew.phrases) > MAX_PHRASES_UNDER_WAY
        self._crew.intake.hand_out(hold=piled_up)
        return piled_up

    def _tick(self, tick: GatherTick) -> None:
        due = self._gathering.due(tick)
        if due is not None:
            self._decide(due)

    def _go_on_without_more(self) -> None:
        """Let what waits for more words go where none can come; else count the time."""
        waits = waiting(self._state)
        if waits and self._heard_all and len(waits) == len(self._state.open_phrases):
            self._decide(GatherDue(last=waits[-1], reason="end"))
        self._gathering.see(self._state)

    def _is_at_rest(self) -> bool:
        undelivered = bool(self._state.undelivered) and self._connection.open
        busy = self._writer.pending or not self._crew.idle or undelivered or self._settling.asked
        ending = self._end_reason or self._handing_over or self._gave_up or self._over or self._state.ended
        return not (busy or ending) and all(p.stage == "speaking" for p in self._state.open_phrases.values())

    @override
    def on_escalation(self, failed: ChildFailed) -> None:
        """End in good order, instead of failing too."""
        self.on_receive(failed)

    @override
    def on_stop(self) -> None:
        self._rehearsal.stop()
        self._let_go()
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
