"""The voice-activity actor: finds the phrases in a session's samples, on the loop."""

from typing import Any, ClassVar, override

import pykka

from actors.messages import FinishListening, Listen, Listened
from actors.runtime.actor import Actor
from actors.vad.resumed import ResumedSegmenter
from actors.vad.segmenter import Segmenter
from actors.values import Resumption, VadSettings
from events.catalogue import Bookmark


class VadActor(Actor):
    """Answers each `Listen` with `Listened`.

    Args:
        session: whom to answer.
        settings: of this session's counter.
        resumption: where a session that lived before goes on listening.
    """

    capacity: ClassVar[int | None] = 8

    def __init__(
        self, session: pykka.ActorRef[Any], settings: VadSettings, resumption: Resumption | None = None
    ) -> None:
        super().__init__()
        self._session = session
        self._segmenter = Segmenter(settings) if resumption is None else ResumedSegmenter(settings, resumption)

    @override
    def on_receive(self, message: Listen | FinishListening) -> None:
        bookmark: Bookmark | None = None
        match message:
            case Listen():
                bookmark = message.bookmark
                heard = self._segmenter.push(message.pcm)
            case FinishListening():
                heard = self._segmenter.flush()
        self._session.tell(
            Listened(
                heard=tuple(heard),
                byte_end=message.byte_end,
                sample_end=self._segmenter.samples,
                bookmark=bookmark,
                final=isinstance(message, FinishListening),
            )
        )
