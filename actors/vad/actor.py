"""The voice-activity actor: finds the phrases in a session's samples, on the loop."""

from typing import Any, override

import pykka

from actors.messages import FinishListening, Listen, Listened
from actors.runtime.actor import Actor
from actors.vad.segmenter import Segmenter
from actors.values import VadSettings


class VadActor(Actor):
    """Answers each `Listen` with `Listened`.

    Args:
        session: whom to answer.
        settings: of this session's counter.
    """

    def __init__(self, session: pykka.ActorRef[Any], settings: VadSettings) -> None:
        super().__init__()
        self._session = session
        self._segmenter = Segmenter(settings)
        self._samples = 0

    @override
    def on_receive(self, message: Listen | FinishListening) -> None:
        match message:
            case Listen():
                self._samples += len(message.pcm)
                heard = self._segmenter.push(message.pcm)
            case FinishListening():
                heard = self._segmenter.flush()
        final = isinstance(message, FinishListening)
        self._session.tell(
            Listened(heard=tuple(heard), byte_end=message.byte_end, sample_end=self._samples, final=final)
        )
