"""One export in a process of its own: `python -m benchmarks.exports.child DSN FORM FILE`."""

import asyncio
import resource
import sys
import time
from pathlib import Path

import orjson
import psutil

from projections.bi import find_view
from projections.export_parquet import write_parquet
from projections.export_xlsx import Workbook
from projections.exports import Filters, open_export


async def export(dsn: str, form: str, path: Path) -> dict[str, float]:
    """Export the timeline; `bare` lets the server write the same columns as they are, for comparison."""
    view = find_view("phrase_timeline")
    if view is None:
        raise LookupError("phrase_timeline has no view")
    before = resource.getrusage(resource.RUSAGE_SELF)
    began, cpu = time.perf_counter(), time.process_time()
    async with open_export(dsn, view, Filters()) as opened:
        if form == "xlsx":
            async with Workbook(path) as workbook:
                await workbook.add(opened)
        else:
            with path.open("wb") as file:

                async def sink(data: bytes) -> None:
                    file.write(data)

                if form == "bare":
                    await opened.copy(f"SELECT * FROM bi.{view.name}", [], sink, format="csv")
                elif form == "parquet":
                    await write_parquet(opened, sink)
                else:
                    await {"csv": opened.write_csv, "json": opened.write_json}[form](sink)
        server = psutil.Process(opened.connection.get_server_pid()).cpu_times()
    after = resource.getrusage(resource.RUSAGE_SELF)
    size = await asyncio.to_thread(path.stat)
    return {
        "seconds": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
        "server_cpu_s": server.user + server.system,
        "peak_mb": after.ru_maxrss / 1024,
        "grown_mb": (after.ru_maxrss - before.ru_maxrss) / 1024,
        "file_mb": size.st_size / 2**20,
    }


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(asyncio.run(export(sys.argv[1], sys.argv[2], Path(sys.argv[3])))).decode() + "\n")
