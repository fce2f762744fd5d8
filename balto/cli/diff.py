"""The command that compares two runs of a session: where they part first, why, and what came of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from difflib import SequenceMatcher
from functools import cache
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from balto.cli.common import AsJson, load_settings, note, out, print_json
from balto.cli.runs import PassphraseFile, RunName, damage_of, load_runs, tell_damage

_WORDS: Final = {
    "same": "same",
    "text": "text differs",
    "timing": "timing differs",
    "content": "differs",
    "only_a": "only in A",
    "only_b": "only in B",
}
_STYLES: Final = {
    "same": "dim",
    "text": "yellow",
    "timing": "cyan",
    "content": "yellow",
    "only_a": "red",
    "only_b": "green",
}


def diff(
    a: RunName,
    b: RunName,
    everything: Annotated[bool, typer.Option("--all", help="Show what is the same, too.")] = False,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs of a session: what differs, the first event in which they part, and what explains it.

    Phrases are the same where their samples overlap, whatever their numbers. Clock readings, ids, costs and who
    answered make no difference; medicines are highlighted. Exits with 0 where the same came of both, 1 where not, and
    2 at an error.

    Examples: `balto diff last replay-0193…`, `balto diff before.session after.session --json`.
    """
    with errors_are_two():
        mine, theirs = load_runs([a, b], passphrase_file)
        medicines = medicine_names()
    from balto.replay.diffing import diff as compare

    found = compare(mine, theirs)
    if as_json:
        print_json(as_data(found, medicines))
    else:
        tell_damage([mine, theirs])
        tell_difference(found, medicines, everything=everything)
    raise typer.Exit(0 if found.same else 1)


@contextmanager
def errors_are_two() -> Iterator[None]:
    """Have errors exit with 2, where 1 says that something differs."""
    try:
        yield
    except typer.Exit as ended:
        raise typer.Exit(2 if ended.exit_code == 1 else ended.exit_code) from None


@cache
def medicine_names() -> Any:
    """Return what finds medicines in texts: those of the baskets file that is set."""
    from actors.basket.entries import BasketFileError
    from balto.replay.medicines import MedicineNames
    from balto.shelf import read_catalogue

    try:
        return MedicineNames(read_catalogue(load_settings()).formulary.medicines)
    except BasketFileError as error:
        note(f"{error}: medicines are not highlighted")
        return MedicineNames(())


def as_data(found: Any, medicines: Any) -> dict[str, Any]:
    """Return a difference for machines."""
    a_hash, b_hash = found.hashes
    return {
        "same": found.same,
        "a": _side_of(found.a, a_hash),
        "b": _side_of(found.b, b_hash),
        "inputs": [asdict(given) for given in found.inputs],
        "counts": {verdict: found.counts.get(verdict, 0) for verdict in _WORDS},
        "first": None if found.first is None else _first_as_data(found.first, medicines),
        "differences": [_as_data(each, medicines) for each in found.contrasts if each.verdict != "same"],
    }


def _side_of(run: Any, semantic_hash: str) -> dict[str, Any]:
    return {
        "name": run.name,
        "stream": run.stream,
        "events": len(run.recorded),
        "semantic_hash": semantic_hash,
        "damage": damage_of(run),
    }


def _first_as_data(first: Any, medicines: Any) -> dict[str, Any]:
    return {
        **_as_data(first.contrast, medicines),
        "explained_by": [asdict(given) for given in first.explained_by],
        "chain": [{"position": each.stream_position, "type": each.type} for each in first.chain],
    }


def _as_data(each: Any, medicines: Any) -> dict[str, Any]:
    from balto.replay.diffing import phrase_of

    a, b = phrase_of(each.pair)
    sides = {"a": each.pair.a, "b": each.pair.b}
    return {
        "verdict": each.verdict,
        "type": each.pair.either.type,
        "phrase": {"a": a or None, "b": b or None},
        **{name: None if event is None else _event_as_data(event) for name, event in sides.items()},
        "differences": [asdict(one) for one in each.differences],
        "measures": [asdict(one) for one in each.measures],
        "makers": [asdict(one) for one in each.makers],
        "medicines": {name: medicines.named(_words_of(event)) for name, event in sides.items()},
    }


def _event_as_data(recorded: Any) -> dict[str, Any]:
    return {
        "position": recorded.stream_position,
        "type": recorded.type,
        "elapsed_ms": recorded.elapsed_us / 1000,
        "data": asdict(recorded.event),
    }


def _words_of(recorded: Any) -> str:
    from balto.replay.sentence import sentence

    return "" if recorded is None else sentence(recorded.event)


def tell_difference(found: Any, medicines: Any, *, everything: bool = False) -> None:
    """Print a difference: inputs, the first event in which the runs part, what explains it, and all that differs."""
    for name, run, mark in (("A", found.a, found.hashes[0]), ("B", found.b, found.hashes[1])):
        out.print(f"{name}  {run.name}: {len(run.recorded)} events, semantic hash {mark[:12]}", markup=False)
    if found.inputs:
        out.print("given differently:")
        for given in found.inputs:
            out.print(f"  {_given(given)}", markup=False, soft_wrap=True)
    if found.same:
        out.print("the same came of both", style="green")
    else:
        tell_first(found, medicines)
        out.print("\nall that differs:")
    for each in found.contrasts:
        if everything or each.verdict != "same":
            _tell_contrast(each, medicines)
    told = ", ".join(
        f"{found.counts[verdict]} {words}" for verdict, words in _WORDS.items() if found.counts.get(verdict)
    )
    out.print(told or "no event that counts is there")


def tell_first(found: Any, medicines: Any) -> None:
    """Print the first event in which two runs part, and what explains it."""
    first = found.first
    out.print("\nfirst divergent event:", style="bold")
    _tell_contrast(first.contrast, medicines)
    for given in first.explained_by:
        out.print(f"  explained by {_given(given)}", markup=False, soft_wrap=True)
    if not first.explained_by:
        out.print("  no recorded input explains it: the program differs, or it depends on something unrecorded")
    if first.chain:
        links = " → ".join(f"#{each.stream_position} {each.type}" for each in first.chain)
        out.print(f"  led to by {links}", markup=False, soft_wrap=True)


def _given(given: Any) -> str:
    from balto.replay.sentence import brief

    same = given.a == given.b
    return f"{given.kind} {given.name}: {brief(given.a)}" + (" answered otherwise" if same else f" → {brief(given.b)}")


def _tell_contrast(each: Any, medicines: Any) -> None:
    from balto.replay.diffing import phrase_of
    from balto.replay.sentence import brief

    a, b = phrase_of(each.pair)
    names = "" if not (a or b) else f"phrase {a or b}" + (f" (B: {b})" if a and b and a != b else "")
    line = Text(f"  {each.pair.either.elapsed_us / 1e6:9.3f} s  ")
    line.append(f"{names:<16}", style="cyan")
    line.append(f"{each.pair.either.type:<24}", style="bold")
    line.append(_WORDS[each.verdict], style=_STYLES[each.verdict])
    out.print(line, soft_wrap=True)
    if each.verdict == "same":
        return
    mine, theirs = _words_of(each.pair.a), _words_of(each.pair.b)
    for side, event, words, other, style in (
        ("A", each.pair.a, mine, theirs, "red"),
        ("B", each.pair.b, theirs, mine, "green"),
    ):
        if event is not None:
            head = Text(f"{'':15}{side} #{event.stream_position:<4} ", style="dim")
            out.print(head + _marked(words, other, style, medicines), soft_wrap=True)
    shown = [one for one in each.differences if one.field not in ("type", "text", "words")]
    for one in shown if mine == theirs else ():
        out.print(f"{'':15}{one.field}: {brief(one.a)} → {brief(one.b)}", markup=False, style="dim", soft_wrap=True)


def _marked(words: str, other: str, style: str, medicines: Any) -> Text:
    """Return a line with the words that the other side has not in a colour, and medicines underlined."""
    text = Text(words)
    mine, theirs = words.split(" "), other.split(" ")
    at = [0]
    for word in mine:
        at.append(at[-1] + len(word) + 1)
    for what, first, last, _, _ in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes() if other else ():
        if what in ("replace", "delete"):
            text.stylize(style, at[first], at[last] - 1)
    for first, last, _ in medicines.spans(words):
        text.stylize("bold magenta underline", first, last)
    return text


COMMANDS = (diff,)
