"""The transcription actor: asks the engine that the session chose, one phrase at a time."""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, Final, override

import pykka

from actors.messages import WITHDRAWN, Transcribe, Transcribed
from actors.runtime.actor import Actor
from actors.runtime.calls import WithdrawnError
from actors.runtime.clock import Clock
from actors.runtime.supervisor import RESTART, Supervision
from actors.stt.transcriber import Transcriber, TranscriptionError
from actors.values import Transcript

_OVERTIME_S: Final = 1.0
"""An engine keeps its budget itself; one that does not is stopped this much later."""


class SttActor(Actor):
    """Answers each `Transcribe` with `Transcribed`, with a transcript or with the code of the engine's error.

    A call that is withdrawn isn't begun, or is cancelled; its answer says so.

    Args:
        session: whom to answer.
        transcribers: engines in the session's order of preference; `Transcribe.attempt` is an index of it.
        budget_s: seconds an engine has for a phrase.
        clock: for the latency in the answer.
    """

    capacity: ClassVar[int | None] = 8
    supervision: ClassVar[Supervision] = RESTART

    def __init__(
        self, session: pykka.ActorRef[Any], transcribers: Sequence[Transcriber], *, budget_s: float, clock: Clock
    ) -> None:
        super().__init__()
        self._session = session
        self._transcribers = transcribers
        self._budget_s = budget_s
        self._clock = clock

    @override
    async def on_receive(self, message: Transcribe) -> None:
        engine = self._transcribers[message.attempt]
        began = self._clock.monotonic_us()
        transcript: Transcript | None = None
        error: str | None = None
        try:
            async with asyncio.timeout(self._budget_s + _OVERTIME_S):
                work = engine.transcribe(message.pcm, budget_s=self._budget_s)
                transcript = await (work if message.call is None else message.call.run(work))
        except WithdrawnError:
            error = WITHDRAWN
        except TranscriptionError as failure:
            error = failure.code
        except TimeoutError:
            error = "timeout"
        self._session.tell(
            Transcribed(
                number=message.number,
                attempt=message.attempt,
                provider=engine.provider,
                model=engine.model,
                transcript=transcript,
                error=error,
                latency_ms=(self._clock.monotonic_us() - began) / 1000,
                offer=message.offer,
            )
        )
