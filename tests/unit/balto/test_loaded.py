"""What a process has loaded once it serves, or has answered a command: no more than it needs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

SERVED = """
import asyncio

from balto.app import open_balto
from balto.cli.commands import app
from balto.engines import build_engines
from balto.routing import route
from balto.settings import Settings
from balto.shelf import compiled, read_catalogue
from balto.web.server import serving
from balto.workers.modelling import local_models

settings = Settings(_env_file=None, stt="local", llm="lexicon")
baskets = read_catalogue(settings)
compiled(settings, baskets, build_engines(settings, baskets, models="nowhere").understandings)
"""
"""All that `balto serve` does before it opens its database, with the local models in their own process."""


def loaded(program: str) -> set[str]:
    """Return the top-level packages that a program has loaded at its end."""
    told = "\nimport sys\nprint(*sys.modules, file=sys.stderr)\n"
    done = subprocess.run(
        [sys.executable, "-c", program + told], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}


def test_a_server_has_loaded_no_model_no_providers_client_and_nothing_that_only_reports_need() -> None:
    known = loaded(SERVED)
    assert {"balto", "actors", "numpy", "aiohttp", "asyncpg"} <= known
    models = {"ctranslate2", "faster_whisper", "tokenizers", "huggingface_hub", "onnxruntime", "av", "torch"}
    clients = {"openai", "elevenlabs", "assemblyai", "httpx", "httpx2", "websockets"}
    sessions = {"scipy", "noisereduce", "matplotlib"}
    reports = {"pyarrow", "openpyxl", "xlsxwriter", "pandas", "opentelemetry"}
    assert not known & (models | clients | sessions | reports)


def test_a_command_that_only_helps_has_loaded_neither_settings_nor_logs_nor_any_room_but_the_door() -> None:
    known = loaded(
        "from typer.testing import CliRunner\nfrom balto.cli.commands import app\nCliRunner().invoke(app, ['--help'])"
    )
    assert "balto" in known
    assert not known & {"pydantic_settings", "structlog", "numpy", "aiohttp", "asyncpg", "actors", "events"}
    assert "projections" not in known
