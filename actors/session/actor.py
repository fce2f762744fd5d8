"""The session actor: a thin shell that folds, journals and, once events are durable, acts."""

import logging
from collections.abc import Callable
from typing import Any, assert_never, override

from actors.messages import (
    AttemptDue,
    AudioArrived,
    AudioFinished,
    ClassifyDone,
    Decoded,
    DecodingFailed,
    Delivered,
    Examined,
    HandOver,
    Listened,
    NormaliseDone,
    RecommendationReply,
    Rehear,
    Transcribed,
)
from actors.runtime.actor import Actor, ChildFailed, ChildRestarting
from actors.session.calls import Answer, Attach, ConnectionLost, GraceOver, Message, Restored, Settle
from actors.session.connection import Connection
from actors.session.crew import Crew
from actors.session.decisions import decide
from actors.session.inputs import (
    Classification,
    Drained,
    Input,
    Lost,
    Progressed,
    TakenUp,
    phrase_failed,
)
from actors.session.ports import Goodbye, Outbox, SessionServices, SessionSpec
from actors.session.settling import Settling
from actors.session.state import SessionState, fold
from actors.session.writing import Durable, Writer
from events.catalogue import (
    AudioReceived,
    EndReason,
    RecommendationSent,
    SessionEnded,
    SessionResumed,
)
from events.store import WrongExpectedPositionError

logger = logging.getLogger(__name__)


class SessionActor(Actor):
    """One counter's conversation, from handshake to end, over one connection or several.

    Args:
        spec: what is particular to this session.
        services: what all sessions share.
        connection: the line to the client.
        on_end: called once, when the session is over, however that came.
        restored: where a session goes on that lived before; its recording follows as `Rehear` messages.
    """

    def __init__(
        self,
        spec: SessionSpec,
        services: SessionServices,
        connection: Connection,
        on_end: Callable[[str], None],
        restored: Restored | None = None,
    ) -> None:
        super().__init__()
        self._spec = spec
        self._services = services
        self._connection = connection
        self._on_end = on_end
        self._restored = restored
        self._state = restored.state if restored else SessionState()
        self._rehear_to = self._state.bytes_recorded
        self._sendable = {sent.recommendation_id for sent in self._state.recent}
        self._listened_bytes = 0
        self._durable_bytes = self._state.bytes_recorded
        self._end_reason: EndReason | None = None
        self._handing_over = False
        self._gave_up = False
        self._heard_all = False
        self._over = False
        self._settling = Settling()

    @override
    def on_start(self) -> None:
        services, me = self._services, self.actor_ref
        elapsed_us = self._restored.elapsed_us if self._restored else 0
        self._writer = Writer(self._spec, services, me, recorded_to=self._state.bytes_recorded, elapsed_us=elapsed_us)
        self._crew = Crew(self, self._spec, services)
        if self._restored is None:
            self._decide(self._spec.began())
            return
        self._connection.publish(self._restored.resumed)
        self._say_again()
        if not self._rehear_to:
            self._drive_open_phrases()

    @override
    def on_receive(self, message: Message) -> Any:
        answer = self._handle(message)
        self._after()
        return answer

    def _handle(self, message: Message) -> int | None:
        match message:
            case AudioArrived():
                self._connection.look()
                self._take(message)
            case Rehear(data):
                self._crew.decode(data)
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
        match message:
            case Decoded():
                self._decide(message)
                self._crew.listen(message)
            case DecodingFailed():
                self._decide(message)
                self._end_reason = "audio_undecodable"
                self._crew.finish_listening(message.byte_end)
            case Listened():
                self._keep(message)
            case Examined() if message.offer:
                self._crew.offers.examined(message, self._state.open_phrases.get(message.number))
            case Examined():
                if message.cleaned is not None:
                    self._crew.keep_cleaned(message.number, message.cleaned.pcm)
                self._decide(message)
            case ClassifyDone():
                self._decide(Classification(done=message, client_present=self._connection.awaited))
            case RecommendationReply():
                self._connection.look()
                self._decide(message)
            case Transcribed() | NormaliseDone() | Delivered():
                if isinstance(message, Transcribed):
                    self._crew.offers.answered(message.number, message.offer)
                self._decide(message)
            case AttemptDue():
                self._crew.gates.hold(message)
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
            self._crew.decode(fresh)

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
        if self.actor_ref.is_alive():
            self.actor_ref.tell(message)

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
            self._crew.finish_decoding()

    def _keep(self, listened: Listened) -> None:
        phrases = self._crew.keep(listened.heard)
        resources = self._services.sample_resources() if phrases else None
        self._decide(Progressed(listened=listened, resources=resources))
        self._listened_bytes = listened.byte_end
        self._heard_all = self._heard_all or listened.final
        if self._rehear_to and listened.byte_end >= self._rehear_to:
            self._rehear_to = 0
            self._drive_open_phrases()

    def _drive_open_phrases(self) -> None:
        """Ask again for what was under way when the session's former life ended."""
        for lost in self._crew.drive_all(self._state.open_phrases):
            self._decide(lost)

    def _on_durable(self, message: Durable) -> None:
        self._writer.settled()
        if message.error is not None:
            self._give_up(message.error)
            return
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

    def _after(self) -> None:
        self._crew.forget_all_but(self._state.open_phrases)
        self._writer.forget_all_but(self._state.open_phrases, self._state.undelivered.values())
        self._connection.work_through(self._durable_bytes, phrases_under_way=len(self._crew.phrases))
        if self._handing_over and not self._writer.pending and not self._over:
            self._leave("server_stopping")
            return
        under_way = bool(self._state.open_phrases) or self._writer.pending > 0
        undelivered = bool(self._state.undelivered) and self._connection.awaited
        if self._end_reason and self._heard_all and not under_way and not undelivered and not self._state.ended:
            self._decide(Drained(reason=self._end_reason, byte_end=self._writer.bytes_received))
        worked_through = self._listened_bytes == self._writer.bytes_received or self._state.rejected
        busy = self._crew.phrases or self._crew.offers.under_way or self._writer.pending or undelivered
        if worked_through and not busy:
            self._settling.sign()

    @override
    def on_child_restarting(self, restarting: ChildRestarting) -> None:
        """Skip the phrase that a child broke down over; what waits behind it is handled by the child's new instance."""
        failed = phrase_failed(restarting.message, self._crew.phrases)
        if failed is not None:
            broken = f"{restarting.actor_class} failed ({restarting.error})"
            logger.error("session %s skips phrase %d: its %s", self._spec.session_id, failed.number, broken)
            self._decide(failed)
            self._after()

    @override
    def on_escalation(self, failed: ChildFailed) -> None:
        """End in good order, instead of failing too."""
        self.on_receive(failed)

    def _on_child_failed(self, failed: ChildFailed) -> None:
        logger.error("session %s ends: its %s failed (%s)", self._spec.session_id, failed.actor_class, failed.error)
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
        # The children are stopped before this actor, and one may be waiting for a provider: nobody outside is to wait.
        self.on_stop()
        self._connection.close(reason)
        self.stop()

    @override
    def on_stop(self) -> None:
        if not self._over:
            self._over = True
            self._connection.end()
            self._settling.sign()
            self._on_end(self._spec.session_id)

    @override
    def on_failure(self, *exc_info: Any) -> None:
        self._connection.close("failed")
        self.on_stop()
        super().on_failure(*exc_info)
