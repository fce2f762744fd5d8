"""Sessions that come and go for a long time: whether memory, files, tasks and threads stay where they were."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from statistics import median
from typing import Any, Final

import numpy as np
from rich.progress import Progress

from actors.stt.cloud import KEEPALIVE_S
from benchmarks.live.audio import beginnings
from benchmarks.live.plan import MESSAGE_MS, Plan, Talk
from benchmarks.live.running import SHARDS, Load, Stage, serving, shard, warm_up
from benchmarks.live.tree import Tree
from benchmarks.providers.weather import Providers
from benchmarks.report import Check, rounded

_LOOK_S: Final = 10.0
_WARM_UP: Final = 1 / 3
"""Share of the time after which memory is to be flat."""
_LET_GO_S: Final = KEEPALIVE_S + 10.0
"""After the last session, for connections that are kept in case that another comes."""
_SHORTEST_S, _LONGEST_S = 20.0, 120.0
"""Of a session."""


def soak(
    stage: Stage, places: Providers, sessions: int, minutes: float, progress: Progress
) -> tuple[list[Check], dict[str, Any]]:
    """Keep so many sessions talking, each for a while, and look at the server every ten seconds."""
    seconds = min(minutes, 120.0) * 60
    task = progress.add_task(f"{sessions} sessions coming and going", total=round(seconds))
    load = os.getloadavg()[0]
    talks = _coming_and_going(stage, sessions, seconds)
    with serving(stage, stage.environment(places)) as tree, ExitStack() as stack:
        warm_up(stage, tree, Load(sessions=sessions))
        at_rest = _look(tree, 0.0)
        plans = [
            Plan(
                url=f"ws://127.0.0.1:{tree.port}/ws",
                dialect="balto",
                folder=str(stage.folder),
                start=time.time(),
                window=(10.0, seconds),
                talks=talks[number::SHARDS],
                note_sends=False,
            )
            for number in range(SHARDS)
        ]
        shards = [stack.enter_context(shard(stage.apart)) for _ in plans]
        for each, plan in zip(shards, plans, strict=True):
            _hand_over(each, plan)
        looks, began = [], time.monotonic()
        while (elapsed := time.monotonic() - began) < seconds:
            time.sleep(min(_LOOK_S, seconds - elapsed))
            looks.append(_look(tree, time.monotonic() - began))
            progress.update(task, completed=round(time.monotonic() - began))
        told = [told for each in shards for told in json.loads(each.communicate()[0])["told"]]
        afterwards = _once_let_go(tree, at_rest, began, progress)
    settled = [look for look in looks if look["at_s"] >= seconds * _WARM_UP]
    growth = _growth(settled)
    cut_off = sum(bool(each["error"]) for each in told)
    errors = sorted({each["error"] for each in told if each["error"]})
    checks = [
        Check(name="memory after warm-up, growth an hour", value=growth, unit="MB", goal=20, better="less"),
        _left("open files left when all are gone", afterwards, at_rest, "files", 8),
        _left("threads left when all are gone", afterwards, at_rest, "threads", 12),
        _left("tasks left when all are gone", afterwards, at_rest, "tasks", 4),
        Check(name="sessions cut off or refused", value=cut_off, unit="", goal=0, better="less"),
    ]
    shown = {
        "minutes": rounded(seconds / 60),
        "sessions_at_a_time": sessions,
        "sessions_in_all": len(told),
        "load": [rounded(load), rounded(os.getloadavg()[0])],
        "at rest": at_rest,
        "afterwards": afterwards,
        "median after warm-up": {name: median(look[name] for look in settled) for name in at_rest} if settled else {},
        "errors": errors[:5],
        "looks": looks[:: max(1, len(looks) // 30)],
    }
    return checks, shown


def _once_let_go(tree: Tree, at_rest: dict[str, float], began: float, progress: Progress) -> dict[str, float]:
    """Look once what is kept for the next session is let go of, such as connections to providers."""
    task = progress.add_task("waiting for what is kept for the next session", total=round(_LET_GO_S))
    until = time.monotonic() + _LET_GO_S
    while True:
        time.sleep(5.0)
        look, left_s = _look(tree, time.monotonic() - began), until - time.monotonic()
        progress.update(task, completed=round(_LET_GO_S - max(0.0, left_s)))
        if left_s <= 0 or look["files"] <= at_rest["files"]:
            progress.update(task, completed=round(_LET_GO_S))
            return look


def _coming_and_going(stage: Stage, sessions: int, seconds: float) -> list[Talk]:
    """Lay out seats that are taken by one session after the other until the end."""
    rng = np.random.default_rng(7)
    talks: list[Talk] = []
    for seat in range(sessions):
        at = 3.0 + seat * 0.1
        while at < seconds - _SHORTEST_S / 4:
            length = min(float(rng.uniform(_SHORTEST_S, _LONGEST_S)), seconds - at)
            talks.append(
                Talk(
                    number=len(talks),
                    key=stage.keys[seat % len(stage.keys)],
                    kind="pcm",
                    message_ms=MESSAGE_MS[seat % len(MESSAGE_MS)],
                    begin_s=at,
                    seconds=length,
                    audio=beginnings(stage.scene, 1, len(talks))[0],
                )
            )
            at += length + 1.0
    return talks


def _hand_over(process: "subprocess.Popen[str]", plan: Plan) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(plan.as_json()))
    process.stdin.close()
    process.stdin = None


def _look(tree: Tree, at_s: float) -> dict[str, float]:
    weight = tree.weight()
    return {
        "at_s": round(at_s, 1),
        "rss_mb": round(weight.rss_mb, 1),
        "files": weight.files,
        "threads": weight.threads,
        "tasks": _metric(tree, "balto_tasks"),
    }


def _metric(tree: Tree, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{tree.port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def _growth(looks: list[dict[str, float]]) -> float | None:
    """Return the slope of resident memory in MB an hour, the median of all slopes (Theil and Sen)."""
    pairs = [(a, b) for n, a in enumerate(looks) for b in looks[n + 1 :]]
    slopes = [(b["rss_mb"] - a["rss_mb"]) / (b["at_s"] - a["at_s"]) * 3600 for a, b in pairs if b["at_s"] > a["at_s"]]
    return median(slopes) if slopes else None


def _left(name: str, after: dict[str, float], before: dict[str, float], what: str, goal: float) -> Check:
    return Check(name=name, value=after[what] - before[what], unit="more", goal=goal, better="less")


if __name__ == "__main__":
    sys.exit("run it with: python -m benchmarks live --soak MINUTES")
