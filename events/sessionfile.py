"""Reading an exported session without a ledger, as far as that goes: what is damaged is told, the rest is there."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from events.archive import ArchiveError
from events.chain import START, link
from events.codec import CodecError, decode, join
from events.envelope import RecordedEvent, UnknownEvent
from events.fileseal import FileSeal
from events.incoming import FORMAT, stored_event, stored_recording, wrapped_key
from events.sealing import MasterKeys, SealingError, StreamKey
from events.store import RecordingChunk
from events.stored import StoredEvent

DamageKind = Literal[
    "cut_off",
    "checksum",
    "changed",
    "unreadable",
    "missing_events",
    "missing_audio",
    "unknown_type",
    "erased",
    "redacted",
]
_UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not as it was, in one line for people."""

    kind: DamageKind
    message: str


@dataclass(slots=True, kw_only=True)
class SessionFile:
    """A session as a file has it."""

    stream: str
    tenant: str
    events: list[RecordedEvent] = field(default_factory=list)
    audio: list[RecordingChunk] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)


def head_of(path: Path) -> dict[str, Any]:
    """Return the first line of an exported file.

    Raises:
        ArchiveError: it cannot be read, or is no export of events as lines.
    """
    try:
        with path.open("rb") as file:
            head = orjson.loads(file.readline())
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError:
        head = None
    if not isinstance(head, dict) or (head.get("balto"), head.get("format")) != ("ledger", FORMAT):
        raise ArchiveError(f"{path.name} is no exported session (`balto session export` writes one)")
    return head


def file_keys(path: Path, head: dict[str, Any], passphrase: str | None, own: MasterKeys | None) -> MasterKeys | None:
    """Return what the keys in a file are wrapped with; None where it holds none.

    Args:
        path: of the file.
        head: its first line.
        passphrase: of the file, where there is one.
        own: this ledger's master keys, for files that were made for a ledger.

    Raises:
        SealingError: they are not at hand.
    """
    if head.get("redacted") is True:
        return None
    if "seal" not in head:
        keys = own
    elif passphrase is None:
        raise SealingError(f"{path.name} is sealed with a passphrase: give it with --passphrase-file")
    else:
        keys = FileSeal.read(head["seal"]).keys(passphrase)
    marks = head.get("masters")
    have = {} if keys is None else {str(version): mark.hex() for version, mark in keys.fingerprints.items()}
    if not isinstance(marks, dict) or any(have.get(version) != mark for version, mark in marks.items()):
        what = "the passphrase is not that" if "seal" in head else "these are not the master keys"
        raise SealingError(f"{what} of {path.name}")
    return keys


def read_session_file(path: Path, *, passphrase: str | None = None, own: MasterKeys | None = None) -> SessionFile:
    """Read a session from a file of `events.portable.export_file`, whatever of it is whole.

    Args:
        path: the file, NDJSON.
        passphrase: of the file; none for one that is redacted, or was made for a ledger.
        own: master keys of the ledger that a file was made for.

    Raises:
        ArchiveError: it is no such file, or no event of it can be read, or it holds several sessions.
        SealingError: what opens it is not at hand.
    """
    head = head_of(path)
    reading = _Reading(path.name, head, file_keys(path, head, passphrase, own))
    for number, kind, fields in _lines(path, reading):
        reading.take(number, kind, fields)
    return reading.finished()


def _lines(path: Path, reading: "_Reading") -> Iterator[tuple[int, str, dict[str, Any]]]:
    digest = sha256()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                ((kind, fields),) = orjson.loads(line).items() if number > 1 else (("head", {}),)
            except _UNREADABLE:
                kind, fields = "", None
            if kind == "end" and isinstance(fields, dict):
                reading.ended(fields, digest.hexdigest())
                return
            digest.update(line)
            if isinstance(fields, dict):
                yield number, kind, fields
            elif line.endswith(b"\n"):
                reading.unreadable(number)
    reading.cut_off()


class _Reading:
    """What has been read of a file so far."""

    def __init__(self, name: str, head: dict[str, Any], keys: MasterKeys | None) -> None:
        self._name, self._head, self._keys = name, head, keys
        self._linked = head.get("redacted") is not True
        self._file: SessionFile | None = None
        self._key: StreamKey | None = None
        self._wrapped: dict[str, Any] = {}
        self._tip: bytes | None = START
        self._position = 0
        self._damage: list[Damage] = []

    def take(self, number: int, kind: str, fields: dict[str, Any]) -> None:
        try:
            match kind:
                case "key":
                    self._wrapped[fields["stream"]] = wrapped_key(fields)
                case "event":
                    self._event(stored_event(fields))
                case "recording":
                    self._recording(fields)
                case _:
                    return
        except ArchiveError:
            raise
        except _UNREADABLE:
            self.unreadable(number)

    def unreadable(self, number: int) -> None:
        self._tip = None
        self._found("unreadable", f"line {number} of {self._name} cannot be read: it is left out")

    def cut_off(self) -> None:
        whole = self._head.get("session", {}).get("events") if isinstance(self._head.get("session"), dict) else None
        of = f" of {whole}" if isinstance(whole, int) else ""
        where = f"ends after event {self._position}{of}" if self._position != whole else "ends within its audio"
        self._found("cut_off", f"{self._name} is cut off: it {where}")

    def ended(self, end: dict[str, Any], digest: str) -> None:
        if end.get("sha256") != digest:
            self._found("checksum", f"{self._name} is not as it was written: its checksum differs")

    def finished(self) -> SessionFile:
        if self._file is None:
            raise ArchiveError(f"{self._name} holds no event that can be read")
        if not self._linked:
            self._found("redacted", f"{self._name} is redacted: what was said and heard is not in it")
        self._file.damage = self._damage
        return self._file

    def _found(self, kind: DamageKind, message: str) -> None:
        self._damage.append(Damage(kind, message))

    def _event(self, stored: StoredEvent) -> None:
        if self._file is None:
            self._file = SessionFile(stream=stored.stream, tenant=stored.tenant)
            self._key = self._opened_key(stored.stream)
        elif stored.stream != self._file.stream:
            raise ArchiveError(f"{self._name} holds several sessions: import it, or export one alone")
        self._follow(stored)
        self._file.events.append(self._recorded(stored))

    def _opened_key(self, stream: str) -> StreamKey | None:
        key = self._wrapped.get(stream)
        if key is None or self._keys is None:
            return None
        return self._keys.unwrap(stream, key.id, key.master, key.wrapped)

    def _follow(self, stored: StoredEvent) -> None:
        expected, self._position = self._position + 1, stored.stream_position
        if stored.stream_position != expected:
            self._tip = None
            last = stored.stream_position - 1
            which = f"event {expected} is" if last == expected else f"events {expected} to {last} are"
            self._found("missing_events", f"{which} missing from {self._name}")
        if self._linked and self._tip is not None and stored.hash != link(self._tip, stored.canonical()):
            self._found(
                "changed", f"event {stored.stream_position} ({stored.type}) was changed: its link does not hold"
            )
        self._tip = stored.hash

    def _recorded(self, stored: StoredEvent) -> RecordedEvent:
        data, erased = stored.data.encode(), stored.sealed is not None
        if self._key is not None and stored.sealed:
            try:
                data, erased = join(data, self._key.open_event(stored.stream, stored.event_id, stored.sealed)), False
            except SealingError:
                self._found("changed", f"event {stored.stream_position} ({stored.type}): its seal is broken")
        try:
            event = decode(stored.type, stored.schema_version, data, erased=erased)
        except CodecError as error:
            self._found("unreadable", f"event {stored.stream_position}: {error}")
            event = UnknownEvent(stored.type, stored.schema_version, {})
        return RecordedEvent(
            stored.position, stored.stream, stored.stream_position, stored.tenant, stored.event_id, stored.type,
            stored.schema_version, event, stored.occurred_at, stored.recorded_at, stored.elapsed_us,
            stored.correlation_id, stored.causation_id, erased,
        )  # fmt: skip

    def _recording(self, fields: dict[str, Any]) -> None:
        stored = stored_recording(fields)
        if self._key is None or self._file is None:
            return
        try:
            data = self._key.open_recording(stored.stream, stored.byte_start, stored.sealed)
        except SealingError:
            self._found("changed", f"the audio from byte {stored.byte_start} on was changed: its seal is broken")
            return
        self._file.audio.append(RecordingChunk(byte_start=stored.byte_start, data=data))
