"""What all plots are made of: the frame, axes that end at round figures, the legend."""

import html
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

WIDTH: Final = 860
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 12, 28
_LETTER: Final = 6.2
"""Width of a letter of 11 pixels, about."""
_QUARTERS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


def grid(top: float, y: Callable[[float], float], unit: str) -> list[str]:
    """Draw five lines from zero to `top`, each with its figure."""
    return levelled([top * share for share in _QUARTERS], y, unit)


def levelled(levels: Iterable[float], y: Callable[[float], float], unit: str) -> list[str]:
    """Draw a line at each of some heights, with its figure."""
    parts = []
    for value in levels:
        at = y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{figure_of(value, unit)}</text>')
    return parts


def round_up(value: float) -> float:
    """Return the next of 1, 2, 2.5, 5, 10, 20, 25 and so on, also below 1; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    # A value at a step of its own, such as 0.3 of three tenths, must not be pushed over it by rounding.
    return next(step * power for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * power >= value * (1 - 1e-9))


def step_of(span: float) -> float:
    """Return the distance of ticks on an axis of such a span: a round figure, four to ten of them."""
    return round_up(span / 8)


def fitted(low: float, high: float, *, least: float, floor: float = -math.inf) -> tuple[float, float, int]:
    """Fit an axis to values.

    Args:
        low: the least value.
        high: the greatest one.
        least: what the axis spans at least.
        floor: below which there can be nothing.

    Returns:
        Where it begins and ends, at ticks, and how many bins it has: five between two ticks.
    """
    lacking = max(0.0, least - (high - low)) / 2
    low, high = max(low - lacking, floor), high + lacking
    step = step_of(high - low)
    first, last = math.floor(low / step), math.ceil(high / step)
    return first * step, last * step, 5 * (last - first)


def ticks(low: float, high: float) -> list[float]:
    """Return the round figures on an axis, from the least to the greatest."""
    step = step_of(high - low)
    # The ends of a fitted axis are ticks, be they a rounding error beyond it.
    return [step * number for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def figure_of(value: float, unit: str) -> str:
    """Return a figure as plots write it: no more digits than one reads, dollars in front."""
    number = f"{value:.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
    return f"${number}" if unit == "$" else f"{number} {unit}".rstrip()


def legend(names: Iterable[tuple[str, str]]) -> str:
    """Return the key of a plot: names, each with the class of its colour."""
    items = "".join(f'<span class="key {colour}">{escape(name)}</span>' for name, colour in names)
    return f'<p class="legend">{items}</p>'


def drawing(parts: Sequence[str], height: float) -> str:
    """Return a plot of some parts."""
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img">{"".join(parts)}</svg>'


def nothing() -> str:
    """Say that there is nothing to draw."""
    return '<p class="none">nothing in this time</p>'


def shortened(text: str, width: float) -> str:
    """Return as much of a text as has room in so many pixels, ending with an ellipsis where that is not all."""
    letters = max(int(width / _LETTER), 1)
    return text if len(text) <= letters else f"{text[: letters - 1].rstrip()}…"


def escape(text: str) -> str:
    """Return a text as markup."""
    return html.escape(text)
