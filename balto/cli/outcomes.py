"""How the outcomes of replays are shown: what changed in each, and all of them together."""

from collections.abc import Sequence
from typing import Any, Final

from rich.table import Table

from balto.cli.common import cell, err, note, out

_CHANGES: Final = 40
"""Of one session, after which the rest is counted."""
_STYLES: Final = {"phrase gained": "green", "phrase lost": "red", "advice gained": "green", "advice lost": "red"}


def show(outcomes: Sequence[Any]) -> None:
    """Show outcomes: of one session all that changed, of several a line each and the sum."""
    for outcome in outcomes:
        for remark in outcome.remarks:
            note(f"{outcome.session}: {remark}")
        if outcome.error:
            err.print(f"balto: {outcome.error}", markup=False, soft_wrap=True)
    done = [outcome for outcome in outcomes if not outcome.error]
    if len(done) == 1:
        _show_changes(done[0])
    if done:
        out.print(_table(done))
        _show_missing(done)


def _show_changes(outcome: Any) -> None:
    for change in outcome.changes[:_CHANGES]:
        style = _STYLES.get(change.what, "yellow")
        out.print(f"{change.start_s:9.2f} s  [{style}]{change.what:<13}[/{style}]", end="  ")
        sides = " → ".join(text for text in (change.then, change.now) if text)
        out.print(sides, markup=False, soft_wrap=True)
    if len(outcome.changes) > _CHANGES:
        out.print(f"{len(outcome.changes) - _CHANGES} more (--json has all)")
    if not outcome.changes:
        out.print("nothing came out otherwise")
    if outcome.replay is not None:
        out.print(f"[dim]kept as {outcome.replay}: balto diff {outcome.session} {outcome.replay}[/dim]", soft_wrap=True)


def _table(outcomes: Sequence[Any]) -> Table:
    table = Table(
        title="Then → now", title_justify="left", header_style="bold", box=None, padding=(0, 1, 0, 0), pad_edge=False
    )
    table.add_column("session", no_wrap=True)
    for heading in ("phrases", "+", "−", "WER %", "advice", "+", "−", "≠", "answer ms", "$"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in outcomes:
        table.add_row(one.session, *_figures([one]))
    if len(outcomes) > 1:
        table.add_row("all", *_figures(outcomes), style="bold")
    return table


def _figures(outcomes: Sequence[Any]) -> tuple[str, ...]:
    words, errors = _sum(outcomes, "words"), _sum(outcomes, "word_errors")
    return (
        _pair(outcomes, "phrases"),
        cell(_sum(outcomes, "phrases_gained")),
        cell(_sum(outcomes, "phrases_lost")),
        cell(100 * errors / words if words else None),
        _pair(outcomes, "advice"),
        cell(_sum(outcomes, "advice_gained")),
        cell(_sum(outcomes, "advice_lost")),
        cell(_sum(outcomes, "advice_different")),
        _middle(outcomes),
        _pair(outcomes, "cost_usd", digits=4),
    )


def _sum(outcomes: Sequence[Any], name: str) -> int:
    return sum(getattr(outcome, name) for outcome in outcomes)


def _pair(outcomes: Sequence[Any], name: str, *, digits: int = 0) -> str:
    then, now = (sum(getattr(getattr(outcome, name), side) or 0 for outcome in outcomes) for side in ("then", "now"))
    return f"{then:.{digits}f} → {now:.{digits}f}"


def _middle(outcomes: Sequence[Any]) -> str:
    if len(outcomes) > 1:
        return "–"  # a median of medians says nothing
    pair = outcomes[0].answer_ms
    return f"{cell(pair.then)} → {cell(pair.now)}"


def _show_missing(outcomes: Sequence[Any]) -> None:
    near, missing = _sum(outcomes, "answers_near"), _sum(outcomes, "answers_missing")
    if near:
        note(f"{near} texts are of recorded phrases that begin or end up to a third of a second elsewhere")
    if missing:
        note(f"{missing} times nothing was recorded for what was asked (no_recording): --live asks the engines")
    audio, cpu = _sum(outcomes, "audio_s"), _sum(outcomes, "cpu_s")
    if cpu:
        speed = f"{audio:.0f} s of audio in {cpu:.1f} s of CPU: {audio / cpu:.0f} × real time a core"
        out.print(
            f"[dim]{speed}; recorded answers cost nothing, and are taken unless something else is asked for[/dim]"
        )
