"""A session in a file: sealed with a passphrase, redacted, damaged in every way, and brought into another ledger."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import asyncpg
import orjson
import pytest

from balto.replay.retelling import state_at, steps
from balto.replay.run import Run, run_of_file, run_of_stream
from events.archive import ArchiveError
from events.catalogue import AudioReceived, Event, SubjectErased
from events.driver import one_connection
from events.embedded import EmbeddedPostgres
from events.envelope import NewEvent, UnknownEvent
from events.fileseal import FileSeal
from events.portable import export_file, import_file
from events.postgres import PostgresStore
from events.sealing import MasterKeys, SealingError
from events.selection import Selection
from events.sessionfile import head_of
from events.store import Append, RecordingChunk
from events.transfer import Rewrap
from tests.events_at_hand import new_event
from tests.postgres import MASTERS
from tests.runs import SESSION, phrase, recorded, session

STREAM = f"session-{SESSION}"
PASSPHRASE = "nine lives of a cat"
OTHER = MasterKeys({4: bytes(range(32, 64))})
BYTES = 3_200
"""Of audio in a chunk: a tenth of a second."""
CANARY = "losartana cinquenta"


def told() -> list[Event]:
    """A session of a second, whose audio was received in ten pieces."""
    pieces = [
        AudioReceived(byte_start=BYTES * n, byte_end=BYTES * (n + 1), sample_start=1600 * n, sample_end=1600 * (n + 1))
        for n in range(10)
    ]
    start, _, *rest = session(phrase(1, 0.1, CANARY), phrase(2, 0.6, "tosse"), seconds=1)
    return [start, *pieces, *rest]


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """A ledger that holds the session and another one."""
    store = await PostgresStore.connect(postgres_url, masters=MASTERS)
    chunks = [RecordingChunk(byte_start=BYTES * n, data=bytes([n + 1]) * BYTES) for n in range(10)]
    events = [
        NewEvent(
            event_id=each.event_id,
            event=each.event,
            occurred_at=each.occurred_at,
            elapsed_us=each.elapsed_us,
            correlation_id=each.correlation_id,
            causation_id=each.causation_id,
        )
        for each in recorded(told())
    ]
    await store.append(Append(stream="session-other", tenant="t", events=[new_event()]))
    await store.append(Append(stream=STREAM, tenant="t", events=events, recordings=chunks))
    yield store
    await store.close()


async def exported(url: str, file: Path, *, redacted: bool = False, stream: str = STREAM) -> Path:
    seal = FileSeal.new()
    keys = None if redacted else seal.keys(PASSPHRASE)
    note = {"session": {"stream": stream, "events": len(told())}, **({} if redacted else {"seal": seal.written()})}
    async with one_connection(url, application_name="test") as connection:
        await export_file(
            connection,
            file,
            archive=None,
            rewrap=Rewrap(MASTERS, keys),
            selection=Selection(stream=stream),
            redacted=redacted,
            recordings=not redacted,
            note=note,
        )
    return file


@pytest.fixture
async def file(store: PostgresStore, postgres_url: str, tmp_path: Path) -> Path:
    return await exported(postgres_url, tmp_path / "a.session")


def assert_is_private(file: Path) -> None:
    assert CANARY.encode() not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0


def cut(file: Path, share: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])


def opened(file: Path) -> Run:
    return run_of_file(file, passphrase=PASSPHRASE)


def damage(run: Run) -> list[tuple[str, str]]:
    return [(each.kind, each.message) for each in run.damage]


def edited(file: Path, edit: Callable[[int, dict[str, dict[str, object]]], object]) -> Path:
    """Write a file anew, each line as `edit` has it: None for none, bytes as they are."""
    lines = []
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        new = edit(number, orjson.loads(line))
        if new is not None:
            lines.append(new if isinstance(new, bytes) else orjson.dumps(new))
    file.write_bytes(b"\n".join(lines) + b"\n")
    return file


async def test_a_file_holds_what_the_ledger_does(store: PostgresStore, file: Path) -> None:
    ours, theirs = await run_of_stream(store, STREAM), opened(file)
    assert theirs.recorded == ours.recorded
    assert b"".join(chunk.data for chunk in theirs.audio) == b"".join(chunk.data for chunk in ours.audio)
    assert (theirs.damage, theirs.tenant) == ((), "t")
    assert_is_private(file)


async def test_only_the_passphrase_opens_it(file: Path) -> None:
    with pytest.raises(SealingError, match=r"the passphrase is not that of a\.session"):
        run_of_file(file, passphrase="nine lives of a dog")
    with pytest.raises(SealingError, match=r"a\.session is sealed with a passphrase: give it with --passphrase-file"):
        run_of_file(file)
    with pytest.raises(SealingError, match="8 characters at least"):
        FileSeal.new().keys("short")
    with pytest.raises(SealingError, match="a way that this program does not know"):
        FileSeal.read({**FileSeal.new().written(), "cost": 1 << 30})


async def test_a_redacted_file_tells_what_was_decided_and_nothing_that_was_said(
    store: PostgresStore, postgres_url: str, tmp_path: Path
) -> None:
    run = run_of_file(await exported(postgres_url, tmp_path / "r.session", redacted=True))
    assert damage(run) == [("redacted", "r.session is redacted: what was said and heard is not in it")]
    assert run.audio == ()
    assert state_at(run).recommendations == 2
    assert_is_private(tmp_path / "r.session")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.75])
async def test_of_a_file_that_is_cut_off_the_rest_is_told(file: Path, share: float) -> None:
    cut(file, share)
    run = opened(file)
    kinds = [each.kind for each in run.damage]
    assert kinds[0] == "cut_off"
    assert run.damage[0].message.startswith("a.session is cut off: it ends ")
    assert len(list(steps(run))) == len(run.recorded) > 0
    if len(run.recorded) < len(told()):
        assert run.damage[0].message.endswith(f"after event {len(run.recorded)} of {len(told())}")


async def test_an_event_that_was_changed_is_named(file: Path) -> None:
    def change(number: int, line: dict[str, dict[str, object]]) -> object:
        if line.get("event", {}).get("stream_position") == 13:
            line["event"]["data"] = str(line["event"]["data"]).replace("pause", "max_length")
        return line

    run = opened(edited(file, change))
    assert damage(run) == [
        ("changed", "event 13 (PhraseCaptured) was changed: its link does not hold"),
        ("checksum", "a.session is not as it was written: its checksum differs"),
    ]
    assert len(run.recorded) == len(told())


async def test_a_broken_seal_costs_the_words_of_one_event(file: Path) -> None:
    def change(number: int, line: dict[str, dict[str, object]]) -> object:
        if line.get("event", {}).get("stream_position") == 15:
            sealed = str(line["event"]["sealed"])
            line["event"]["sealed"] = sealed[:40] + ("A" if sealed[40] != "A" else "B") + sealed[41:]
        return line

    run = opened(edited(file, change))
    assert ("changed", "event 15 (TranscriptionReceived): its seal is broken") in damage(run)
    assert [each.stream_position for each in run.recorded if each.erased] == [15]


async def test_missing_events_and_lines_that_are_no_json_are_told(file: Path) -> None:
    def change(number: int, line: dict[str, dict[str, object]]) -> object:
        position = line.get("event", {}).get("stream_position")
        return None if position in (3, 4) else b'{"event": {"pos' if position == 20 else line

    run = opened(edited(file, change))
    assert damage(run)[:3] == [
        ("missing_events", "events 3 to 4 are missing from a.session"),
        ("unreadable", "line 20 of a.session cannot be read: it is left out"),
        ("missing_events", "event 20 is missing from a.session"),
    ]
    assert len(run.recorded) == len(told()) - 3


async def test_missing_audio_is_told_by_byte_and_second(file: Path) -> None:
    def change(number: int, line: dict[str, dict[str, object]]) -> object:
        return None if line.get("recording", {}).get("byte_start") in (BYTES * 4, BYTES * 5) else line

    run = opened(edited(file, change))
    assert damage(run)[1:] == [("missing_audio", "bytes 12800 to 19200 of the audio are missing (0.40–0.60 s)")]
    none = opened(edited(file, lambda _, line: None if "recording" in line else line))
    assert damage(none)[1:] == [("missing_audio", "no audio is there: 32000 bytes were received")]


async def test_an_event_type_that_is_not_known_is_told_and_kept(file: Path) -> None:
    def change(number: int, line: dict[str, dict[str, object]]) -> object:
        if line.get("event", {}).get("stream_position") == 12:
            line["event"]["type"] = "SpeechWhispered"
        return line

    run = opened(edited(file, change))
    assert ("unknown_type", "event 12: SpeechWhispered version 1 is not known to this program") in damage(run)
    assert isinstance(run.recorded[11].event, UnknownEvent)
    assert state_at(run).recommendations == 2


async def test_an_erased_session_is_told_as_one(store: PostgresStore, postgres_url: str, tmp_path: Path) -> None:
    await store.erase(STREAM, new_event(SubjectErased(reason="asked for")))
    line = ("erased", "the session was erased on 2026-03-02: what was said and heard is gone, numbers are left")
    assert damage(await run_of_stream(store, STREAM)) == [line]
    run = opened(await exported(postgres_url, tmp_path / "e.session"))
    assert damage(run) == [line]
    assert state_at(run).recommendations == 2


async def test_what_is_no_session_is_refused_in_one_line(
    store: PostgresStore, postgres_url: str, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html>\n")
    with pytest.raises(ArchiveError, match=r"page\.html is no exported session"):
        run_of_file(page)
    with pytest.raises(ArchiveError, match="cannot be read: Is a directory"):
        run_of_file(tmp_path)
    seal = FileSeal.new()
    async with one_connection(postgres_url, application_name="test") as connection:
        await export_file(
            connection,
            tmp_path / "all.session",
            archive=None,
            rewrap=Rewrap(MASTERS, seal.keys(PASSPHRASE)),
            note={"seal": seal.written()},
        )
    with pytest.raises(ArchiveError, match="holds several sessions"):
        opened(tmp_path / "all.session")


async def test_a_file_comes_into_another_ledger_and_is_sealed_with_its_key(
    store: PostgresStore, file: Path, postgres_server: EmbeddedPostgres
) -> None:
    name = f"other_{uuid4().hex}"
    connection = await asyncpg.connect(postgres_server.dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    async with AsyncExitStack() as stack:
        there = await PostgresStore.connect(postgres_server.dsn_of(name), masters=OTHER)
        stack.push_async_callback(there.close)
        owner = await stack.enter_async_context(one_connection(postgres_server.dsn_of(name), application_name="test"))
        theirs = FileSeal.read(head_of(file)["seal"]).keys(PASSPHRASE)
        moved = await import_file(owner, file, own=OTHER, theirs=theirs)
        assert (moved.events, moved.new, moved.recordings) == (len(told()), len(told()), 10)
        assert (await import_file(owner, file, own=OTHER, theirs=theirs)).new == 0
        ours, came = await run_of_stream(store, STREAM), await run_of_stream(there, STREAM)
        assert came.events == ours.events
        assert b"".join(chunk.data for chunk in came.audio) == b"".join(chunk.data for chunk in ours.audio)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()
