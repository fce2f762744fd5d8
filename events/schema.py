"""The schema as the migrations leave it: `schema.txt` says what it shall be, and a test holds the two together."""

from importlib.resources import files

import asyncpg

from events.sql import statement


def expected() -> str:
    """Return the schema that this program works with, a line for each thing in it."""
    return files("events.sql").joinpath("schema.txt").read_text(encoding="utf-8")


async def describe(connection: asyncpg.Connection) -> str:
    """Return the schema of a database in the same words."""
    rows = await connection.fetch(statement("describe_schema"))
    return "".join(f"{row['line']}\n" for row in rows)
