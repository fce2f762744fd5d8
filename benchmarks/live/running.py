"""One run: so many sessions in real time against a fresh server, and all that is seen of it."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from balto.accounts import register_client, register_counter
from balto.library import open_library
from balto.settings import Settings
from benchmarks.corpus.scenes import Scene
from benchmarks.live.audio import beginnings, write_webm
from benchmarks.live.ledger import Hops, measured
from benchmarks.live.plan import MESSAGE_MS, Dialect, Kind, Plan, Talk, Told
from benchmarks.live.tree import Tree, Weight, cpu_of, free_port
from benchmarks.providers.weather import Providers
from benchmarks.store.server import Server

SHARDS: Final = 2
_CONNECT_S: Final = 3.0
"""From telling the shards to the first connection: they start, and read their audio."""
_LOOKS: Final = 5
"""At memory, within the window."""
_WEBM_RECORDINGS: Final = 4
_SETTLE_S: Final = 4.0
_AFTERWARDS_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked of a server."""

    sessions: int
    kind: Kind = "pcm"
    seconds: float = 30.0
    """Of the window in which it is measured."""
    seed: int = 1

    @property
    def ramp_s(self) -> float:
        """Within which the sessions begin, one after the other."""
        return max(2.0, self.sessions / 25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a run."""

    load: Load
    audio_s: float
    """Sent by all sessions, from first to last."""
    server_cpu_s: float
    """From before the first message until everything was answered: what waits is not forgotten."""
    others_cpu_s: Mapping[str, float]
    """PostgreSQL's, the generator's and the providers', meanwhile."""
    idle: Weight
    """Right after the start."""
    before: Weight
    """After a few sessions have come and gone."""
    during: Weight
    start_cpu_s: float
    start_s: float
    load_averages: tuple[float, float]
    """Before and after."""
    told: Sequence[Told]
    hops: Hops = field(default_factory=Hops)

    @property
    def cpu_ms_per_audio_s(self) -> float:
        """Of the server's processes, PostgreSQL apart."""
        return 1000 * self.server_cpu_s / self.audio_s if self.audio_s else float("nan")

    @property
    def memory_mb_per_session(self) -> float:
        """Growth of resident memory from after a warm-up, shared out."""
        return (self.during.rss_mb - self.before.rss_mb) / self.load.sessions

    @property
    def behind(self) -> int:
        """Sessions of which more than two seconds of audio waited at some time, or that were refused or cut off."""
        return sum(each.behind_s > BEHIND_S or bool(each.error) for each in self.told)

    @property
    def late(self) -> float:
        """Share of the messages that the generator sent too late."""
        return sum(each.late for each in self.told) / max(1, sum(each.messages for each in self.told))


BEHIND_S: Final = 2.0
"""Audio that is acknowledged later than this is behind: about a second of it is kept at a time, then made durable."""
TOO_LATE: Final = 0.01
"""Share of late messages above which the generator, not the server, is at its limit."""


@dataclass(kw_only=True)
class Stage:
    """What all runs share.

    Attributes:
        folder: for the audio.
        scene: what is said.
        server: of PostgreSQL.
        dsn: of the ledger in it.
        keys: of counters, one a session.
        apart: cores of the server, and those of all else; None where they are not kept apart.
    """

    folder: Path
    scene: Scene
    server: Server
    dsn: str
    keys: Sequence[str]
    apart: tuple[set[int], set[int]] | None

    @property
    def ends(self) -> list[int]:
        """Where sentences end, in the scene and its next round."""
        return [*self.scene.ends, *(end + self.scene.samples.size for end in self.scene.ends)]

    def environment(self, providers: Providers | None) -> dict[str, str]:
        """Return the server's settings."""
        given = {
            "BALTO_DATABASE_URL": self.dsn,
            "BALTO_DATA_DIR": str(self.folder / "data"),
            "BALTO_STT_BACKUP": "none",
            "BALTO_MAX_SESSIONS": "2000",
        }
        if providers is not None:
            for name in ("elevenlabs", "assemblyai", "openai"):
                given[f"BALTO_{name.upper()}_API_KEY"] = providers.key(name)
                given[f"BALTO_{name.upper()}_BASE_URL"] = providers.url(name)
        return given


def apart() -> tuple[set[int], set[int]] | None:
    """Return a core for the server and the others for everything else, where there are two at least."""
    cores = sorted(os.sched_getaffinity(0))
    return None if len(cores) < 2 else ({cores[0]}, set(cores[1:]))


async def open_counters(dsn: str, folder: Path, count: int) -> list[str]:
    """Prepare the database and return so many counters' keys."""
    settings = Settings(_env_file=None, database_url=dsn, data_dir=folder / "data")
    async with open_library(settings) as library:
        code = await register_client(library.store, email="live@balto.example", legal_name="Live")
        return [(await register_counter(library.store, code, f"Balcão {n}"))[1] for n in range(count)]


@contextlib.contextmanager
def serving(stage: Stage, extra: Mapping[str, str], words: Sequence[str] = ()) -> Iterator[Tree]:
    """Run `balto serve` on a free port."""
    port = free_port()
    command = [sys.executable, "-m", "balto", "serve", "--port", str(port), *words]
    cpus = stage.apart[0] if stage.apart else None
    with Tree(command, port, extra, stage.folder / "serve.log", cpus) as tree:
        yield tree


def measure(stage: Stage, tree: Tree, load: Load, others: Mapping[str, int], path: str = "/ws") -> Seen:
    """Warm the server up, let the sessions talk, and look at it meanwhile.

    Args:
        stage: what all runs share.
        tree: the server's processes.
        load: what is asked of it.
        others: processes whose CPU is told too, by name.
        path: of the server's socket.
    """
    dialect: Dialect = "balto" if path == "/ws" else "bare"
    load_before = os.getloadavg()[0]
    idle = tree.weight()
    warm_up(stage, tree, load, path)
    before = tree.weight()
    seen, told, window = _stream(stage, tree, load, dialect, path, others, looks=_LOOKS)
    hops = Hops()
    if dialect == "balto":
        talks = {talk.number: talk for talk in _talks(stage, load)}
        hops = asyncio.run(measured(stage.dsn, talks, told, window, stage.ends))
    return Seen(
        load=load,
        idle=idle,
        before=before,
        start_cpu_s=tree.start_cpu_s,
        start_s=tree.start_s,
        load_averages=(load_before, os.getloadavg()[0]),
        told=told,
        hops=hops,
        **seen,
    )


def warm_up(stage: Stage, tree: Tree, load: Load, path: str = "/ws") -> None:
    """Let a few sessions come and go, so that what is only loaded or opened once is."""
    dialect: Dialect = "balto" if path == "/ws" else "bare"
    warm = Load(sessions=3, kind=load.kind, seconds=8.0, seed=load.seed + 1)
    _stream(stage, tree, warm, dialect, path, {}, looks=0)


def _talks(stage: Stage, load: Load) -> list[Talk]:
    starts = beginnings(stage.scene, load.sessions, load.seed)
    return [
        Talk(
            number=number,
            key=stage.keys[number % len(stage.keys)],
            kind=load.kind,
            message_ms=MESSAGE_MS[number % len(MESSAGE_MS)],
            # Not on the beat of the ramp alone: clients' messages are in no step with one another.
            begin_s=_CONNECT_S + load.ramp_s * number / load.sessions + (number * 0.0137) % 0.1,
            seconds=load.ramp_s * (1 - number / load.sessions) + _SETTLE_S + load.seconds + _AFTERWARDS_S,
            audio=start if load.kind == "pcm" else number % _WEBM_RECORDINGS,
        )
        for number, start in enumerate(starts)
    ]


def _stream(
    stage: Stage, tree: Tree, load: Load, dialect: Dialect, path: str, others: Mapping[str, int], *, looks: int
) -> tuple[dict[str, Any], list[Told], tuple[float, float]]:
    talks = _talks(stage, load)
    if load.kind == "webm":
        longest = max(talk.seconds for talk in talks)
        write_webm(stage.scene, stage.folder, beginnings(stage.scene, _WEBM_RECORDINGS, load.seed), longest + 1)
    opens = _CONNECT_S + load.ramp_s + _SETTLE_S
    plans = [
        Plan(
            url=f"ws://127.0.0.1:{tree.port}{path}",
            dialect=dialect,
            folder=str(stage.folder),
            start=time.time(),
            window=(opens, opens + load.seconds),
            talks=talks[number::SHARDS],
        )
        for number in range(min(SHARDS, len(talks)))
    ]
    with contextlib.ExitStack() as stack:
        shards = [stack.enter_context(shard(stage.apart)) for _ in plans]
        with ThreadPoolExecutor(len(shards)) as pool:
            answers = [
                pool.submit(each.communicate, json.dumps(plan.as_json()))
                for each, plan in zip(shards, plans, strict=True)
            ]
            time.sleep(max(0.0, plans[0].start + _CONNECT_S / 2 - time.time()))
            cpu, postgres = tree.cpu_s(), stage.server.cpu_s()
            rest = {name: cpu_of(pid) for name, pid in others.items()}
            time.sleep(max(0.0, plans[0].start + opens - time.time()))
            weights = []
            for _ in range(looks or 1):
                time.sleep(load.seconds / (looks or 1) - 0.01)
                weights.append(tree.weight())
            ended = [json.loads(answer.result()[0]) for answer in answers]
            cpu, postgres = tree.cpu_s() - cpu, stage.server.cpu_s() - postgres
            rest = {name: cpu_of(pid) - rest[name] for name, pid in others.items()}
            rest["generator"] = sum(each["cpu_s"] for each in ended)
            told = [Told(**each) for shard_told in ended for each in shard_told["told"]]
    window = (plans[0].start + plans[0].window[0], plans[0].start + plans[0].window[1])
    seen = {
        "audio_s": sum(each.sent_s for each in told),
        "server_cpu_s": cpu,
        "others_cpu_s": {"PostgreSQL": postgres, **rest},
        "during": sorted(weights, key=lambda weight: weight.rss_mb)[len(weights) // 2],
    }
    return seen, told, window


@contextlib.contextmanager
def shard(cpus: tuple[set[int], set[int]] | None) -> Iterator["subprocess.Popen[str]"]:
    """Run a process of the load generator, which waits for its plan."""
    command = [sys.executable, "-m", "benchmarks.live.shard"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if cpus is not None:
            psutil.Process(process.pid).cpu_affinity(sorted(cpus[1]))
        try:
            yield process
        finally:
            process.kill()
