"""Plots as inline SVG, by their own hand: lines over time, a waterfall of stages, histograms."""

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

WIDTH: Final = 860
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 12, 28


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
        return _nothing()
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    top = _round_up(max(value for _, value in points))
    long = (last - first).total_seconds() or 1.0

    def x(at: datetime) -> float:
        return _LEFT + (at - first).total_seconds() / long * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (1 - max(value, 0.0) / top) * (height - _TOP - _BOTTOM)

    parts = [_grid(top, y, unit)]
    for number, (name, line) in enumerate(series.items()):
        path = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in line)
        title = f"<title>{_text(name)}</title>"
        parts.append(f'<polyline class="line c{number}" points="{path}">{title}</polyline>')
        parts += [
            f'<circle class="dot c{number}" cx="{x(at):.1f}" cy="{y(value):.1f}" r="2.5">'
            f"<title>{_text(name)}, {at:%Y-%m-%d %H:%M}: {value:.0f} {unit}</title></circle>"
            for at, value in line
        ]
    for at, anchor in ((first, "start"), (last, "end")):
        parts.append(f'<text x="{x(at):.1f}" y="{height - 8}" text-anchor="{anchor}">{at:%Y-%m-%d %H:%M}</text>')
    return _figure(parts, height) + _legend(list(series))


def waterfall(bars: Sequence[Bar]) -> str:
    """Draw stages one after the other, each as long as its median, with a line on to its 95th percentile."""
    if not bars:
        return _nothing()
    begins = [sum(max(bar.p50, 0.0) for bar in bars[:number]) for number in range(len(bars))]
    right = max(begin + max(bar.p95, bar.p50, 0.0) for begin, bar in zip(begins, bars, strict=True)) or 1.0
    scale = (WIDTH - _LEFT - 140) / right
    parts: list[str] = []
    for number, (begin, bar) in enumerate(zip(begins, bars, strict=True)):
        top, start = _TOP + number * 34, _LEFT + begin * scale
        end, far = start + max(bar.p50, 0.0) * scale, _LEFT + (begin + max(bar.p95, 0.0)) * scale
        parts.append(f'<text x="{_LEFT - 8}" y="{top + 16}" text-anchor="end">{_text(bar.name)}</text>')
        parts.append(
            f'<rect class="bar c{number}" x="{start:.1f}" y="{top}" width="{max(end - start, 1):.1f}" height="22">'
            f"<title>{_text(bar.name)}: {bar.count} phrases</title></rect>"
        )
        parts.append(f'<line class="whisker" x1="{end:.1f}" x2="{far:.1f}" y1="{top + 11}" y2="{top + 11}"/>')
        parts.append(f'<text x="{max(far, end) + 6:.1f}" y="{top + 16}">{bar.p50:.0f} / {bar.p95:.0f} ms</text>')
    return _figure(parts, _TOP + len(bars) * 34 + 8)


def histogram(counts: Sequence[int], *, low: float, high: float, unit: str) -> str:
    """Draw how many fell into each of the bins that divide a range evenly."""
    top, height = max(counts, default=0), 120
    if top == 0:
        return _nothing()
    wide = (WIDTH - _LEFT - _RIGHT) / len(counts)
    parts = []
    for number, count in enumerate(counts):
        tall = count / top * (height - _TOP - _BOTTOM)
        begin, step = low + number * (high - low) / len(counts), (high - low) / len(counts)
        parts.append(
            f'<rect class="bar c0" x="{_LEFT + number * wide:.1f}" y="{height - _BOTTOM - tall:.1f}"'
            f' width="{wide - 2:.1f}" height="{tall:.1f}">'
            f"<title>{begin:.0f}–{begin + step:.0f} {unit}: {count}</title></rect>"
        )
    for value, at, anchor in ((low, _LEFT, "start"), (high, WIDTH - _RIGHT, "end")):
        parts.append(f'<text x="{at}" y="{height - 8}" text-anchor="{anchor}">{value:g} {unit}</text>')
    parts.append(f'<text x="{_LEFT - 8}" y="{_TOP + 10}" text-anchor="end">{top}</text>')
    return _figure(parts, height)


def _grid(top: float, y: Callable[[float], float], unit: str) -> str:
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = y(top * share)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        label = f"{top * share:.0f} {unit}"
        parts.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{label}</text>')
    return "".join(parts)


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 2.5, 5, 10, 20, 25 and so on."""
    power = 10.0 ** max(math.floor(math.log10(max(value, 1.0))), 0)
    return next(step * power for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * power >= value)


def _legend(names: Sequence[str]) -> str:
    items = "".join(f'<span class="key c{number}">{_text(name)}</span>' for number, name in enumerate(names))
    return f'<p class="legend">{items}</p>'


def _figure(parts: Sequence[str], height: int) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{"".join(parts)}</svg>'


def _nothing() -> str:
    return '<p class="none">nothing in this time</p>'


def _text(text: str) -> str:
    return html.escape(text)
