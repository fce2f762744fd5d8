"""Builds the image's root by its own steps, starts it as the compose file says, and runs the protocol suite on it.

    python -m tests.image FOLDER --python PREFIX

Needs root, debootstrap, util-linux, and a network for the build. What it cannot prove without an engine is named in
docs/deployment.md.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import psutil
import typer
from rich.console import Console

from tests.image.building import BuildError, Image, build, make_base
from tests.image.dockerfile import read_stages
from tests.image.running import Compose, Container, Database, StartError, free_port, wait_until_healthy

TREE: Final = Path(__file__).parents[2]
_STATUS: Final = ("Uid", "CapEff", "CapBnd", "NoNewPrivs")
_ATTEMPTS: Final = {
    "write into the root": "touch /app/x",
    "write into its code": "echo > /app/balto/app.py",
    "become root": "chroot / true",
    "find pip": "python -m pip --version",
    "find a compiler": "cc --version || gcc --version",
}
"""What a container must not be able to do, as a shell would try it."""

out = Console(highlight=False, soft_wrap=True)


def main(
    folder: Annotated[Path, typer.Argument(help="Where roots are made; a few GB.")],
    python: Annotated[Path, typer.Option(help="Prefix of the CPython 3.12 that stands for the base image's.")],
    suite: Annotated[str, typer.Option(help="Debian's, of the base image.")] = "trixie",
    keep: Annotated[bool, typer.Option(help="Take the root that was built before.")] = False,
    results: Annotated[Path | None, typer.Option(help="Where the protocol suite writes what it saw.")] = None,
    setting: Annotated[list[str] | None, typer.Option(help="A line of `.env`, beside the fresh secrets.")] = None,
) -> None:
    """Build the image's root by the Dockerfile's steps, start it beside a PostgreSQL, and run the protocol suite."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        image = _built(folder.resolve(), suite, python, keep=keep)
        compose = Compose.read(TREE, *(setting or ()))
        failed = _proven(image, compose, folder.resolve(), results)
    except (BuildError, StartError) as error:
        out.print(f"[red]{error}[/red]", markup=True)
        raise typer.Exit(1) from None
    raise typer.Exit(1 if failed else 0)


def _built(folder: Path, suite: str, python: Path, *, keep: bool) -> Image:
    began = time.monotonic()
    base = folder / "base"
    make_base(base, suite, python)
    stages = read_stages(TREE / "Dockerfile")
    image = build(stages, base, TREE, folder, lambda step: out.print(f"  {step}", markup=False), keep=keep)
    weighs = {path.name: _megabytes(path) for path in (base, image.root)}
    out.print(
        f"built in {time.monotonic() - began:.0f} s: root {weighs[image.root.name]} MB, of it base {weighs['base']} MB"
    )
    return image


def _megabytes(path: Path) -> int:
    told = subprocess.run(["du", "--summarize", "--block-size=1M", path], capture_output=True, text=True, check=True)
    return int(told.stdout.split()[0])


def _proven(image: Image, compose: Compose, folder: Path, results: Path | None) -> bool:
    database = Database(compose, TREE, folder / "postgres")
    database.start()
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    try:
        owner = Container(image, compose, "owner", database, data).start()
        told = owner.communicate(timeout=120)[0].strip()
        out.print(f"owner: {' '.join(compose.command('owner'))} → {owner.returncode} ({told})", markup=False)
        if owner.returncode:
            raise StartError("the owner did not migrate")
        return _served(image, compose, database, data, results)
    finally:
        database.stop()


def _served(image: Image, compose: Compose, database: Database, data: Path, results: Path | None) -> bool:
    port = free_port()
    container = Container(image, compose, "balto", database, data, port)
    log = data.parent / "server.log"
    server = container.start(log=log)
    try:
        out.print(f"healthy after {wait_until_healthy(container, server):.1f} s, by the image's own check")
        failed = _sealed(container, server.pid)
        failed |= _keeps_the_protocol(container, database, port, results)
        out.print(f"resident, its processes together: {_resident_megabytes(server.pid)} MB")
    finally:
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        code = server.wait(timeout=60)
    out.print(f"SIGTERM → {code} in {time.monotonic() - began:.1f} s")
    warned = [line for line in log.read_text().splitlines() if '"level": "error"' in line or "Traceback" in line]
    out.print(f"errors in its log: {len(warned)}")
    return failed or code != 0 or bool(warned)


def _sealed(container: Container, pid: int) -> bool:
    status = dict(re.findall(r"^(\w+):\t(\S+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE))
    out.print("server: " + ", ".join(f"{name} {status[name]}" for name in _STATUS))
    wrong = (
        status["Uid"] == "0" or int(status["CapEff"], 16) or int(status["CapBnd"], 16) or status["NoNewPrivs"] != "1"
    )
    for what, attempt in _ATTEMPTS.items():
        did = container.inside(f"({attempt}) >/dev/null 2>&1 && echo done").strip() == "done"
        out.print(f"cannot {what}" if not did else f"[red]CAN {what}[/red]")
        wrong = wrong or did
    return bool(wrong)


def _keeps_the_protocol(container: Container, database: Database, port: int, results: Path | None) -> bool:
    command = [sys.executable, "-m", "tests.api_suite.run_protocol", "--url", f"http://127.0.0.1:{port}", "--json"]
    if results is not None:
        command += ["--results", str(results)]
    env = {**os.environ, "BALTO_ADMIN_PASSWORD": container.env["BALTO_ADMIN_PASSWORD"]}
    env["BALTO_SUITE_DSN"] = database.owner_url
    done = subprocess.run(command, cwd=TREE, env=env, stdout=subprocess.PIPE, text=True, check=False)
    told = json.loads(done.stdout)
    out.print(f"protocol: {told['ok']} passed, {told['failed']} failed, {told['skipped']} skipped")
    return done.returncode != 0


def _resident_megabytes(pid: int) -> int:
    server = psutil.Process(pid)
    tree = [server, *server.children(recursive=True)]
    return sum(one.memory_full_info().pss for one in tree) // 1024**2


if __name__ == "__main__":
    typer.run(main)
