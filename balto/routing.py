"""The engines of a process behind one another: routers where there are several to choose from."""

import asyncio
from dataclasses import replace

from actors.basket.catalogue import BasketCatalogue
from actors.llm.router import RoutedUnderstanding, UnderstandingPolicy
from actors.llm.understanding import Understanding
from actors.runtime.clock import Clock
from actors.session.inputs import EngineName, Policy, StreamingName
from actors.stt.live import LiveEars
from actors.stt.router import RoutedTranscriber, RoutingPolicy
from actors.stt.transcriber import Transcriber
from actors.values import Withheld
from balto.engines import Engines, build_understandings, live_usd_per_hour, plain_lexicon, usd_per_hour
from balto.settings import Settings
from balto.shelf import Compile


def route(settings: Settings, engines: Engines, baskets: BasketCatalogue, clock: Clock) -> Engines:
    """Return engines that stand for the given ones; closing them closes those.

    An engine that is alone stays as it is.
    """
    return Engines(
        transcribers=_transcribers(settings, engines, clock),
        understandings=_understandings(settings, engines.understandings, baskets, clock),
        streaming=None if engines.streaming is None else LiveEars(engines.streaming, clock),
        encoder=engines.encoder,
    )


def policy_of(settings: Settings, routed: Engines, engines: Engines, live: LiveEars | None) -> Policy:
    """Return what sessions decide with but for baskets: the engines, as they are asked and stand behind one another."""
    *_, last = engines.understandings
    return Policy(
        transcribers=tuple(_named(engine) for engine in routed.transcribers),
        understandings=tuple(EngineName(engine.engine, engine.model) for engine in routed.understandings),
        resolve=_no_baskets,
        engines=tuple(_named(engine) for engine in engines.transcribers),
        lexicon=EngineName(last.engine, last.model),
        streaming=_streaming(settings, live),
    )


def _no_baskets(*_: object) -> Withheld:
    return Withheld(reason="no_basket")


def _named(engine: Transcriber) -> EngineName:
    return EngineName(engine.provider, engine.model, usd_per_hour(engine.provider))


def _streaming(settings: Settings, live: LiveEars | None) -> StreamingName | None:
    if live is None:
        return None
    return StreamingName(live.provider, live.model, live_usd_per_hour(settings, live.provider), live.goes_on)


def _transcribers(settings: Settings, engines: Engines, clock: Clock) -> tuple[Transcriber, ...]:
    # One that is alone has a stream to race with, or nobody.
    if len(engines.transcribers) == 1 and engines.streaming is None:
        return engines.transcribers
    policy = RoutingPolicy(floor_s=settings.stt_hedge_s)
    return (RoutedTranscriber(engines.transcribers, clock, usd_per_hour, policy),)


def _understandings(
    settings: Settings, engines: tuple[Understanding, ...], baskets: BasketCatalogue, clock: Clock
) -> tuple[Understanding, ...]:
    if len(engines) != 2:
        return engines
    model, last = engines
    # Whether a session uses it is in its terms: a counter may have it where the server has not.
    sure = plain_lexicon(baskets.lexicon, baskets.version)
    policy = UnderstandingPolicy(floor_s=settings.llm_hedge_s)
    return (RoutedUnderstanding(model, last, clock, sure=sure, policy=policy),)


def compiler(settings: Settings, engines: Engines, clock: Clock) -> Compile:
    """Return what makes understandings of a changed baskets file: compiled off the loop, warm before they serve."""

    async def compile_(baskets: BasketCatalogue) -> tuple[Understanding, ...]:
        plain = await asyncio.to_thread(build_understandings, settings, baskets, engines.encoder)
        for engine in plain:
            await engine.warm()
        return route(settings, replace(engines, understandings=plain), baskets, clock).understandings

    return compile_
