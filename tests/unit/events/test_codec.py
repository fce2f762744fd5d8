"""The codec: every event of the catalogue survives its JSON, and what cannot be kept is refused."""

import math
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.catalogue import (
    ConsentRecorded,
    Event,
    PhraseCaptured,
    ReplayStarted,
    SessionStarted,
    SpeechStarted,
    TranscriptionReceived,
    Word,
    event_types,
)
from events.codec import CodecError, HotFields, decode, encode, hot_fields
from events.envelope import UnknownEvent
from events.upcasters import upcaster

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | FINITE | TEXT, st.lists, max_leaves=5)

st.register_type_strategy(str, TEXT)
st.register_type_strategy(float, FINITE)

HEARD = TranscriptionReceived(
    phrase=1,
    provider="local",
    model="base",
    text="tem remédio pra tosse?",
    words=(Word(text="tem", start_s=0.1), Word(text="remédio")),
    confidence=None,
    latency_ms=812.5,
    cost_usd=0.0,
)


def an_instance(cls: type[Event]) -> st.SearchStrategy[Event]:
    if cls is SessionStarted:
        return st.builds(SessionStarted, settings=st.dictionaries(TEXT, JSON, max_size=4))
    if cls is ReplayStarted:
        return st.builds(ReplayStarted, changes=st.dictionaries(TEXT, JSON, max_size=4))
    return st.from_type(cls)


@pytest.mark.parametrize("cls", event_types().values(), ids=event_types())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_event_survives_its_json(cls: type[Event], data: st.DataObject) -> None:
    event = data.draw(an_instance(cls))
    encoded = encode(event)
    assert decode(cls.__name__, cls.schema_version, encoded) == event
    assert isinstance(orjson.loads(encoded), dict)


def test_json_carries_every_field_by_its_name_and_accents_as_they_are() -> None:
    stored = orjson.loads(encode(HEARD))
    assert list(stored) == [field.name for field in fields(HEARD)]
    assert stored["text"] == "tem remédio pra tosse?"
    assert stored["words"][0] == {"text": "tem", "start_s": 0.1, "end_s": None, "confidence": None}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused_wherever_it_is(number: float) -> None:
    with pytest.raises(CodecError, match="not finite"):
        encode(replace(HEARD, latency_ms=number))
    with pytest.raises(CodecError, match="not finite"):
        encode(replace(HEARD, words=(Word(text="a", start_s=number),)))
    started = SessionStarted(session_id="s", counter_id="c", protocol=1, encoding="auto", settings={}, versions={})
    with pytest.raises(CodecError, match="not finite"):
        encode(replace(started, settings={"vad": {"min_energy": number}}))


def test_texts_that_speak_of_such_numbers_are_kept() -> None:
    event = replace(HEARD, text="NaN, Infinity e \\u0000")
    assert decode("TranscriptionReceived", 1, encode(event)) == event


@pytest.mark.parametrize("text", ["segredo\0", "\\\0segredo", "segredo\ud800"])
def test_a_text_that_the_database_could_not_keep_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(CodecError) as refused:
        encode(replace(HEARD, text=text))
    assert "segredo" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_value_of_the_wrong_type_is_refused_without_being_quoted() -> None:
    with pytest.raises(CodecError) as refused:
        encode(ConsentRecorded(purposes=cast("dict[str, bool]", {"audio": "segredo"})))
    assert "segredo" not in str(refused.value)


def test_only_events_of_the_catalogue_are_written() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Stranger(Event):
        phrase: int

    with pytest.raises(CodecError, match="catalogue"):
        encode(Stranger(phrase=1))
    with pytest.raises(CodecError, match="catalogue"):
        encode(UnknownEvent("Stranger", 1, {}))


def test_unknown_types_and_newer_versions_are_read_as_stored() -> None:
    assert decode("CustomerLeft", 1, b'{"way": "door"}') == UnknownEvent("CustomerLeft", 1, {"way": "door"})
    assert decode("SpeechStarted", 2, b'{"when": 1}') == UnknownEvent("SpeechStarted", 2, {"when": 1})


def test_a_field_added_by_a_newer_program_is_passed_over() -> None:
    assert decode("SpeechStarted", 1, b'{"phrase": 1, "sample_start": 2, "mood": "calm"}') == SpeechStarted(
        phrase=1, sample_start=2
    )


@pytest.mark.parametrize("data", [b'{"phrase": "segredo", "sample_start": 2}', b'{"phrase": 1}', b"[1]", b"{"])
def test_stored_data_that_does_not_fit_is_refused_without_being_quoted(data: bytes) -> None:
    with pytest.raises(CodecError) as refused:
        decode("SpeechStarted", 1, data)
    assert "SpeechStarted" in str(refused.value)
    assert "segredo" not in str(refused.value)


def test_old_versions_climb_the_upcasters_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.upcasters._upcasters", {})

    @upcaster("SpeechStarted", from_version=1)
    def seconds_became_milliseconds(data: dict[str, Any]) -> dict[str, Any]:
        return {"phrase": data["phrase"], "start_ms": data["start_s"] * 1_000}

    @upcaster("SpeechStarted", from_version=2)
    def milliseconds_became_samples(data: dict[str, Any]) -> dict[str, Any]:
        return {"phrase": data["phrase"], "sample_start": data["start_ms"] * 16}

    monkeypatch.setattr(SpeechStarted, "schema_version", 3)
    assert decode("SpeechStarted", 1, b'{"phrase": 1, "start_s": 2}') == SpeechStarted(phrase=1, sample_start=32_000)
    assert decode("SpeechStarted", 2, b'{"phrase": 1, "start_ms": 5}') == SpeechStarted(phrase=1, sample_start=80)
    with pytest.raises(ValueError, match="already"):
        upcaster("SpeechStarted", from_version=2)(milliseconds_became_samples)
    monkeypatch.setattr(SpeechStarted, "schema_version", 4)
    assert decode("SpeechStarted", 1, b'{"phrase": 1, "start_s": 2}') == UnknownEvent(
        "SpeechStarted", 1, {"phrase": 1, "start_s": 2}
    )


def test_hot_fields_are_those_that_an_event_has() -> None:
    assert hot_fields(SpeechStarted(phrase=4, sample_start=160)) == HotFields(4, 160, None, None)
    assert hot_fields(HEARD) == HotFields(1, None, None, 812.5)
    with pytest.raises(CodecError, match="column"):
        hot_fields(SpeechStarted(phrase=1, sample_start=1 << 63))


def test_a_phrase_captured_by_two_stages_is_read_as_one_whose_third_is_unknown() -> None:
    vad = {
        "noise_floor_rms": 20.0,
        "threshold_rms": 120.0,
        "threshold_multiplier": 1.5,
        "min_energy": 120.0,
        "voiced_ratio": 0.8,
        "mode": 3,
    }
    stored = {"phrase": 1, "sample_start": 0, "sample_end": 16_000, "cut_reason": "pause", "vad": vad}
    captured = decode("PhraseCaptured", 1, orjson.dumps(stored))
    assert isinstance(captured, PhraseCaptured)
    assert (captured.vad.voiced_ratio, captured.vad.neural, captured.vad.loud_ratio) == (0.8, None, None)
