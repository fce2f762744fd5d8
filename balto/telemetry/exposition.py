"""Prometheus's text format put together from what several processes tell."""

from collections.abc import Iterable

import psutil

_RESIDENT = "balto_resident_bytes"


def merged(texts: Iterable[str]) -> str:
    """Return one text of several in which the same families may stand: each family's samples behind its one heading.

    Nothing is summed: a sum would fall when a process is started again, which reads as a counter that was reset.
    """
    samples: dict[str, list[str]] = {}
    headings: dict[str, list[str]] = {}
    for text in texts:
        family = ""
        for line in text.splitlines():
            if line.startswith("# HELP "):
                family = line.split(" ", 3)[2]
                heading = headings.setdefault(family, [])
                here = samples.setdefault(family, [])
                new = not heading
            if not line.startswith("#"):
                here.append(line)
            elif new:
                heading.append(line)
    lines = (line for family in headings for line in (*headings[family], *samples[family]))
    return "".join(f"{line}\n" for line in lines)


def resident(process: str, of: psutil.Process) -> str:
    """Return the memory that a process holds, as a text that `merged` takes."""
    try:
        size = of.memory_info().rss
    except psutil.Error:
        return ""
    return (
        f"# HELP {_RESIDENT} Memory of each process of the server; what processes share is in each of them.\n"
        f"# TYPE {_RESIDENT} gauge\n"
        f'{_RESIDENT}{{process="{process}"}} {size}\n'
    )
