"""Reading what stands in a query string, and writing rows as JSON can have them."""

from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from aiohttp import web
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from balto.web.answers import RequestError
from balto.web.keys import CALLER
from events.selection import within_calendar


def _in_a_zone(moment: datetime) -> datetime:
    return within_calendar(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


Moment = Annotated[datetime, AfterValidator(_in_a_zone)]
"""A time, in UTC where it does not say."""
Name = Annotated[str, Field(max_length=200)]
"""Something's id or name."""


def at_most(greatest: int) -> AfterValidator:
    """Return a validator that takes what is above the greatest for the greatest."""
    return AfterValidator(lambda number: min(number, greatest))


def as_dict(row: Any) -> dict[str, Any]:
    """Return a dataclass as a mapping of its fields, exact numbers as floats."""
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def read_query[M: BaseModel](request: web.Request, model: type[M]) -> M:
    """Read a query string into a model; of a parameter that is given twice, the first counts.

    Raises:
        RequestError: 400, naming the first parameter that does not fit.
    """
    optional = {name for name, field in model.model_fields.items() if field.default is None}
    # What may be left out may also be empty, as a form sends it.
    given = {name: value for name, value in reversed(list(request.query.items())) if value or name not in optional}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = ".".join(str(step) for step in first["loc"])
        raise RequestError(400, f"parâmetro {name} inválido" if name else "parâmetros inválidos") from None


def tenant_of(request: web.Request, asked: str | None) -> str | None:
    """Return whose rows a caller sees: an analyst their client's, others those that they asked for, None for all.

    Raises:
        RequestError: 403, an analyst asked for another client's.
    """
    own = request[CALLER].analyst_of if not request[CALLER].admin else None
    if own is not None and asked not in (None, own):
        raise RequestError(403)
    return own or asked
