"""Reports as pages: they hold what they tell, ask for nothing from elsewhere, and take any name for text."""

import math
import re
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from balto.report.advice import advice_page
from balto.report.bars import Row, rows, stacked
from balto.report.drawing import figure_of, fitted, round_up, shortened, ticks
from balto.report.latency import biometrics_page, latency_page
from balto.report.money import cost_page, session_cost_page
from balto.report.svg import Bar, histogram, lines, waterfall
from projections.conversions import Conversion, DayOfAdvice
from projections.distributions import Point, Spread
from projections.rows import HopLatency
from projections.spending import ComparedRow, CostRow, SessionCostRow

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = date(2026, 3, 2)
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


def cost(day: int = 0, counter: str = "Balcão 1", provider: str = "elevenlabs", usd: float = 0.01) -> CostRow:
    return CostRow(
        day=DAY + timedelta(days=day),
        tenant="100000",
        counter_id=f"id-{counter}",
        counter_name=counter,
        step="transcription",
        provider=provider,
        model="m",
        calls=4,
        usd=usd,
    )


def a_cost_page() -> str:
    costs = [cost(), cost(1, usd=0.03), cost(1, "Balcão 2", "openai", 0.02), cost(2, NASTY, "local", 0.0)]
    return cost_page(costs, "As of event 7.")


def test_the_page_of_cost_has_days_by_engine_and_counter_and_sums_of_each() -> None:
    page = a_cost_page()
    by_engine, by_counter, engines, counters, steps = drawings(page)
    assert [len(drawing.findall("rect")) for drawing in (by_engine, by_counter)] == [3, 3]
    assert [len(drawing.findall("rect")) for drawing in (engines, counters, steps)] == [2, 2, 1]
    assert "In all 0.0600 US dollars, 16 calls" in page
    assert "<td>elevenlabs m</td><td>8</td><td>0.04</td><td>0.005</td><td>66.7</td>" in page
    heights = {rect.findtext("title"): float(rect.get("height") or 0) for rect in by_engine.findall("rect")}
    assert heights["elevenlabs, 2026-03-03: $0.03"] == pytest.approx(
        3 * heights["elevenlabs, 2026-03-02: $0.01"], abs=0.2
    )


def test_the_page_of_a_sessions_cost_has_a_bar_a_step_and_engine() -> None:
    one = SessionCostRow(
        session_id="s", tenant="t", counter_id="c", step="comparison", provider=NASTY, model="m", calls=1, usd=0.5
    )
    (drawing,) = drawings(session_cost_page([one], ""))
    assert len(drawing.findall("rect")) == 1


def conversion(basket: str, item: str, sent: int, shown: int, accepted: int, dismissed: int) -> Conversion:
    share = accepted / shown if shown else None
    return Conversion(
        basket=basket, item=item, sent=sent, shown=shown, accepted=accepted, dismissed=dismissed, conversion=share
    )


def an_advice_page() -> str:
    compared = ComparedRow(
        chosen_provider="elevenlabs",
        chosen_model="scribe_v2",
        provider="assemblyai",
        model="universal",
        phrases=12,
        failed=1,
        rejected=0,
        wer=0.25,
        chosen_p50_ms=300.0,
        chosen_p95_ms=400.0,
        p50_ms=450.0,
        p95_ms=None,
        chosen_usd_per_hour=0.4,
        usd_per_hour=0.2,
    )
    told = [
        conversion("A/B", "Soro", 10, 8, 4, 2),
        conversion("A/*", "Soro", 5, 0, 0, 0),
        conversion("A/B", NASTY, 1, 1, 1, 0),
    ]
    days = [
        DayOfAdvice(day=DAY, sent=6, shown=4, accepted=2, dismissed=1),
        DayOfAdvice(day=DAY + timedelta(days=1), sent=1, shown=0, accepted=0, dismissed=0),
    ]
    return advice_page(told, days, [compared], "As of event 7.")


def test_the_page_of_advice_has_days_baskets_items_and_compared_engines() -> None:
    page = an_advice_page()
    days, baskets, items, words, median, slowest, dollars = drawings(page)
    assert len(days.findall("rect")) == 4 + 1
    assert [text.text for text in baskets.findall("text")][1::2] == ["11 sent, 56 % accepted", "5 sent"]
    assert [text.text for text in items.findall("text")][:2] == ["Soro", "15 sent, 50 % accepted"]
    assert [text.text for text in words.findall("text")] == [
        "assemblyai against elevenlabs (12 phrases)",
        "25.0 % of words",
    ]
    assert [len(one.findall("rect")) for one in (median, slowest, dollars)] == [2, 1, 2]
    assert [text.text for text in dollars.findall("text")][1::2] == ["$0.4", "$0.2"]


def test_names_that_clients_gave_are_text() -> None:
    for page in (a_cost_page(), an_advice_page()):
        assert NASTY not in page
        assert "&lt;script&gt;" in page


def test_many_series_become_six_and_many_days_fewer_columns() -> None:
    series = {f"e{n}": {DAY + timedelta(days=day): float(n) for day in range(100)} for n in range(1, 10)}
    text = stacked(series, unit="$")
    (drawing,) = drawings(text)
    rects = drawing.findall("rect")
    assert len(rects) == 6 * 15
    assert re.findall(r'class="key (c\d)">([^<]+)', text) == [
        *((f"c{n}", f"e{9 - n}") for n in range(5)), ("c5", "others"),
    ]  # fmt: skip
    assert "others, 7 days from 2026-03-02: $70" in text


def test_a_long_name_is_shortened_and_can_be_read_whole() -> None:
    name = "Pastilha para a garganta " * 12
    (drawing,) = drawings(rows([Row(name=name, parts=(1.0,), note="")]))
    shown = drawing.find("text")
    assert shown is not None
    assert (shown.text or "").endswith("…")
    assert shown.findtext("title") == name
    assert shortened("curto", 860) == "curto"


@pytest.mark.parametrize(
    "page",
    [
        a_latency_page(),
        a_cost_page(),
        an_advice_page(),
        latency_page([], [], ""),
        biometrics_page([], [], ""),
        cost_page([], ""),
        advice_page([], [], [], ""),
    ],
)
def test_a_page_opens_offline_and_runs_nothing(page: str) -> None:
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<link|<img|src=|href=|url\(|@import|https?:", page)


def test_empty_and_lone_and_negative_figures_are_drawn_or_said_to_be_none() -> None:
    assert "nothing" in lines({"a": []}, unit="ms")
    assert "nothing" in waterfall([])
    assert "nothing" in histogram([0, 0], low=0, high=1, unit="dB")
    assert "nothing" in stacked({"a": {DAY: 0.0}}, unit="$")
    assert "nothing" in rows([])
    for text in (
        lines({"a": [(AT, 0.0)]}, unit="ms"),
        lines({"a": [(AT, -5.0), (AT, 3.0)]}, unit="ms"),
        waterfall([Bar(name="audio", p50=-3.0, p95=-1.0, count=1)]),
        waterfall([Bar(name="a", p50=0.0, p95=0.0, count=1)]),
        stacked({"a": {DAY: 0.5}}, unit="$"),
        rows([Row(name="a", parts=(0.0,), note="")]),
    ):
        (drawing,) = drawings(text)
        assert "nan" not in ET.tostring(drawing).decode()


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 1), (1, 1), (1.1, 2), (3, 5), (7, 10), (11, 20), (101, 200), (4000, 5000), (0.03, 0.05), (0.1 + 0.2, 0.5)],
)
def test_axes_end_at_round_figures(value: float, top: float) -> None:
    assert round_up(value) == pytest.approx(top)


@pytest.mark.parametrize(
    ("low", "high", "least", "floor", "axis", "marks"),
    [
        (112.0, 187.0, 100.0, 0.0, (80.0, 200.0), [80, 100, 120, 140, 160, 180, 200]),
        (150.0, 150.0, 100.0, 0.0, (100.0, 200.0), [100, 120, 140, 160, 180, 200]),
        (20.0, 30.0, 100.0, 0.0, (0.0, 80.0), [0, 10, 20, 30, 40, 50, 60, 70, 80]),
        (-3.2, 41.0, 20.0, -math.inf, (-10.0, 50.0), [-10, 0, 10, 20, 30, 40, 50]),
        (9.9, 10.1, 20.0, -math.inf, (0.0, 20.0), [0.0, 2.5, 5.0, 7.5, 10.0, 12.5, 15.0, 17.5, 20.0]),
    ],
)
def test_an_axis_holds_what_there_is_and_is_marked_at_round_figures(
    low: float, high: float, least: float, floor: float, axis: tuple[float, float], marks: list[float]
) -> None:
    begin, end, bins = fitted(low, high, least=least, floor=floor)
    assert (begin, end) == pytest.approx(axis)
    assert ticks(begin, end) == pytest.approx(marks)
    assert (end - begin) / bins == pytest.approx((marks[1] - marks[0]) / 5)


def test_a_histogram_has_figures_at_its_ticks_and_whole_counts() -> None:
    (drawing,) = drawings(histogram([0, 1, 3, 7, 0], low=100.0, high=200.0, unit="Hz"))
    figures = [text.text for text in drawing.findall("text")]
    assert figures == ["0", "2", "4", "6", "8", "100 Hz", "120 Hz", "140 Hz", "160 Hz", "180 Hz", "200 Hz"]
    places = [float(text.get("x") or 0) for text in drawing.findall("text")][5:]
    assert places == sorted(places)


def test_figures_are_written_as_one_reads_them() -> None:
    assert [figure_of(value, "$") for value in (0.0125, 12.5, 12_345.6)] == ["$0.0125", "$12.5", "$12346"]
    assert [figure_of(value, unit) for value, unit in ((250.0, "ms"), (3.0, ""))] == ["250 ms", "3"]
