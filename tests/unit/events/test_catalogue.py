"""Rules that every event of the catalogue keeps."""

import dataclasses
import re

import pytest

from events.catalogue import Event, event_types, personal_fields

EVENTS = pytest.mark.parametrize("cls", event_types().values(), ids=event_types())

PERSONAL_NAMES = re.compile(
    r"text|transcript|words|word|entities|anchors|span|email|phone|cpf|customer.*|prompt|output|reference"
)
"""Names that hold what a person said, was found to need, or can be reached by."""


@EVENTS
def test_it_says_what_happened(cls: type[Event]) -> None:
    doc = cls.__doc__
    assert doc is not None
    assert not doc.startswith(f"{cls.__name__}(")  # what dataclass writes where nobody did
    assert re.match(r"[A-Z][^\n]*[.]", doc)


@EVENTS
def test_it_is_a_frozen_dataclass_of_its_own_name(cls: type[Event]) -> None:
    assert dataclasses.is_dataclass(cls)
    assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]  # not in the stubs
    assert not hasattr(cls, "__dict__") or "__slots__" in vars(cls)
    assert cls.schema_version >= 1


@EVENTS
def test_personal_fields_are_marked(cls: type[Event]) -> None:
    suspects = {field.name for field in dataclasses.fields(cls) if PERSONAL_NAMES.fullmatch(field.name)}
    assert suspects <= personal_fields(cls)


def test_what_is_personal_is_what_was_decided() -> None:
    marked = {name: set(personal_fields(cls)) for name, cls in event_types().items() if personal_fields(cls)}
    assert marked == {
        "ClientRegistered": {"email", "phone"},
        "ConsentRecorded": {"reference"},
        "OfferTranscribed": {"text", "words"},
        "TranscriptCompared": {"text", "words"},
        "TranscriptionReceived": {"text", "words"},
        "TranscriptionRejected": {"text"},
        "CircumstancesNoted": {"circumstances"},
        "CircumstancesDenied": {"circumstances"},
        "NormalisationCompleted": {"entities"},
        "ClassificationCompleted": {"anchors"},
        "BasketResolved": {"reasons"},
        "RecommendationSent": {"reasons"},
        "RecommendationWithheld": {"safety_rule"},
    }
