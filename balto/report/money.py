"""The report of cost: by day, engine, counter and step, from what the read models tell."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from balto.report.bars import Row, rows, stacked
from balto.report.page import Section, page, table
from projections.spending import CostRow, SessionCostRow

_COLUMNS: Final = {"name": "", "calls": "calls", "usd": "$", "usd_per_call": "$ a call", "percent": "% of all"}
UNKNOWN: Final = "not told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What one engine, counter or step cost in all."""

    name: str
    calls: int
    usd: float
    percent: float
    """Of all that is reported."""

    @property
    def usd_per_call(self) -> float | None:
        """None where nobody was called."""
        return self.usd / self.calls if self.calls else None


def cost_page(costs: Sequence[CostRow], about: str) -> str:
    """Return the report of what days cost: columns over days by engine and by counter, then sums of each."""
    counter = _counters(costs)
    return page(
        "Cost",
        about,
        [
            Section(title="By day and engine", text=_in_all(costs), body=stacked(_days(costs, _provider), unit="$")),
            Section(title="By day and counter", body=stacked(_days(costs, counter), unit="$")),
            _sums("By engine and model", summed(costs, engine_of)),
            _sums("By counter", summed(costs, counter)),
            _sums("By step", summed(costs, lambda row: row.step)),
        ],
    )


def session_cost_page(costs: Sequence[SessionCostRow], about: str) -> str:
    """Return the report of what a session cost."""
    by_call = summed(costs, lambda row: f"{row.step}: {engine_of(row)}")
    return page("Cost of a session", about, [_sums("By step and engine", by_call, _in_all(costs))])


def engine_of(row: CostRow | SessionCostRow) -> str:
    """Return the name of an engine and its model as reports write them."""
    return " ".join(filter(None, (row.provider, row.model))) or UNKNOWN


def summed[R: (CostRow, SessionCostRow)](costs: Iterable[R], named: Callable[[R], str]) -> list[Sum]:
    """Add up rows of one name, the dearest first, then those with the most calls."""
    found: dict[str, tuple[int, float]] = {}
    for row in costs:
        calls, usd = found.get(named(row), (0, 0.0))
        found[named(row)] = calls + row.calls, usd + row.usd
    whole = sum(usd for _, usd in found.values())
    sums = [
        Sum(name=name, calls=calls, usd=usd, percent=100 * usd / whole if whole else 0.0)
        for name, (calls, usd) in found.items()
    ]
    return sorted(sums, key=lambda one: (-one.usd, -one.calls, one.name))


def _sums(title: str, sums: Sequence[Sum], text: str = "") -> Section:
    bars = [Row(name=one.name, parts=(one.usd,), note=f"${one.usd:.4f}, {one.calls} calls") for one in sums]
    return Section(title=title, text=text, body=rows(bars, unit="$") + (table(sums, _COLUMNS) if sums else ""))


def _days(costs: Iterable[CostRow], named: Callable[[CostRow], str]) -> dict[str, dict[date, float]]:
    found: dict[str, dict[date, float]] = {}
    for row in costs:
        line = found.setdefault(named(row), {})
        line[row.day] = line.get(row.day, 0.0) + row.usd
    return found


def _provider(row: CostRow) -> str:
    return row.provider or UNKNOWN


def _counters(costs: Sequence[CostRow]) -> Callable[[CostRow], str]:
    """Return what names a row's counter: its name, with its id's end where another has the same name."""
    ids: dict[str | None, set[str]] = {}
    for row in costs:
        ids.setdefault(row.counter_name, set()).add(row.counter_id)

    def named(row: CostRow) -> str:
        if row.counter_name is None:
            return row.counter_id or UNKNOWN
        return row.counter_name if len(ids[row.counter_name]) == 1 else f"{row.counter_name} ({row.counter_id[-6:]})"

    return named


def _in_all(costs: Sequence[CostRow] | Sequence[SessionCostRow]) -> str:
    dollars, calls = sum(row.usd for row in costs), sum(row.calls for row in costs)
    return f"In all {dollars:.4f} US dollars, {calls} calls, by the dated price file."
