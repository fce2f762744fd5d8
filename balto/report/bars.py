"""Bars as inline SVG: columns over days, stacked by who or what, and one bar a name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from balto.report.drawing import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    drawing,
    escape,
    figure_of,
    grid,
    legend,
    nothing,
    round_up,
    shortened,
)

OTHERS: Final = "others"
_COLOURS: Final = 6
_MOST_COLUMNS: Final = 62
_MOST_DATES: Final = 8
_DATE: Final = 68
"""Pixels that a date is wide."""
_ROW, _BAR = 40, 16
_END: Final = 180
"""Pixels right of the longest bar, for what is written behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A bar: its name, the parts that it is made of, and what is written behind it."""

    name: str
    parts: tuple[float, ...]
    note: str


def stacked(
    series: Mapping[str, Mapping[date, float]],
    *,
    unit: str,
    colours: Mapping[str, str] | None = None,
    height: int = 260,
) -> str:
    """Draw a column a day, made of one part a series; a column a week or thirty days where the days are many.

    Args:
        series: by name, what each day had; the largest keep their name and colour, the others become one.
        unit: `$`, or what is written behind figures.
        colours: classes by name, in the order of the parts, where each has one of its own.
        height: in pixels.
    """
    some = {name: line for name, line in series.items() if any(value > 0 for value in line.values())}
    if not some:
        return nothing()
    kept = some if colours else largest(some)
    named = {name: (colours or {}).get(name, f"c{number}") for number, name in enumerate(kept)}
    first, step, sums = _columns(kept)
    count = len(next(iter(sums.values())))
    top = round_up(max(map(sum, zip(*sums.values(), strict=True))))
    wide = (WIDTH - LEFT - RIGHT) / count

    bar = min(0.8 * wide, 60)

    def y(value: float) -> float:
        return TOP + (1 - value / top) * (height - TOP - BOTTOM)

    def middle(column: int) -> float:
        return LEFT + (column + 0.5) * wide

    parts = grid(top, y, unit)
    for column in range(count):
        below, day = 0.0, first + timedelta(days=column * step)
        when = f"{day}" if step == 1 else f"{step} days from {day}"
        for name, value in ((name, values[column]) for name, values in sums.items() if values[column] > 0):
            parts.append(
                f'<rect class="bar {named[name]}" x="{middle(column) - bar / 2:.1f}" y="{y(below + value):.1f}"'
                f' width="{bar:.1f}" height="{y(below) - y(below + value):.1f}">'
                f"<title>{escape(name)}, {when}: {figure_of(value, unit)}</title></rect>"
            )
            below += value
    for column in range(0, count, -(-count // _MOST_DATES)):
        x, day = min(middle(column), WIDTH - _DATE / 2), first + timedelta(days=column * step)
        parts.append(f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{day}</text>')
    return drawing(parts, height) + legend(named.items())


def rows(bars: Sequence[Row], names: Sequence[tuple[str, str]] = (), *, unit: str = "") -> str:
    """Draw a bar a row, its name above it, its note behind it.

    Args:
        bars: each with as many parts as there are names; with one, if there are none.
        names: of the parts, each with the class of its colour.
        unit: as of `stacked`.
    """
    if not bars:
        return nothing()
    longest = max(sum(bar.parts) for bar in bars)
    scale = (WIDTH - RIGHT - _END) / longest if longest > 0 else 0.0
    parts: list[str] = []
    for number, bar in enumerate(bars):
        top, x = TOP + number * _ROW, 0.0
        told = shortened(bar.name, WIDTH - RIGHT)
        parts.append(f'<text x="0" y="{top + 4}">{escape(told)}<title>{escape(bar.name)}</title></text>')
        for value, (name, colour) in zip(bar.parts, names or (("", "c0"),), strict=True):
            if value > 0:
                title = " ".join(filter(None, (bar.name, name))) + f": {figure_of(value, unit)}"
                parts.append(
                    f'<rect class="bar {colour}" x="{x:.1f}" y="{top + 9}" width="{value * scale:.1f}" height="{_BAR}">'
                    f"<title>{escape(title)}</title></rect>"
                )
                x += value * scale
        parts.append(f'<text x="{x + 6:.1f}" y="{top + 21}">{escape(bar.note)}</text>')
    return drawing(parts, TOP + len(bars) * _ROW) + (legend(names) if names else "")


def _columns(series: Mapping[str, Mapping[date, float]]) -> tuple[date, int, dict[str, list[float]]]:
    """Return the first day, how many days a column is, and the columns of each series."""
    days = [day for line in series.values() for day in line]
    first, length = min(days), (max(days) - min(days)).days + 1
    step = 1 if length <= _MOST_COLUMNS else 7 if length <= 7 * _MOST_COLUMNS else 30
    sums = {name: [0.0] * ((length + step - 1) // step) for name in series}
    for name, line in series.items():
        for day, value in line.items():
            sums[name][(day - first).days // step] += value
    return first, step, sums


def largest(series: Mapping[str, Mapping[date, float]]) -> dict[str, Mapping[date, float]]:
    """Return as many series as there are colours, the largest first, the smaller ones added up as `others`."""
    ordered = sorted(series.items(), key=lambda one: -sum(one[1].values()))
    if len(ordered) <= _COLOURS:
        return dict(ordered)
    others: dict[date, float] = {}
    for _, line in ordered[_COLOURS - 1 :]:
        for day, value in line.items():
            others[day] = others.get(day, 0.0) + value
    return {**dict(ordered[: _COLOURS - 1]), OTHERS: others}
