"""Commands that tell a session again: event by event in its own time, and how it stood at any place."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from balto.cli.common import AsJson, Force, err, fail, keep_what_is_there, note, out, print_json
from balto.cli.recording import bar
from balto.cli.runs import PassphraseFile, RunName, Upto, damage_of, load_runs, place, tell_damage

_QUIET: Final = frozenset({"recent", "answers"})
"""Of the state: they say again what other parts say."""


def retell(
    session: RunName,
    speed: Annotated[
        float | None,
        typer.Option("--speed", min=0, help="1: as it went, 2: twice as fast, 0: at once, as into a pipe or file."),
    ] = None,
    until: Upto = None,
    step: Annotated[bool, typer.Option("--step", help="Wait for Enter before each event; q ends.")] = False,
    audio: Annotated[
        Path | None, typer.Option("--audio", metavar="FILE", help="Write what was heard as WAV, up to --until.")
    ] = None,
    force: Force = False,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
    phrase: Annotated[int | None, typer.Option("--phrase", min=1, help="Only what is about this phrase.")] = None,
) -> None:
    """Walk a session event by event in its own time, with what each event changed of the session's state.

    Each line says when, which event (its number is its position in the stream) and about which phrase; below it stands
    what the state was and became. Personal words are shown: mind who looks on.

    Examples: `balto retell last --speed 4`, `balto retell last --phrase 3`, `balto retell last --until 12.5s --step`,
    `balto retell file.session --audio heard.wav --json`.
    """
    upto = place("--until", until)
    if audio is not None:
        keep_what_is_there(audio, force)
    (run,) = load_runs([session], passphrase_file)
    tell_damage([run])
    if phrase is not None and not any(getattr(each.event, "phrase", None) == phrase for each in run.recorded):
        fail(f"{run.stream} has no phrase {phrase}")
    if audio is not None:
        _write_audio(run, audio, upto if until is not None else None)
    if as_json:
        print_json({"stream": run.stream, "damage": damage_of(run), **_walk(run, upto, phrase)})
        return
    _tell(run, upto, phrase, _pace(speed), step=step)


def state(
    session: RunName,
    at: Annotated[
        str | None, typer.Option("--at", metavar="PLACE", help="As --until of `balto retell`; by default the end.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Show how a session stood at a place: what it had heard, what was under way, what it remembered.

    The place is an event's number in the stream (`--at 14`), a time since the session's start (`--at 12.5s`,
    `--at 1:02.5`) or a time of day (`--at 2026-11-26T14:30:05`).
    """
    from balto.replay.retelling import plain, state_at

    where = place("--at", at)
    (run,) = load_runs([session], passphrase_file)
    tell_damage([run])
    found = state_at(run, where)
    last = next((each for each in reversed(run.recorded) if where.reaches(each)), None)
    if as_json:
        head = {"stream": run.stream, "after": None if last is None else _place_of(last), "damage": damage_of(run)}
        print_json({**head, "state": plain(found)})
        return
    if last is None:
        out.print(f"{run.stream} had not begun", markup=False)
        return
    out.print(f"{run.stream} after event {last.stream_position}, {_clock(last)} ({last.type})", markup=False)
    for line in _told_state(found):
        out.print(line, markup=False, soft_wrap=True)


def _steps(run: Any, upto: Any, phrase: int | None) -> Iterator[Any]:
    from balto.replay.retelling import steps

    return (step for step in steps(run, upto) if phrase in (None, getattr(step.recorded.event, "phrase", None)))


def _walk(run: Any, upto: Any, phrase: int | None) -> dict[str, Any]:
    from balto.replay.retelling import plain, state_at

    places = {each.event_id: each.stream_position for each in run.recorded}
    told = [
        {
            **_place_of(step.recorded),
            "phrase": getattr(step.recorded.event, "phrase", None),
            "caused_by": places.get(step.recorded.causation_id),
            "data": asdict(step.recorded.event),
            "changes": [
                {"field": change.field, "before": plain(change.before), "after": plain(change.after)}
                for change in step.changes
            ],
        }
        for step in _steps(run, upto, phrase)
    ]
    return {"events": told, "state": plain(state_at(run, upto))}


def _place_of(recorded: Any) -> dict[str, Any]:
    return {
        "position": recorded.stream_position,
        "type": recorded.type,
        "elapsed_ms": recorded.elapsed_us / 1000,
        "occurred_at": recorded.occurred_at,
        "erased": recorded.erased,
    }


def _pace(speed: float | None) -> float:
    return (1.0 if sys.stdout.isatty() else 0.0) if speed is None else speed


def _tell(run: Any, upto: Any, phrase: int | None, speed: float, *, step: bool) -> None:
    before_us = run.recorded[0].elapsed_us
    for each in _steps(run, upto, phrase):
        wait_s = (each.recorded.elapsed_us - before_us) / 1e6 / speed if speed else 0.0
        before_us = each.recorded.elapsed_us
        if step:
            if not _next():
                return
        elif wait_s > 0:
            try:
                time.sleep(wait_s)
            except KeyboardInterrupt:
                raise typer.Exit(130) from None
        _show(each)


def _next() -> bool:
    err.print("[dim]Enter: next, q: end[/dim] ", end="")
    answer = sys.stdin.readline()
    return bool(answer) and answer.strip().lower() != "q"


def _show(step: Any) -> None:
    from balto.replay.retelling import told
    from balto.replay.sentence import sentence

    recorded = step.recorded
    line = Text(f"{_clock(recorded):>10}  #{recorded.stream_position:<4}", style="dim")
    line.append(f"{recorded.type:<24}", style="bold not dim")
    number = getattr(recorded.event, "phrase", None)
    line.append(f"{'' if number is None else f'phrase {number}':<11}", style="cyan not dim")
    line.append(sentence(recorded.event), style="not dim")
    if recorded.erased:
        line.append("  (what was personal is gone)", style="red not dim")
    out.print(line, soft_wrap=True)
    for change in step.changes:
        if change.field not in _QUIET and not change.field.startswith("answers."):
            out.print(Text(f"{'':18}{told(change)}", style="dim"), soft_wrap=True)


def _clock(recorded: Any) -> str:
    seconds = recorded.elapsed_us / 1e6
    return f"{seconds:.3f} s" if seconds < 60 else f"{int(seconds // 60)}:{seconds % 60:06.3f}"


def _told_state(found: Any) -> Iterator[str]:
    from balto.replay.sentence import brief, seconds

    yield f"  heard         {seconds(found.samples_recorded)}, {found.bytes_recorded} bytes of {found.encoding or '?'}"
    yield f"  phrases       {found.phrases} captured, the last onset was of phrase {found.last_started}"
    yield f"  advice        {found.recommendations} recommendations, {len(found.undelivered)} not delivered yet"
    told = [
        ("resumed", found.epoch and f"{found.epoch} times"),
        ("audio", found.rejected and "could not be decoded from some point on"),
        ("engines", found.paid_stopped and "free ones only: the budget of the day is spent"),
        ("comparing", ", ".join(f"phrase {c.phrase} with {c.provider}" for c in found.comparing)),
        ("over", found.ended and "yes"),
    ]
    yield from (f"  {name:<13} {what}" for name, what in told if what)
    for number, phrase in sorted(found.open_phrases.items()):
        words = f": “{phrase.text}”" if phrase.text else ""
        named = f", named {', '.join(entity.name for entity in phrase.entities)}" if phrase.entities else ""
        asked = f", asked {phrase.engine}" if phrase.engine else ""
        since = seconds(phrase.sample_start)
        yield f"  under way     phrase {number} {phrase.stage} since {since}{asked}{words}{named}"
    for thing in found.memory.things:
        yield f"  remembers     {thing.kind} {brief(thing.name)} of phrase {thing.phrase}"


def _write_audio(run: Any, file: Path, upto: Any) -> None:
    from balto.listening import wav
    from balto.replay.hearing import NothingHeardError, heard
    from balto.replay.retelling import state_at

    size = sum(len(chunk.data) for chunk in run.audio)
    try:
        with bar(f"decoding the audio of {run.name}", size) as advance:
            pcm = heard(run, lambda line: note(f"{run.name}: {line}"), advance)
    except NothingHeardError as error:
        # The walk goes on without it.
        note(f"{error}; {file} was not written")
        return
    if upto is not None:
        pcm = pcm[: state_at(run, upto).samples_recorded]
    try:
        file.write_bytes(wav(pcm))
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}")
    note(f"{pcm.size / 16000:.2f} s of audio written to {file}")


COMMANDS = (retell, state)
