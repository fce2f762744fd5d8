"""A command that was misspelt is one line on standard error, as every other error."""

import sys
from collections.abc import Sequence
from typing import Any, Final, Never, override

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError, UsageError  # its public names leave these out
from typer.core import TyperGroup

from balto.cli.common import note

_ABORTED: Final = 1


class OneLineGroup(TyperGroup):
    """The root of all commands, which says in one line what it did not understand, and where to read on."""

    @override
    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except ClickException as error:
            if not standalone_mode:
                raise
            _end(error)
        except typer.Abort:
            if not standalone_mode:
                raise
            sys.stderr.write("\n")  # after the question that was not answered
            note("nothing was done")
            sys.exit(_ABORTED)
        if not standalone_mode:
            return code
        sys.exit(code if isinstance(code, int) else 0)


def _end(error: ClickException) -> Never:
    if isinstance(error, NoArgsIsHelpError):
        error.show()
    else:
        # A value that is quoted may hold line breaks.
        said = " ".join(error.format_message().split()).rstrip(".")
        asked = error.ctx.command_path if isinstance(error, UsageError) and error.ctx is not None else ""
        note(f"{said} (`{asked} --help`)" if asked else said)
    sys.exit(error.exit_code)
