"""Structured logs on standard error: for people on a terminal, JSON lines elsewhere; nobody is quoted in them."""

import contextlib
import itertools
import logging
import os
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from pathlib import Path, PurePath
from typing import Any, Final, TextIO, override

import structlog

from balto.settings import Settings

CHATTY: Final = (
    "httpx",
    "httpx2",
    "httpcore",
    "openai",
    "faster_whisper",
    "asyncio",
    "pykka",
    "aiohttp.access",
    "websockets",
)
"""Libraries that log request lines, bodies or every message at levels where ours say what an operator needs."""

OURS: Final = frozenset(
    {
        "actors.stt.weights.WeightsError",
        "balto.advising.AdviserError",
        "balto.library.StartError",
        "balto.engines.EngineError",
        "events.programs.EmbeddedPostgresError",
        "events.store.StoreError",
    }
)
"""Errors, by name so that none need be imported here, whose messages are made by us and quote nobody."""

_OUTAGE: Final = "events.store.StoreUnavailableError"
_CHAIN: Final = 8
_FRAMES: Final = 40


class LogFileError(Exception):
    """The log cannot be kept where it should be; the message is one line."""


def set_up_logging(settings: Settings, *, process: str | None = None, to: TextIO | None = None) -> None:
    """Send every log of the process through structlog, at the level and in the format of the settings.

    Args:
        settings: level and format.
        process: what this one is called, where a server has several.
        to: where to; standard error by default.
    """
    stream = sys.stderr if to is None else to
    console = settings.log_format == "console" or (settings.log_format == "auto" and stream.isatty())
    renderer: Any = structlog.processors.JSONRenderer()
    if console:
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if process is not None:
        before.append(_named(process))
    handler = ToStandardError() if to is None else logging.StreamHandler(to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[_without_words, structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Its pool tells of every connection that a lost server took along; the store says it once.
    logging.getLogger("asyncpg").setLevel(logging.ERROR)
    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # it tells of its first font cache


class ToStandardError(logging.StreamHandler[TextIO]):
    """Writes to what is standard error at that moment.

    Whoever runs a command within a process may lend it another and close that afterwards, while the rest of the process
    goes on logging.
    """

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


@contextlib.contextmanager
def logging_into(path: Path, settings: Settings) -> Iterator[None]:
    """Keep the process's log in a file for the length of the block, beside what is shown instead of among it.

    Args:
        path: of the file, which is written over and readable by its owner alone.
        settings: level and format.

    Raises:
        LogFileError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise LogFileError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        set_up_logging(settings, to=file)
        try:
            yield
        finally:
            set_up_logging(settings)


def _named(process: str) -> Any:
    def name(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        entry["process"] = process
        return entry

    return name


def _without_words(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace what Python would print of an exception, and what the loop prints of a task, by what quotes nobody."""
    raised = entry.pop("exc_info", None)
    error = raised[1] if isinstance(raised, tuple) else raised if isinstance(raised, BaseException) else sys.exception()
    if raised and error is not None:
        entry["exception"] = describe(error)
    if entry.get("logger") == "asyncio":
        # Its messages quote the arguments of callbacks and the reprs of tasks, exceptions included.
        entry["event"] = "a task or callback failed" if raised else str(entry["event"]).partition("\n")[0]
    return entry


def describe(error: BaseException) -> str:
    """Return an exception and what caused it: types and frames, no messages but our own, no values.

    A database that does not answer is one line: where it was missed says nothing more.
    """
    return "\n".join(itertools.chain.from_iterable(map(_lines, _chain(error))))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_CHAIN):
        if error is None:
            return
        yield error
        if _OUTAGE in _names(error):
            return
        if isinstance(error, BaseExceptionGroup):
            yield from itertools.islice(error.exceptions, _CHAIN)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _lines(error: BaseException) -> Iterator[str]:
    kind, names = type(error).__name__, _names(error)
    yield f"{kind}: {error}" if names & OURS else kind
    if _OUTAGE in names:
        return
    for frame in traceback.extract_tb(error.__traceback__)[-_FRAMES:]:
        yield f"  {'/'.join(PurePath(frame.filename).parts[-3:])}:{frame.lineno}:{frame.name}"


def _names(error: BaseException) -> set[str]:
    return {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
