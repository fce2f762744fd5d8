"""The voice-activity actor: finds the phrases in a session's samples, in short steps on the loop, in long ones not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, override
from weakref import WeakKeyDictionary

import pykka

from actors.messages import FinishListening, Listen, Listened
from actors.runtime.actor import Actor
from actors.runtime.system import ActorSystem
from actors.vad.company import Answer, Company
from actors.vad.resumed import ResumedSegmenter
from actors.vad.segmenter import Segmenter
from actors.vad.silero import Question, speech_model
from actors.values import Heard, OpenSpeech, Resumption, VadSettings

_CONFIRMED: Final = 1
"""Blocks that are heard on the loop while the neural stage is asked: one costs it a fifth of a millisecond."""
_QUIET: Final = 4
"""The same while it isn't: a block costs the cheap stages less than a hop to another thread."""

_companies: WeakKeyDictionary[ActorSystem, Company] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """What the neural stage says of the block of a message."""

    listen: Listen
    answer: Answer


class VadActor(Actor):
    """Answers each `Listen` with `Listened`, in order.

    Args:
        session: whom to answer.
        settings: of this session's counter.
        resumption: where a session that lived before goes on listening.
        live: whether the audio of a phrase is wanted while it is still under way.
    """

    capacity: ClassVar[int | None] = 8

    def __init__(
        self,
        session: pykka.ActorRef[Any],
        settings: VadSettings,
        resumption: Resumption | None = None,
        *,
        live: bool = False,
    ) -> None:
        super().__init__()
        self._live = live
        self._under_way: int | None = None
        self._told_to = 0
        self._session = session
        model = speech_model()
        self._company: Company | None = None
        if model is not None:
            self._company = _companies.get(self.system) or Company(
                model, self.system.clock, self.system.loop.call_later
            )
            _companies[self.system] = self._company
        self._segmenter = (
            Segmenter(settings, model) if resumption is None else ResumedSegmenter(settings, resumption, model)
        )

    @override
    def on_receive(self, message: Listen | _Judged | FinishListening) -> Any:
        match message:
            case Listen(pcm):
                blocks = self._segmenter.blocks_due(len(pcm))
                if blocks <= 1:
                    self._hear(message)
                elif blocks > (_CONFIRMED if self._segmenter.confirming else _QUIET):
                    return self._hear_elsewhere(message, lambda: self._segmenter.push(pcm))
                else:
                    self._answer(message, self._segmenter.push(pcm))
            case _Judged(listen, answer):
                if isinstance(answer, Exception):
                    raise answer
                self._answer(listen, self._segmenter.go_on(answer))
            case FinishListening():
                self._answer(message, self._segmenter.flush())
        return None

    def _hear(self, message: Listen) -> None:
        """Hear a block at most, in company where it may wait for that."""
        urgent = self._segmenter.urgent
        heard = self._segmenter.begin(message.pcm)
        if isinstance(heard, Question) and self._company is not None:
            judged = self._company.ask(heard, who=self.actor_urn, urgent=urgent, wait=lambda: self._wait(message))
            if judged is None:
                return
            heard = self._segmenter.go_on(judged)
        if isinstance(heard, list):
            self._answer(message, heard)

    def _wait(self, message: Listen) -> Callable[[Answer], None]:
        go_on = self.suspend()
        return lambda answer: go_on(_Judged(message, answer))

    async def _hear_elsewhere(self, message: Listen, hear: Callable[[], list[Heard]]) -> None:
        # The neural stage releases the GIL. No other message is taken meanwhile, so the order stays.
        self._answer(message, await self.system.offload(hear))

    def _answer(self, message: Listen | FinishListening, heard: list[Heard]) -> None:
        self._session.tell(
            Listened(
                heard=tuple(heard),
                byte_end=message.byte_end,
                sample_end=self._segmenter.samples,
                speech=self._speech() if self._live else None,
                bookmark=message.bookmark if isinstance(message, Listen) else None,
                more=isinstance(message, Listen) and message.more,
                final=isinstance(message, FinishListening),
            )
        )

    def _speech(self) -> OpenSpeech | None:
        """Return what has come of the phrase under way since the last answer, all of it where it is a new one."""
        if self._segmenter.under_way != self._under_way:
            self._under_way, self._told_to = self._segmenter.under_way, 0
        speech = self._segmenter.speech_since(self._told_to)
        if speech is not None:
            self._told_to = speech.sample_start + speech.pcm.size
        return speech
