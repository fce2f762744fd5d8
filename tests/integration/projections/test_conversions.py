"""Conversions: what became of advice, from events, by basket and item, and of nobody else's counter."""

from datetime import timedelta

import asyncpg

from events.catalogue import Answer, Event, Item, RecommendationAnswered, RecommendationSent
from projections.conversions import Conversion, conversions
from projections.projector import Projector
from tests.integration.projections.script import DAY, Ledger, started

HOUR_US = 3_600_000_000


def sent(phrase: int, *names: str, basket: str = "ALERGIAS/RINITE") -> RecommendationSent:
    return RecommendationSent(
        phrase=phrase,
        recommendation_id=f"r{phrase}",
        basket=basket,
        items=tuple(Item(sugestao=name, explicacao="Ajuda.") for name in names),
        rule="macro_micro",
    )


def answered(phrase: int, answer: Answer) -> RecommendationAnswered:
    return RecommendationAnswered(recommendation_id=f"r{phrase}", answer=answer)


async def of(ledger: Ledger, number: int, tenant: str, *events: Event, at_us: int = 0) -> None:
    await ledger.append(f"session-{number}", tenant, started(str(number), f"counter{number}"), at_us=at_us)
    await ledger.append(f"session-{number}", tenant, *events, at_us=at_us)


def told(found: list[Conversion]) -> dict[tuple[str, str], tuple[int, int, int, int, float | None]]:
    return {(c.basket, c.item): (c.sent, c.shown, c.accepted, c.dismissed, c.conversion) for c in found}


async def test_items_are_counted_by_basket_and_the_attendants_last_word_counts(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await of(
        ledger, 1, "100000", sent(1, "Soro", "Lenços"), answered(1, "exibida"), answered(1, "dispensada"),
        answered(1, "aceita"), sent(2, "Soro"), answered(2, "exibida"), sent(3, "Soro", basket="ALERGIAS/*"),
    )  # fmt: skip
    await projector.catch_up()
    await ledger.append("session-1", "100000", answered(3, "dispensada"))
    await projector.catch_up()
    expected = {
        ("ALERGIAS/RINITE", "Soro"): (2, 2, 1, 0, 0.5),
        ("ALERGIAS/RINITE", "Lenços"): (1, 1, 1, 0, 1.0),
        ("ALERGIAS/*", "Soro"): (1, 1, 0, 1, 0.0),
    }
    found = await conversions(pool)
    assert told(found) == expected
    assert found[0].sent == 2
    await projector.rebuild("advice")
    assert told(await conversions(pool)) == expected


async def test_a_word_of_having_been_shown_takes_no_answer_back(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await of(ledger, 1, "100000", sent(1, "Soro"), answered(1, "aceita"))
    await projector.catch_up()
    await ledger.append("session-1", "100000", answered(1, "exibida"))
    await projector.catch_up()
    assert told(await conversions(pool)) == {("ALERGIAS/RINITE", "Soro"): (1, 1, 1, 0, 1.0)}


async def test_tenants_counters_and_times_are_told_apart(
    ledger: Ledger, projector: Projector, pool: asyncpg.Pool
) -> None:
    await of(ledger, 1, "100000", sent(1, "Soro"), answered(1, "aceita"))
    await of(ledger, 2, "200000", sent(1, "Soro"), at_us=HOUR_US)
    await projector.catch_up()
    soro = ("ALERGIAS/RINITE", "Soro")
    assert told(await conversions(pool))[soro] == (2, 1, 1, 0, 1.0)
    assert told(await conversions(pool, tenant="200000"))[soro] == (1, 0, 0, 0, None)
    assert told(await conversions(pool, counter_id="counter1"))[soro] == (1, 1, 1, 0, 1.0)
    assert told(await conversions(pool, since=DAY + timedelta(minutes=30)))[soro] == (1, 0, 0, 0, None)
    assert await conversions(pool, until=DAY) == []
