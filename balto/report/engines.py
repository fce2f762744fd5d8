"""What a report tells of speech-to-text engines that heard the same phrases: words, latency and cost, side by side."""

from collections.abc import Callable, Sequence
from typing import Final

from balto.report.bars import Row, rows
from balto.report.drawing import figure_of
from balto.report.page import Section, table
from projections.spending import ComparedRow

type Measure = Callable[[ComparedRow], float | None]

_SIDES: Final = (("the chosen engine", "c0"), ("the other", "c1"))
_COMPARED: Final = {
    "chosen_provider": "chosen",
    "provider": "other",
    "phrases": "phrases",
    "failed": "failed",
    "rejected": "rejected",
    "wer": "WER",
    "chosen_p50_ms": "p50 ms",
    "p50_ms": "its p50",
    "chosen_p95_ms": "p95 ms",
    "p95_ms": "its p95",
    "chosen_usd_per_hour": "$ an hour",
    "usd_per_hour": "its $",
}


def engines(compared: Sequence[ComparedRow]) -> list[Section]:
    """Return the sections on engines that were compared, one that says so where none were."""
    if not compared:
        told = "No phrase was heard by two engines in this time (BALTO_STT_COMPARE)."
        return [Section(title="Engines on the same phrases", text=told)]
    wers = [
        Row(name=_pair(row), parts=(100 * row.wer,), note=f"{100 * row.wer:.1f} % of words")
        for row in compared
        if row.wer is not None
    ]
    return [
        Section(
            title="Engines on the same phrases: words that differ",
            text="Word error rate of the other engine with the chosen one's text as reference: neither is the truth.",
            body=rows(wers, unit="%"),
        ),
        Section(
            title="Engines on the same phrases: latency, median",
            body=_side_by_side(compared, lambda row: row.chosen_p50_ms, lambda row: row.p50_ms, "ms"),
        ),
        Section(
            title="Engines on the same phrases: latency, 95th percentile",
            body=_side_by_side(compared, lambda row: row.chosen_p95_ms, lambda row: row.p95_ms, "ms"),
        ),
        Section(
            title="Engines on the same phrases: US dollars an hour of audio",
            body=_side_by_side(compared, lambda row: row.chosen_usd_per_hour, lambda row: row.usd_per_hour, "$"),
        ),
        Section(title="Engines on the same phrases", body=table(compared, _COMPARED)),
    ]


def _side_by_side(compared: Sequence[ComparedRow], chosen: Measure, other: Measure, unit: str) -> str:
    bars = []
    for row in compared:
        if (value := chosen(row)) is not None:
            name = f"{row.chosen_provider}, chosen ({row.phrases} phrases)"
            bars.append(Row(name=name, parts=(value, 0.0), note=figure_of(value, unit)))
        if (value := other(row)) is not None:
            bars.append(Row(name=_pair(row), parts=(0.0, value), note=figure_of(value, unit)))
    return rows(bars, _SIDES, unit=unit)


def _pair(row: ComparedRow) -> str:
    return f"{row.provider} against {row.chosen_provider} ({row.phrases} phrases)"
