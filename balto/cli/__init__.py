"""The command line: `balto …`."""

import os

from balto.collector import held_off


def main() -> None:
    """Run the command line."""
    # A plugin that some package brings along would see all that is checked; to look for one, every package is read.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    with held_off():
        from balto.cli.commands import app
    app()
