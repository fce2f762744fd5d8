"""The engines of a process behind one another: routers where there are several to choose from."""

from actors.basket.catalogue import BasketCatalogue
from actors.basket.resolver import BasketEngine
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.router import RoutedUnderstanding, UnderstandingPolicy
from actors.llm.understanding import Understanding
from actors.runtime.clock import Clock
from actors.session.conversation import Rules
from actors.session.inputs import EngineName, Policy
from actors.stt.router import RoutedTranscriber, RoutingPolicy
from actors.stt.transcriber import Transcriber
from balto.engines import Engines, usd_per_hour
from balto.settings import Settings


def route(settings: Settings, engines: Engines, baskets: BasketCatalogue, clock: Clock) -> Engines:
    """Return engines that stand for the given ones; closing them closes those.

    An engine that is alone stays as it is.
    """
    return Engines(
        transcribers=_transcribers(settings, engines.transcribers, clock),
        understandings=_understandings(settings, engines.understandings, baskets, clock),
    )


def policy_of(routed: Engines, engines: Engines, baskets: BasketCatalogue, rules: Rules) -> Policy:
    """Return what sessions decide with: the engines by name, as they are asked and as they stand behind one another."""
    *_, last = engines.understandings
    return Policy(
        transcribers=tuple(_named(engine) for engine in routed.transcribers),
        understandings=tuple(EngineName(engine.engine, engine.model) for engine in routed.understandings),
        resolve=BasketEngine(baskets).resolve,
        rules=rules,
        engines=tuple(_named(engine) for engine in engines.transcribers),
        lexicon=EngineName(last.engine, last.model),
    )


def _named(engine: Transcriber) -> EngineName:
    return EngineName(engine.provider, engine.model, usd_per_hour(engine.provider))


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
    # Whether a session uses it is in its terms: a counter may have it where the server has not.
    sure = LexiconUnderstanding(baskets.lexicon, baskets.version)
    policy = UnderstandingPolicy(floor_s=settings.llm_hedge_s)
    return (RoutedUnderstanding(model, last, clock, sure=sure, policy=policy),)
