"""Plots as inline SVG, by their own hand: lines over time, a waterfall of stages, histograms."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

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
    levelled,
    nothing,
    round_up,
    ticks,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A stage of a waterfall, in milliseconds."""

    name: str
    p50: float
    p95: float
    count: int


def lines(series: Mapping[str, Sequence[tuple[datetime, float]]], *, unit: str, height: int = 260) -> str:
    """Draw lines over time from zero up, the first series in the first colour; a lone point is a dot."""
    points = [point for line in series.values() for point in line]
    if not points:
        return nothing()
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    top = round_up(max(value for _, value in points))
    long = (last - first).total_seconds() or 1.0

    def x(at: datetime) -> float:
        return LEFT + (at - first).total_seconds() / long * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (1 - max(value, 0.0) / top) * (height - TOP - BOTTOM)

    parts = grid(top, y, unit)
    for number, (name, line) in enumerate(series.items()):
        path = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in line)
        title = f"<title>{escape(name)}</title>"
        parts.append(f'<polyline class="line c{number}" points="{path}">{title}</polyline>')
        parts += [
            f'<circle class="dot c{number}" cx="{x(at):.1f}" cy="{y(value):.1f}" r="2.5">'
            f"<title>{escape(name)}, {at:%Y-%m-%d %H:%M}: {figure_of(value, unit)}</title></circle>"
            for at, value in line
        ]
    for at, anchor in ((first, "start"), (last, "end")):
        parts.append(f'<text x="{x(at):.1f}" y="{height - 8}" text-anchor="{anchor}">{at:%Y-%m-%d %H:%M}</text>')
    return drawing(parts, height) + legend((name, f"c{number}") for number, name in enumerate(series))


def waterfall(bars: Sequence[Bar]) -> str:
    """Draw stages one after the other, each as long as its median, with a line on to its 95th percentile."""
    if not bars:
        return nothing()
    begins = [sum(max(bar.p50, 0.0) for bar in bars[:number]) for number in range(len(bars))]
    right = max(begin + max(bar.p95, bar.p50, 0.0) for begin, bar in zip(begins, bars, strict=True)) or 1.0
    scale = (WIDTH - LEFT - 140) / right
    parts: list[str] = []
    for number, (begin, bar) in enumerate(zip(begins, bars, strict=True)):
        top, start = TOP + number * 34, LEFT + begin * scale
        end, far = start + max(bar.p50, 0.0) * scale, LEFT + (begin + max(bar.p95, 0.0)) * scale
        parts.append(f'<text x="{LEFT - 8}" y="{top + 16}" text-anchor="end">{escape(bar.name)}</text>')
        parts.append(
            f'<rect class="bar c{number}" x="{start:.1f}" y="{top}" width="{max(end - start, 1):.1f}" height="22">'
            f"<title>{escape(bar.name)}: {bar.count} phrases</title></rect>"
        )
        parts.append(f'<line class="whisker" x1="{end:.1f}" x2="{far:.1f}" y1="{top + 11}" y2="{top + 11}"/>')
        parts.append(f'<text x="{max(far, end) + 6:.1f}" y="{top + 16}">{bar.p50:.0f} / {bar.p95:.0f} ms</text>')
    return drawing(parts, TOP + len(bars) * 34 + 8)


def histogram(counts: Sequence[int], *, low: float, high: float, unit: str) -> str:
    """Draw how many fell into each of the bins that divide a range evenly, over round figures."""
    most, height = max(counts, default=0), 160
    if most == 0:
        return nothing()
    wide, step = (WIDTH - LEFT - RIGHT) / len(counts), (high - low) / len(counts)
    stride = max(1, math.ceil(round_up(most / 4)))
    levels = range(0, most + stride, stride)

    def y(count: float) -> float:
        return TOP + (1 - count / levels[-1]) * (height - TOP - BOTTOM)

    parts = levelled(levels, y, "")
    for number, count in enumerate(counts):
        begin = low + number * step
        parts.append(
            f'<rect class="bar c0" x="{LEFT + number * wide:.1f}" y="{y(count):.1f}"'
            f' width="{wide - 2:.1f}" height="{y(0) - y(count):.1f}">'
            f"<title>{begin:.4g}–{begin + step:.4g} {unit}: {count}</title></rect>"
        )
    for value in ticks(low, high):
        at = LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)
        anchor = "end" if at > WIDTH - 2 * RIGHT else "middle"
        parts.append(f'<text x="{at:.1f}" y="{height - 8}" text-anchor="{anchor}">{figure_of(value, unit)}</text>')
    return drawing(parts, height)
