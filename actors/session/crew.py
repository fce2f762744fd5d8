"""A session's children and the phrases they work on: who is told what when a step is due."""

import contextlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import pykka

from actors.audio.actor import AudioActor
from actors.audio.examiner import ExaminerActor
from actors.llm.actor import LlmActor
from actors.messages import (
    Classify,
    Decode,
    Decoded,
    Examine,
    FinishDecoding,
    FinishListening,
    Listen,
    Normalise,
    Transcribe,
)
from actors.runtime.actor import Actor
from actors.session.attempts import Gates
from actors.session.early import lasting
from actors.session.inputs import AudioLost, OfferFailed
from actors.session.offers import Offers
from actors.session.ports import SessionServices, SessionSpec
from actors.session.state import PhraseState, Stage
from actors.stt.actor import SttActor
from actors.vad.actor import VadActor
from actors.values import Heard, Pcm, Phrase
from events.catalogue import (
    AttemptStarted,
    ClassificationRequested,
    Event,
    NormalisationRequested,
    PhraseCaptured,
    PhraseOffered,
    PhraseOfferWithdrawn,
    TranscriptionRequested,
)

PIECE_BYTES: Final = 32_768
"""Bytes decoded in one step: a second of raw PCM."""
_DUE: Final[Mapping[type[Event], Stage]] = {
    PhraseCaptured: "captured",
    TranscriptionRequested: "transcribing",
    NormalisationRequested: "normalising",
    ClassificationRequested: "classifying",
}
"""The stage that each of these events begins."""


class Crew:
    """Audio, examiner, VAD, STT and LLM actors of one session, which owns them.

    Args:
        session: whose children they are.
        spec: audio format and voice-detection settings.
        services: engines, budgets and clock.
    """

    def __init__(self, session: Actor, spec: SessionSpec, services: SessionServices) -> None:
        me, audio = session.actor_ref, spec.audio
        self._audio = session.spawn(
            AudioActor, me, encoding=audio.encoding, sample_rate=audio.sample_rate, channels=audio.channels
        )
        self._examiner = session.spawn(ExaminerActor, me, services.clock)
        self._vad = session.spawn(VadActor, me, spec.vad)
        self._stt = session.spawn(
            SttActor, me, services.transcribers, budget_s=services.stt_budget_s, clock=services.clock
        )
        self._llm = session.spawn(
            LlmActor, me, services.understandings, budget_s=services.llm_budget_s, clock=services.clock
        )
        self.offers = Offers(
            lambda examine: _tell(self._examiner, examine),
            lambda transcribe: _tell(self._stt, transcribe),
            lambda examined: _tell(me, examined),
        )
        self.gates = Gates()
        self._phrases: dict[int, Phrase] = {}
        self._cleaned: dict[int, Pcm] = {}

    @property
    def phrases(self) -> Mapping[int, Phrase]:
        """The phrases whose audio is here, by number."""
        return self._phrases

    def decode(self, data: bytes) -> None:
        """Have bytes decoded."""
        # In pieces, so that a large frame does not hold the loop up for the neighbours.
        for start in range(0, len(data), PIECE_BYTES):
            _tell(self._audio, Decode(data[start : start + PIECE_BYTES]))

    def finish_decoding(self) -> None:
        """Have what is left in the decoder."""
        _tell(self._audio, FinishDecoding())

    def listen(self, decoded: Decoded) -> None:
        """Have samples listened to, and an open phrase closed if they are the last."""
        _tell(self._vad, Listen(decoded.pcm, decoded.byte_end))
        if decoded.final:
            self.finish_listening(decoded.byte_end)

    def finish_listening(self, byte_end: int) -> None:
        """Have an open phrase closed."""
        _tell(self._vad, FinishListening(byte_end))

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

    def forget_all_but(self, under_way: Collection[int]) -> None:
        """Let go of the audio of phrases that have their outcome."""
        self.offers.forget_all_but(under_way)
        self.gates.refuse_all_but(under_way)
        for number in [n for n in self._phrases if n not in under_way]:
            del self._phrases[number]
            self._cleaned.pop(number, None)

    def drive_all(self, open_phrases: Mapping[int, PhraseState]) -> list[AudioLost | OfferFailed]:
        """Ask for what is due of every phrase, in order; return what there is to say of those whose audio is lost."""
        lost: list[AudioLost | OfferFailed] = []
        for number, phrase in sorted(open_phrases.items()):
            if phrase.stage != "speaking":
                if number in self._phrases:
                    self.drive(number, phrase)
                else:
                    lost.append(AudioLost(number))
            elif phrase.offer is not None and phrase.offer.answer is None and not self.offers.drive(number, phrase):
                lost.append(OfferFailed(number, phrase.offer.event.offer))
        return lost

    def act(self, event: Event, phrase: PhraseState | None) -> None:
        """Do what follows from a durable event for its phrase, unless the phrase is past that."""
        match event:
            case PhraseOffered() if phrase is not None and phrase.offer is not None and phrase.offer.event == event:
                self.offers.drive(event.phrase, phrase)
            case PhraseOfferWithdrawn():
                self.offers.withdraw(event.phrase, event.offer)
                if event.reason == "failed" and phrase is not None and phrase.stage == "captured":
                    self.drive(event.phrase, phrase)
            case PhraseCaptured() | TranscriptionRequested() | NormalisationRequested() | ClassificationRequested():
                if phrase is not None and phrase.stage == _DUE[type(event)]:
                    self.drive(event.phrase, phrase)
            case AttemptStarted():
                self.gates.open(event)
            case _:
                pass

    def drive(self, number: int, phrase: PhraseState) -> None:
        """Ask for the step that a phrase's stream says is due."""
        audio = self._phrases[number]
        match phrase.stage:
            case "captured":
                if not self.offers.examines(number, phrase):
                    _tell(self._examiner, Examine(audio))
            case "transcribing":
                if phrase.attempt == 0 and self.offers.calls(number, phrase):
                    return
                pcm = self._cleaned.get(number, audio.pcm) if phrase.audio_for_stt == "cleaned" else audio.pcm
                _tell(self._stt, Transcribe(number=number, pcm=pcm, attempt=phrase.attempt))
            case "normalising":
                _tell(self._llm, Normalise(number=number, text=phrase.text, attempt=phrase.attempt))
            case "classifying":
                _tell(
                    self._llm,
                    Classify(number=number, text=phrase.text, entities=phrase.entities, attempt=phrase.attempt),
                )
            case "speaking":
                return


def _tell(child: pykka.ActorRef[Any], message: object) -> None:
    # A child that has just died is dealt with when the news of it arrives, behind what is in the mailbox already.
    with contextlib.suppress(pykka.ActorDeadError):
        child.tell(message)
