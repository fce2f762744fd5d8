"""Speech-to-text by several engines as if by one: the preferred, its backups, and the local one as the last resort."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from actors.routing.attempts import NoAnswerError, Witness, no_witness
from actors.routing.entrants import Entrant
from actors.routing.hedging import HedgeBudget
from actors.routing.lane import Lane
from actors.routing.race import Race, Won
from actors.runtime.clock import Clock
from actors.stt.transcriber import Transcriber, TranscriptionError
from actors.values import SAMPLE_RATE, Pcm, Transcript

LOCAL: Final = "local"
"""Provider of the engine on this machine: the last resort, which costs nothing and has no circuit."""
_PROBE_S: Final = 0.5
_PROBE_BUDGET_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingPolicy:
    """When backups are asked."""

    floor_s: float = 0.6
    """A backup is never asked sooner, unless for an error."""
    patience_s: float = 2.5
    """A provider that has been silent for so long has failed."""
    last_resort_s: float = 1.2
    """The local engine is asked after so long at the latest, as it takes the machine's own time."""
    hedge_share: float = 0.1
    """Backups of engines that are merely slow, a call."""


class RoutedTranscriber:
    """The `Transcriber` port over several engines, shared by all sessions of a process.

    Args:
        engines: in order of preference.
        clock: for latencies and circuits.
        price: what a transcriber asks for an hour of audio, in US dollars, by its name.
        policy: when backups are asked.
    """

    def __init__(
        self,
        engines: Sequence[Transcriber],
        clock: Clock,
        price: Callable[[str], float],
        policy: RoutingPolicy | None = None,
    ) -> None:
        self._clock = clock
        self._policy = policy or RoutingPolicy()
        self._budget = HedgeBudget(self._policy.hedge_share)
        self._engines = tuple((engine, self._lane(engine), price(engine.provider)) for engine in engines)

    @property
    def provider(self) -> str:
        """Name of the preferred engine."""
        return self._engines[0][0].provider

    @property
    def model(self) -> str:
        """Model of the preferred engine."""
        return self._engines[0][0].model

    async def warm(self) -> None:
        """Load what is slow to load."""
        for engine, _, _ in self._engines:
            await engine.warm()

    async def close(self) -> None:
        """Stop the probes and close the engines."""
        for engine, lane, _ in self._engines:
            await lane.close()
            await engine.close()

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        """Write down one phrase; see `Transcriber.transcribe`.

        Raises:
            RaceLostError: no engine did.
        """
        return (await self.route(pcm, budget_s=budget_s, terms=terms)).answer

    async def route(
        self,
        pcm: Pcm,
        *,
        budget_s: float,
        witness: Witness = no_witness,
        order: Sequence[str] = (),
        terms: Sequence[str] = (),
        first: Entrant[Transcript] | None = None,
        phrase: int = 0,  # noqa: ARG002 - for who looks answers up
        offer: int = 0,  # noqa: ARG002 - for who looks answers up
    ) -> Won[Transcript]:
        """Write down one phrase, and tell who did and how the others fared.

        The first text wins that the guard believes; one that it doesn't is given where nothing better comes of the
        engines already asked.

        Args:
            pcm: int16 mono samples at 16 kHz.
            budget_s: for all of it.
            witness: told before any engine is asked but the first, or `first`.
            order: names of the engines that may be asked, the first of them first; empty for all, as preferred.
            terms: words to listen for; see `Transcriber.transcribe`.
            first: is asked before all engines: a stream that has heard the phrase already.
            phrase: its number, for who looks its text up; engines hear it.
            offer: number of the offer that it is; 0 for a phrase that is over.

        Raises:
            RaceLostError: no engine did.
            TranscriptionError: `unavailable`: there is none of those that may be asked.
        """
        entrants = [self._entrant(engine, lane, price, pcm, terms) for engine, lane, price in self._in(order)]
        if first is not None:
            entrants.insert(0, first)
        if not entrants:
            raise TranscriptionError("unavailable", "no engine that may be asked is here")
        race = Race(
            entrants=entrants,
            deadline_s=budget_s,
            floor_s=self._policy.floor_s,
            clock=self._clock,
            budget=self._budget,
            witness=witness,
            good=lambda transcript: transcript.rejected is None,
        )
        return await race.run()

    async def ask(
        self,
        provider: str,
        pcm: Pcm,
        *,
        budget_s: float,
        phrase: int = 0,  # noqa: ARG002 - for who looks answers up
    ) -> Transcript:
        """Have one engine write a phrase down, whatever the others do; its answer counts for its circuit.

        Args:
            provider: the engine's.
            pcm: int16 mono samples at 16 kHz.
            budget_s: for all of it.
            phrase: as in `route`.

        Raises:
            NoAnswerError: it did not; `circuit_open` where it is left alone, and was not asked.
            KeyError: there is no such engine.
        """
        engine, lane, _ = {each.provider: (each, lane, price) for each, lane, price in self._engines}[provider]
        if lane.breaker.is_open:
            raise NoAnswerError("circuit_open", f"{provider} is left alone")
        began = self._clock.monotonic_us()
        try:
            async with asyncio.timeout(budget_s):
                transcript = await _written(engine, pcm, budget_s)
        except TimeoutError:
            lane.failed("timeout")
            raise NoAnswerError("timeout", f"{provider} was silent for too long") from None
        except NoAnswerError as error:
            lane.failed(error.code, error.retry_after_s)
            raise
        lane.succeeded((self._clock.monotonic_us() - began) / 1e6)
        return transcript

    def _in(self, order: Sequence[str]) -> Sequence[tuple[Transcriber, Lane, float]]:
        if not order:
            return self._engines
        # An engine of a former life may be gone. Those in its place were not asked for, and may cost.
        known = {engine.provider: (engine, lane, price) for engine, lane, price in self._engines}
        return [known[name] for name in dict.fromkeys(order) if name in known]

    def _entrant(
        self, engine: Transcriber, lane: Lane, usd_per_hour: float, pcm: Pcm, terms: Sequence[str]
    ) -> Entrant[Transcript]:
        local = engine.provider == LOCAL

        async def ask(left_s: float) -> Transcript:
            return await _written(engine, pcm, left_s, terms)

        return Entrant(
            lane=lane,
            ask=ask,
            cost_usd=pcm.size / SAMPLE_RATE / 3600 * usd_per_hour,
            free=local,
            not_before_s=self._policy.last_resort_s if local else 0.0,
            patience_s=None if local else self._policy.patience_s,
        )

    def _lane(self, engine: Transcriber) -> Lane:
        async def probe() -> None:
            try:
                await engine.transcribe(_faint_noise(), budget_s=_PROBE_BUDGET_S)
            except NoAnswerError as error:
                if error.code not in {"empty", "rejected"}:
                    raise

        # The local engine has no circuit: behind it there is nobody.
        return Lane(engine.provider, engine.model, self._clock, None if engine.provider == LOCAL else probe)


async def _written(engine: Transcriber, pcm: Pcm, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
    transcript = await engine.transcribe(pcm, budget_s=budget_s, terms=terms)
    if transcript.rejected is None and not transcript.text.strip():
        raise TranscriptionError("empty", f"{engine.provider} wrote nothing")
    return transcript


def _faint_noise() -> Pcm:
    samples = np.random.default_rng(0).integers(-30, 31, size=int(_PROBE_S * SAMPLE_RATE))
    return samples.astype(np.int16)
