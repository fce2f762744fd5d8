"""`python -m benchmarks chaos`: sessions write while backends and the server are killed and the disk fills up."""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import asyncpg
from rich.progress import Progress

from benchmarks.report import Check, Machine, Report
from benchmarks.store.chaos_writer import APPLICATION
from benchmarks.store.judgement import Judgement, judge
from benchmarks.store.mortal import Disk, MortalServer
from events.migrations import migrate

_WAIT_S: Final = 60.0
_BACKEND: Final = """
SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND backend_type = 'client backend'
 ORDER BY state = 'active' DESC, random() LIMIT 1
"""
_AWAY: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is done to the server."""

    processes: int
    sessions: int
    """Of each process."""
    terminated: int
    """Backends that are told to end."""
    killed: int
    """Backends that are killed, each of which makes the whole server recover."""
    server_kills: int
    disk_full: bool
    between: int
    """Events that must have been written since the last blow before the next one falls."""


FULL: Final = Plan(processes=4, sessions=40, terminated=45, killed=10, server_kills=5, disk_full=True, between=1_500)
QUICK: Final = Plan(processes=2, sessions=8, terminated=6, killed=2, server_kills=1, disk_full=False, between=100)


class ChaosError(Exception):
    """The experiment itself failed, whatever the store did."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this benchmark's options: none of its own."""
    del parser


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Make the writers write, strike, and judge what is left."""
    machine = Machine.here()
    plan = QUICK if options.quick else FULL
    return asyncio.run(_run(plan, progress, machine))


async def _run(plan: Plan, progress: Progress, machine: Machine) -> Report:
    with tempfile.TemporaryDirectory(prefix="balto-chaos-") as name:
        folder = Path(name)
        disk = _disk_in(folder)
        server = MortalServer(disk.folder)
        try:
            dsn = await server.start()
            try:
                strikes = Strikes(server, disk, dsn)
                total = plan.terminated + plan.killed + plan.server_kills + plan.disk_full
                task = progress.add_task("striking", total=total)
                began = time.monotonic()
                notes = await _experiment(plan, strikes, folder, lambda: progress.advance(task))
                judgement = await judge(dsn, notes)
                took = time.monotonic() - began
            finally:
                await server.stop()
        finally:
            disk.close()
    return _report(plan, strikes, judgement, disk.why_not, took, machine)


async def _experiment(plan: Plan, strikes: "Strikes", folder: Path, advance: Callable[[], None]) -> list[Path]:
    await strikes.prepare()
    notes = [folder / f"notes-{n}" for n in range(plan.processes)]
    writers = _start_writers(strikes.dsn, plan.sessions, notes)
    try:
        for strike in strikes.order(plan):
            await strikes.wait_for_progress(plan.between)
            for writer in writers:
                if writer.poll() is not None:
                    raise ChaosError(f"a writer ended with status {writer.returncode}")
            await strike()
            advance()
        await strikes.wait_for_progress(plan.between)
        for writer in writers:
            if writer.stdin is not None:
                writer.stdin.close()
        for writer in writers:
            if await asyncio.to_thread(writer.wait, _WAIT_S) != 0:
                raise ChaosError(f"a writer ended with status {writer.returncode}")
    finally:
        for writer in writers:
            if writer.poll() is None:
                writer.kill()
                writer.wait()
    return notes


def _disk_in(folder: Path) -> Disk:
    folder.chmod(0o755)  # the server's user must get in where this runs as root
    (folder / "disk").mkdir()
    return Disk(folder / "disk")


def _start_writers(dsn: str, sessions: int, notes: list[Path]) -> list[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "benchmarks.store.chaos_writer", dsn]
    return [
        subprocess.Popen([*command, str(n), str(sessions), str(path)], stdin=subprocess.PIPE)
        for n, path in enumerate(notes)
    ]


class Strikes:
    """What is done to a server, counted."""

    def __init__(self, server: MortalServer, disk: Disk, dsn: str) -> None:
        self.dsn = dsn
        self.terminated = self.killed = self.server_kills = self.disk_full = 0
        self._server = server
        self._disk = disk
        self._head = 0

    async def prepare(self) -> None:
        """Make the schema."""
        connection = await asyncpg.connect(self.dsn)
        try:
            await migrate(connection)
        finally:
            await connection.close()

    def order(self, plan: Plan) -> list[Callable[[], Awaitable[None]]]:
        """Spread the rarer blows evenly among the more common ones, the full disk in the middle."""
        blows: list[tuple[float, Callable[[], Awaitable[None]]]] = []
        counts = ((plan.terminated, self.terminate), (plan.killed, self.kill), (plan.server_kills, self.kill_server))
        for count, blow in counts:
            blows += [((n + 0.5) / count, blow) for n in range(count)]
        if plan.disk_full and self._disk.why_not is None:
            blows.append((0.5, self.fill_disk))
        return [blow for _, blow in sorted(blows, key=lambda one: one[0])]

    async def terminate(self) -> None:
        """End a writer's backend."""
        await self._until(self._terminate)
        self.terminated += 1

    async def kill(self) -> None:
        """Kill a writer's backend; the server recovers as from a crash."""
        await self._until(self._kill)
        self.killed += 1

    async def kill_server(self) -> None:
        """Kill the server and start it again."""
        await asyncio.to_thread(self._server.kill)
        await asyncio.to_thread(self._server.relaunch)
        self.server_kills += 1

    async def fill_disk(self) -> None:
        """Let there be no room until nothing can be written any more, then give it back."""
        await asyncio.to_thread(self._disk.fill)
        try:
            await self._until(self._stands_still)
        finally:
            self._disk.relieve()
        if not self._server.alive():
            await asyncio.to_thread(self._server.relaunch)
        self.disk_full += 1

    async def wait_for_progress(self, events: int) -> None:
        """Wait until so many events more are written than at the last call."""
        wanted = self._head + events

        async def written(connection: asyncpg.Connection) -> bool:
            self._head = max(self._head, await connection.fetchval("SELECT position FROM head"))
            return self._head >= wanted

        await self._until(written)

    async def _terminate(self, connection: asyncpg.Connection) -> bool:
        pid = await connection.fetchval(_BACKEND, APPLICATION)
        return pid is not None and bool(await connection.fetchval("SELECT pg_terminate_backend($1)", pid))

    async def _kill(self, connection: asyncpg.Connection) -> bool:
        pid = await connection.fetchval(_BACKEND, APPLICATION)
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
        return False

    async def _stands_still(self, connection: asyncpg.Connection) -> bool:
        before = await connection.fetchval("SELECT position FROM head")
        await asyncio.sleep(1.0)
        return bool(await connection.fetchval("SELECT position FROM head") == before)

    async def _until(self, done: Callable[[asyncpg.Connection], Awaitable[bool]]) -> None:
        """Try on fresh connections until it is done: the server may be away at any time."""
        async with asyncio.timeout(_WAIT_S):
            while True:
                with suppress(*_AWAY):
                    connection = await asyncpg.connect(self.dsn, timeout=5)
                    try:
                        while not await done(connection):  # noqa: ASYNC110 - the server sets no event of ours
                            await asyncio.sleep(0.02)
                        return
                    finally:
                        connection.terminate()
                await asyncio.sleep(0.05)


def _report(
    plan: Plan, strikes: Strikes, judgement: Judgement, why_not: str | None, took: float, machine: Machine
) -> Report:
    def none(name: str, value: int) -> Check:
        return Check(name=name, value=value, unit="events", goal=0, better="less")

    checks = [
        none("acknowledged events lost", judgement.lost),
        none("events doubled", judgement.doubled),
        none("gaps", judgement.gaps),
        none("events out of their session's order", judgement.disordered),
        none("events that nobody was told of", judgement.unasked),
        Check(name="appends refused", value=judgement.refused, unit="appends", goal=0, better="less"),
        none("sealed events that do not open as written", judgement.unreadable),
        Check(
            name="acknowledged audio lost or changed",
            value=judgement.recordings_lost,
            unit="chunks",
            goal=0,
            better="less",
        ),
        Check(name="sealed events", value=judgement.sealed, unit="events", goal=1, better="more"),
        Check(name="chunks of audio", value=judgement.recordings, unit="chunks", goal=1, better="more"),
        Check(name="flaws by the ledger's verification", value=judgement.flaws, unit="kinds", goal=0, better="less"),
        _blows("backends killed", strikes.terminated + strikes.killed, plan.terminated + plan.killed),
        _blows("server killed", strikes.server_kills, plan.server_kills),
    ]
    if plan.disk_full:
        full = strikes.disk_full if why_not is None else None
        checks.append(Check(name="disk full", value=full, unit="times", goal=1, better="more"))
    compared = {
        "not_measured": {} if why_not is None or not plan.disk_full else {"disk full": why_not},
        "plan": {one.name: getattr(plan, one.name) for one in fields(plan)},
        "events": judgement.events,
        "acknowledged": judgement.acknowledged,
        "seconds": round(took, 1),
    }
    return Report(bench="chaos", checks=checks, machine=machine, compared=compared)


def _blows(name: str, value: int, goal: int) -> Check:
    return Check(name=name, value=value, unit="times", goal=goal, better="more")
