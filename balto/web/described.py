"""What a route takes and gives, said beside its handler, from which the OpenAPI page is built."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

JSON: Final = "application/json"
_DESCRIPTION: Final = "__balto_description__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a route takes and gives beside errors, which all routes tell in the same way."""

    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    upload: tuple[str, ...] = ()
    """Text fields of a multipart body beside the file `audio`; none: the body is no upload."""
    gives: Any = None
    """Type of the JSON answer: a model, a dataclass or a list of them; None where it is no JSON."""
    status: int = 200
    media: tuple[str, ...] = (JSON,)
    """Media types of the answer; JSON has the shape of `gives`."""
    extra: tuple[tuple[int, str], ...] = ()
    """Other statuses that are no errors, and what they mean."""
    topic: str = "balto"


def described(**what: Any) -> Callable[[Handler], Handler]:
    """Say what a handler takes and gives; arguments as `Description`."""

    def on(handler: Handler) -> Handler:
        setattr(handler, _DESCRIPTION, Description(**what))
        return handler

    return on


def description_of(handler: Any) -> Description | None:
    """Return what was said of a handler."""
    found = getattr(handler, _DESCRIPTION, None)
    return found if isinstance(found, Description) else None
