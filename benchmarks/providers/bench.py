"""`python -m benchmarks providers`: counters on simulated providers in their usual weather, in outages, and CPU a call.

What is real: routers, adapters, SDKs, sockets, the lexicon and the basket engine. What is not: the segmenter's pauses
are slept, no journal is written, and a stand-in takes the local engine's place.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import mean
from typing import Any, Final

import numpy as np
from rich.progress import Progress

from actors.basket.catalogue import load_baskets
from actors.basket.resolver import BasketEngine
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.openai import OpenAIUnderstanding
from actors.llm.router import RoutedUnderstanding
from actors.runtime.clock import SystemClock
from actors.stt.assemblyai import AssemblyAITranscriber
from actors.stt.elevenlabs import ElevenLabsTranscriber
from actors.stt.router import RoutedTranscriber
from balto.engines import at_once, prices, usd_per_hour
from balto.settings import OWN_BASKETS, Settings
from benchmarks.providers.cost import cpu_ms, of_rounds
from benchmarks.providers.counters import PHRASE_S, Counters, Outcome, StandIn
from benchmarks.providers.weather import Providers, providers
from benchmarks.report import Check, Machine, Report, rounded

_FEW: Final = 2
"""Counters that one local engine can serve alone."""
_CPU_GOALS: Final = {"openai": 2.5, "elevenlabs": 3.5, "assemblyai": 2.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How long and how many."""

    calm_s: float = 50.0
    outage_s: float = 60.0
    """Each phase of the outages."""
    settling_s: float = 6.0
    """After an outage, for the last probe that a circuit waits for."""
    spread_s: float = PHRASE_S
    """Within which the sessions begin to speak."""
    sessions: int = 20
    stt_budget_s: float = 8.0
    calls: int = 200
    rounds: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a model is asked; as a server does by default."""

    fast: bool = True
    """Whether the lexicon answers alone where it is certain."""
    at_once: bool = True
    """Whether one request serves both stages."""


_CALM: Final = {
    "fast path on": Way(),
    "fast path off": Way(fast=False),
    "a request a stage": Way(at_once=False),
    "a request a stage, fast path off": Way(fast=False, at_once=False),
}

QUICK: Final = Scale(
    calm_s=0.7, outage_s=0.7, settling_s=0.5, spread_s=0.6, sessions=4, stt_budget_s=2.5, calls=5, rounds=1
)
"""Whether it runs: every provider, fault and check, too short for its figures to mean anything."""


def add_options(_parser: argparse.ArgumentParser) -> None:
    """Declare no further options."""


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Measure everything and say which goals are met."""
    machine = Machine.here()
    scale = QUICK if options.quick else Scale()
    task = progress.add_task("providers", total=2 + len(_CALM))
    checks: list[Check] = []
    compared: dict[str, Any] = {"sessions": scale.sessions, "outage_s": scale.outage_s}
    with providers("--instant") as instant:
        taken = asyncio.run(cpu_ms(instant, calls=scale.calls, rounds=scale.rounds))
    compared["cpu_ms_rounds"] = {name: [rounded(each) for each in rounds] for name, rounds in taken.items()}
    for name, value in of_rounds(taken).items():
        checks.append(Check(name=f"CPU a call, {name}", value=value, unit="ms", goal=_CPU_GOALS[name], better="less"))
    progress.advance(task)
    for name, way in _CALM.items():
        # The same weather and the same customers for all.
        with providers("--seed", "1") as places:
            outcomes = asyncio.run(_calm(places, scale, way))
        compared[f"calm, {name}"] = figures(outcomes)
        if way == Way():
            checks += _latency_checks(outcomes)
        progress.advance(task)
    with providers("--seed", "3") as places:
        phases = asyncio.run(_outages(places, scale))
    compared["outages"] = {name: figures(outcomes) for name, outcomes in phases.items()}
    checks += _outage_checks(phases)
    progress.advance(task)
    return Report(bench="providers", checks=checks, machine=machine, compared=compared)


@asynccontextmanager
async def _counters(places: Providers, scale: Scale, way: Way) -> AsyncIterator[Counters]:
    baskets = load_baskets(OWN_BASKETS)
    lexicon = LexiconUnderstanding(baskets.lexicon, baskets.version)
    clock = SystemClock()
    eleven, assembly = (usd_per_hour(name) for name in ("elevenlabs", "assemblyai"))
    ears = RoutedTranscriber(
        (
            ElevenLabsTranscriber(places.key("elevenlabs"), "scribe_v2", places.url("elevenlabs"), eleven),
            AssemblyAITranscriber(places.key("assemblyai"), "universal-3-5-pro", places.url("assemblyai"), assembly),
            StandIn(),
        ),
        clock,
        usd_per_hour,
    )
    model = OpenAIUnderstanding(
        places.key("openai"),
        "gpt-6-luna",
        places.url("openai"),
        taxonomy=baskets.taxonomy,
        prices=prices()["llm"],
        at_once=at_once(Settings(_env_file=None, fast_path=way.fast, llm_at_once=way.at_once), baskets),
    )
    head = RoutedUnderstanding(model, lexicon, clock, sure=lexicon if way.fast else None)
    try:
        await ears.warm()
        await head.warm()
        yield Counters(
            ears=ears,
            head=head,
            baskets=BasketEngine(baskets),
            sessions=scale.sessions,
            spread_s=scale.spread_s,
            stt_budget_s=scale.stt_budget_s,
        )
    finally:
        await ears.close()
        await head.close()


async def _calm(places: Providers, scale: Scale, way: Way) -> list[Outcome]:
    async with _counters(places, scale, way) as counters:
        return await counters.run(scale.calm_s, seed=1)


async def _outages(places: Providers, scale: Scale) -> dict[str, list[Outcome]]:
    """Let one provider be down, then both, then none; the first answers 500, the second stays silent."""
    down: dict[str, dict[str, str | None]] = {
        "normal": {"elevenlabs": None, "assemblyai": None},
        "one down": {"elevenlabs": "server_error", "assemblyai": None},
        "one silent": {"elevenlabs": "slow", "assemblyai": None},
        "both down": {"elevenlabs": "server_error", "assemblyai": "slow"},
        "both down, two counters": {},
        "back again": {"elevenlabs": None, "assemblyai": None},
    }
    phases: dict[str, list[Outcome]] = {}
    async with _counters(places, scale, Way()) as counters:
        for number, (name, faults) in enumerate(down.items()):
            places.tell(**faults)
            if name == "back again":
                await asyncio.sleep(scale.settling_s)
            counters.sessions = _FEW if name.endswith("two counters") else scale.sessions
            phases[name] = await counters.run(scale.outage_s, seed=10 + number)
    return phases


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return what a run came to: milliseconds, shares of phrases and US dollars a thousand phrases."""
    totals = [outcome.total_s * 1000 for outcome in outcomes]
    return {
        "phrases": len(outcomes),
        "end of speech to recommendation ms": {
            f"p{at}": rounded(float(np.percentile(totals, at))) for at in (50, 95, 99)
        },
        "worst ms": rounded(max(totals)),
        "heard by": dict(Counter(str(outcome.heard_by) for outcome in outcomes)),
        "understood by": dict(Counter(" then ".join(outcome.understood_by) for outcome in outcomes)),
        "hedged": rounded(mean(outcome.hedged for outcome in outcomes)),
        "recommended": rounded(mean(outcome.recommended for outcome in outcomes)),
        "transcript or explained": rounded(_settled(outcomes)),
        "usd a thousand phrases": rounded(1000 * mean(outcome.usd for outcome in outcomes)),
    }


def _settled(outcomes: Sequence[Outcome]) -> float:
    return mean(outcome.heard_by is not None or outcome.explained is not None for outcome in outcomes)


def _advised(outcomes: Sequence[Outcome]) -> float:
    return mean(outcome.recommended for outcome in outcomes)


def _latency_checks(outcomes: Sequence[Outcome]) -> list[Check]:
    totals = [outcome.total_s * 1000 for outcome in outcomes]
    checks = [
        Check(
            name=f"end of speech to recommendation, p{at}",
            value=float(np.percentile(totals, at)),
            unit="ms",
            goal=goal,
            better="less",
        )
        for at, goal in ((50, 900.0), (95, 1600.0), (99, 2200.0))
    ]
    settled = _settled(outcomes)
    checks.append(Check(name="transcript or explained", value=settled, unit="share", goal=1.0, better="more"))
    return checks


def _outage_checks(phases: dict[str, list[Outcome]]) -> list[Check]:
    def usd(name: str) -> float:
        return mean(outcome.usd for outcome in phases[name])

    checks = [
        Check(name=f"bill while {name}", value=usd(name) / usd("normal"), unit="× normal", goal=1.15, better="less")
        for name in ("one down", "one silent", "both down")
    ]
    # Advice goes on with one of them, and with few counters on the local engine alone; and all of it comes back.
    usual = _advised(phases["normal"])
    checks += [
        Check(
            name=f"advice while {name}", value=_advised(phases[name]) / usual, unit="× normal", goal=goal, better="more"
        )
        for name, goal in (
            ("one down", 0.95),
            ("one silent", 0.95),
            ("both down, two counters", 0.95),
            ("back again", 0.95),
        )
    ]
    # With both down, twenty counters are more than one local engine can serve: those are explained, the others heard.
    heard = [mean(o.heard_by is not None for o in phases[name]) for name in phases if name != "both down"]
    checks.append(Check(name="heard where capacity allows", value=min(heard), unit="share", goal=1.0, better="more"))
    settled = min(_settled(outcomes) for outcomes in phases.values())
    checks.append(
        Check(name="transcript or explained in outages", value=settled, unit="share", goal=1.0, better="more")
    )
    back = mean(outcome.heard_by == "elevenlabs" for outcome in phases["back again"])
    checks.append(Check(name="back with the preferred", value=back, unit="share", goal=0.85, better="more"))
    return checks
