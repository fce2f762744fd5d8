"""Reading what stands in a query string, and writing rows as JSON can have them."""

from dataclasses import fields
from decimal import Decimal
from typing import Any

from aiohttp import web

from balto.web.answers import RequestError


def whole_number(request: web.Request, name: str, *, default: int, least: int, greatest: int) -> int:
    """Read a whole number from the query string; above the greatest it is the greatest.

    Raises:
        RequestError: 400, it is none or below the least.
    """
    raw = request.query.get(name)
    if raw is None:
        return default
    if not (raw.isascii() and raw.isdecimal()) or len(raw) > 18 or int(raw) < least:
        raise RequestError(400, f"parâmetro {name} inválido")
    return min(int(raw), greatest)


def as_dict(row: Any) -> dict[str, Any]:
    """Return a dataclass as a mapping of its fields, exact numbers as floats."""
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in values.items()}
