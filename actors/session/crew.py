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
from actors.session.ports import SessionServices, SessionSpec
from actors.session.state import PhraseState
from actors.stt.actor import SttActor
from actors.vad.actor import VadActor
from actors.values import Pcm, Phrase

PIECE_BYTES: Final = 32_768
"""Bytes decoded in one step: a second of raw PCM."""


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

    def keep(self, phrases: Iterable[Phrase]) -> None:
        """Keep the audio of phrases until they have an outcome."""
        self._phrases.update((phrase.number, phrase) for phrase in phrases)

    def keep_cleaned(self, number: int, pcm: Pcm) -> None:
        """Keep the cleaned audio of a phrase."""
        self._cleaned[number] = pcm

    def forget_all_but(self, under_way: Collection[int]) -> None:
        """Let go of the audio of phrases that have their outcome."""
        for number in [n for n in self._phrases if n not in under_way]:
            del self._phrases[number]
            self._cleaned.pop(number, None)

    def drive_all(self, open_phrases: Mapping[int, PhraseState]) -> list[int]:
        """Ask for what is due of every phrase, in order; return those whose audio is not here."""
        closed = [number for number in sorted(open_phrases) if open_phrases[number].stage != "speaking"]
        for number in closed:
            if number in self._phrases:
                self.drive(number, open_phrases[number])
        return [number for number in closed if number not in self._phrases]

    def drive(self, number: int, phrase: PhraseState | None) -> None:
        """Ask for the step that a phrase's stream says is due; none for one that has its outcome."""
        if phrase is None:
            return
        audio = self._phrases[number]
        match phrase.stage:
            case "captured":
                _tell(self._examiner, Examine(audio))
            case "transcribing":
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
