"""What counters prefer and may spend: events of their streams, changed over HTTP and by name, taken by sessions."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from actors.session.calls import Settle
from actors.session.ports import AudioFormat, FlowWindow
from actors.session.terms import terms_of
from actors.values import VadSettings
from balto.accounts import UnknownCounterError, counters_of, load_counter
from balto.app import Balto
from balto.preferences import AmbiguousCounterError, change_terms, find_counter
from balto.terms import CounterTerms, TermsError
from events.catalogue import CounterTermsChanged, SessionStarted
from tests.integration.balto.door import Client, Registered, each, error_of, log_in, register


class Nobody:
    """A client that is told nothing."""

    def publish(self, event: object) -> None:
        return

    def close(self, reason: str) -> None:
        return


def place(counter_id: str) -> str:
    return f"/api/admin/balcao/{counter_id}/preferencias"


async def recorded(balto: Balto, counter_id: str) -> list[CounterTermsChanged]:
    found = [r.event async for r in balto.library.store.read_stream(f"counter-{counter_id}")]
    return [event for event in found if isinstance(event, CounterTermsChanged)]


async def test_what_a_body_leaves_out_stays_and_null_takes_it_back(client: Client, balto: Balto) -> None:
    registered = await register(client)
    await log_in(client)
    bodies: list[tuple[dict[str, Any], CounterTerms]] = [
        ({"transcritores": ["assemblyai", "elevenlabs"]}, CounterTerms(prefer=("assemblyai", "elevenlabs"))),
        (
            {"caminho_rapido": False, "orcamento_diario_usd": 2.5},
            CounterTerms(prefer=("assemblyai", "elevenlabs"), fast_path=False, daily_budget_usd=2.5),
        ),
        ({"transcritores": [], "caminho_rapido": None}, CounterTerms(daily_budget_usd=2.5)),
        ({"orcamento_diario_usd": None}, CounterTerms()),
    ]
    for body, expected in bodies:
        response = await client.put(place(registered.counter_id), json=body)
        assert response.status == 200
        shown = {
            "transcritores": list(expected.prefer),
            "caminho_rapido": expected.fast_path,
            "orcamento_diario_usd": expected.daily_budget_usd,
        }
        assert await response.json() == {"status": "updated", "balcao_id": registered.counter_id, **shown}
        asked = await client.get(place(registered.counter_id))
        assert await asked.json() == {"balcao_id": registered.counter_id, **shown}
        assert (await load_counter(balto.library.store, registered.counter_id)).terms == expected
        (listed,) = await counters_of(balto.library, registered.code)
        assert listed.terms == expected
    assert len(await recorded(balto, registered.counter_id)) == len(bodies)


@each(
    "body",
    [
        b'{"transcritores": ["whisper"]}',
        b'{"transcritores": ["local", "local"]}',
        b'{"transcritores": "local"}',
        b'{"caminho_rapido": "sim"}',
        b'{"caminho_rapido": 1}',
        b'{"orcamento_diario_usd": -0.01}',
        b'{"orcamento_diario_usd": 1e9}',
        b'{"orcamento_diario_usd": NaN}',
        b'{"orcamento_diario_usd": "2.5"}',
        b"[]",
    ],
)
async def test_what_makes_no_sense_is_refused_in_one_line_and_not_recorded(
    client: Client, balto: Balto, counter: Registered, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    response = await client.put(place(counter.counter_id), data=body, headers=headers)
    assert response.status == 400
    await error_of(response)
    assert await recorded(balto, counter.counter_id) == []


async def test_an_unknown_counter_has_no_preference_and_nobody_but_the_administrator_sees_one(client: Client) -> None:
    registered = await register(client)
    assert (await client.get(place(registered.counter_id))).status == 401
    assert (await client.put(place(registered.counter_id), json={})).status == 401
    await log_in(client)
    assert (await client.get(place("nenhum"))).status == 404
    assert (await client.put(place("nenhum"), json={"caminho_rapido": True})).status == 404


async def test_an_unknown_engine_is_named_with_those_that_there_are(client: Client, balto: Balto) -> None:
    registered = await register(client)
    with pytest.raises(TermsError, match="no speech-to-text engine 'gpt'; there are elevenlabs, assemblyai, local"):
        await change_terms(balto.library, registered.counter_id, lambda terms: replace(terms, prefer=("gpt",)))


async def test_of_changes_at_the_same_time_none_is_lost(client: Client, balto: Balto) -> None:
    registered = await register(client)
    await asyncio.gather(
        change_terms(balto.library, registered.counter_id, lambda terms: replace(terms, prefer=("local",))),
        change_terms(balto.library, registered.counter_id, lambda terms: replace(terms, fast_path=False)),
        change_terms(balto.library, registered.counter_id, lambda terms: replace(terms, daily_budget_usd=1.0)),
    )
    terms = (await load_counter(balto.library.store, registered.counter_id)).terms
    assert terms == CounterTerms(prefer=("local",), fast_path=False, daily_budget_usd=1.0)
    # What changes nothing is no event.
    await change_terms(balto.library, registered.counter_id, lambda terms: terms)
    assert len(await recorded(balto, registered.counter_id)) == 3


async def test_a_counter_is_found_by_its_name_where_that_is_no_other_ones(client: Client, balto: Balto) -> None:
    first = await register(client, name="Frente")
    second = await register(client, email="outra@farmacia.example", name="Fundos")
    third = await register(client, email="mais@farmacia.example", name="Fundos")
    assert await find_counter(balto.library, "Frente") == first.counter_id
    assert await find_counter(balto.library, second.counter_id) == second.counter_id
    with pytest.raises(AmbiguousCounterError) as caught:
        await find_counter(balto.library, "Fundos")
    assert sorted(caught.value.ids) == sorted([second.counter_id, third.counter_id])
    with pytest.raises(UnknownCounterError):
        await find_counter(balto.library, "Lado")


async def test_a_session_records_the_terms_that_it_has_its_counters_over_the_servers(
    client: Client, balto: Balto
) -> None:
    terms = CounterTerms(prefer=("assemblyai",), fast_path=False, daily_budget_usd=2.5)
    session_id, session = balto.sessions.start(
        tenant="t",
        counter_id="c",
        outbox=Nobody(),
        flow=FlowWindow(),
        vad=VadSettings(),
        audio=AudioFormat(),
        engines=terms.engines(),
    )
    settled = asyncio.get_running_loop().create_future()
    session.tell(Settle(settled))
    await settled
    (first,) = [r.event async for r in balto.library.store.read_stream(f"session-{session_id}", limit=1)]
    assert isinstance(first, SessionStarted)
    assert first.settings["engines"]["daily_budget_usd"] == 2.5
    in_force = terms_of(first.settings)
    assert (in_force.prefer, in_force.fast_path, in_force.compare) == (("assemblyai",), False, 0.0)
