"""What is understood of labelled sentences, how fast, and what is kept silent: `python -m benchmarks advice`."""

import argparse
import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

from actors.basket.catalogue import BasketCatalogue, load_baskets
from actors.basket.naming import words
from actors.basket.resolver import BasketEngine
from actors.llm.lexicon import LexiconUnderstanding
from balto.advising import Adviser
from balto.engines import offline_lexicon, watchful
from balto.settings import OWN_BASKETS
from benchmarks.advice.folds import engines_by_fold
from benchmarks.advice.labelled import OWN, SetError, Utterance, read_set
from benchmarks.advice.scoring import Folded, Outcome, Same, Score, percentile, score
from benchmarks.report import Check, Machine, Report, rounded

_TWO_WORDS: Final = "quero dipirona"
_ROUNDS: Final = 200
_BUDGET_S: Final = 5.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--set", type=Path, default=OWN, help="labelled sentences in JSON lines; ours by default")
    parser.add_argument("--half", choices=["dev", "held_out"], help="of our own set, only these")
    parser.add_argument(
        "--folds", action="store_true", help="also the corpus, each fifth by an engine that learnt from the rest"
    )
    parser.add_argument("--wrong", action="store_true", help="list what was not understood as it should")


def run(options: argparse.Namespace, progress: Progress) -> Report:
    """Let each engine advise on every sentence, as written and as heard."""
    machine = Machine.here()
    try:
        utterances = read_set(options.set, options.half)[:: 10 if options.quick else 1]
    except SetError as error:
        raise SystemExit(str(error)) from None
    catalogue = load_baskets(OWN_BASKETS)
    compared: dict[str, Any] = {"set": options.set.name, "half": options.half, "sentences": len(utterances)}
    engines = {
        "lexicon": offline_lexicon(catalogue),
        "without the encoder": offline_lexicon(catalogue, encoder=False),
        "vocabulary alone": LexiconUnderstanding(catalogue.lexicon, catalogue.version),
    }
    checks: list[Check] = []
    for name, engine in engines.items():
        same, circumstances = _same(engine), catalogue.safety.names
        adviser = Adviser([watchful(engine, catalogue)], BasketEngine(catalogue), budget_s=_BUDGET_S)
        task = progress.add_task(name, total=len(utterances))
        asyncio.run(engine.warm())
        outcomes = asyncio.run(_outcomes(adviser, utterances, progress, task))
        written = [outcome for outcome in outcomes if outcome.text == outcome.said.text]
        heard = [outcome for outcome in outcomes if outcome.text == outcome.said.as_heard]
        as_written, as_heard = score(written, same, circumstances), score(heard, same, circumstances)
        two_words_ms = asyncio.run(_two_words(adviser))
        compared[name] = {
            "written": _figures(as_written, written, wrong=options.wrong),
            "heard": _figures(as_heard, heard, wrong=options.wrong),
            "two_words_ms": rounded(two_words_ms),
        }
        if name == "lexicon":
            checks = _checks(as_written, as_heard, written, two_words_ms)
    if options.folds:
        compared["corpus, unseen by folds"] = _by_folds(catalogue, progress, wrong=options.wrong)
    return Report(bench="advice", checks=checks, machine=machine, compared=compared)


def _by_folds(catalogue: BasketCatalogue, progress: Progress, *, wrong: bool) -> dict[str, Any]:
    outcomes, same = [], _same(LexiconUnderstanding(catalogue.lexicon, catalogue.version))
    for fold, (engine, held_out) in enumerate(engines_by_fold(catalogue), start=1):
        adviser = Adviser([watchful(engine, catalogue)], BasketEngine(catalogue), budget_s=_BUDGET_S)
        asyncio.run(engine.warm())
        task = progress.add_task(f"fold {fold}", total=len(held_out))
        outcomes += asyncio.run(_outcomes(adviser, held_out, progress, task))
    return _figures(score(outcomes, same, catalogue.safety.names), outcomes, wrong=wrong)


def _same(engine: LexiconUnderstanding) -> Same:
    def same(name: str) -> Folded:
        entry = engine.entry(name)
        return frozenset(words(each) for each in (name, *((entry.name, *entry.forms) if entry else ())))

    return same


async def _outcomes(adviser: Adviser, utterances: Sequence[Utterance], progress: Progress, task: Any) -> list[Outcome]:
    outcomes = []
    for said in utterances:
        for text in dict.fromkeys(filter(None, (said.text, said.as_heard))):
            began, cpu = time.perf_counter(), time.process_time()
            advice = await adviser.advise(text)
            cpu_ms, wall_ms = (time.process_time() - cpu) * 1000, (time.perf_counter() - began) * 1000
            outcomes.append(Outcome(said=said, text=text, advice=advice, cpu_ms=cpu_ms, wall_ms=wall_ms))
        progress.advance(task)
    return outcomes


async def _two_words(adviser: Adviser) -> float:
    """Return the median wall time of an exact request of two words, in ms."""
    took = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        await adviser.advise(_TWO_WORDS)
        took.append((time.perf_counter() - began) * 1000)
    return percentile(took, 50)


def _figures(total: Score, outcomes: Sequence[Outcome], *, wrong: bool) -> dict[str, Any]:
    cpu = [outcome.cpu_ms for outcome in outcomes]
    wall = [outcome.wall_ms for outcome in outcomes]
    figures: dict[str, Any] = {
        "sentences": len(outcomes),
        "requests": total.requests,
        "macro_top1": rounded(total.macro_top1),
        "entity_f1": rounded(total.entity_f1),
        "entity_precision": rounded(100 * total.hits / max(1, total.hits + total.invented)),
        "entity_recall": rounded(100 * total.hits / max(1, total.hits + total.missed)),
        "false_advice": rounded(total.false_advice),
        "violations": len(total.violations),
        "cpu_ms": {"p50": rounded(percentile(cpu, 50)), "p95": rounded(percentile(cpu, 95))},
        "wall_ms": {"p50": rounded(percentile(wall, 50)), "p95": rounded(percentile(wall, 95))},
    }
    return figures | ({"wrong": total.wrong, "violated": total.violations} if wrong else {})


def _checks(written: Score, heard: Score, outcomes: Sequence[Outcome], two_words_ms: float) -> list[Check]:
    found = [outcome.cpu_ms for outcome in outcomes if outcome.advice.entities]
    return [
        Check(name="macro top-1 on requests", value=written.macro_top1, unit="%", goal=92, better="more"),
        Check(name="entity F1 on text", value=written.entity_f1, unit="%", goal=92, better="more"),
        Check(
            name="entity F1 on Whisper's output",
            value=heard.entity_f1 if heard.requests else None,
            unit="%",
            goal=88,
            better="more",
        ),
        Check(name="advice on small talk and noise", value=written.false_advice, unit="%", goal=2, better="less"),
        Check(
            name="safety violations",
            value=len(written.violations) + len(heard.violations),
            unit="",
            goal=0,
            better="less",
        ),
        Check(name="CPU of a sentence, p95", value=percentile(found, 95), unit="ms", goal=15, better="less"),
        Check(name="an exact request of two words, p50", value=two_words_ms, unit="ms", goal=3, better="less"),
    ]
