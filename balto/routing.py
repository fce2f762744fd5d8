"""The engines of a process behind one another: routers where there are several to choose from."""

import asyncio
from dataclasses import replace

from actors.basket.catalogue import BasketCatalogue
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.router import RoutedUnderstanding, UnderstandingPolicy
from actors.llm.understanding import Understanding
from actors.runtime.clock import Clock
from actors.stt.router import RoutedTranscriber, RoutingPolicy
from actors.stt.transcriber import Transcriber
from balto.engines import Engines, build_understandings, usd_per_hour
from balto.settings import Settings
from balto.shelf import Compile


def route(settings: Settings, engines: Engines, baskets: BasketCatalogue, clock: Clock) -> Engines:
    """Return engines that stand for the given ones; closing them closes those.

    An engine that is alone stays as it is.
    """
    return Engines(
        transcribers=_transcribers(settings, engines.transcribers, clock),
        understandings=_understandings(settings, engines.understandings, baskets, clock),
    )


def _transcribers(settings: Settings, engines: tuple[Transcriber, ...], clock: Clock) -> tuple[Transcriber, ...]:
    if len(engines) == 1:
        return engines
    policy = RoutingPolicy(floor_s=settings.stt_hedge_s)
    return (RoutedTranscriber(engines, clock, usd_per_hour, policy),)


def _understandings(
    settings: Settings, engines: tuple[Understanding, ...], baskets: BasketCatalogue, clock: Clock
) -> tuple[Understanding, ...]:
    if len(engines) != 2:
        return engines
    model, last = engines
    sure = LexiconUnderstanding(baskets.lexicon, baskets.version) if settings.fast_path else None
    policy = UnderstandingPolicy(floor_s=settings.llm_hedge_s)
    return (RoutedUnderstanding(model, last, clock, sure=sure, policy=policy),)


def compiler(settings: Settings, engines: Engines, clock: Clock) -> Compile:
    """Return what makes understandings of a changed baskets file: compiled off the loop, warm before they serve."""

    async def compile_(baskets: BasketCatalogue) -> tuple[Understanding, ...]:
        plain = await asyncio.to_thread(build_understandings, settings, baskets)
        for engine in plain:
            await engine.warm()
        return route(settings, replace(engines, understandings=plain), baskets, clock).understandings

    return compile_
