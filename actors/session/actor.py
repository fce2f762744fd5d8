"""The session actor: a thin shell that folds, journals and, once events are durable, acts."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, assert_never, override

from actors.audio.actor import AudioActor
from actors.audio.examiner import ExaminerActor
from actors.llm.actor import LlmActor
from actors.messages import (
    AudioArrived,
    AudioFinished,
    Classify,
    ClassifyDone,
    Decode,
    Decoded,
    DecodingFailed,
    Delivered,
    Examine,
    Examined,
    FinishDecoding,
    FinishListening,
    Listen,
    Listened,
    Normalise,
    NormaliseDone,
    RecommendationReply,
    Transcribe,
    Transcribed,
)
from actors.runtime.actor import Actor, ChildFailed, ChildRestarting
from actors.session.decisions import decide
from actors.session.inputs import Classification, Drained, Input, Progressed, phrase_failed
from actors.session.ports import FlowWindow, Outbox, SessionServices, SessionSpec
from actors.session.state import SessionState, fold
from actors.session.writing import Durable, Writer
from actors.stt.actor import SttActor
from actors.vad.actor import VadActor
from actors.values import Pcm, Phrase
from events.catalogue import (
    ClassificationRequested,
    EndReason,
    Event,
    NormalisationRequested,
    PhraseCaptured,
    SessionEnded,
    TranscriptionRequested,
)

logger = logging.getLogger(__name__)

MAX_PHRASES_UNDER_WAY = 8
"""Captured phrases without an outcome beyond which the client's bytes are held back."""


@dataclass(frozen=True, slots=True)
class Settle:
    """Asks for a sign: `done` is set when everything received so far has had its outcome and is durable."""

    done: asyncio.Future[None]


Message = (
    AudioArrived
    | AudioFinished
    | Decoded
    | DecodingFailed
    | Listened
    | Examined
    | Transcribed
    | NormaliseDone
    | ClassifyDone
    | Delivered
    | RecommendationReply
    | Durable
    | ChildFailed
    | Settle
)


class SessionActor(Actor):
    """One counter's connection, from handshake to end.

    Args:
        spec: what is particular to this session.
        services: what all sessions share.
        outbox: the way to the client.
        flow: told how many bytes have been worked through.
        on_end: called once, when the session is over, however that came.
    """

    def __init__(
        self,
        spec: SessionSpec,
        services: SessionServices,
        outbox: Outbox,
        flow: FlowWindow,
        on_end: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._spec = spec
        self._services = services
        self._outbox = outbox
        self._flow = flow
        self._on_end = on_end
        self._state = SessionState()
        self._phrases: dict[int, Phrase] = {}
        self._cleaned: dict[int, Pcm] = {}
        self._listened_bytes = 0
        self._released_bytes = 0
        self._end_reason: EndReason | None = None
        self._client_present = True
        self._heard_all = False
        self._over = False
        self._settling: list[asyncio.Future[None]] = []

    @override
    def on_start(self) -> None:
        services, me = self._services, self.actor_ref
        audio = self._spec.audio
        self._writer = Writer(self._spec, services, me)
        self._audio = self.spawn(
            AudioActor, me, encoding=audio.encoding, sample_rate=audio.sample_rate, channels=audio.channels
        )
        self._examiner = self.spawn(ExaminerActor, me, services.clock)
        self._vad = self.spawn(VadActor, me, self._spec.vad)
        self._stt = self.spawn(
            SttActor, me, services.transcribers, budget_s=services.stt_budget_s, clock=services.clock
        )
        self._llm = self.spawn(
            LlmActor, me, services.understandings, budget_s=services.llm_budget_s, clock=services.clock
        )
        self._decide(self._spec.began())

    @override
    def on_receive(self, message: Message) -> None:
        match message:
            case AudioArrived(data) if self._end_reason is None:
                self._writer.receive(data)
                self._audio.tell(Decode(data))
            case AudioArrived(data):
                # It came after the end had been decided: the client is about to be told.
                self._flow.release(len(data))
            case AudioFinished(reason):
                self._finish(reason)
            case Decoded():
                self._decide(message)
                self._listen(message)
            case DecodingFailed():
                self._decide(message)
                self._end_reason = "audio_undecodable"
                self._vad.tell(FinishListening(message.byte_end))
            case Listened():
                self._keep(message)
            case Examined():
                if message.cleaned is not None:
                    self._cleaned[message.number] = message.cleaned.pcm
                self._decide(message)
            case ClassifyDone():
                self._decide(Classification(done=message, client_present=self._client_present))
            case Transcribed() | NormaliseDone() | Delivered() | RecommendationReply():
                self._decide(message)
            case Durable():
                self._on_durable(message)
            case ChildFailed():
                self._on_child_failed(message)
            case Settle(done):
                self._settling.append(done)
            case _:
                assert_never(message)
        self._after()

    def _decide(self, message: Input) -> None:
        events = decide(self._state, message, self._services.policy)
        if events and not self._state.ended:
            expected = self._state.position
            self._state = fold(events, self._state)
            self._writer.write(events, expected)

    def _finish(self, reason: EndReason) -> None:
        if reason == "client_left":
            self._client_present = False
        if self._end_reason is None:
            self._end_reason = reason
            self._audio.tell(FinishDecoding())

    def _listen(self, decoded: Decoded) -> None:
        self._vad.tell(Listen(decoded.pcm, decoded.byte_end))
        if decoded.final:
            self._vad.tell(FinishListening(decoded.byte_end))

    def _keep(self, listened: Listened) -> None:
        phrases = [heard for heard in listened.heard if isinstance(heard, Phrase)]
        self._phrases.update((phrase.number, phrase) for phrase in phrases)
        resources = self._services.sample_resources() if phrases else None
        self._decide(Progressed(listened=listened, resources=resources))
        self._listened_bytes = listened.byte_end
        self._heard_all = self._heard_all or listened.final

    def _on_durable(self, message: Durable) -> None:
        self._writer.settled()
        if message.error is not None:
            self._give_up(message.error)
            return
        for event in message.events:
            self._outbox.publish(event)
            self._act(event)

    def _act(self, event: Event) -> None:
        match event:
            case PhraseCaptured():
                self._examiner.tell(Examine(self._phrases[event.phrase]))
            case TranscriptionRequested():
                phrase = self._state.open_phrases[event.phrase]
                raw = self._phrases[event.phrase].pcm
                pcm = self._cleaned.get(event.phrase, raw) if phrase.audio_for_stt == "cleaned" else raw
                self._stt.tell(Transcribe(number=event.phrase, pcm=pcm, attempt=phrase.attempt))
            case NormalisationRequested():
                phrase = self._state.open_phrases[event.phrase]
                self._llm.tell(Normalise(number=event.phrase, text=phrase.text, attempt=phrase.attempt))
            case ClassificationRequested():
                phrase = self._state.open_phrases[event.phrase]
                self._llm.tell(
                    Classify(number=event.phrase, text=phrase.text, entities=phrase.entities, attempt=phrase.attempt)
                )
            case SessionEnded():
                self._leave(event.reason)
            case _:
                pass

    def _after(self) -> None:
        self._forget_closed_phrases()
        self._release()
        under_way = bool(self._state.open_phrases) or self._writer.pending > 0
        undelivered = bool(self._state.undelivered) and self._client_present
        if self._end_reason and self._heard_all and not under_way and not undelivered and not self._state.ended:
            self._decide(Drained(reason=self._end_reason, byte_end=self._writer.bytes_received))
        self._settle(undelivered=undelivered)

    def _forget_closed_phrases(self) -> None:
        for number in [n for n in self._phrases if n not in self._state.open_phrases]:
            del self._phrases[number]
            self._cleaned.pop(number, None)

    def _release(self) -> None:
        if len(self._phrases) <= MAX_PHRASES_UNDER_WAY and self._listened_bytes > self._released_bytes:
            self._flow.release(self._listened_bytes - self._released_bytes)
            self._released_bytes = self._listened_bytes

    def _settle(self, *, undelivered: bool) -> None:
        worked_through = self._listened_bytes == self._writer.bytes_received or self._state.rejected
        busy = bool(self._phrases) or self._writer.pending > 0 or undelivered
        if worked_through and not busy:
            self._sign()

    def _sign(self) -> None:
        for done in self._settling:
            if not done.done():
                done.set_result(None)
        self._settling.clear()

    @override
    def on_child_restarting(self, restarting: ChildRestarting) -> None:
        """Skip the phrase that a child broke down over; what waits behind it is handled by the child's new instance."""
        failed = phrase_failed(restarting.message, self._phrases)
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
        if not self._state.ended:
            self._decide(Drained(reason="failed", byte_end=self._writer.bytes_received))

    def _give_up(self, error: Exception) -> None:
        # Nothing may be told to the client that is not durable, so there is nothing left to do for this session.
        logger.error("session %s lost its journal: %s", self._spec.session_id, error)
        self._leave("journal_unavailable")

    def _leave(self, reason: EndReason) -> None:
        # The children are stopped before this actor, and one may be waiting for a provider: nobody outside is to wait.
        self.on_stop()
        self._outbox.close(reason)
        self.stop()

    @override
    def on_stop(self) -> None:
        if not self._over:
            self._over = True
            self._flow.open()
            self._sign()
            self._on_end(self._spec.session_id)

    @override
    def on_failure(self, *exc_info: Any) -> None:
        self._outbox.close("failed")
        self.on_stop()
        super().on_failure(*exc_info)
