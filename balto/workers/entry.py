"""How a process of a server begins and ends that nobody started by hand."""

import sys
from collections.abc import Coroutine
from typing import Any

import typer

from balto.cli.common import run
from balto.loops import serving_loop


def run_as_child(work: Coroutine[Any, Any, None]) -> None:
    """Run until the work is done; what stops it is a line and a status, as of a command."""
    try:
        run(work, serving_loop)
    except typer.Exit as left:
        sys.exit(left.exit_code)
