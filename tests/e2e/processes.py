"""A server as operators run it: processes of its own on a real port, whose log and signals a test has."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil

ROOT = Path(__file__).parents[2]
_START_S = 60.0


class ServerProcess:
    """A running `balto serve`."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, log: Path) -> None:
        self.process = process
        self.log = log
        self.url = self.wait_for(r"Balto listens on (\S+)", out)[0]

    def wait_for(self, pattern: str, file: Path | None = None, times: int = 1, within_s: float = _START_S) -> list[str]:
        """Wait until a pattern stands in the log so many times; return what its group matched each time."""
        until = time.monotonic() + within_s
        while len(found := re.findall(pattern, (file or self.log).read_text())) < times:
            assert self.process.poll() is None or file is None, self.log.read_text()
            assert time.monotonic() < until, f"{pattern} is not in {self.log.read_text()}"
            time.sleep(0.02)
        return found

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def pid_of(self, name: str) -> int:
        return int(self.wait_for(rf"{name} is process (\d+)")[-1])

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data=data, headers={"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except OSError as error:
            return getattr(error, "code", 0), ""

    def figure(self, name: str) -> dict[str, float]:
        """Return a figure of `/metrics` by its labels."""
        _, text = self.ask("/metrics")
        return {labels: float(value) for labels, value in re.findall(rf"^{name}\{{(.*)\}} (\S+)$", text, re.MULTILINE)}

    def stop(self) -> int:
        """Have it stop in order, and return its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextlib.contextmanager
def a_server(home: Path, *arguments: str, **settings: str) -> Iterator[ServerProcess]:
    """Run `balto serve` on a free port in a folder of its own; nothing of it outlives the block."""
    home.mkdir(exist_ok=True)
    names = {name: value for name, value in os.environ.items() if not name.startswith("BALTO_")}
    ours = {"BALTO_DATA_DIR": str(home), "BALTO_PORT": "0", "BALTO_LOG_FORMAT": "json", "PYTHONPATH": str(ROOT)}
    out, log = home / "out", home / "log"
    with out.open("wb") as to_out, log.open("wb") as to_log:
        process = subprocess.Popen(
            [sys.executable, "-m", "balto", "serve", *arguments],
            cwd=home,
            env={**names, **ours, **settings},
            stdin=subprocess.DEVNULL,
            stdout=to_out,
            stderr=to_log,
        )
    family: list[psutil.Process] = []
    try:
        server = ServerProcess(process, out, log)
        family = psutil.Process(process.pid).children(recursive=True)
        yield server
        family += psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        if process.poll() is None:
            server.stop()
    finally:
        process.kill()
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()


@contextlib.contextmanager
def instant_ears() -> Iterator[dict[str, str]]:
    """Run the providers' simulators in a process of their own and yield the settings of a server on them."""
    command = [sys.executable, "-m", "tests.simulators", "--instant"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        eleven = json.loads(process.stdout.readline())["elevenlabs"]
        yield {
            "BALTO_STT": "elevenlabs",
            "BALTO_STT_BACKUP": "none",
            "BALTO_STT_BUDGET_S": "120",
            "BALTO_ELEVENLABS_BASE_URL": eleven["url"],
            "BALTO_ELEVENLABS_API_KEY": eleven["key"],
        }
    finally:
        process.kill()
        process.communicate()
