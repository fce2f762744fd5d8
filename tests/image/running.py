"""A built image started as the compose file says, without an engine, and a PostgreSQL beside it."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from events.programs import Runner, find_binaries, find_runner
from tests.image.building import Image

_SEALED: Final = """
set -e
mount --bind "$ROOT" "$ROOT"
mount --bind "$DATA" "$ROOT$VOLUME"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs -o "$SCRATCH,noexec,nosuid,nodev" tmpfs "$ROOT/tmp"
mount -o remount,bind,ro "$ROOT"
cd /
exec /usr/sbin/chroot "$ROOT" /usr/bin/setpriv --reuid="$RUN_UID" --regid="$RUN_GID" --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all \
    /usr/bin/env -u ROOT -u DATA -u VOLUME -u SCRATCH -u RUN_UID -u RUN_GID --chdir="$WORKDIR" -u WORKDIR "$@"
"""
"""A root that cannot be written but for its volume and a scratch folder in memory; no capability, no new privilege."""


class StartError(Exception):
    """Something beside the image did not start."""


_VARIABLE: Final = re.compile(r"\$\{(?P<name>\w+)(?:(?P<rule>:[?-])(?P<word>[^${}]*))?\}")


def interpolated(value: str, variables: Mapping[str, str]) -> str:
    """Return a value of the compose file with its variables, as compose would.

    Raises:
        StartError: one that must be set is not.
    """

    def look_up(match: re.Match[str]) -> str:
        name, rule, word = match["name"], match["rule"], match["word"]
        if variables.get(name):
            return variables[name]
        if rule == ":?":
            raise StartError(f"{name}: {word}")
        return word or ""

    # From the inside: a default may have a variable in it.
    while (filled := _VARIABLE.sub(look_up, value)) != value:
        value = filled
    return filled


@dataclass(frozen=True, slots=True)
class Compose:
    """A compose file and what `.env` sets."""

    document: Mapping[str, Any]
    variables: Mapping[str, str]

    @classmethod
    def read(cls, tree: Path, *settings: str) -> "Compose":
        """Read a tree's compose file, with fresh secrets and further lines of `.env`."""
        made = subprocess.run(["/bin/sh", tree / "deploy/new-env.sh"], capture_output=True, text=True, check=True)
        lines = (line for line in made.stdout.splitlines() if line and not line.startswith("#"))
        variables = dict(line.split("=", 1) for line in (*lines, *settings))
        return cls(yaml.safe_load((tree / "docker-compose.yml").read_text()), variables)

    def environment(self, service: str) -> dict[str, str]:
        """Return a service's environment; what nobody sets is left out."""
        given = self.document["services"][service]["environment"]
        every = {name: self.variables.get(name) if value is None else value for name, value in given.items()}
        return {name: interpolated(str(value), self.variables) for name, value in every.items() if value is not None}

    def command(self, service: str) -> list[str]:
        """Return what a service runs instead of its image's command, if anything."""
        return [str(word) for word in self.document["services"][service].get("command", [])]


class Database:
    """PostgreSQL as the compose file's service: its arguments, its owner, the script of its first start."""

    def __init__(self, compose: Compose, tree: Path, folder: Path) -> None:
        self._runner: Runner = find_runner()
        self._bin = find_binaries(self._runner)
        self._env = compose.environment("postgres")
        self._arguments = compose.command("postgres")[1:]
        self._script = tree / "deploy/postgres/10-server-login.sh"
        self._folder = folder
        self.port = free_port()

    @property
    def owner_url(self) -> str:
        """Address of the database as its owner."""
        user, password, name = (self._env[f"POSTGRES_{key}"] for key in ("USER", "PASSWORD", "DB"))
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Make the cluster, start it on loopback with passwords, and run the script.

        Raises:
            StartError: a step failed.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, mode=0o755)
        self._runner.owns(self._folder)
        secret = self._folder / "password"
        secret.write_text(self._env["POSTGRES_PASSWORD"])
        self._runner.owns(secret)
        made: list[str | Path] = [
            "--pgdata",
            self._folder / "data",
            "--username",
            self._env["POSTGRES_USER"],
            "--encoding=UTF8",
        ]
        of_compose = self._env["POSTGRES_INITDB_ARGS"].split()
        self._do("initdb", *made, "--auth=scram-sha-256", "--pwfile", secret, *of_compose)
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self._folder} {' '.join(self._arguments)}"
        log = self._folder / "log"
        self._do("pg_ctl", "start", "--wait", "--pgdata", self._folder / "data", "--log", log, "--options", options)
        env = {
            **self._env,
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGPASSWORD": self._env["POSTGRES_PASSWORD"],
        }
        self._psql(env, "CREATE DATABASE " + self._env["POSTGRES_DB"])
        done = subprocess.run([self._script], env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartError(f"{self._script.name}: {done.stderr.strip()}")

    def stop(self) -> None:
        """Stop it."""
        self._do("pg_ctl", "stop", "--pgdata", self._folder / "data", "--mode=fast")

    def _psql(self, env: Mapping[str, str], statement: str) -> None:
        command = [str(self._bin / "psql"), "--username", env["POSTGRES_USER"], "--dbname=postgres", "-c", statement]
        done = subprocess.run(command, env=dict(env), capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartError(done.stderr.strip())

    def _do(self, program: str, *arguments: str | Path) -> None:
        done = self._runner.run([self._bin / program, *arguments])
        if done.returncode:
            raise StartError(f"{program}: {(done.stderr or done.stdout).strip()}")


class Container:
    """One process of the image, sealed as the compose file says.

    Args:
        image: what it starts from.
        compose: whose service it is.
        service: its name.
        database: what `postgres` is to it.
        data: the folder that is its volume.
        port: that it listens on, for the one that listens.
    """

    def __init__(
        self, image: Image, compose: Compose, service: str, database: Database, data: Path, port: int | None = None
    ) -> None:
        self._image = image
        (scratch,) = compose.document["services"][service]["tmpfs"]
        uid, gid = image.user
        data.mkdir(exist_ok=True, mode=0o700)
        os.chown(data, uid, gid)
        env = {**image.env, **compose.environment(service)}
        env["BALTO_DATABASE_URL"] = env["BALTO_DATABASE_URL"].replace("@postgres/", f"@127.0.0.1:{database.port}/")
        if port is not None:
            # No network of its own here: loopback is all that it may listen on.
            env |= {"BALTO_HOST": "127.0.0.1", "BALTO_PORT": str(port), "BALTO_OPEN_REGISTRATION": "false"}
        self.env = env
        self._mounts = {
            "ROOT": str(image.root),
            "DATA": str(data),
            "VOLUME": image.volume,
            "SCRATCH": scratch.partition(":")[2],
            "RUN_UID": str(uid),
            "RUN_GID": str(gid),
            "WORKDIR": image.workdir,
        }
        self._command = compose.command(service) or image.command

    def start(self, *arguments: str, log: Path | None = None) -> subprocess.Popen[str]:
        """Start it, with other arguments than the service's if any are given; its output goes to a file or is kept."""
        return self._popen([*self._image.entrypoint, *(arguments or self._command)], log)

    def probe(self) -> bool:
        """Run the image's health check in a container like this one."""
        return self._popen(self._image.probe, None).wait(timeout=30) == 0

    def inside(self, script: str) -> str:
        """Return what a shell in such a container prints, errors included."""
        return self._popen(["/bin/sh", "-c", script], None).communicate(timeout=60)[0]

    def _popen(self, argv: list[str], log: Path | None) -> subprocess.Popen[str]:
        command = ["/usr/bin/unshare", "--mount", "--propagation=private", "/bin/sh", "-c", _SEALED, "sh", *argv]
        output = subprocess.PIPE if log is None else log.open("w")
        return subprocess.Popen(
            command, env={**self.env, **self._mounts}, stdout=output, stderr=subprocess.STDOUT, text=True
        )


def free_port() -> int:
    """Return a port of loopback that nothing listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def wait_until_healthy(container: Container, process: subprocess.Popen[str], patience_s: float = 120.0) -> float:
    """Return the seconds until the health check passes.

    Raises:
        StartError: it does not in time, or the process ends.
    """
    began = time.monotonic()
    while time.monotonic() - began < patience_s:
        if process.poll() is not None:
            raise StartError(f"the server ended with {process.returncode}")
        if container.probe():
            return time.monotonic() - began
        time.sleep(0.2)
    raise StartError(f"not healthy within {patience_s} s")
