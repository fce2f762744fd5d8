"""Reports as pages: they hold what they tell, ask for nothing from elsewhere, and take any name for text."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from balto.report.latency import biometrics_page, latency_page
from balto.report.svg import Bar, _round_up, histogram, lines, waterfall
from projections.distributions import Point, Spread
from projections.rows import HopLatency

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
NASTY = '<script>alert("x")</script>&'


def drawings(page: str) -> list[ET.Element]:
    """Return the drawings of a page, each of which is well-formed."""
    return [ET.fromstring(found) for found in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def a_latency_page() -> str:
    hops = [HopLatency(hop=hop, count=3, p50=100.0, p95=200.0, p99=300.0) for hop in ("audio", "stt", "total")]
    hops.append(HopLatency(hop="ws", count=0, p50=None, p95=None, p99=None))
    points = [
        Point(at=AT + timedelta(hours=n), hop=hop, count=1, p50=100.0 + n, p95=200.0, p99=300.0)
        for n in range(4)
        for hop in ("stt", "total")
    ]
    return latency_page(hops, points, "As of event 7.")


def test_the_page_of_latency_has_a_waterfall_percentiles_over_time_and_a_table() -> None:
    page = a_latency_page()
    stages, total, medians = drawings(page)
    assert len(stages.findall("rect")) == 2
    assert len(total.findall("polyline")) == 3
    assert [len((line.get("points") or "").split()) for line in medians.findall("polyline")][1] == 4
    assert "As of event 7." in page
    assert "<td>ws</td><td>0</td><td>–</td>" in page


def test_the_page_of_voices_has_a_histogram_for_each_counter_and_measure() -> None:
    spreads = [Spread(counter=name, low=60.0, high=400.0, counts=(1, 0, 3)) for name in ("Balcão 1", NASTY)]
    page = biometrics_page(spreads, spreads[:1], "")
    assert [len(drawing.findall("rect")) for drawing in drawings(page)] == [3, 3, 3]
    assert NASTY not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("page", [a_latency_page(), latency_page([], [], ""), biometrics_page([], [], "")])
def test_a_page_opens_offline_and_runs_nothing(page: str) -> None:
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<link|<img|src=|href=|url\(|@import|https?:", page)


def test_empty_and_lone_and_negative_figures_are_drawn_or_said_to_be_none() -> None:
    assert "nothing" in lines({"a": []}, unit="ms")
    assert "nothing" in waterfall([])
    assert "nothing" in histogram([0, 0], low=0, high=1, unit="dB")
    for text in (
        lines({"a": [(AT, 0.0)]}, unit="ms"),
        lines({"a": [(AT, -5.0), (AT, 3.0)]}, unit="ms"),
        waterfall([Bar(name="audio", p50=-3.0, p95=-1.0, count=1)]),
        waterfall([Bar(name="a", p50=0.0, p95=0.0, count=1)]),
    ):
        (drawing,) = drawings(text)
        assert "nan" not in ET.tostring(drawing).decode()


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (1, 1), (1.1, 2), (3, 5), (7, 10), (11, 20), (101, 200), (4000, 5000)]
)
def test_axes_end_at_round_figures(value: float, top: float) -> None:
    assert _round_up(value) == top
