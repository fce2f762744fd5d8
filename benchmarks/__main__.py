"""Runs a benchmark: `python -m benchmarks NAME [--json] [--quick]`; `--help` lists them."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.report import Report


class Runnable(Protocol):
    """What the module of a benchmark offers."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options of this benchmark beside `--json` and `--quick`."""
        ...

    def run(self, options: argparse.Namespace, progress: Progress) -> Report:
        """Measure. With `options.quick` only show that everything runs, in seconds; such figures mean nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A benchmark by the module that holds it, imported only when it is run."""

    module: str
    summary: str

    def load(self) -> Runnable:
        """Import the module."""
        return cast(Runnable, import_module(self.module))


BENCHMARKS: Final = {
    "store": Entry("benchmarks.store.bench", "the ledger against bare COPY and the library eventsourcing"),
    "chaos": Entry("benchmarks.store.chaos", "the ledger while its server is killed and its disk fills up"),
    "survival": Entry("benchmarks.survival.bench", "sessions while their servers are killed"),
    "cleaning": Entry("benchmarks.cleaning.bench", "what speech-to-text hears of noisy phrases, raw and cleaned"),
    "fuzz": Entry("benchmarks.fuzz.bench", "damaged audio of every kind against the decoders"),
    "hearing": Entry("benchmarks.hearing.bench", "Balto's ears against a neural detector asked about everything"),
    "providers": Entry("benchmarks.providers.bench", "simulated speech and language providers, well and in outages"),
    "guard": Entry("benchmarks.guard.bench", "real names and noises through Whisper, judged by the guard"),
    "advice": Entry("benchmarks.advice.bench", "labelled sentences, written and as heard, by the offline engine"),
    "projections": Entry("benchmarks.projections.bench", "read models: rebuilt, kept up live, and while being killed"),
    "exports": Entry("benchmarks.exports.bench", "300,000 rows of a read model in every form, in time and memory"),
    "phrase": Entry("benchmarks.phrase.bench", "what each step of a phrase takes of the CPU"),
    "live": Entry("benchmarks.live.bench", "sessions in real time against the whole server: cost and latency"),
    "sockets": Entry(
        "benchmarks.sockets.bench", "clients' frames to sessions, by how often the loop is woken for them"
    ),
    "replay": Entry("benchmarks.replay.bench", "recorded sessions heard again, in speed and in determinism"),
    "peers": Entry("benchmarks.peers.bench", "Pipecat, LiveKit Agents, plain Pykka and eventsourcing beside Balto"),
    "actors": Entry("benchmarks.actors.bench", "the actor runtime against plain Pykka"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line names; the report is all that goes to standard output."""
    # The module of the one named says which options there are, so that no other is imported.
    words = sys.argv[1:] if arguments is None else list(arguments)
    named = next((word for word in words if word in BENCHMARKS), None)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, entry in BENCHMARKS.items():
        options = names.add_parser(name, help=entry.summary, description=entry.summary)
        options.add_argument("--json", action="store_true", help="print one JSON object")
        options.add_argument("--quick", action="store_true", help="seconds instead of minutes: shows only that it runs")
        if name == named:
            entry.load().add_options(options)
    chosen = parser.parse_args(words)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:g}/{task.total:g}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        report = BENCHMARKS[chosen.name].load().run(chosen, progress)
    if chosen.json:
        print(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        report.show(Console())
    return 0


if __name__ == "__main__":
    # What a benchmark has started ends with it, however it ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
