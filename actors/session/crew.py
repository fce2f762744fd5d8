"""A session's children and the phrases they work on: who is told what when a step is due."""

from collections.abc import Collection, Iterable, Mapping

from actors.audio.actor import AudioActor
from actors.audio.examiner import ExaminerActor
from actors.llm.actor import LlmActor
from actors.messages import (
    Classify,
    ClassifyDone,
    Decoded,
    Examine,
    Examined,
    FinishListening,
    Listen,
    Listened,
    Normalise,
    NormaliseDone,
    Transcribe,
    Transcribed,
)
from actors.runtime.actor import Actor
from actors.session.intake import Intake
from actors.session.line import Line, tell
from actors.session.ports import SessionServices, SessionSpec
from actors.session.resuming import Hearing
from actors.session.state import PhraseState
from actors.session.writing import Writer
from actors.stt.actor import SttActor
from actors.vad.actor import VadActor
from actors.values import Pcm, Phrase


class Crew:
    """Audio, examiner, VAD, STT and LLM actors of one session, which owns them.

    Args:
        session: whose children they are.
        spec: audio format and voice-detection settings.
        services: engines, budgets and clock.
        writer: keeps the client's bytes.
        hearing: where listening goes on in a session that lived before.
    """

    def __init__(
        self, session: Actor, spec: SessionSpec, services: SessionServices, writer: Writer, hearing: Hearing | None
    ) -> None:
        me, audio = session.actor_ref, spec.audio if hearing is None else hearing.format_of(spec.audio)
        decoder = session.spawn(
            AudioActor, me, encoding=audio.encoding, sample_rate=audio.sample_rate, channels=audio.channels
        )
        examiner = session.spawn(ExaminerActor, me, services.clock)
        self._vad = session.spawn(VadActor, me, spec.vad, hearing.resumption if hearing else None)
        stt = session.spawn(SttActor, me, services.transcribers, budget_s=services.stt_budget_s, clock=services.clock)
        llm = session.spawn(LlmActor, me, services.understandings, budget_s=services.llm_budget_s, clock=services.clock)
        self._examiner = Line(examiner, ExaminerActor.capacity or 1)
        self._stt = Line(stt, SttActor.capacity or 1)
        self._llm = Line(llm, LlmActor.capacity or 1)
        self.intake = Intake(decoder, writer, rehearing=hearing is not None)
        self._phrases: dict[int, Phrase] = {}
        self._cleaned: dict[int, Pcm] = {}

    @property
    def phrases(self) -> Mapping[int, Phrase]:
        """The phrases whose audio is here, by number."""
        return self._phrases

    @property
    def idle(self) -> bool:
        """Whether no child has anything to do."""
        return self.intake.idle and self._examiner.idle and self._stt.idle and self._llm.idle and not self._phrases

    def listen(self, decoded: Decoded) -> None:
        """Have samples listened to, and an open phrase closed if they are the last."""
        tell(self._vad, Listen(decoded.pcm, decoded.byte_end, decoded.bookmark))
        if decoded.final:
            self.finish_listening(decoded.byte_end)

    def finish_listening(self, byte_end: int) -> None:
        """Have an open phrase closed."""
        tell(self._vad, FinishListening(byte_end))

    def answered(self, message: object) -> None:
        """Note that a child is through with something: what it answered, or what it broke down over."""
        match message:
            case Listened(final=False):
                self.intake.came_back()
            case Examined() | Examine():
                self._examiner.answered()
            case Transcribed() | Transcribe():
                self._stt.answered()
            case NormaliseDone() | ClassifyDone() | Normalise() | Classify():
                self._llm.answered()
            case _:
                return

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

    def drive(self, number: int, phrase: PhraseState | None) -> None:
        """Ask for the step that a phrase's stream says is due; none for one that has its outcome."""
        if phrase is None:
            return
        match phrase.stage:
            case "captured":
                self._examiner.send(Examine(self._phrases[number]))
            case "transcribing":
                raw = self._phrases[number].pcm
                pcm = self._cleaned.get(number, raw) if phrase.audio_for_stt == "cleaned" else raw
                self._stt.send(Transcribe(number=number, pcm=pcm, attempt=phrase.attempt))
            case "normalising":
                self._llm.send(Normalise(number=number, text=phrase.text, attempt=phrase.attempt))
            case "classifying":
                self._llm.send(
                    Classify(number=number, text=phrase.text, entities=phrase.entities, attempt=phrase.attempt)
                )
            case "speaking":
                return
