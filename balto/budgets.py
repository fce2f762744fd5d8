"""Daily budgets of counters: what was spent today is summed here as it becomes durable, and set right by the ledger."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from typing import Final
from uuid import UUID, uuid5

from actors.runtime.clock import Clock
from actors.session.purse import Allowance
from balto.streams import counter_stream
from events.catalogue import BudgetReached
from events.envelope import NewEvent
from events.store import Append, EventStore, StoreError
from events.troubles import Trouble
from projections.projector import Projector
from projections.spending import spent_on

logger = logging.getLogger(__name__)

ZONE: Final = timezone(timedelta(hours=-3))
"""Where a day begins, for every counter: as `cost_daily` has it, and the same whatever becomes of summer time."""
_LOOK_S: Final = 2.0
_REACHED: Final = UUID("6f0c8a5e-6d6a-5f0e-9d3e-0b1c7a2f4e11")
"""Namespace of the ids of `BudgetReached`, so that all nodes together record a counter's day once."""


@dataclass(slots=True)
class _Account:
    """What one counter may spend and has spent on a day."""

    day: str
    tenant: str = ""
    budget_usd: float | None = None
    known_usd: float = 0.0
    """What the read model had when it was last looked at."""
    fresh: deque[tuple[int, float]] = field(default_factory=deque)
    """Costs of sessions here that it had not come to: position and US dollars."""
    fresh_usd: float = 0.0
    told_usd: float | None = None
    """The budget of which it is on record that it is reached today."""

    @property
    def spent_usd(self) -> float:
        return self.known_usd + self.fresh_usd

    @property
    def stopped(self) -> bool:
        return self.budget_usd is not None and self.spent_usd >= self.budget_usd

    def on(self, day: str) -> "_Account":
        """Begin anew where another day has begun."""
        if day != self.day:
            self.day, self.known_usd, self.fresh_usd, self.told_usd = day, 0.0, 0.0, None
            self.fresh.clear()
        return self

    def settle(self, position: int, known_usd: float) -> None:
        """Take the read model's sum, which holds all costs up to a position of the ledger."""
        self.known_usd = known_usd
        while self.fresh and self.fresh[0][0] <= position:
            self.fresh.popleft()
        self.fresh_usd = sum(usd for _, usd in self.fresh)


class Budgets:
    """The purse of all sessions of a process. A phrase never waits for it: it asks nobody but itself.

    Sessions say what they spent once it is durable; `look` takes over what the read model knows by then of all nodes,
    and what budgets there are. Between two looks another node's costs are missing, for some seconds.

    Args:
        store: where a reached budget is recorded.
        projector: whose read models tell budgets and costs.
        clock: tells the day.
    """

    def __init__(self, store: EventStore, projector: Projector, clock: Clock) -> None:
        self._store = store
        self._projector = projector
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    def charge(self, counter_id: str, usd: float, position: int) -> None:
        """Note a cost that is durable at a position of the ledger."""
        account = self._account(counter_id)
        account.fresh.append((position, usd))
        account.fresh_usd += usd

    def allowance(self, counter_id: str) -> Allowance:
        """Tell whether a counter's sessions may ask paid engines now."""
        account = self._account(counter_id)
        return Allowance(
            stopped=account.stopped,
            day=account.day,
            budget_usd=account.budget_usd or 0.0,
            spent_usd=account.spent_usd,
        )

    def learn(self, counter_id: str, tenant: str, budget_usd: float | None) -> None:
        """Take a counter's budget as its own stream has it, which the read model may not have come to."""
        account = self._account(counter_id)
        account.tenant, account.budget_usd = tenant, budget_usd

    async def look(self) -> None:
        """Take over what the read models know, and record the budgets that are reached.

        Raises:
            StoreError: the database is away; what was known stays.
        """
        day = self._day()
        known = await spent_on(self._projector.pool, day, self._accounts.keys())
        for counter_id, row in known.counters.items():
            account = self._account(counter_id)
            account.tenant, account.budget_usd = row.tenant, row.budget_usd
        for counter_id, account in self._accounts.items():
            sums = known.counters.get(counter_id)
            if account.on(self._day()).day == day:
                account.settle(known.position, 0.0 if sums is None else sums.usd)
        for counter_id, account in list(self._accounts.items()):
            if account.stopped and account.told_usd != account.budget_usd and account.tenant:
                await self._tell(counter_id, account)

    async def look_after(self) -> None:
        """Look now and then, until cancelled."""
        trouble = Trouble(logger, "budgets could not be looked after: %s")
        while True:
            try:
                await self.look()
                trouble.is_over()
            except StoreError as error:
                trouble.goes_on(error)
            await asyncio.sleep(_LOOK_S)

    async def _tell(self, counter_id: str, account: _Account) -> None:
        day, budget_usd = account.day, account.budget_usd or 0.0
        reached = BudgetReached(counter_id=counter_id, day=day, budget_usd=budget_usd, spent_usd=account.spent_usd)
        # A budget that is raised and reached again is told again.
        event_id = uuid5(_REACHED, f"{counter_id}/{day}/{budget_usd!r}")
        event = NewEvent(event_id=event_id, event=reached, occurred_at=self._clock.utc())
        await self._store.append(Append(stream=counter_stream(counter_id), tenant=account.tenant, events=[event]))
        # While the ledger took it, another day may have begun, of which nothing is told yet.
        if account.day == day:
            account.told_usd = budget_usd
        logger.warning("counter %s has spent its budget of %s: free engines only", counter_id, day)

    def _account(self, counter_id: str) -> _Account:
        day = self._day()
        account = self._accounts.get(counter_id)
        if account is None:
            account = self._accounts[counter_id] = _Account(day)
        return account.on(day)

    def _day(self) -> str:
        return self._clock.utc().astimezone(ZONE).date().isoformat()
