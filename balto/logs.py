"""Structured logs on standard error: for people on a terminal, JSON lines elsewhere."""

import logging
import sys
from typing import Any, Final

import structlog

from balto.settings import Settings

CHATTY: Final = ("httpx", "httpx2", "httpcore", "openai", "faster_whisper", "asyncio", "pykka", "aiohttp.access")
"""Libraries that log request lines, bodies or every message at levels where ours say what an operator needs."""


def set_up_logging(settings: Settings) -> None:
    """Send every log of the process through structlog, at the level and in the format of the settings."""
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([] if console else [structlog.processors.format_exc_info]),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
