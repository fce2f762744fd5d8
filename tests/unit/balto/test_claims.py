"""However often a session is claimed: its stream is read once at a time, and its rest disturbed for a reason only."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.session.calls import Claimed
from balto.claims import Claims
from events.store import StoreUnavailableError


class Home:
    """A session's memory, its seat and its region, in one."""

    def __init__(self, *, epoch: int, rest: int | None = None) -> None:
        self.epoch = epoch
        self.awake = rest is None
        seat = SimpleNamespace(rest=None if rest is None else SimpleNamespace(epoch=rest))
        self.told: list[Any] = []
        self.read: list[str] = []
        self.there = asyncio.Event()
        self.there.set()
        self.away = False
        self.claims = Claims(cast(Any, self), cast(Any, {"a": seat}), cast(Any, self))

    async def recall(self, stream: str) -> Any:
        self.read.append(stream)
        await self.there.wait()
        if self.away:
            raise StoreUnavailableError("away")
        return SimpleNamespace(state=SimpleNamespace(epoch=self.epoch))

    def ref(self, _: str) -> Any:
        return SimpleNamespace(is_awake=lambda: self.awake, tell=self.told.append)


async def test_claims_during_a_look_make_one_more_and_not_many() -> None:
    home = Home(epoch=1)
    home.there.clear()
    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(home.claims.hear("a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert home.read == ["session-a"]
        home.there.set()
    assert home.read == ["session-a"] * 2
    assert home.told == [Claimed(1)] * 2


@pytest.mark.parametrize(("rest", "epoch", "told"), [(0, 0, []), (0, 1, [Claimed(1)]), (None, 0, [Claimed(0)])])
async def test_who_rests_is_woken_only_where_somebody_took_the_session(
    rest: int | None, epoch: int, told: list[Claimed]
) -> None:
    home = Home(epoch=epoch, rest=rest)
    await home.claims.hear("a")
    assert home.told == told


async def test_what_could_not_be_read_is_read_at_the_next_claim() -> None:
    home = Home(epoch=1)
    home.away = True
    await home.claims.hear("a")
    home.away = False
    await home.claims.hear("a")
    await home.claims.hear("nobody's")
    assert home.told == [Claimed(1)]
