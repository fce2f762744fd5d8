"""A session told again: places in it, what each event changed, sentences, medicines, and what was heard."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from actors.basket.medicines import Medicine
from balto.replay.hearing import NothingHeardError, heard
from balto.replay.medicines import MedicineNames
from balto.replay.place import Place, parse_place
from balto.replay.retelling import Change, plain, state_at, steps, told
from balto.replay.sentence import sentence
from events.catalogue import (
    AudioBookmarked,
    AudioFormatDetected,
    Bookmark,
    Category,
    TranscriptionRejected,
    event_types,
)
from events.envelope import UnknownEvent
from events.store import RecordingChunk
from tests.recordings import conversation, ogg
from tests.runs import BEGAN, SESSION, phrase, run, session

TOLD = run(session(phrase(1, 1.0, "dor de cabeça"), phrase(2, 4.0, "tosse")))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("14", Place(position=14)),
        ("0", Place(position=0)),
        ("12.5s", Place(elapsed=timedelta(seconds=12.5))),
        ("12.5", None),
        ("850ms", Place(elapsed=timedelta(milliseconds=850))),
        ("2m", Place(elapsed=timedelta(minutes=2))),
        ("1:02.5", Place(elapsed=timedelta(seconds=62.5))),
        ("1:00:01", Place(elapsed=timedelta(seconds=3601))),
        ("2026-03-02T09:30:05", Place(moment=datetime(2026, 3, 2, 9, 30, 5, tzinfo=UTC))),
        ("2026-03-02T06:30:05-03:00", Place(moment=datetime(2026, 3, 2, 9, 30, 5, tzinfo=UTC))),
        ("soon", None),
        ("-3", None),
        ("", None),
        ("1:2m", None),
    ],
)
def test_a_place_is_a_number_a_time_since_the_start_or_a_time_of_day(text: str, place: Place | None) -> None:
    if place is None:
        with pytest.raises(ValueError, match="is no place in a session: give an event's number"):
            parse_place(text)
    else:
        assert parse_place(text) == place


@pytest.mark.parametrize(
    ("place", "last"),
    [
        (Place(), len(TOLD.recorded)),
        (Place(position=0), 0),
        (Place(position=6), 6),
        (Place(elapsed=timedelta(seconds=0.65)), 6),
        (Place(moment=BEGAN + timedelta(seconds=0.7)), 7),
        (Place(position=999), len(TOLD.recorded)),
    ],
)
def test_walking_stops_at_a_place_and_so_does_folding(place: Place, last: int) -> None:
    walked = list(steps(TOLD, place))
    assert len(walked) == last
    assert state_at(TOLD, place).position == last
    if walked:
        assert walked[-1].after == state_at(TOLD, place)


def test_each_step_tells_what_it_changed() -> None:
    walked = {f"{step.recorded.type} {getattr(step.recorded.event, 'phrase', '')}": step for step in steps(TOLD)}
    assert [told(change) for change in walked["SpeechStarted 2"].changes] == [
        "phrase 2 + speaking from 4.00 s",
        "last started 1 → 2",
    ]
    assert [told(change) for change in walked["TranscriptionReceived 2"].changes] == [
        "phrase 2 stage transcribing → gathering",
        "phrase 2 text + tosse",
    ]
    sent = [told(change) for change in walked["RecommendationSent 2"].changes]
    assert sent[:2] == ["phrase 2 − classifying from 4.00 s", "recommendations 1 → 2"]
    assert "undelivered r2 + recommendation DOR/CABECA of phrase 2" in sent


def test_what_begins_is_told_as_a_beginning_and_not_as_a_change() -> None:
    start, *rest = session(phrase(1, 1.0, "tosse"))
    terms = {"engines": {"cheaper_s": 3.0, "fast_path": False}}
    first, *_ = steps(run([replace(start, settings=terms), *rest]))  # type: ignore[call-arg]
    assert [told(change) for change in first.changes] == [
        f"session id + {SESSION}",
        "terms fast path + no",
        "terms cheaper s + 3",
    ]
    assert {change.before for change in first.changes} == {None}
    assert told(Change("open_phrases.3.text", "tosse", "")) == "phrase 3 text − tosse"
    assert told(Change("recommendations", 0, 1)) == "recommendations 0 → 1"


def test_every_change_leads_from_the_state_before_to_the_one_after() -> None:
    for step in steps(TOLD):
        before, after = plain(step.before), plain(step.after)
        changed = {change.field.partition(".")[0] for change in step.changes} | {"position"}
        assert {name for name in before if before[name] != after[name]} == changed


def test_every_type_of_event_has_a_sentence() -> None:
    assert {sentence(event) for event in TOLD.events} >= {"from 1.00 s", "1.00–2.00 s, cut at pause"}
    refused = TranscriptionRejected(
        phrase=1, provider="local", model="b", reason="noise", text="ah", latency_ms=1.0, cost_usd=0.0
    )
    assert sentence(refused) == "not believed (noise): “ah”  local/b"
    assert sentence(UnknownEvent("X", 3, {"a": 1})) == 'version 3, not known to this program: {"a":1}'
    assert "SubjectErased" in event_types()


def test_medicines_are_found_by_any_of_their_names_without_case_accents_and_plural() -> None:
    names = MedicineNames(
        [
            Medicine(
                name="dipirona", substance="dipirona sódica", therapeutic_class="analgésico", stripe="livre",
                retained=False, category=Category(macro="DOR"), brands=("Novalgina",), forms=("dipirona gotas",),
            )
        ]
    )  # fmt: skip
    text = "Tem DIPIRONA Sódica, novalginas ou dipirôna gotas?"
    assert [text[start:end] for start, end, _ in names.spans(text)] == [
        "DIPIRONA Sódica",
        "novalginas",
        "dipirôna gotas",
    ]
    assert names.named(text) == ["dipirona"]
    assert MedicineNames(()).spans(text) == []


PCM = conversation("tosse")[:32_000]


def chunks(data: bytes, size: int, *missing: int) -> list[RecordingChunk]:
    return [
        RecordingChunk(byte_start=at, data=data[at : at + size])
        for at in range(0, len(data), size)
        if at // size not in missing
    ]


def test_what_was_heard_is_decoded_and_a_hole_in_samples_is_silence_of_its_length() -> None:
    notes: list[str] = []
    whole = heard(run(session(), audio=chunks(PCM.tobytes(), 3_200)), notes.append)
    assert np.array_equal(whole, PCM)
    holed = heard(run(session(), audio=chunks(PCM.tobytes(), 3_200, 0, 5)), notes.append)
    silent = PCM.copy()
    silent[:1_600] = silent[8_000:9_600] = 0
    assert np.array_equal(holed, silent)
    assert notes == []
    with pytest.raises(NothingHeardError, match="no audio of it is there"):
        heard(run(session(), name="it"), notes.append)


def test_behind_a_hole_in_compressed_audio_hearing_goes_on_at_a_bookmark() -> None:
    speech = np.tile(PCM, 16)
    data = ogg(speech)
    mark = a_bookmark(data, beyond=14 * 16_000)
    opus = {"audio": {"encoding": "ogg-opus", "sample_rate": 16_000, "channels": 1}}
    start, *rest = session()
    events = [
        replace(start, settings=opus),  # type: ignore[call-arg]
        AudioFormatDetected(encoding="ogg-opus", sample_rate=16_000, channels=1),
        *rest,
    ]
    hole = chunks(data, 4_096, 3, 4)
    notes: list[str] = []
    with_mark = heard(run([*events, AudioBookmarked(bookmark=mark)], audio=hole), notes.append)
    assert notes[-1].endswith(f"to {mark.sample / 16_000:.2f} s: bytes are missing")
    assert with_mark.size == pytest.approx(speech.size, abs=2_000)
    settled = mark.sample + 6 * 16_000
    whole = heard(run(events, audio=chunks(data, 4_096)), notes.append)
    assert np.array_equal(with_mark[settled : settled + 16_000], whole[settled : settled + 16_000])
    without = heard(run(events, audio=hole), notes.append)
    assert without.size < 14 * 16_000
    assert notes[-1].startswith("what follows the bytes missing before byte 20480 cannot be decoded")


def a_bookmark(data: bytes, *, beyond: int) -> Bookmark:
    from actors.audio.decode import open_decoder  # noqa: PLC0415

    decoder = open_decoder("ogg-opus")
    for at in range(0, len(data), 1_024):
        decoder.feed(data[at : at + 1_024])
        mark = decoder.bookmark()
        if mark is not None and mark.sample >= beyond:
            return mark
    raise AssertionError("no bookmark")
