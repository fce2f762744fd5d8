"""Which engine hears a phrase first, and for which rule, as decisions of a session."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from actors.session.choosing import order
from actors.session.inputs import Began, EngineName, Policy, StreamingName
from actors.session.purse import Allowance
from actors.session.terms import KEY, Terms, terms_of
from actors.values import EarlyPhrase, SpeechBegan, SpeechWentOn
from events.catalogue import (
    ClassificationRequested,
    NormalisationRequested,
    PaidEnginesAllowed,
    PaidEnginesStopped,
    PhraseOffered,
    PhraseOfferWithdrawn,
    RecommendationWithheld,
    TranscriptionFailed,
    TranscriptionReceived,
    TranscriptionRequested,
)
from tests.unit.session.given import (
    BIOMETRICS,
    HEADACHE,
    SESSION,
    Session,
    classified,
    examined,
    names,
    normalised,
    phrase,
    policy,
    progressed,
    transcribed,
)

BEGAN = SpeechBegan(number=1, sample_start=8_000)
LIVE = StreamingName("dear", "live", 1.0, goes_on=True)
DEAR, CHEAP, LOCAL = EngineName("dear", "m", 0.72), EngineName("cheap", "m", 0.36), EngineName("local", "w")
SPENT = Allowance(stopped=True, day="2026-11-26", budget_usd=2.5, spent_usd=2.501)


def engines(*order_of: EngineName) -> Policy:
    given = order_of or (DEAR, CHEAP, LOCAL)
    return replace(policy(), transcribers=given[:1], engines=given, lexicon=EngineName("lexicon", "v"))


def on(terms: Terms, given: Policy | None = None) -> Session:
    session = Session(given or engines())
    session.when(
        Began(
            session_id=SESSION,
            counter_id="c",
            protocol=1,
            encoding="auto",
            settings={KEY: terms.recorded()},
            versions={},
        )
    )
    return session


def asked(session: Session, *, snr_db: float | None = 30.0) -> TranscriptionRequested:
    session.when(progressed(phrase(), sample_end=32_000, byte_end=64_000))
    measured = replace(examined(), biometrics=replace(BIOMETRICS, snr_db=snr_db))
    request = session.when(measured)[-1]
    assert isinstance(request, TranscriptionRequested)
    return request


@pytest.mark.parametrize(
    ("terms", "snr_db", "first", "why"),
    [
        (Terms(), 30.0, "dear", "default"),
        (Terms(prefer=("cheap",)), 30.0, "cheap", "counter"),
        (Terms(prefer=("local", "cheap")), 30.0, "local", "counter"),
        (Terms(prefer=("elsewhere",)), 30.0, "dear", "default"),
        (Terms(cheaper_snr_db=20.0, cheaper_s=1.0), 20.0, "cheap", "long_and_clean"),
        (Terms(cheaper_snr_db=20.0, cheaper_s=1.0), 19.9, "dear", "default"),
        (Terms(cheaper_snr_db=20.0, cheaper_s=1.0), None, "dear", "default"),
        (Terms(cheaper_snr_db=20.0, cheaper_s=1.01), 30.0, "dear", "default"),
        (Terms(prefer=("dear",), cheaper_snr_db=20.0), 30.0, "cheap", "long_and_clean"),
        (Terms(prefer=("cheap",), cheaper_snr_db=20.0), 30.0, "cheap", "counter"),
        # What costs nothing is not passed over for what costs little.
        (Terms(prefer=("local",), cheaper_snr_db=20.0), 30.0, "local", "counter"),
    ],
)
def test_the_request_names_the_first_engine_and_the_rule(
    terms: Terms, snr_db: float | None, first: str, why: str
) -> None:
    request = asked(on(terms), snr_db=snr_db)
    assert (request.provider, request.why) == (first, why)


def loud_offer(rms: float) -> EarlyPhrase:
    noise = np.random.default_rng(1)
    said = replace(
        phrase(),
        pcm=noise.normal(0, rms, 16_000).astype(np.int16),
        noise=noise.normal(0, 100, 16_000).astype(np.int16),
    )
    return EarlyPhrase(offer=1, phrase=said)


@pytest.mark.parametrize(("rms", "first", "why"), [(3_000.0, "cheap", "long_and_clean"), (300.0, "dear", "default")])
def test_an_offer_is_measured_before_it_is_made_and_owed_to_whoever_was_asked(rms: float, first: str, why: str) -> None:
    session = on(Terms(cheaper_snr_db=20.0, cheaper_s=1.0))
    session.when(progressed(SpeechBegan(number=1, sample_start=8_000), sample_end=12_000, byte_end=24_000))
    offered = session.when(progressed(loud_offer(rms), sample_end=24_100, byte_end=48_200))[-1]
    assert isinstance(offered, PhraseOffered)
    assert (offered.provider, offered.why) == (first, why)
    (withdrawn,) = session.when(progressed(SpeechWentOn(number=1, offer=1), sample_end=26_000, byte_end=52_000))
    assert isinstance(withdrawn, PhraseOfferWithdrawn)
    price = {"cheap": 0.36, "dear": 0.72}[first]
    assert withdrawn.provider == first
    assert withdrawn.cost_usd == pytest.approx(price / 3600)


def test_the_text_of_an_offer_says_that_its_call_is_counted_already() -> None:
    session = on(Terms())
    session.when(progressed(SpeechBegan(number=1, sample_start=8_000), sample_end=12_000, byte_end=24_000))
    session.when(progressed(loud_offer(300.0), sample_end=24_100, byte_end=48_200))
    session.when(replace(transcribed("dor de cabeça"), offer=1))
    session.when(progressed(phrase(), sample_end=32_000, byte_end=64_000))
    received = session.when(examined())[-2]
    assert isinstance(received, TranscriptionReceived)
    assert received.offer == 1


@pytest.mark.parametrize(
    ("first", "why", "expected"),
    [
        ("dear", "default", ("dear", "cheap", "local")),
        ("cheap", "long_and_clean", ("cheap", "dear", "local")),
        ("local", "budget", ("local",)),
    ],
)
def test_who_stands_behind_the_first_follows_from_its_event(first: str, why: Any, expected: tuple[str, ...]) -> None:
    assert order(Terms(), engines(), first, why) == expected


def test_a_free_engine_that_is_gone_after_a_restart_is_not_replaced_by_those_that_cost() -> None:
    assert order(Terms(), engines(DEAR, CHEAP), "local", "budget") == ("local",)


def test_a_spent_budget_leaves_free_engines_alone_until_it_is_another_day() -> None:
    session = on(Terms(prefer=("cheap",), compare=1.0))
    (stopped,) = session.when(SPENT)
    assert stopped == PaidEnginesStopped(day="2026-11-26", budget_usd=2.5, spent_usd=2.501)
    assert session.when(SPENT) == []
    request = asked(session)
    assert (request.provider, request.why) == ("local", "budget")
    _, normalise = session.when(transcribed("estou com dor de cabeça"))
    assert isinstance(normalise, NormalisationRequested)
    classify = session.when(normalised(HEADACHE))[-1]
    assert isinstance(classify, ClassificationRequested)
    assert (normalise.engine, classify.engine) == ("lexicon", "lexicon")
    assert names(session.when(classified()))[-1] == "RecommendationSent"
    (allowed,) = session.when(Allowance(stopped=False, day="2026-11-27"))
    assert allowed == PaidEnginesAllowed(day="2026-11-27")
    assert session.when(Allowance(stopped=False, day="2026-11-27")) == []
    session.when(progressed(phrase(2, 40_000, 60_000), sample_end=64_000, byte_end=128_000))
    assert session.when(examined(2))[-1].provider == "cheap"  # type: ignore[attr-defined] # a request, as above


def test_where_every_engine_costs_a_spent_budget_explains_the_silence_and_offers_nothing() -> None:
    session = on(Terms(), engines(DEAR, CHEAP))
    session.when(SPENT)
    session.when(progressed(SpeechBegan(number=1, sample_start=8_000), sample_end=12_000, byte_end=24_000))
    heard = session.when(progressed(loud_offer(3_000.0), sample_end=24_100, byte_end=48_200))
    assert names(heard) == ["AudioReceived"]
    session.when(progressed(phrase(), sample_end=32_000, byte_end=64_000))
    failed, withheld = session.when(examined())[-2:]
    assert isinstance(failed, TranscriptionFailed)
    assert failed.code == "budget_reached"
    assert withheld == RecommendationWithheld(phrase=1, reason="transcription_failed")


def test_terms_are_read_back_as_they_were_recorded_and_old_sessions_have_the_defaults() -> None:
    terms = Terms(prefer=("a", "b"), fast_path=False, compare=0.25, cheaper_snr_db=18.0, cheaper_s=2.0)
    assert terms_of({KEY: terms.recorded() | {"of_a_later_version": 1}}) == terms
    assert terms_of({"stt": "local"}) == Terms()
    assert terms_of({"fast_path": False}) == Terms(fast_path=False)


@pytest.mark.parametrize(("prefer", "opens"), [((), True), (("dear",), True), (("cheap",), False)])
def test_only_the_preferred_engine_hears_a_phrase_while_it_is_said(prefer: tuple[str, ...], opens: bool) -> None:
    session = on(Terms(prefer=prefer), replace(engines(), streaming=LIVE))
    opened = session.when(replace(progressed(BEGAN, sample_end=12_000, byte_end=24_000), streaming=True))
    assert ("TranscriptionStreamOpened" in names(opened)) is opens


def test_a_counter_whose_budget_is_spent_is_heard_by_no_stream() -> None:
    session = on(Terms(), replace(engines(), streaming=LIVE))
    session.when(SPENT)
    opened = session.when(replace(progressed(BEGAN, sample_end=12_000, byte_end=24_000), streaming=True))
    assert names(opened) == ["SpeechStarted"]


def test_what_a_stream_has_heard_is_asked_for_its_text_first_with_free_engines_behind_it_once_the_budget_is_spent() -> (
    None
):
    session = on(Terms(), replace(engines(), streaming=LIVE))
    session.when(replace(progressed(BEGAN, sample_end=12_000, byte_end=24_000), streaming=True))
    session.when(SPENT)
    request = asked(session)
    assert (request.provider, request.model, request.why) == ("dear", "live", "budget")
    assert order(Terms(), engines(), request.provider, request.why) == ("local",)


def test_what_a_stream_has_heard_is_not_thrown_away_where_every_engine_costs_and_the_budget_is_spent() -> None:
    session = on(Terms(), replace(engines(DEAR, CHEAP), streaming=LIVE))
    session.when(replace(progressed(BEGAN, sample_end=12_000, byte_end=24_000), streaming=True))
    session.when(SPENT)
    offered = session.when(progressed(loud_offer(300.0), sample_end=24_100, byte_end=48_200))[-1]
    assert isinstance(offered, PhraseOffered)
    assert (offered.provider, offered.model) == ("dear", "live")
    session.when(progressed(SpeechWentOn(number=1, offer=1), sample_end=26_000, byte_end=52_000))
    request = asked(session)
    assert (request.provider, request.model, request.why) == ("dear", "live", "budget")
    heard = session.when(replace(transcribed("estou com dor de cabeça"), provider="dear", model="live"))
    assert names(heard)[0] == "TranscriptionReceived"


def test_what_a_stream_has_heard_is_not_said_to_be_chosen_for_its_price() -> None:
    session = on(Terms(cheaper_snr_db=20.0, cheaper_s=0.5), replace(engines(), streaming=LIVE))
    session.when(replace(progressed(BEGAN, sample_end=12_000, byte_end=24_000), streaming=True))
    offered = session.when(progressed(loud_offer(3_000.0), sample_end=24_100, byte_end=48_200))[-1]
    assert isinstance(offered, PhraseOffered)
    assert (offered.model, offered.why) == ("live", "default")
    session.when(progressed(SpeechWentOn(number=1, offer=1), sample_end=26_000, byte_end=52_000))
    request = asked(session)
    assert (request.model, request.why) == ("live", "default")


def test_an_offer_under_way_when_the_budget_is_spent_is_waited_for_although_every_engine_costs() -> None:
    session = on(Terms(), engines(DEAR, CHEAP))
    session.when(progressed(BEGAN, sample_end=12_000, byte_end=24_000))
    session.when(progressed(loud_offer(300.0), sample_end=24_100, byte_end=48_200))
    session.when(SPENT)
    request = asked(session)
    assert (request.provider, request.why) == ("dear", "budget")
    answer = transcribed("estou com dor de cabeça")
    assert answer.transcript is not None
    paid = replace(answer, offer=1, provider="dear", transcript=replace(answer.transcript, cost_usd=0.0002))
    received = session.when(paid)[0]
    assert isinstance(received, TranscriptionReceived)
    assert received.cost_usd == 0.0002
