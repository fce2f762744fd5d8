"""The engine that hears phrases while they are said, as a process shares it: its circuit, and its part in races."""

from collections.abc import Sequence

import numpy as np

from actors.live import LiveStream
from actors.routing.attempts import NoAnswerError
from actors.routing.entrants import Entrant
from actors.routing.lane import Lane
from actors.runtime.clock import Clock
from actors.stt.streaming import StreamingTranscriber
from actors.values import SAMPLE_RATE, Transcript

_PROBE_S = 0.5
_PROBE_BUDGET_S = 3.0


class LiveEars:
    """Opens streams while their engine is well; a stream comes first in the race for its phrase's text.

    The circuit is the streams' own: a provider's WebSocket may be down, or full, while its requests are answered.

    Args:
        engine: hears.
        clock: for the circuit.
        patience_s: a stream that has been silent for so long after its phrase has failed.
    """

    def __init__(self, engine: StreamingTranscriber, clock: Clock, *, patience_s: float = 2.5) -> None:
        self._engine = engine
        self._patience_s = patience_s
        self._lane = Lane(engine.provider, engine.model, clock, self._probe)

    @property
    def provider(self) -> str:
        """As events name it."""
        return self._engine.provider

    @property
    def model(self) -> str:
        """As events name it."""
        return self._engine.model

    @property
    def goes_on(self) -> bool:
        """Whether streams hear on after a pause at which their text was asked for."""
        return self._engine.goes_on

    @property
    def ready(self) -> bool:
        """Whether the circuit is closed."""
        return not self._lane.breaker.is_open

    async def warm(self) -> None:
        """Load what is slow to load."""
        await self._engine.warm()

    def open(self, terms: Sequence[str] = ()) -> LiveStream:
        """Begin a stream for one phrase; see `StreamingTranscriber.open`."""
        return self._engine.open(terms)

    async def close(self) -> None:
        """Stop the probes and cancel all streams."""
        await self._lane.close()
        await self._engine.close()

    def entrant(self, stream: LiveStream) -> Entrant[Transcript]:
        """Return a stream as the first to be asked for its phrase. It costs the race nothing: see `LiveStream`."""

        async def ask(left_s: float) -> Transcript:
            return await stream.transcript(budget_s=left_s)

        return Entrant(lane=self._lane, ask=ask, patience_s=self._patience_s)

    async def _probe(self) -> None:
        stream = self._engine.open()
        try:
            stream.feed(np.random.default_rng(0).integers(-30, 31, int(_PROBE_S * SAMPLE_RATE)).astype(np.int16))
            await stream.transcript(budget_s=_PROBE_BUDGET_S)
        except NoAnswerError as error:
            if error.code not in {"empty", "rejected"}:
                raise
        finally:
            stream.cancel()
