"""After an erasure: nothing of the person in any file of the database, any dump, read model or export."""

import base64
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from events.catalogue import SubjectErased, TranscriptionReceived, Word
from events.cold import freeze
from events.driver import one_connection
from events.embedded import EmbeddedPostgres
from events.portable import export_file
from events.postgres import PostgresStore
from events.programs import find_binaries, find_runner
from events.residue import Residue, clear_residue
from events.snapshots import Snapshot, Snapshots
from events.store import Append, RecordingChunk
from events.transfer import Rewrap
from events.verify import verify
from projections.projector import Projector
from tests.events_at_hand import new_event
from tests.integration.test_cold import EVERYTHING, LATER
from tests.postgres import MASTERS, an_embedded_server, divide

CANARY = "canário-verde-9041"
AUDIO = b"canario-em-audio-5518" * 30
SESSION = "session-01890000-0000-7000-8000-0000000000aa"
ALL = ("keys", "recordings", "snapshots")


class Words:
    """A state that is what was said, as a snapshot keeps it."""

    fingerprint = b"words"

    def encode(self, state: str) -> bytes:
        return state.encode()

    def decode(self, data: bytes) -> str:
        return data.decode()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="balto-residue-") as name:
        Path(name).chmod(0o755)  # the server's user must get in where tests run as root
        yield Path(name)


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server of the test's own, whose files it may look into."""
    async with an_embedded_server(folder / "data", {"autovacuum": "off"}) as server:
        yield server


async def tell(store: PostgresStore, stream: str, text: str) -> None:
    said = TranscriptionReceived(
        phrase=1,
        provider="local",
        model="base",
        text=text,
        words=(Word(text=text),),
        confidence=0.9,
        latency_ms=300.0,
        cost_usd=0.25,
    )
    chunk = RecordingChunk(byte_start=0, data=AUDIO + text.encode())
    await store.append(Append(stream=stream, tenant="t", events=[new_event(), new_event(said)], recordings=[chunk]))
    snapshots = Snapshots(store._readers, store, MASTERS, Words())
    await snapshots.save(stream, Snapshot(stream_position=2, position=2, state=text))


def spellings(text: str) -> list[bytes]:
    """Return how a text could lie in a file: itself, as hexadecimal digits, as base64 wherever it begins, in UTF-16."""
    raw = text.encode()
    shifted = [base64.b64encode(b"x" * n + raw)[4 if n else 0 : -4] for n in range(3)]
    return [raw, raw.hex().encode(), *shifted, text.encode("utf-16-le")]


def files_with(folder: Path, needles: list[bytes], *, but: str = "\0") -> list[str]:
    """Return the files below a folder that hold any of these bytes."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and but not in str(path) and any(needle in path.read_bytes() for needle in needles)
    ]


def pg_dump(server: EmbeddedPostgres, form: str) -> bytes:
    """Return a dump of the server's database, by the installed programs, which dump older versions as well."""
    runner = find_runner()
    command = [str(find_binaries(runner) / "pg_dump"), "--format", form, "--compress", "0", server.dsn]
    done = subprocess.run(command, check=True, capture_output=True, user=runner.uid, group=runner.gid, cwd="/")
    return done.stdout


async def secrets_of(server: EmbeddedPostgres) -> dict[str, bytes]:
    """Return bytes of each table that only the erased stream has."""
    connection = await asyncpg.connect(server.dsn)
    try:
        of_stream = f"WHERE stream_id = (SELECT id FROM streams WHERE name = '{SESSION}')"
        columns = {"keys": "wrapped", "recordings": "sealed", "snapshots": "state"}
        return {
            table: await connection.fetchval(f"SELECT {column} FROM {table} {of_stream}")
            for table, column in columns.items()
        }
    finally:
        await connection.close()


async def checkpoint(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("CHECKPOINT")
    await connection.close()


async def test_after_an_erasure_no_file_dump_read_model_or_export_holds_what_was_said(
    server: EmbeddedPostgres, folder: Path
) -> None:
    store = await PostgresStore.connect(server.dsn, masters=MASTERS)
    projector = await Projector.connect(server.dsn)
    for n in range(6):
        await tell(store, f"session-01890000-0000-7000-8000-00000000000{n}", f"fica {n}")
    # The last row of its page: where vacuuming alone would leave its bytes in the gap.
    await tell(store, SESSION, CANARY)
    await projector.catch_up()
    key = (await secrets_of(server))["keys"]
    await checkpoint(server)
    assert files_with(folder / "data", [key], but="pg_wal"), "the key should be found before"
    before = await verify(server.dsn)

    await store.erase(SESSION, new_event(SubjectErased(reason="asked for")))
    assert await clear_residue(server.dsn) == Residue(cleared=ALL, left=(), reason=None, todo=None)
    await projector.catch_up()
    await checkpoint(server)

    needles = spellings(CANARY)
    assert files_with(folder / "data", needles) == []
    assert files_with(folder / "data", [key], but="pg_wal") == []
    for form in ("plain", "custom"):
        dump = pg_dump(server, form)
        assert SESSION.encode() in dump
        assert [n for n in [*needles, key, key.hex().encode()] if n in dump] == []
    for rebuilt in (False, True):
        if rebuilt:
            for row in await projector.status():
                await projector.rebuild(row.name)
        views = await projector.pool.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'projections'")
        shown = [str(await projector.pool.fetch(f"SELECT * FROM projections.{row['viewname']}")) for row in views]
        assert len(shown) >= 6
        assert CANARY not in "".join(shown)
    after = await verify(server.dsn)
    assert (after.whole, after.events, after.streams) == (True, before.events + 1, before.streams)
    # The numbers still count.
    interactions = await projector.pool.fetchval("SELECT count(*) FROM projections.interactions")
    cost = await projector.pool.fetchval("SELECT sum(cost_usd) FROM projections.phrase_timeline")
    assert (interactions, float(cost)) == (7, 7 * 0.25)
    await projector.close()
    await store.close()


@pytest.mark.parametrize("name", ["all.ndjson", "all.parquet", "redacted.ndjson"])
async def test_exports_made_afterwards_hold_neither_the_words_nor_the_key(
    store: PostgresStore, postgres_url: str, folder: Path, name: str
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="Parquet needs the extra `export`")
    await tell(store, SESSION, CANARY)
    await tell(store, "session-b", "fica")
    await store.erase(SESSION, new_event(SubjectErased(reason="asked for")))
    async with one_connection(postgres_url, application_name="test") as connection:
        moved = await export_file(
            connection,
            folder / name,
            archive=None,
            rewrap=Rewrap(MASTERS, None),
            redacted=name.startswith("redacted"),
            recordings=name == "all.ndjson",
        )
    assert (moved.events, moved.keys) == (5, 0 if name.startswith("redacted") else 1)
    assert files_with(folder, spellings(CANARY)) == []
    assert files_with(folder, [b"fica"]) == []


async def test_the_archive_written_before_an_erasure_cannot_be_read_after_it(postgres_url: str, folder: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs the extra `export`")
    await divide(postgres_url, 4)
    store = await PostgresStore.connect(postgres_url, masters=MASTERS, archive=folder)
    await tell(store, SESSION, CANARY)
    for n in range(3):
        await tell(store, f"session-{n}", "fica")
    await freeze(postgres_url, folder, older_than=LATER, upto=EVERYTHING)
    await store.erase(SESSION, new_event(SubjectErased(reason="asked for")))
    assert files_with(folder, spellings(CANARY)) == []
    assert CANARY not in str([event async for event in store.read_all()])
    assert "fica" in str([event async for event in store.read_all()])
    assert (await verify(postgres_url, archive=folder)).whole
    await store.close()


async def test_vacuuming_alone_would_leave_the_key_in_a_gap_of_its_page(server: EmbeddedPostgres, folder: Path) -> None:
    """Why its table is written anew."""
    store = await PostgresStore.connect(server.dsn, masters=MASTERS)
    for n in range(6):
        await tell(store, f"session-{n}", "fica")
    await tell(store, SESSION, CANARY)
    key = (await secrets_of(server))["keys"]
    await store.erase(SESSION, new_event(SubjectErased(reason="asked for")))
    await store.close()
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("VACUUM keys")
    await connection.close()
    await checkpoint(server)
    assert files_with(folder / "data", [key], but="pg_wal") != []


async def test_a_transaction_that_still_sees_the_key_is_named_as_the_reason(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.residue._PAUSE_S", 0.01)
    await tell(store, SESSION, CANARY)
    onlooker = await asyncpg.connect(postgres_url)
    transaction = onlooker.transaction(isolation="repeatable_read")
    await transaction.start()
    assert await onlooker.fetchval("SELECT count(*) FROM keys") == 1
    await store.erase(SESSION, new_event(SubjectErased(reason="asked for")))
    found = await clear_residue(postgres_url)
    assert (found.cleared, found.left) == ((), ALL)
    assert found.reason == "a transaction that began before still sees them"
    assert found.todo == "VACUUM (FULL) keys; VACUUM recordings; VACUUM snapshots"
    await transaction.rollback()
    assert (await clear_residue(postgres_url)).left == ()
    await onlooker.close()


async def test_appends_that_hold_the_table_are_not_waited_for_long(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.residue._PAUSE_S", 0.01)
    monkeypatch.setattr("events.residue._LOCK_TIMEOUT", "20ms")
    await tell(store, SESSION, CANARY)
    user = await asyncpg.connect(postgres_url)
    async with user.transaction():
        await user.execute("LOCK TABLE keys IN ROW SHARE MODE")
        found = await clear_residue(postgres_url, ("keys",))
    assert (found.left, found.reason) == (("keys",), "their table is in use")
    await user.close()


@pytest.mark.parametrize("role", ["balto_eraser", "balto_app"])
async def test_who_may_not_is_told_what_the_owner_has_to_run(
    store: PostgresStore, postgres_url: str, role: str
) -> None:
    await tell(store, SESSION, CANARY)
    owner = await asyncpg.connect(postgres_url)
    name = f"{role}_{uuid4().hex}"
    await owner.execute(f"CREATE ROLE {name} LOGIN IN ROLE {role}")
    found = await clear_residue(postgres_url.replace("user=balto", f"user={name}"))
    if role == "balto_eraser" and owner.get_server_version().major >= 17:
        assert found.cleared == ALL
    else:
        assert (found.cleared, found.reason) == ((), "this role may not vacuum them")
    await owner.execute(f"DROP ROLE {name}")
    await owner.close()
