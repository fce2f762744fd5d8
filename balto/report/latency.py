"""The reports of latency and of voices, from what the read models tell."""

from collections.abc import Sequence
from typing import Final

from balto.report.page import Section, page, table
from balto.report.svg import Bar, histogram, lines, waterfall
from projections.distributions import Point, Spread
from projections.rows import HopLatency

_STAGES: Final = ("audio", "stt", "ai1", "ai2", "ws")


def latency_page(hops: Sequence[HopLatency], over_time: Sequence[Point], about: str) -> str:
    """Return the report of where phrases' time goes: a waterfall of stages, percentiles over time, a table."""
    bars = [
        Bar(name=hop.hop, p50=hop.p50, p95=hop.p95, count=hop.count)
        for hop in hops
        if hop.hop in _STAGES and hop.p50 is not None and hop.p95 is not None
    ]
    total = [point for point in over_time if point.hop == "total"]
    percentiles = {
        "p50": [(point.at, point.p50) for point in total],
        "p95": [(point.at, point.p95) for point in total],
        "p99": [(point.at, point.p99) for point in total],
    }
    medians = {name: [(p.at, p.p50) for p in over_time if p.hop == name] for name in _STAGES}
    return page(
        "Latency",
        about,
        [
            Section(
                title="Stages",
                text="Median of each stage, one after the other, and on to its 95th percentile. Speech-to-text may be"
                " asked before a phrase is certain to be over, so stages may overlap and take more than the total.",
                body=waterfall(bars),
            ),
            Section(
                title="From capture to recommendation, over time",
                text="Phrases that were answered with a recommendation.",
                body=lines(percentiles, unit="ms"),
            ),
            Section(title="Medians of the stages, over time", body=lines(medians, unit="ms")),
            Section(
                title="Percentiles (ms)",
                text=said_of_pace(hops),
                body=table(hops, ("hop", "count", "p50", "p95", "p99")),
            ),
        ],
    )


def said_of_pace(hops: Sequence[HopLatency]) -> str:
    """Return what is to be said of phrases that were sent faster than speech; nothing where there are none."""
    left_out = max((hop.left_out for hop in hops), default=0)
    if left_out:
        return f"{left_out} phrases of sessions sent faster than speech are left out: they waited for one another."
    if any(hop.faster_than_speech for hop in hops):
        return "All were sent faster than speech: what phrases waited for one another is in these times."
    return ""


def biometrics_page(pitches: Sequence[Spread], noises: Sequence[Spread], about: str) -> str:
    """Return the report of how phrases sound at each counter: pitch and signal-to-noise ratio."""
    return page(
        "Voices",
        about,
        [
            *(_spread(spread, "Mean pitch", "Hz") for spread in pitches),
            *(_spread(spread, "Signal-to-noise ratio", "dB") for spread in noises),
        ]
        or [Section(title="No phrases", text="Nothing was measured in this time.")],
    )


def _spread(spread: Spread, what: str, unit: str) -> Section:
    return Section(
        title=f"{what}, {spread.counter}",
        text=f"{sum(spread.counts)} phrases.",
        body=histogram(spread.counts, low=spread.low, high=spread.high, unit=unit),
    )
