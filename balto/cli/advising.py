"""The command that understands texts: advise, on one text or on many lines."""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import typer

from balto.cli.common import AsJson, fail, load_settings, out, print_json, run
from balto.cli.recording import bar

_MAX_LINE: Final = 1 << 20
"""Bytes of a line; a longer one is answered with an error and passed over."""
_LONG: Final = 64 << 10
"""Bytes of a file from which a progress bar is shown."""

Line = str | dict[str, Any]
"""A line's text, or the error to print in place of its advice."""


def advise(
    text: Annotated[
        list[str] | None,
        typer.Argument(help="What the customer said; `-` reads lines from standard input and prints JSON lines."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Read lines from this file and print a JSON object for each.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what goes well with a request, as text."""
    if (text is None) == (file is None):
        fail("give a text, `-` or --file FILE")
    settings = load_settings()
    if file is not None:
        _advise_file(settings, file)
    elif text == ["-"]:
        run(_advise(settings, _lines(sys.stdin.buffer, _unheard), as_json=True))
    else:
        run(_advise(settings, iter([" ".join(text or ())]), as_json=as_json))


def _advise_file(settings: Any, file: Path) -> None:
    try:
        with file.open("rb") as stream:
            size = file.stat().st_size
            with bar("advising", size, shown=size > _LONG) as advance:
                run(_advise(settings, _lines(stream, advance), as_json=True))
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror or error}")


async def _advise(settings: Any, lines: Iterator[Line], *, as_json: bool) -> None:
    from balto.advising import Adviser, AdviserError

    try:
        async with Adviser.open(settings) as adviser:
            for line in lines:
                if isinstance(line, dict):
                    print_json(line)
                    continue
                advice = await adviser.advise(line)
                if as_json:
                    print_json(dataclasses.asdict(advice))
                else:
                    _tell(advice)
    except AdviserError as error:
        fail(str(error))


def _tell(advice: Any) -> None:
    from balto.web.outcomes import why_withheld

    if advice.macro:
        out.print(f"[bold green]→ {'/'.join(filter(None, (advice.macro, advice.micro)))}[/bold green]")
    if not advice.items:
        rule = f" [dim]({advice.safety_rule})[/dim]" if advice.safety_rule else ""
        out.print(f"{why_withheld(advice.withheld)}{rule}")
    for item in advice.items:
        out.print(f"[bold]{item.sugestao}[/bold]  {item.explicacao}")


def _lines(stream: BinaryIO, advance: Callable[[int], None]) -> Iterator[Line]:
    """Yield each line of a stream, or what is wrong with it; one faulty line never ends the rest."""
    number = 0
    while raw := stream.readline(_MAX_LINE + 1):
        number += 1
        read = len(raw)
        if read > _MAX_LINE and not raw.endswith(b"\n"):
            yield {"line": number, "error": f"longer than {_MAX_LINE} bytes"}
            while not raw.endswith(b"\n") and (raw := stream.readline(_MAX_LINE)):
                read += len(raw)
        else:
            yield _decoded(raw, number)
        advance(read)


def _decoded(raw: bytes, number: int) -> Line:
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        return {"line": number, "error": f"byte {error.start} is not UTF-8"}


def _unheard(_read: int) -> None:
    """Take no notice: how long standard input is nobody knows."""


COMMANDS = (advise,)
