"""Sealing: what opens what, and what the file of master keys is."""

import base64
from pathlib import Path
from uuid import uuid4

import pytest

from events.catalogue import ConsentRecorded, Event, TranscriptionReceived, Word, event_types, personal_fields
from events.codec import decode, encode, encode_apart, join
from events.envelope import UnknownEvent
from events.sealing import MasterKeys, SealingError, StreamKey
from events.upcasters import upcaster

ONE = MasterKeys({1: bytes(range(32))})
HEARD = TranscriptionReceived(
    phrase=1,
    provider="local",
    model="base",
    text="canário",
    words=(Word(text="canário"),),
    confidence=0.5,
    latency_ms=1.0,
    cost_usd=0.0,
)


def test_what_was_sealed_opens_with_the_same_key_stream_and_id_only() -> None:
    key, event_id = ONE.new_key("s"), uuid4()
    sealed = key.seal_event("s", event_id, b"canary")
    assert b"canary" not in sealed
    assert key.open_event("s", event_id, sealed) == b"canary"
    for other, stream, number in (
        (ONE.new_key("s"), "s", event_id),
        (key, "another", event_id),
        (key, "s", uuid4()),
    ):
        with pytest.raises(SealingError):
            other.open_event(stream, number, sealed)


def test_sealing_twice_gives_different_bytes() -> None:
    key, event_id = ONE.new_key("s"), uuid4()
    assert key.seal_event("s", event_id, b"x") != key.seal_event("s", event_id, b"x")


@pytest.mark.parametrize("at", [0, 1, 13, -1])
def test_a_changed_byte_breaks_the_seal(at: int) -> None:
    key, event_id = ONE.new_key("s"), uuid4()
    sealed = bytearray(key.seal_event("s", event_id, b"x"))
    sealed[at] ^= 1
    with pytest.raises(SealingError):
        key.open_event("s", event_id, bytes(sealed))


@pytest.mark.parametrize("length", [0, 1, 28])
def test_too_few_bytes_are_no_seal(length: int) -> None:
    key = ONE.new_key("s")
    with pytest.raises(SealingError):
        key.open_recording("s", 0, bytes(length))


def test_a_recording_opens_at_its_place_only() -> None:
    key = ONE.new_key("s")
    sealed = key.seal_recording("s", 100, b"audio")
    assert key.open_recording("s", 100, sealed) == b"audio"
    with pytest.raises(SealingError):
        key.open_recording("s", 101, sealed)


def test_a_wrapped_key_opens_with_its_master_for_its_stream() -> None:
    key, event_id = ONE.new_key("s"), uuid4()
    sealed = key.seal_event("s", event_id, b"x")

    def unwrap(masters: MasterKeys, stream: str) -> StreamKey:
        return masters.unwrap(stream, key.id, key.master, key.wrapped)

    assert unwrap(ONE, "s").open_event("s", event_id, sealed) == b"x"
    with pytest.raises(SealingError):
        unwrap(ONE, "another")
    with pytest.raises(SealingError):
        unwrap(MasterKeys({1: bytes(32)}), "s")
    with pytest.raises(SealingError, match="not at hand"):
        unwrap(MasterKeys({2: bytes(range(32))}), "s")


def test_nothing_shows_a_key() -> None:
    secret = bytes(range(32))
    shown = f"{ONE!r} {ONE.new_key('s')!r}"
    assert repr(secret) not in shown
    assert secret.hex() not in shown


def test_master_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "house" / "master.key"
    first = MasterKeys.load(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert MasterKeys.load(path).fingerprints == first.fingerprints
    assert [file.name for file in path.parent.iterdir()] == ["master.key"]


def test_master_keys_open_to_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    MasterKeys.load(path)
    path.chmod(0o644)
    with pytest.raises(SealingError, match="chmod 600"):
        MasterKeys.load(path)


def test_a_rotated_file_writes_with_the_new_key_and_opens_what_the_old_one_wrapped(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    old = MasterKeys.load(path).new_key("s")
    rotated = MasterKeys.rotate(path)
    assert rotated.newest == 2
    assert path.stat().st_mode & 0o777 == 0o600
    assert rotated.new_key("s").master == 2
    assert rotated.unwrap("s", old.id, old.master, old.wrapped).id == old.id


def test_master_keys_are_read_from_text() -> None:
    one, two = (base64.b64encode(bytes([n] * 32)).decode() for n in (1, 2))
    assert MasterKeys.parse(one).fingerprints == MasterKeys({1: bytes([1] * 32)}).fingerprints
    assert MasterKeys.parse(f"1:{one}, 2:{two}").newest == 2


@pytest.mark.parametrize("text", ["", "x", "0:" + "A" * 44, base64.b64encode(b"short").decode()])
def test_text_that_is_no_master_key_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(SealingError) as refused:
        MasterKeys.parse(text)
    assert len(text) < 2 or text not in str(refused.value)


def test_an_event_is_written_apart_and_joined_again() -> None:
    clear, personal = encode_apart(HEARD)
    assert personal is not None
    assert "canário".encode() not in clear
    assert decode("TranscriptionReceived", 1, join(clear, personal)) == HEARD


def test_parts_join_when_one_of_them_is_empty() -> None:
    assert join(b"{}", b'{"a":1}') == b'{"a":1}'
    assert join(b'{"a":1}', b"{}") == b'{"a":1}'


def test_an_erased_event_reads_with_blanks_where_somebody_was() -> None:
    clear, _ = encode_apart(HEARD)
    erased = decode("TranscriptionReceived", 1, clear, erased=True)
    assert isinstance(erased, TranscriptionReceived)
    assert (erased.text, erased.words, erased.latency_ms) == ("", (), 1.0)
    assert encode(erased)


def test_every_personal_field_has_something_to_read_as_after_erasure() -> None:
    with_personal = [cls for cls in event_types().values() if personal_fields(cls)]
    assert ConsentRecorded in with_personal
    for cls in with_personal:
        # Fails on the missing clear fields alone; a personal field without a blank would be a TypeError.
        with pytest.raises(ValueError, match="does not fit") as refused:
            decode(cls.__name__, cls.schema_version, b'{"no_such_field": 1}', erased=True)
        assert not set(str(refused.value).split(": ")[1].split(", ")) & personal_fields(cls)


def test_an_erased_event_that_its_upcaster_cannot_do_without_reads_as_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.upcasters._upcasters", {})
    monkeypatch.setattr(TranscriptionReceived, "schema_version", 2)

    @upcaster("TranscriptionReceived", 1)
    def from_speech(data: dict[str, object]) -> dict[str, object]:
        return {**data, "text": data["speech"]}

    read: Event = decode("TranscriptionReceived", 1, b'{"phrase": 1}', erased=True)
    assert read == UnknownEvent("TranscriptionReceived", 1, {"phrase": 1})
