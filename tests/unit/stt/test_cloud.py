"""What the cloud engines share: prices, key terms and error codes."""

from datetime import UTC, datetime

import numpy as np
import pytest

from actors.stt.cloud import cost_usd, error_of_status, retry_after_s, usable_keyterms, wire_bytes

NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 12:00:30 -0000", 30.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, now=NOON) == seconds


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "rejected"),
        (401, "unauthorised"),
        (402, "unauthorised"),
        (403, "unauthorised"),
        (413, "rejected"),
        (415, "rejected"),
        (422, "rejected"),
        (429, "throttled"),
        (500, "transient"),
        (502, "transient"),
        (503, "throttled"),
        (504, "transient"),
        (None, "transient"),
    ],
)
def test_only_statuses_that_may_pass_are_worth_another_try(status: int | None, code: str) -> None:
    assert error_of_status("engine", status, None).code == code


def test_a_phrase_costs_its_share_of_an_hour() -> None:
    assert cost_usd(np.zeros(16_000 * 36, np.int16), 0.22) == pytest.approx(0.0022)


def test_samples_travel_as_little_endian_words() -> None:
    assert wire_bytes(np.array([1, -2, 256], np.int16)) == b"\x01\x00\xfe\xff\x00\x01"


def test_key_terms_are_cut_to_what_the_provider_takes() -> None:
    terms = [" dipirona ", "", "dipirona", "um dois três", "muito comprido para isto", "AAS", "xarope"]
    assert usable_keyterms(terms, most=3, characters=12, words=2) == ["dipirona", "AAS", "xarope"]


def test_terms_that_differ_in_case_alone_are_one_as_it_was_first_spelled() -> None:
    assert usable_keyterms(["Dorflex", "dorflex", "AAS"], most=9, characters=50, words=5) == ["Dorflex", "AAS"]


def test_terms_stop_where_the_provider_takes_no_more_characters() -> None:
    assert usable_keyterms(["dipirona", "AAS", "xarope"], most=9, characters=50, words=5, total=12) == [
        "dipirona",
        "AAS",
    ]
