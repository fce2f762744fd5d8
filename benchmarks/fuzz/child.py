"""The process that decodes: tells its parent each case before it begins, and what an audit hook saw at the end."""

import faulthandler
import json
import os
import sys
import tempfile
import time
from collections import Counter
from typing import Any, Final

import psutil

import actors.audio.mp4
import actors.audio.ogg
import actors.audio.pcm
import actors.audio.wav
import actors.audio.webm  # noqa: F401
from actors.audio.ffmpeg import ffmpeg_path
from benchmarks.fuzz.mutations import QUICK, SLOW, case, fault, originals

OUTSIDE: Final = "an error outside the stream"
_WARM_UP: Final = 300
"""Cases after which memory is measured: by then everything is imported and every codec was opened."""
_WATCHED: Final = (
    "open",
    "os.",
    "socket.",
    "subprocess.",
    "shutil.",
    "tempfile.",
    "ctypes.dlopen",
    "urllib.",
    "ftplib.",
)
_HARMLESS: Final = frozenset({"os.putenv", "os.unsetenv"})


class Watch:
    """An audit hook (PEP 578) that counts the files, sockets and processes that are opened."""

    def __init__(self) -> None:
        self.on = False
        self.allowed: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    def __enter__(self) -> None:
        self.on = True

    def __exit__(self, *_: object) -> None:
        self.on = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take note of one event."""
        if not self.on or not event.startswith(_WATCHED) or event in _HARMLESS:
            return
        told = _allowed(event, arguments)
        if told:
            self.allowed[told] += 1
        else:
            self.seen[f"{event} {arguments[:1]!r}"[:120]] += 1


def _allowed(event: str, arguments: tuple[Any, ...]) -> str | None:
    """Name what an ffmpeg process of our own, or an MP4 that is put aside, may need; None for anything else."""
    if event in {"subprocess.Popen", "os.posix_spawn", "os.exec"} and arguments[0] in (
        ffmpeg_path(),
        os.fsencode(ffmpeg_path()),
    ):
        return "ffmpeg"
    if event == "open" and arguments[0] == os.devnull:
        return "the null device"
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_TMPFILE == os.O_TMPFILE:
        return "an unnamed temporary file"
    if event == "open" and arguments[:2] == (tempfile.gettempdir(), "w+"):
        # what Python says of the same file first: a folder can't be opened so, only a file without a name in it
        return "an unnamed temporary file"
    if event == "open" and isinstance(arguments[0], int):
        return "a pipe already open"
    return None


def main(seed: str, first: int, last: int, slow: float) -> None:
    """Decode cases `first` to `last`, each begun with a line of its number; end with one JSON object."""
    faulthandler.enable()
    watch = Watch()
    sys.addaudithook(watch)
    originals()
    for number in range(-_WARM_UP, 0):
        fault(case(seed, number, slow=slow))
    process = psutil.Process()
    before, descriptors = process.memory_info().rss, process.num_fds()
    most = slowest = slowest_cpu = 0.0
    outcomes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    slowest_case = first
    for number in range(first, last):
        damaged = case(seed, number, slow=slow)
        print(number, flush=True)
        began, cpu = time.perf_counter(), time.process_time()
        with watch:
            error = fault(damaged)
        took = time.perf_counter() - began
        slowest_cpu = max(slowest_cpu, time.process_time() - cpu)
        if took > slowest:
            slowest, slowest_case = took, number
        most = max(most, process.memory_info().rss - before)
        outcomes[error.code if error else "decoded"] += 1
        kinds[damaged.kind] += 1
        if error is not None and not 0 <= error.byte_offset <= len(damaged.raw):
            outcomes[OUTSIDE] += 1
    print(
        json.dumps(
            {
                "outcomes": outcomes,
                "kinds": kinds,
                "slowest_s": slowest,
                "slowest_cpu_s": slowest_cpu,
                "slowest_case": slowest_case,
                "growth_mb": (process.memory_info().rss - before) / 2**20,
                "most_mb": most / 2**20,
                "descriptors_left": process.num_fds() - descriptors,
                "opened": watch.seen,
                "allowed": watch.allowed,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    assert set(originals()) == {*QUICK, *SLOW}
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
