"""Driving a session's language model: both stages of a phrase, asked ahead of their record where that can be."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from actors.messages import Classify, Foresee, Normalise, Transcribed
from actors.session.attempts import Gates
from actors.session.line import Line
from actors.session.phrase import PhraseState, Stage
from actors.session.state import SessionState
from actors.session.utterance import waiting
from events.catalogue import ClassificationRequested, Event, NormalisationRequested

DUE: Final[Mapping[type[Event], Stage]] = {
    NormalisationRequested: "normalising",
    ClassificationRequested: "classifying",
}
"""The stage that each of these events begins."""


class ModelDriver:
    """Has phrases understood: who asks the session's language model for what.

    Args:
        llm: the line to it.
        gates: of the session.
    """

    def __init__(self, llm: Line, gates: Gates) -> None:
        self._llm = llm
        self._gates = gates

    @property
    def idle(self) -> bool:
        """Whether nothing is with the model."""
        return self._llm.idle

    def answered(self) -> None:
        """Note that the model is through with something, be it by failing over it."""
        self._llm.answered()

    def ask_ahead(self, events: Iterable[Event], phrases: Mapping[int, PhraseState]) -> None:
        """Have understood what was just decided on, as far as nobody outside is needed for it, while it is written."""
        for event in events:
            if isinstance(event, NormalisationRequested | ClassificationRequested):
                phrase = phrases.get(event.phrase)
                if phrase is not None and phrase.stage == DUE[type(event)]:
                    self.drive(event.phrase, phrase, self._gates.ask_ahead(event))

    def foresee(self, message: Transcribed, state: SessionState) -> None:
        """Have an offered phrase's text thought about in the rest of its pause, if it is understood by itself."""
        phrase = state.open_phrases.get(message.number)
        early = message.offer and phrase is not None and phrase.stage in ("speaking", "captured")
        if early and message.transcript is not None and message.transcript.rejected is None and not waiting(state):
            self._llm.send(Foresee(message.transcript.text))

    def drive(self, number: int, phrase: PhraseState, recorded: asyncio.Future[bool] | None = None) -> None:
        """Ask for the stage that a phrase's stream says is due, or will say; `recorded` tells when it does."""
        match phrase.stage:
            case "normalising":
                self._llm.send(
                    Normalise(
                        number=number,
                        text=phrase.text,
                        attempt=phrase.attempt,
                        engine=phrase.engine,
                        recorded=recorded,
                    )
                )
            case "classifying":
                self._llm.send(
                    Classify(
                        number=number,
                        text=phrase.text,
                        entities=phrase.entities,
                        attempt=phrase.attempt,
                        engine=phrase.engine,
                        recorded=recorded,
                    )
                )
            case _:
                return
