"""The report of advice: what became of it by day, basket and item; engines that heard the same phrases behind it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Final

from balto.report.bars import Row, rows, stacked
from balto.report.engines import engines
from balto.report.page import Section, page, table
from projections.conversions import Conversion, DayOfAdvice
from projections.spending import ComparedRow

_MOST: Final = 30
_OUTCOMES: Final = (
    ("accepted", "c3"),
    ("dismissed", "c2"),
    ("shown, not answered", "c0"),
    ("not known to be shown", "c6"),
)
_CONVERSION: Final = {
    "basket": "basket",
    "item": "item",
    "sent": "sent",
    "shown": "shown",
    "accepted": "accepted",
    "dismissed": "dismissed",
    "conversion": "accepted of shown",
}


def advice_page(
    conversions: Sequence[Conversion], days: Sequence[DayOfAdvice], compared: Sequence[ComparedRow], about: str
) -> str:
    """Return the report of what became of advice, and of the engines that were compared."""
    baskets, items = merged(conversions, lambda one: one.basket), merged(conversions, lambda one: one.item)
    return page(
        "Advice",
        about,
        [
            Section(
                title="By day",
                text="Recommendations; clients answer each as a whole.",
                body=stacked(_by_outcome(days), unit="", colours=dict(_OUTCOMES)),
            ),
            _outcomes("By basket", "Items of recommendations, by what became of them.", baskets),
            _outcomes("By item", "The same items, whatever basket they were in.", items),
            Section(title="Baskets and items", body=table(conversions, _CONVERSION) if conversions else ""),
            *engines(compared),
        ],
    )


def merged(conversions: Iterable[Conversion], named: Callable[[Conversion], str]) -> list[Conversion]:
    """Add up conversions of one name, the most sent first; each has the name as its basket and as its item."""
    found: dict[str, list[int]] = {}
    for one in conversions:
        counts = found.setdefault(named(one), [0, 0, 0, 0])
        for place, count in enumerate((one.sent, one.shown, one.accepted, one.dismissed)):
            counts[place] += count
    whole = [
        Conversion(
            basket=name,
            item=name,
            sent=sent,
            shown=shown,
            accepted=accepted,
            dismissed=dismissed,
            conversion=accepted / shown if shown else None,
        )
        for name, (sent, shown, accepted, dismissed) in found.items()
    ]
    return sorted(whole, key=lambda one: (-one.sent, one.basket))


def _outcomes(title: str, text: str, counted: Sequence[Conversion]) -> Section:
    bars = [
        Row(
            name=one.basket,
            parts=(one.accepted, one.dismissed, one.shown - one.accepted - one.dismissed, one.sent - one.shown),
            note=f"{one.sent} sent" + ("" if one.conversion is None else f", {100 * one.conversion:.0f} % accepted"),
        )
        for one in counted[:_MOST]
    ]
    left = len(counted) - len(bars)
    more = f" The {_MOST} that were sent most; {left} more are in the table below." if left > 0 else ""
    return Section(title=title, text=text + more, body=rows(bars, _OUTCOMES))


def _by_outcome(days: Sequence[DayOfAdvice]) -> dict[str, dict[date, float]]:
    parts: dict[str, dict[date, float]] = {}
    for one in days:
        rest = (one.shown - one.accepted - one.dismissed, one.sent - one.shown)
        for (name, _), count in zip(_OUTCOMES, (one.accepted, one.dismissed, *rest), strict=True):
            parts.setdefault(name, {})[one.day] = count
    return parts
