"""The transcription actor: asks the engine that the session chose, one phrase at a time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, override

import pykka

from actors.messages import WITHDRAWN, AttemptDue, Transcribe, Transcribed
from actors.recordable import recordable_transcript
from actors.routing.attempts import Due, Ended
from actors.routing.race import RaceLostError
from actors.runtime.actor import Actor
from actors.runtime.calls import WithdrawnError
from actors.runtime.clock import Clock
from actors.runtime.supervisor import RESTART, Supervision
from actors.stt.live import LiveEars
from actors.stt.router import RoutedTranscriber
from actors.stt.transcriber import Transcriber, TranscriptionError
from actors.values import Transcript

_OVERTIME_S: Final = 1.0
"""An engine keeps its budget itself; one that does not is stopped this much later."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one engine, or the best of several, made of a phrase."""

    provider: str
    model: str
    transcript: Transcript
    others: tuple[Ended, ...] = ()


class SttActor(Actor):
    """Answers each `Transcribe` with `Transcribed`, with a transcript or with the code of the engine's error.

    A call that is withdrawn isn't begun, or is cancelled; its answer says so.

    Args:
        session: whom to answer.
        transcribers: engines in the session's order of preference; `Transcribe.attempt` is an index of it.
        budget_s: seconds an engine has for a phrase.
        clock: for the latency in the answer.
        live: takes the part of phrases' streams in the races for their texts.
    """

    capacity: ClassVar[int | None] = 8
    supervision: ClassVar[Supervision] = RESTART

    def __init__(
        self,
        session: pykka.ActorRef[Any],
        transcribers: Sequence[Transcriber],
        *,
        budget_s: float,
        clock: Clock,
        live: LiveEars | None = None,
    ) -> None:
        super().__init__()
        self._session = session
        self._transcribers = transcribers
        self._budget_s = budget_s
        self._clock = clock
        self._live = live

    @override
    async def on_receive(self, message: Transcribe) -> None:
        engine = self._transcribers[message.attempt]
        provider, model, others = engine.provider, engine.model, tuple[Ended, ...]()
        began = self._clock.monotonic_us()
        transcript: Transcript | None = None
        error: str | None = None
        try:
            async with asyncio.timeout(self._budget_s + _OVERTIME_S):
                work = self._ask(engine, message)
                answer = await (work if message.call is None else message.call.run(work))
            transcript, others = recordable_transcript(answer.transcript), answer.others
            provider, model = answer.provider, answer.model
        except WithdrawnError:
            error = WITHDRAWN
        except TranscriptionError as failure:
            error = failure.code
        except RaceLostError as lost:
            error, others = lost.code, lost.others
            provider, model = lost.lane.name, lost.lane.model
        except TimeoutError:
            error = "timeout"
        self._session.tell(
            Transcribed(
                number=message.number,
                attempt=message.attempt,
                provider=provider,
                model=model,
                transcript=transcript,
                error=error,
                latency_ms=(self._clock.monotonic_us() - began) / 1000,
                offer=message.offer,
                others=others,
            )
        )

    async def _ask(self, engine: Transcriber, message: Transcribe) -> _Answer:
        if not isinstance(engine, RoutedTranscriber):
            transcript = await engine.transcribe(message.pcm, budget_s=self._budget_s, terms=message.terms)
            return _Answer(engine.provider, engine.model, transcript)

        async def witness(due: Due) -> bool:
            gate = asyncio.get_running_loop().create_future()
            self._session.tell(
                AttemptDue(number=message.number, step="transcription", offer=message.offer, due=due, gate=gate)
            )
            return bool(await gate)

        won = await engine.route(
            message.pcm,
            budget_s=self._budget_s,
            witness=witness,
            order=message.order,
            terms=message.terms,
            first=None if message.live is None or self._live is None else self._live.entrant(message.live),
            phrase=message.number,
            offer=message.offer,
        )
        return _Answer(won.lane.name, won.lane.model, won.answer, won.others)
