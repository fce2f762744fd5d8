"""A server's processes: started, weighed and stopped."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import psutil

_START_S = 60.0
_STOP_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What a tree of processes holds."""

    rss_mb: float
    pss_mb: float
    """Pages shared with other processes counted by their share."""
    files: int
    threads: int
    processes: int


class Tree:
    """A server and its children.

    Args:
        command: that starts it.
        port: on which it listens, of loopback.
        environment: beside the present one.
        log: where its output goes.
        cpus: that it may use; None for all.
    """

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        environment: Mapping[str, str],
        log: Path,
        cpus: set[int] | None = None,
    ) -> None:
        self.port = port
        self._command = list(command)
        self._environment = {**os.environ, **environment}
        self._log = log
        self._cpus = cpus
        self._process: subprocess.Popen[bytes] | None = None
        self._written: IO[bytes] | None = None
        self.start_cpu_s = self.start_s = 0.0
        """CPU and time from the start to the first good answer."""

    def __enter__(self) -> Self:
        began = time.monotonic()
        self._written = self._log.open("wb")
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdout=self._written, stderr=subprocess.STDOUT
        )
        # Right away, so that every thread that it starts is bound as well.
        if self._cpus is not None:
            psutil.Process(self._process.pid).cpu_affinity(sorted(self._cpus))
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() - began > _START_S:
                self.__exit__()
                raise RuntimeError(f"the server did not start: {self._log.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(0.02)
        self.start_s = time.monotonic() - began
        self.start_cpu_s = self.cpu_s()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            children = self.processes()
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                for each in children:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()
                self._process.wait()
        if self._written is not None:
            self._written.close()

    @property
    def pid(self) -> int:
        """Of the server itself."""
        assert self._process is not None
        return self._process.pid

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def processes(self) -> list[psutil.Process]:
        """Return the server and its children that live now."""
        assert self._process is not None
        try:
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def cpu_s(self) -> float:
        """Return the CPU seconds of all of them so far, those of children that have ended included."""
        total = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def weight(self, *, alone: bool = False) -> Weight:
        """Return what all of them hold now, or the server `alone` without its children."""
        rss = pss = 0
        files = threads = count = 0
        for process in self.processes()[: 1 if alone else None]:
            with contextlib.suppress(psutil.NoSuchProcess), process.oneshot():
                memory = process.memory_full_info()
                rss, pss = rss + memory.rss, pss + memory.pss
                files, threads, count = files + process.num_fds(), threads + process.num_threads(), count + 1
        return Weight(rss_mb=rss / 2**20, pss_mb=pss / 2**20, files=files, threads=threads, processes=count)


def free_port() -> int:
    """Return a port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of one process so far; 0 for one that is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
