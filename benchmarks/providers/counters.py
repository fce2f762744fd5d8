"""Counters that speak to routed providers: from the end of speech to the recommendation, and what each phrase cost."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from actors.basket.resolver import BasketEngine
from actors.llm.router import RoutedUnderstanding
from actors.routing.attempts import Ended
from actors.routing.race import RaceLostError, Won
from actors.stt.router import RoutedTranscriber
from actors.values import Classified, Normalised, Pcm, Resolved, Transcript, VadSettings

_VAD: Final = VadSettings()
PHRASE_S: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one phrase."""

    at_s: float
    """When speech ended, since the start of the run."""
    total_s: float
    stt_s: float
    heard_by: str | None
    understood_by: tuple[str, ...] = ()
    usd: float = 0.0
    """Of speech-to-text."""
    recommended: bool = False
    hedged: bool = False
    explained: str | None = None
    """Why there is no transcript."""


@dataclass
class StandIn:
    """In the place of the local engine: takes the time that one phrase takes it, one after the other."""

    seconds: float = 0.8
    provider: str = "local"
    model: str = "stand-in"
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def warm(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:  # noqa: ARG002 - the router's deadline holds
        """Write down a common order, whatever was said."""
        async with self._busy:
            await asyncio.sleep(self.seconds)
        return Transcript(text="bom dia, eu queria uma dipirona")


@dataclass(kw_only=True)
class Counters:
    """Sessions side by side, each saying one phrase after another.

    Attributes:
        ears: routed speech-to-text.
        head: routed understanding.
        baskets: resolves what was understood.
        sessions: how many.
        spread_s: within which they begin to speak, so that they don't speak in chorus.
        stt_budget_s: deadline of a phrase for speech-to-text.
        llm_budget_s: deadline of a stage.
    """

    ears: RoutedTranscriber
    head: RoutedUnderstanding
    baskets: BasketEngine
    sessions: int = 20
    spread_s: float = PHRASE_S
    stt_budget_s: float = 8.0
    llm_budget_s: float = 1.2
    _began: float = 0.0

    async def run(self, seconds: float, seed: int) -> list[Outcome]:
        """Let all sessions speak for so long; wait for what they said last."""
        self._began = time.perf_counter()
        spoken = await asyncio.gather(*(self._session(seconds, seed * 1_000 + n) for n in range(self.sessions)))
        return [outcome for session in spoken for outcome in session]

    async def _session(self, seconds: float, seed: int) -> list[Outcome]:
        chance = random.Random(seed)
        outcomes: list[Outcome] = []
        await asyncio.sleep(chance.uniform(0, self.spread_s))
        while time.perf_counter() - self._began < seconds:
            outcomes.append(await self._phrase(chance))
            await asyncio.sleep(chance.uniform(0.5, 1.5))
        return outcomes

    async def _phrase(self, chance: random.Random) -> Outcome:
        pcm = np.zeros(int(PHRASE_S * 16_000), np.int16)
        pcm[0] = chance.randrange(20_000)
        ended = time.perf_counter()
        at_s = ended - self._began
        # As the segmenter does: offered after a short pause, taken for over after a longer one.
        await asyncio.sleep(_VAD.offer_ms / 1000)
        try:
            heard = await self.ears.route(pcm, budget_s=self.stt_budget_s)
        except RaceLostError as lost:
            total_s = time.perf_counter() - ended
            usd = _bill(lost.others)
            return Outcome(at_s=at_s, total_s=total_s, stt_s=total_s, heard_by=None, explained=lost.code, usd=usd)
        stt_s = time.perf_counter() - ended
        await asyncio.sleep(max(0.0, _VAD.hangover_ms / 1000 - stt_s))
        text = heard.answer.text
        named = await self.head.route_normalise(text, budget_s=self.llm_budget_s)
        understood = [named.lane.name]
        recommended = False
        if named.answer.entities:
            placed = await self._place(text, named)
            understood.append(placed.lane.name)
            recommended = isinstance(self.baskets.resolve(placed.answer, named.answer.entities), Resolved)
        return Outcome(
            at_s=at_s,
            total_s=time.perf_counter() - ended,
            stt_s=stt_s,
            heard_by=heard.lane.name,
            understood_by=tuple(understood),
            usd=heard.answer.cost_usd + _bill(heard.others),
            recommended=recommended,
            hedged=heard.why == "slow" or any(other.outcome in ("cancelled", "lost") for other in heard.others),
        )

    async def _place(self, text: str, named: Won[Normalised]) -> Won[Classified]:
        """Do stage 2 as the actor of understanding does."""
        entities, placed = named.answer.entities, named.answer.placed
        if placed is None or self.head.places_alone(text, entities):
            return await self.head.route_classify(text, entities, budget_s=self.llm_budget_s)
        return Won(answer=placed, lane=named.lane, why=named.why, latency_ms=0.0, others=())


def _bill(others: Sequence[Ended]) -> float:
    return sum(other.cost_usd for other in others)
