"""The benchmarks run and say what they found as one JSON object; how fast anything is, is not asked here."""

import json

import pytest

from benchmarks.__main__ import main

pytestmark = pytest.mark.timeout(900)  # they take minutes of the processor where many want it


def a_report(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main([*words, "--json", "--quick"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"bench", "checks", "machine", "compared"}
    assert report["machine"]["interpreter_ms"] > 0
    for check in report["checks"]:
        assert set(check) == {"name", "value", "unit", "goal", "better", "met"}
        assert check["better"] in {"less", "more"}
    return report  # type: ignore[no-any-return] # an object, as its keys were just read


def test_the_ledger_is_measured_with_a_bare_copy_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    report = a_report(capsys, "store", "--without-library", "--big")
    assert report["bench"] == "store"
    checks = {check["name"]: check["value"] for check in report["checks"]}  # type: ignore[attr-defined] # JSON
    unmeasured = {name for name, value in checks.items() if value is None}
    assert unmeasured == {name for name in checks if "eventsourcing" in name}


def test_nothing_acknowledged_is_lost_doubled_or_reordered_while_the_server_is_being_killed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = a_report(capsys, "chaos")
    assert [check for check in report["checks"] if not check["met"]] == []  # type: ignore[attr-defined] # JSON
    compared = report["compared"]
    assert compared["acknowledged"] == compared["events"] > 500  # type: ignore[index] # JSON


def test_hearing_is_measured_beside_a_neural_detector_that_is_asked_about_everything(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = a_report(capsys, "hearing", "--only", "noise", "--only", "cost")
    checks = {check["name"]: check for check in report["checks"]}  # type: ignore[attr-defined] # JSON
    assert checks["false phrases in 10 min of till"]["met"]
    assert all(check["value"] is not None for check in checks.values())


def test_providers_are_measured_and_every_phrase_of_an_outage_is_heard_or_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = a_report(capsys, "providers")
    checks = {check["name"]: check for check in report["checks"]}  # type: ignore[attr-defined] # JSON
    assert checks["transcript or explained"]["met"]
    assert checks["transcript or explained in outages"]["met"]
    assert len(checks) == 17


def test_read_models_are_rebuilt_followed_exported_and_right_after_their_projectors_were_killed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = a_report(capsys, "projections")
    checks = {check["name"]: check for check in report["checks"]}  # type: ignore[attr-defined] # JSON
    assert all(check["value"] is not None for check in checks.values())
    right = ("events missed", "events applied twice", "rows that differ from a rebuild")
    assert all(checks[name]["met"] for name in (*right, "projectors killed", "read models that could not be compared"))
    kills = report["compared"]["kills"]  # type: ignore[index] # JSON
    assert kills["rows"] > 0 < kills["events"]
    medians = report["compared"]["exports"]["medians"]  # type: ignore[index] # JSON
    assert set(medians) == {"bare", "csv", "parquet", "json"}
    assert all(taken["file_mb"] > 0 for taken in medians.values())


def test_advice_is_measured_with_and_without_its_examples_and_breaks_no_rule(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = a_report(capsys, "advice")
    checks = {check["name"]: check for check in report["checks"]}  # type: ignore[attr-defined] # JSON
    assert checks["safety violations"]["met"]
    compared = report["compared"]
    assert {"lexicon", "without the encoder", "vocabulary alone"} <= set(compared)  # type: ignore[call-overload] # JSON


def test_sockets_are_woken_less_often_for_blocks_than_for_frames_and_least_in_rounds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = a_report(capsys, "sockets")
    wakes = report["compared"]["wakes a second and session"]  # type: ignore[index] # JSON
    assert wakes["frames"] > wakes["blocks"] >= wakes["rounds"] > 0


def test_a_set_that_cannot_be_read_is_one_clear_line() -> None:
    with pytest.raises(SystemExit, match=r"nowhere\.jsonl"):
        main(["advice", "--set", "nowhere.jsonl", "--json"])
