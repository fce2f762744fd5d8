"""The comparison actor: has other engines hear a phrase whose transcript is chosen already; nobody waits for it."""

from typing import Any, ClassVar, override

import pykka

from actors.comparison import Compare, Compared
from actors.recordable import recordable_transcript
from actors.routing.attempts import NoAnswerError
from actors.runtime.actor import Actor
from actors.runtime.clock import Clock
from actors.runtime.supervisor import RESTART, Supervision
from actors.stt.router import RoutedTranscriber
from actors.stt.wer import Difference, difference
from actors.values import Transcript


class ComparerActor(Actor):
    """Answers each `Compare` with `Compared`, one at a time.

    Args:
        session: whom to answer.
        router: whose engines are asked.
        budget_s: seconds an engine has for a phrase.
        clock: for the latency in the answer.
    """

    capacity: ClassVar[int | None] = 2
    supervision: ClassVar[Supervision] = RESTART

    def __init__(
        self, session: pykka.ActorRef[Any], router: RoutedTranscriber, *, budget_s: float, clock: Clock
    ) -> None:
        super().__init__()
        self._session = session
        self._router = router
        self._budget_s = budget_s
        self._clock = clock

    @override
    async def on_receive(self, message: Compare) -> None:
        began = self._clock.monotonic_us()
        transcript: Transcript | None = None
        apart = Difference(errors=0, words=0)
        error: str | None = None
        try:
            heard = await self._router.ask(
                message.provider, message.pcm, budget_s=self._budget_s, phrase=message.number
            )
            transcript = recordable_transcript(heard)
            apart = difference(message.text, transcript.text)
        except NoAnswerError as failure:
            error = failure.code
        self._session.tell(
            Compared(
                number=message.number,
                provider=message.provider,
                transcript=transcript,
                word_errors=apart.errors,
                chosen_words=apart.words,
                error=error,
                latency_ms=(self._clock.monotonic_us() - began) / 1000,
            )
        )
