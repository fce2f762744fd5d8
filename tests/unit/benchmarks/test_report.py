"""What a benchmark ends with."""

import io
import json

import pytest
from rich.console import Console

from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.report import Check, Machine, Report


@pytest.mark.parametrize(
    ("value", "better", "met"),
    [(2.0, "less", True), (2.1, "less", False), (2.0, "more", True), (1.9, "more", False), (None, "more", False)],
)
def test_a_goal_is_met_by_a_figure_as_good_as_it(value: float | None, better: str, met: bool) -> None:
    check = Check(name="n", value=value, unit="ms", goal=2.0, better=better)  # type: ignore[arg-type] # by name
    assert check.met is met
    assert check.as_json() == {"name": "n", "value": value, "unit": "ms", "goal": 2.0, "better": better, "met": met}


def test_a_report_is_one_json_object_and_a_table() -> None:
    checks = [
        Check(name="tail", value=1.23456, unit="ms", goal=2, better="less"),
        Check(name="big", value=None, unit="×", goal=1.3, better="less"),
    ]
    report = Report(bench="store", checks=checks, machine=Machine.here(), compared={"sides": ["ours"]})
    page = json.loads(json.dumps(report.as_json()))
    assert set(page) == {"bench", "checks", "machine", "compared"}
    assert [check["value"] for check in page["checks"]] == [1.235, None]
    assert page["machine"]["cpus"] >= 1
    shown = io.StringIO()
    report.show(Console(file=shown, width=120))
    assert "1 of 2 goals met" in shown.getvalue()
    assert "not measured" in shown.getvalue()


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_says_what_its_options_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([name, "--help"])
    assert exit_.value.code == 0
    assert "--quick" in capsys.readouterr().out


def test_a_benchmark_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["nothing"])
    assert exit_.value.code == 2
    assert "store" in capsys.readouterr().err
