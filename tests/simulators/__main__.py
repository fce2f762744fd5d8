"""Runs the three providers on loopback by hand: `python -m tests.simulators`; `--help` lists what they may do.

Prints one line of JSON with their addresses and keys, then serves until standard input ends. Each line of standard
input is JSON of what to change: `{"elevenlabs": "server_error"}` switches a fault on, `{"elevenlabs": null}` off, and
`{"elevenlabs live": "cut_short"}` one of its WebSocket.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import Any

from actors.basket.catalogue import load_baskets
from actors.llm.lexicon import LexiconUnderstanding
from events.catalogue import Entity
from tests.simulators import openai, speech
from tests.simulators.assemblyai import AssemblyAISimulator
from tests.simulators.elevenlabs import ElevenLabsSimulator
from tests.simulators.live import LiveFault
from tests.simulators.weather import ASSEMBLYAI, ELEVENLABS, SMALL_MODEL, Weather

_REMEMBERED = 100
"""Requests whose contents are kept."""
_ROOT = Path(__file__).parents[2]


def phrases() -> list[str]:
    """Return what customers say in the corpus of utterances, in its order; the first sample of a phrase chooses."""
    listed = json.loads((_ROOT / "tests/unit/llm/utterances.json").read_text(encoding="utf-8"))
    return [each["texto"] for each in listed if each["tipo"] == "pedido"]


def lexical_answerer() -> openai.Answerer:
    """Return a model that knows what the lexicon knows; what it names in a sentence it looks for once."""
    baskets = load_baskets(_ROOT / "cestas.json")
    lexicon = LexiconUnderstanding(baskets.lexicon, baskets.version)

    @cache
    def name(text: str) -> dict[str, Any]:
        found = lexicon.entities(text)
        return {"entidades": [{"tipo": e.kind, "nome": e.name, "trecho": e.span, "certeza": e.score} for e in found]}

    def place(text: str, entities: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        named = tuple(Entity(kind=e["tipo"], name=e["nome"], span="", score=1.0) for e in entities)
        done = lexicon.place(text, named)
        places = [{"macro": c.macro, "micro": c.micro} for c in done.categories]
        return {"categorias": places, "ancoras": list(done.anchors), "certeza": done.confidence}

    def answer(schema: str, asked: Mapping[str, Any]) -> object:
        text = asked["frase"]
        match schema:
            case "normalizar":
                return name(text)
            case "classificar":
                return place(text, asked["entidades"])
            case _:
                named = name(text)
                return named | place(text, named["entidades"])

    return answer


Simulator = speech.SpeechSimulator | openai.OpenAISimulator


def build(options: argparse.Namespace) -> dict[str, Simulator]:
    """Return the simulators that the options describe."""

    def weather(quantiles: tuple[float, float, float], number: int) -> Weather | None:
        if options.instant:
            return None
        return Weather(*quantiles, options.hangs, options.errors, options.hang_s, options.seed + number)

    said = phrases()
    return {
        "elevenlabs": ElevenLabsSimulator(phrases=said, weather=weather(ELEVENLABS, 0)),
        "assemblyai": AssemblyAISimulator(phrases=said, weather=weather(ASSEMBLYAI, 1)),
        "openai": openai.OpenAISimulator(lexical_answerer(), weather=weather(SMALL_MODEL, 2)),
    }


async def serve(options: argparse.Namespace) -> None:
    """Serve until standard input ends."""
    simulators = build(options)
    async with AsyncExitStack() as stack:
        places = {
            name: {"url": await stack.enter_async_context(each.serving()), "key": each.key}
            for name, each in simulators.items()
        }
        print(json.dumps(places), flush=True)
        forgetting = asyncio.create_task(forget(simulators))
        stack.callback(forgetting.cancel)
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                for name, fault in json.loads(line).items():
                    tell(simulators, name, fault)
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                print(f"not understood: {error}", file=sys.stderr, flush=True)
            print(json.dumps(counted(simulators)), flush=True)


async def forget(simulators: Mapping[str, Simulator]) -> None:
    """Let go of what was sent a while ago, which nobody asks for here: hours of load are hours of audio."""
    while True:
        await asyncio.sleep(1.0)
        for each in simulators.values():
            kept = each.bodies if isinstance(each, openai.OpenAISimulator) else each.calls
            del kept[:-_REMEMBERED]


def tell(simulators: Mapping[str, Simulator], name: str, fault: str | None) -> None:
    """Switch a fault on or off: of a provider's requests, or with `live` behind its name of its streams."""
    provider, _, live = name.partition(" ")
    simulator = simulators[provider]
    if isinstance(simulator, openai.OpenAISimulator):
        simulator.fault = None if fault is None else openai.Fault(fault)
    elif live:
        simulator.live.fault = None if fault is None else LiveFault(fault)
    else:
        simulator.fault = None if fault is None else speech.Fault(fault)


def counted(simulators: Mapping[str, Simulator]) -> dict[str, int]:
    """Return the requests that each provider has had, and the streams that were asked of it."""
    requests = {name: each.requests for name, each in simulators.items()}
    speaking = {n: each for n, each in simulators.items() if isinstance(each, speech.SpeechSimulator)}
    return requests | {f"{name} live": each.live.opened for name, each in speaking.items()}


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    parser.add_argument("--hangs", type=float, default=0.04, help="share of calls that stay silent")
    parser.add_argument("--hang-s", type=float, default=4.0, help="for so many seconds")
    parser.add_argument("--errors", type=float, default=0.02, help="share of calls that answer 500")
    parser.add_argument("--instant", action="store_true", help="answer at once and always well")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
