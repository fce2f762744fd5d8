"""An image built from its Dockerfile in plain folders: every stage a root of its own, every `RUN` in a chroot."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.image.dockerfile import Stage, Step, let_in, origin_of, pairs, probe_of

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LENT: Final = ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt")
"""What a builder lends a step to reach the network, and takes back."""
_ISOLATED: Final = 'mount -t proc proc "$ROOT/proc" && mount --rbind /dev "$ROOT/dev" && exec chroot "$ROOT" "$@"'

Say = Callable[[str], None]


class BuildError(Exception):
    """A step failed; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a container starts from."""

    root: Path
    env: Mapping[str, str]
    user: tuple[int, int]
    workdir: str
    entrypoint: list[str]
    command: list[str]
    probe: list[str]
    volume: str


def make_base(root: Path, suite: str, python: Path) -> None:
    """Make a root like that of `python:3.12-slim-SUITE`: Debian's minimum and a CPython under /usr/local.

    Args:
        root: made; left alone if it is there.
        suite: of Debian.
        python: the prefix of a CPython that can be moved; its packages stay behind.

    Raises:
        BuildError: debootstrap or the interpreter fails.
    """
    if (root / "usr/local/bin/python").exists():
        return
    needed = (
        "ca-certificates,netbase,tzdata,libffi8,libssl3t64,libsqlite3-0,zlib1g,libbz2-1.0,"
        "liblzma5,libreadline8t64,libncursesw6,libuuid1,libexpat1"
    )
    if not (root / "bin").exists():
        _run(["debootstrap", "--variant=minbase", f"--include={needed}", suite, str(root)], "debootstrap")
    packages = shutil.ignore_patterns("site-packages", "test", "__pycache__", "*.a")
    shutil.copytree(python, root / "usr/local", symlinks=True, dirs_exist_ok=True, ignore=packages)
    (root / "usr/local/bin/python").unlink(missing_ok=True)
    (root / "usr/local/bin/python").symlink_to("python3")
    _in_root(root, "ldconfig && python -m ensurepip && python -m pip --version", {"PATH": _PATH}, "/")


def build(stages: list[Stage], base: Path, context: Path, folder: Path, say: Say, *, keep: bool = False) -> Image:
    """Run the steps of every stage and return what the last one makes.

    Args:
        stages: of the Dockerfile.
        base: the root that every `FROM` stands for.
        context: what `COPY` takes from, less what its `.dockerignore` keeps out.
        folder: where the stages' roots are made, anew.
        say: told of each step.
        keep: whether to take the last stage's root as it was built before.

    Raises:
        BuildError: a step failed.
    """
    if keep:
        return _image(stages[-1], folder / f"stage{len(stages) - 1}")
    roots: dict[str | None, Path] = {}
    allowed = let_in(context / ".dockerignore")
    for number, stage in enumerate(stages):
        root = folder / f"stage{number}"
        shutil.rmtree(root, ignore_errors=True)
        _run(["cp", "--archive", "--reflink=auto", str(base), str(root)], "copying the base")
        roots[stage.name] = root
        env, workdir = {"PATH": _PATH, "HOME": "/root"}, "/"
        for step in stage.steps:
            say(f"{step.kind} {step.value[:110]}")
            match step.kind:
                case "WORKDIR":
                    workdir = step.value
                    (root / workdir.lstrip("/")).mkdir(parents=True, exist_ok=True)
                case "ENV":
                    env.update(pairs(step))
                case "COPY":
                    _copy(step, roots, root, workdir, context, allowed)
                case "RUN":
                    _in_root(root, step.value, env, workdir)
    return _image(stages[-1], root)


def _image(stage: Stage, root: Path) -> Image:
    def words(kind: str) -> list[str]:
        step = stage.last(kind)
        return [] if step is None else step.words

    probe = stage.last("HEALTHCHECK")
    (user,) = words("USER")
    uid, _, gid = user.partition(":")
    (workdir,), (volume,) = words("WORKDIR"), words("VOLUME")
    return Image(
        root=root,
        env=stage.env,
        user=(int(uid), int(gid)),
        workdir=workdir,
        entrypoint=words("ENTRYPOINT"),
        command=words("CMD"),
        probe=[] if probe is None else probe_of(probe),
        volume=volume,
    )


def _copy(
    step: Step,
    roots: Mapping[str | None, Path],
    root: Path,
    workdir: str,
    context: Path,
    allowed: tuple[frozenset[str], frozenset[str]],
) -> None:
    stage, sources, target = origin_of(step)
    inside, left_out = allowed
    origin = context if stage is None else roots[stage]
    for source in sources:
        if stage is None and not {source, source.partition("/")[0]} & inside:
            raise BuildError(f"COPY {step.value}: {source} is not in the context")
        taken = origin / source.lstrip("/")
        put = root / os.path.join(workdir, target).lstrip("/")  # noqa: PTH118 - an absolute target replaces the folder
        if taken.is_dir():
            ignore = shutil.ignore_patterns(*left_out) if stage is None else None
            shutil.copytree(taken, put, symlinks=True, dirs_exist_ok=True, ignore=ignore)
        else:
            put = put / taken.name if target.endswith("/") or put.is_dir() else put
            put.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(taken, put)


def _in_root(root: Path, command: str, env: Mapping[str, str], workdir: str) -> None:
    before = {path: (root / path[1:]).read_bytes() for path in _LENT if (root / path[1:]).exists()}
    for path in _LENT:
        if Path(path).exists():
            (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            (root / path[1:]).write_bytes(Path(path).read_bytes())
    try:
        shell = ["/bin/sh", "-c", f'cd "{workdir}" && {command}']
        _run(
            ["unshare", "--mount", "--pid", "--fork", "sh", "-c", _ISOLATED, "sh", *shell],
            command,
            env={**env, "ROOT": str(root), "PIP_CERT": _LENT[1]},
        )
    finally:
        for path in _LENT:
            (root / path[1:]).unlink(missing_ok=True)
            if path in before:
                (root / path[1:]).write_bytes(before[path])


def _run(command: list[str], what: str, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines()
        raise BuildError(f"{what[:200]}: {' / '.join(told[-3:])}")
