"""A whole Balto on simulated providers: what a counter prefers, may spend, and has compared is what its sessions do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from actors.basket.catalogue import load_baskets
from actors.llm.openai import OpenAIUnderstanding
from actors.stt.assemblyai import AssemblyAITranscriber
from actors.stt.elevenlabs import ElevenLabsTranscriber
from balto.preferences import change_terms
from balto.settings import OWN_BASKETS
from balto.terms import CounterTerms
from events.catalogue import (
    BudgetReached,
    ComparisonRequested,
    Event,
    NormalisationCompleted,
    OfferTranscribed,
    PaidEnginesStopped,
    PhraseOffered,
    RecommendationSent,
    SessionStarted,
    TranscriptCompared,
    TranscriptionReceived,
    TranscriptionRequested,
)
from projections import spending
from tests.e2e.conftest import END, House, Open, converse, of_type
from tests.fakes import ScriptedTranscriber
from tests.recordings import conversation
from tests.simulators import openai
from tests.simulators.__main__ import lexical_answerer
from tests.simulators.assemblyai import AssemblyAISimulator
from tests.simulators.elevenlabs import ElevenLabsSimulator

SAID = "bom dia, estou com dor de cabeça"
PCM = conversation("dor_de_cabeca")


@dataclass
class Town:
    """A house and its providers."""

    house: House
    eleven: ElevenLabsSimulator
    assembly: AssemblyAISimulator
    model: openai.OpenAISimulator


@asynccontextmanager
async def town(open_house: Open, **settings: Any) -> AsyncIterator[Town]:
    eleven = ElevenLabsSimulator(key="e", text=SAID)
    assembly = AssemblyAISimulator(key="a", text="bom dia, estou com muita dor de cabeça")
    model = openai.OpenAISimulator(lexical_answerer(), key="sk-o")
    async with eleven.serving() as a, assembly.serving() as b, model.serving() as c:
        ears = (
            ElevenLabsTranscriber("e", "scribe_v2", a, 0.264),
            AssemblyAITranscriber("a", "universal-3-5-pro", b, 0.3),
            ScriptedTranscriber(SAID, provider="local"),
        )
        heads = (OpenAIUnderstanding("sk-o", "gpt-6-luna", c, taxonomy=load_baskets(OWN_BASKETS).taxonomy),)
        async with open_house(*ears, heads=heads, **settings) as house:
            yield Town(house, eleven, assembly, model)


async def appeared(house: House, name: str) -> None:
    async with asyncio.timeout(60):
        while not [event async for event in house.balto.library.store.read_all(types=(name,))]:  # noqa: ASYNC110 - another process could write it
            await asyncio.sleep(0.02)


async def events_of(house: House, number: int = 1) -> list[Event]:
    return [recorded.event for recorded in (await house.ended(number))[-1]]


async def test_a_counter_hears_and_understands_as_it_prefers(open_house: Open) -> None:
    async with town(open_house) as there:
        house = there.house
        preferred = CounterTerms(prefer=("assemblyai",), fast_path=False)
        await change_terms(house.balto.library, house.counter_id, lambda _: preferred)
        answer = await converse(house, PCM.tobytes(), protocol=2)
        events = await events_of(house)
    assert len(answer.of("recomendar")) == 1
    (started,) = [event for event in events if isinstance(event, SessionStarted)]
    assert started.settings["engines"]["prefer"] == ["assemblyai"]
    first = [event for event in events if isinstance(event, PhraseOffered | TranscriptionRequested)]
    assert {(event.provider, event.why) for event in first} == {("assemblyai", "counter")}
    assert there.eleven.calls == []
    # The lexicon is certain of this sentence, and is not asked.
    assert {e.engine for e in events if isinstance(e, NormalisationCompleted)} == {"openai"}


async def test_once_the_budget_is_spent_only_free_engines_are_asked_and_advice_goes_on(open_house: Open) -> None:
    async with town(open_house) as there:
        house = there.house
        # Less than a phrase costs: the first session spends it all.
        await change_terms(
            house.balto.library, house.counter_id, lambda _: CounterTerms(fast_path=False, daily_budget_usd=0.00005)
        )
        await converse(house, PCM.tobytes(), protocol=2)
        before = await events_of(house)
        asked = there.eleven.requests, there.assembly.requests, there.model.requests
        answer = await converse(house, PCM.tobytes(), protocol=2)
        after = await events_of(house, 2)
        assert asked == (there.eleven.requests, there.assembly.requests, there.model.requests)
        await house.balto.library.projector.catch_up()
        await house.balto.budgets.look()
        stream = house.balto.library.store.read_stream(f"counter-{house.counter_id}")
        reached = [r.event async for r in stream if isinstance(r.event, BudgetReached)]
    assert {e.provider for e in before if isinstance(e, TranscriptionReceived)} == {"elevenlabs"}
    assert len(answer.of("recomendar")) == 1
    (stopped,) = [event for event in after if isinstance(event, PaidEnginesStopped)]
    assert stopped.spent_usd >= stopped.budget_usd == 0.00005
    assert {e.provider for e in after if isinstance(e, TranscriptionReceived)} == {"local"}
    assert {e.engine for e in after if isinstance(e, NormalisationCompleted)} == {"lexicon"}
    assert any(isinstance(event, RecommendationSent) for event in after)
    assert [event.budget_usd for event in reached] == [0.00005]


async def test_a_sampled_phrase_is_heard_by_both_and_the_report_puts_them_side_by_side(open_house: Open) -> None:
    async with town(open_house, stt_compare=1.0) as there:
        house = there.house
        # Who ends the session gives up what is being compared: the customer stays until it is there.
        async with aiohttp.ClientSession() as http, http.ws_connect(house.socket_url) as ws:
            await ws.send_json({"api_key": house.key, "protocol": 2})
            for at in range(0, PCM.size, 1_600):
                await ws.send_bytes(PCM[at : at + 1_600].tobytes())
            await appeared(house, "TranscriptCompared")
            await ws.send_str(END)
            async for _ in ws:
                continue
        (recorded,) = await house.ended()
        await house.balto.library.projector.catch_up()
        (row,) = await spending.compared(house.balto.library.projector.pool)
        costs = await spending.cost(house.balto.library.projector.pool, counter_id=house.counter_id)
    received = of_type(recorded, TranscriptionReceived)
    requests = of_type(recorded, ComparisonRequested)
    assert {event.provider for event in received} == {"elevenlabs"}
    assert [event.phrase for event in requests] == [event.phrase for event in received]
    (compared,) = of_type(recorded, TranscriptCompared)
    assert (compared.provider, compared.word_errors, compared.chosen_words) == ("assemblyai", 1, 7)
    early = of_type(recorded, OfferTranscribed)
    paid = sum(e.cost_usd for e in received) + sum(e.cost_usd for e in early)
    assert compared.chosen_cost_usd == paid
    assert (row.provider, row.phrases, row.wer) == ("assemblyai", 1, 1 / 7)
    by_step = {(c.step, c.provider): (c.calls, c.usd) for c in costs}
    assert by_step["comparison", "assemblyai"] == (1, compared.cost_usd)
    assert by_step["transcription", "elevenlabs"][1] >= paid > 0
