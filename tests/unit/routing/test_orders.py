"""Orders: who may be asked for a phrase, and who comes first."""

import pytest

from actors.routing.attempts import NoAnswerError
from actors.runtime.testkit import VirtualSystem
from actors.stt.transcriber import TranscriptionError
from tests.unit.routing.engines import (
    SECOND,
    Line,
    over_seeds,
)
from tests.unit.routing.test_router import HANGS, Notary, engine, router


@over_seeds
async def test_an_order_says_who_may_be_asked_and_who_comes_first_and_the_lanes_stay_shared(
    system: VirtualSystem,
) -> None:
    refused = Line(after_s=0.05, error="throttled", retry_after_s=60.0)
    first, second, local, notary = engine("first", refused), engine("second", HANGS), engine("local"), Notary()
    routed = router(system, first, second, local)
    won = await routed.route(SECOND, budget_s=8, witness=notary, order=("second", "local"))
    assert (won.lane.name, first.asked) == ("local", 0)
    assert [(due.engine, due.why) for due in notary.due] == [("local", "slow")]
    alone = await routed.route(SECOND, budget_s=8, witness=notary, order=("local",))
    assert (alone.lane.name, alone.why, len(notary.due)) == ("local", "preferred", 1)
    await routed.route(SECOND, budget_s=8)
    # What one order taught of the first engine holds for every other.
    passed = await routed.route(SECOND, budget_s=8, order=("first", "local"))
    assert [(o.engine, o.outcome) for o in passed.others] == [("first", "passed_over")]
    await routed.close()


@over_seeds
async def test_where_no_engine_of_an_order_is_there_nobody_else_is_asked(system: VirtualSystem) -> None:
    dear, cheap = engine("dear"), engine("cheap")
    routed = router(system, dear, cheap)
    with pytest.raises(TranscriptionError) as caught:
        await routed.route(SECOND, budget_s=8, order=("local",))
    assert (caught.value.code, dear.asked, cheap.asked) == ("unavailable", 0, 0)
    assert (await routed.route(SECOND, budget_s=8)).lane.name == "dear"
    await routed.close()


@over_seeds
async def test_one_engine_can_be_asked_by_itself_within_the_budget(system: VirtualSystem) -> None:
    hung, failing = engine("hung", HANGS), engine("failing", Line(after_s=0.05, error="throttled", retry_after_s=60))
    routed = router(system, engine("first", Line(after_s=0.2)), hung, failing)
    assert (await routed.ask("first", SECOND, budget_s=1)).text == "tem dipirona first"
    for name, code in (("hung", "timeout"), ("failing", "throttled"), ("failing", "circuit_open")):
        with pytest.raises(NoAnswerError) as caught:
            await routed.ask(name, SECOND, budget_s=1)
        assert caught.value.code == code
    assert (hung.under_way, failing.asked) == (0, 1)
    await routed.close()
