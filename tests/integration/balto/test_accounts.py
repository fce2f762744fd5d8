"""Accounts on a real ledger: uniqueness under races, keys that are nowhere kept, rotation at once."""

import asyncio

import pytest

from actors.values import VadSettings
from balto.accounts import (
    EmailTakenError,
    InvalidEmailError,
    UnknownClientError,
    UnknownCounterError,
    change_preset,
    counters_of,
    find_counter_by_key,
    register_client,
    register_counter,
    rotate_key,
)
from balto.app import Balto
from balto.preferences import find_counter
from events.catalogue import CATALOGUE_STREAM, ClientRegistered, CounterKeyIssued
from tests.integration.balto.door import each


async def test_a_client_gets_a_six_digit_code_and_its_events_belong_to_it(balto: Balto) -> None:
    store = balto.library.store
    code = await register_client(store, email="a@b.example", legal_name="A", phone="11 9999")
    assert len(code) == 6
    assert code.isdecimal()
    (recorded,) = [r async for r in store.read_stream(f"client-{code}")]
    assert recorded.tenant == code
    assert recorded.event == ClientRegistered(code=code, legal_name="A", email="a@b.example", phone="11 9999")


async def test_of_many_registrations_with_one_email_at_once_exactly_one_succeeds(balto: Balto) -> None:
    emails = ["a@b.example", " A@B.example ", "a@B.EXAMPLE"] * 4
    outcomes = await asyncio.gather(
        *(register_client(balto.library.store, email=email.strip(), legal_name="A") for email in emails),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, EmailTakenError) for outcome in outcomes) == len(emails) - 1
    registered = [r async for r in balto.library.store.read_all(types=["ClientRegistered"])]
    assert len(registered) == 1


async def test_a_code_that_is_taken_is_drawn_again_and_the_email_is_not_lost(
    balto: Balto, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter([7, 7, 7, 8])
    monkeypatch.setattr("balto.accounts.secrets.randbelow", lambda _: next(drawn))
    assert await register_client(balto.library.store, email="a@b.example", legal_name="A") == "000007"
    assert await register_client(balto.library.store, email="c@d.example", legal_name="C") == "000008"


@each("email", ["", "sem arroba", "a@b", "a@b .example", "a@b.example\n", "a" * 250 + "@b.example"])
async def test_what_is_no_email_registers_nobody(balto: Balto, email: str) -> None:
    with pytest.raises(InvalidEmailError):
        await register_client(balto.library.store, email=email, legal_name="A")
    assert [r.stream async for r in balto.library.store.read_all()] == [CATALOGUE_STREAM]


async def test_a_key_works_as_soon_as_it_is_issued_and_only_its_hash_is_recorded(balto: Balto) -> None:
    store = balto.library.store
    code = await register_client(store, email="a@b.example", legal_name="A")
    counter_id, key = await register_counter(store, code, "Frente")
    assert key.startswith("bk_")
    counter = await find_counter_by_key(balto.library, key)
    assert counter is not None
    assert (counter.counter_id, counter.code, counter.name, counter.vad) == (counter_id, code, "Frente", VadSettings())
    recorded = [r async for r in store.read_all()]
    assert any(isinstance(r.event, CounterKeyIssued) for r in recorded)
    assert not any(key in repr(r) or key.removeprefix("bk_") in repr(r) for r in recorded)


async def test_a_rotated_key_opens_nothing_even_where_the_read_model_has_not_caught_up(balto: Balto) -> None:
    store = balto.library.store
    code = await register_client(store, email="a@b.example", legal_name="A")
    counter_id, old = await register_counter(store, code, "Frente")
    assert await find_counter_by_key(balto.library, old) is not None
    new = await rotate_key(balto.library, counter_id)
    assert await find_counter_by_key(balto.library, old) is None
    counter = await find_counter_by_key(balto.library, new)
    assert counter is not None
    assert counter.counter_id == counter_id
    assert await find_counter_by_key(balto.library, old) is None


async def test_keys_and_counters_are_found_while_their_read_model_waits_for_its_rebuild(
    balto: Balto, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, projector = balto.library.store, balto.library.projector
    code = await register_client(store, email="a@b.example", legal_name="A")
    known, old = await register_counter(store, code, "Frente")
    await projector.catch_up()
    await projector.pool.execute("UPDATE projections.checkpoints SET definition = 'older' WHERE name = 'counters'")
    monkeypatch.setattr(projector, "_outdated", {"counters"})
    rotated = await rotate_key(balto.library, known)
    added, key = await register_counter(store, code, "Fundos")
    for opened, counter_id in ((key, added), (rotated, known)):
        counter = await find_counter_by_key(balto.library, opened)
        assert counter is not None
        assert counter.counter_id == counter_id
    assert await find_counter_by_key(balto.library, old) is None
    assert await find_counter_by_key(balto.library, "bk_" + "a" * 43) is None
    assert [one.name for one in await counters_of(balto.library, code)] == ["Frente"]
    assert await find_counter(balto.library, "Frente") == known
    assert {row.name: row.state for row in await projector.status()}["counters"] == "outdated"


@each("key", ["", "bk_", "bk_" + "a" * 43, "bk_" + "é" * 43, "bk_" + "a" * 5000, "bk_\x00\ud800"])
async def test_a_key_that_nobody_was_given_opens_nothing(balto: Balto, key: str) -> None:
    assert await find_counter_by_key(balto.library, key) is None


async def test_a_preset_is_an_event_of_the_counters_tenant_and_comes_with_its_key(balto: Balto) -> None:
    store = balto.library.store
    code = await register_client(store, email="a@b.example", legal_name="A")
    counter_id, key = await register_counter(store, code, "Frente")
    await change_preset(balto.library, counter_id, VadSettings(threshold_multiplier=2.5, min_energy=300.0))
    last = [r async for r in store.read_stream(f"counter-{counter_id}")][-1]
    assert (last.type, last.tenant) == ("CounterPresetChanged", code)
    counter = await find_counter_by_key(balto.library, key)
    assert counter is not None
    assert (counter.vad.threshold_multiplier, counter.vad.min_energy) == (2.5, 300.0)
    assert [c.vad.threshold_multiplier for c in await counters_of(balto.library, code)] == [2.5]


async def test_a_preset_out_of_range_is_refused_and_not_recorded(balto: Balto) -> None:
    code = await register_client(balto.library.store, email="a@b.example", legal_name="A")
    counter_id, _ = await register_counter(balto.library.store, code, "Frente")
    before = await balto.library.store.last_position()
    with pytest.raises(ValueError, match="threshold_multiplier"):
        await change_preset(balto.library, counter_id, VadSettings(threshold_multiplier=11.0))
    assert await balto.library.store.last_position() == before


async def test_unknown_clients_and_counters_are_errors(balto: Balto) -> None:
    with pytest.raises(UnknownClientError):
        await register_counter(balto.library.store, "000000", "Frente")
    with pytest.raises(UnknownClientError):
        await counters_of(balto.library, "000000")
    with pytest.raises(UnknownCounterError):
        await rotate_key(balto.library, "nenhum")
    with pytest.raises(UnknownCounterError):
        await change_preset(balto.library, "nenhum", VadSettings())


async def test_a_counter_is_listed_under_its_own_client_alone(balto: Balto) -> None:
    store = balto.library.store
    one = await register_client(store, email="a@b.example", legal_name="A")
    other = await register_client(store, email="c@d.example", legal_name="C")
    counter_id, _ = await register_counter(store, one, "Frente")
    assert [c.counter_id for c in await counters_of(balto.library, one)] == [counter_id]
    assert await counters_of(balto.library, other) == []
