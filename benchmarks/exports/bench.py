"""300,000 rows of a read model as CSV, Parquet and JSON: `python -m benchmarks exports`."""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson
from rich.progress import Progress

from benchmarks.report import Check, Machine, Report
from benchmarks.store.server import running
from events.migrations import migrate
from projections.projector import Projector

_ROWS: Final = 300_000
_ROUNDS: Final = 5
_FORMS: Final = ("bare", "csv", "parquet", "json")
_FILL: Final = """
INSERT INTO phrase_timeline_g1.phrase_timeline
    (session_id, phrase, tenant, counter_id, sample_start, sample_end, captured_at, captured_us, requested_us, sent_us,
     delivered_us, stt_provider, stt_model, stt_ms, ai1_engine, ai1_model, ai1_ms, ai2_engine, ai2_model, ai2_ms,
     categories, basket, outcome, cost_usd, cpu_percent, system_cpu_percent, rss_bytes, system_memory_percent,
     loop_lag_ms, first_position, last_position)
SELECT uuidv7()::text, 1 + n % 20, (100000 + n % 7)::text, gen_random_uuid()::text, n::bigint * 100,
       n::bigint * 100 + 32000,
       timestamptz '2026-03-02 09:00+00' + n * interval '1 second', n::bigint * 1000000, n::bigint * 1000000 + 1500,
       n::bigint * 1000000 + 700000, n::bigint * 1000000 + 700900, 'elevenlabs', 'scribe_v2', 100 + random() * 400,
       'lexicon', '1.4.0', random() * 5, 'openai', 'gpt', 200 + random() * 300,
       ARRAY['RESPIRATORIO_GRIPE/GRIPE', 'OUTRO'], 'RESPIRATORIO_GRIPE/GRIPE', 'recommended',
       round(random()::numeric / 100, 6), random() * 100, random() * 100,
       200000000 + n, random() * 100, random() * 10, n, n
  FROM generate_series(1, {rows}) n
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options: there are none."""


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Measure on a server of its own."""
    machine = Machine.here()
    with running() as server:
        checks, compared = measure(server.database("exports"), quick=options.quick, progress=progress)
    return Report(bench="exports", checks=checks, machine=machine, compared=compared)


def measure(dsn: str, *, quick: bool, progress: Progress) -> tuple[list[Check], dict[str, Any]]:
    """Fill an empty database and export it, each form in turn, each in a process of its own.

    Returns:
        The checks, and the medians behind them. Seconds are of the export, without the start of the process; the peak
        of memory is of the whole process.
    """
    rows, rounds = (3_000, 1) if quick else (_ROWS, _ROUNDS)
    asyncio.run(_fill(dsn, rows))
    task = progress.add_task("exporting", total=rounds * len(_FORMS))
    taken: dict[str, list[dict[str, float]]] = {form: [] for form in _FORMS}
    for _ in range(rounds):
        for form in _FORMS:
            taken[form].append(_export(dsn, form))
            progress.advance(task)
    medians = {
        form: {name: statistics.median(one[name] for one in all_) for name in all_[0]} for form, all_ in taken.items()
    }
    checks = [
        Check(name="300,000 rows as CSV", value=medians["csv"]["seconds"], unit="s", goal=1.5, better="less"),
        Check(name="300,000 rows as Parquet", value=medians["parquet"]["seconds"], unit="s", goal=4.0, better="less"),
        Check(name="memory of the CSV export", value=medians["csv"]["peak_mb"], unit="MB", goal=150, better="less"),
        Check(
            name="memory of the Parquet export", value=medians["parquet"]["peak_mb"], unit="MB", goal=150, better="less"
        ),
    ]
    ratio = medians["csv"]["seconds"] / medians["bare"]["seconds"]
    return checks, {"rows": rows, "medians": medians, "csv_over_bare_copy": ratio, "cpu_s": _cpu(medians)}


def _cpu(medians: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return CPU seconds of both sides by form: unlike wall time, little changed by what else the machine does."""
    return {form: taken["cpu_s"] + taken["server_cpu_s"] for form, taken in medians.items()}


def _export(dsn: str, form: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="balto-exports-") as folder:
        command = [sys.executable, "-m", "benchmarks.exports.child", dsn, form, str(Path(folder, f"rows.{form}"))]
        done = subprocess.run(command, check=True, capture_output=True)
    taken: dict[str, float] = orjson.loads(done.stdout)
    return taken


async def _fill(dsn: str, rows: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await migrate(connection)
        await (await Projector.connect(dsn)).close()
        await connection.execute(_FILL.format(rows=rows))
        await connection.execute("VACUUM ANALYZE phrase_timeline_g1.phrase_timeline")
    finally:
        await connection.close()
