"""The command line: `balto …`."""

from balto.collector import held_off


def main() -> None:
    """Run the command line."""
    with held_off():
        from balto.cli.commands import app
    app()
