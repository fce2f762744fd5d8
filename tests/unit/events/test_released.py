"""Released event types stay readable: what breaks that is named, and the catalogue breaks nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from events.catalogue import Event, event_types
from events.catalogue.base import personal
from events.codec import decode
from events.envelope import UnknownEvent
from events.page import PAGE, SCHEMA, page, write
from events.released import Released, as_text, broken_promises, read_released, release
from events.shape import schema, shape
from events.upcasters import upcaster

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class KettleBoiled(Event):
    """Water was hot."""

    temperature: float
    """Celsius."""
    said: str = personal(default="")


def kettle(version: int, **fields: Any) -> type[Event]:
    """Make a later shape of the same type."""
    cls = type("KettleBoiled", (Event,), {"__annotations__": fields, "__doc__": "Water was hot.", "__slots__": ()})
    made: type[Event] = dataclass(frozen=True, kw_only=True)(cls)
    made.schema_version = version
    return made


RELEASED: Released = {"KettleBoiled": {"1": shape(KettleBoiled)}}


def test_the_catalogue_reads_all_that_was_released() -> None:
    assert broken_promises(event_types(), read_released()) == []


def test_what_is_released_is_kept_in_the_form_that_the_release_writes(tmp_path: Path) -> None:
    kept = (ROOT / "events" / "released.json").read_bytes()
    assert kept == as_text(orjson.loads(kept))


def test_page_and_schema_are_those_of_the_catalogue(tmp_path: Path) -> None:
    write(tmp_path)
    for name in (PAGE, SCHEMA):
        assert (ROOT / "docs" / name).read_bytes() == (tmp_path / name).read_bytes(), "run: python -m events.page"


def test_the_page_holds_every_event_once_with_all_its_fields() -> None:
    sections = page().split("### ")
    for name, cls in event_types().items():
        if cls.__module__.startswith("events.catalogue."):
            (section,) = (each for each in sections if each.startswith(f"{name} · version {cls.schema_version}\n"))
            assert all(f"`{field}`" in section for field in schema(cls)["properties"])


def test_an_unchanged_type_breaks_nothing_and_prose_is_no_change() -> None:
    reworded = {**RELEASED["KettleBoiled"]["1"]}
    assert "description" not in str(reworded)
    assert schema(KettleBoiled)["properties"]["temperature"]["description"] == "Celsius."
    assert broken_promises({"KettleBoiled": KettleBoiled}, RELEASED) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": int, "said": str},
        {"temperature": float},
        {"temperature": float, "said": str, "litres": float},
        {"temperature": float, "said": str},  # no longer personal, no default
    ],
)
def test_another_shape_under_the_same_version_is_named(fields: dict[str, Any]) -> None:
    (line,) = broken_promises({"KettleBoiled": kettle(1, **fields)}, RELEASED)
    assert "needs a new version" in line


def test_a_new_version_needs_an_upcaster_from_every_version_before_it() -> None:
    third = {"KettleBoiled": kettle(3, kelvin=float)}
    assert broken_promises(third, RELEASED, lambda _, version: version == 1) == [
        "KettleBoiled has no upcaster from version 2"
    ]
    assert broken_promises(third, RELEASED, lambda *_: True) == []


def test_types_that_are_gone_or_went_back_are_named() -> None:
    assert "is gone" in broken_promises({}, RELEASED)[0]
    later: Released = {"KettleBoiled": {**RELEASED["KettleBoiled"], "2": {}}}
    assert "version 2 was released" in broken_promises({"KettleBoiled": KettleBoiled}, later)[0]


def test_a_release_adds_what_is_new_and_never_touches_what_was_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.upcasters._upcasters", {("KettleBoiled", 1): dict})
    second = kettle(2, kelvin=float)
    together = release({"KettleBoiled": second}, RELEASED)
    assert together == {"KettleBoiled": {**RELEASED["KettleBoiled"], "2": shape(second)}}
    with pytest.raises(ValueError, match="needs a new version"):
        release({"KettleBoiled": kettle(1, kelvin=float)}, RELEASED)


def test_a_type_climbs_from_its_first_version_to_its_third_and_a_missing_link_leaves_it_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("events.upcasters._upcasters", {})
    monkeypatch.setattr("events.catalogue.base._registry", {"KettleBoiled": KettleBoiled})
    monkeypatch.setattr(KettleBoiled, "schema_version", 3)
    stored = orjson.dumps({"fahrenheit": 212})

    @upcaster("KettleBoiled", from_version=2)
    def kelvin_became_celsius(data: dict[str, Any]) -> dict[str, Any]:
        return {"temperature": data["kelvin"] - 273}

    assert decode("KettleBoiled", 1, stored) == UnknownEvent("KettleBoiled", 1, {"fahrenheit": 212})
    assert decode("KettleBoiled", 2, b'{"kelvin": 373}') == KettleBoiled(temperature=100)

    @upcaster("KettleBoiled", from_version=1)
    def fahrenheit_became_kelvin(data: dict[str, Any]) -> dict[str, Any]:
        return {"kelvin": (data["fahrenheit"] - 32) * 5 // 9 + 273}

    assert decode("KettleBoiled", 1, stored) == KettleBoiled(temperature=100)
