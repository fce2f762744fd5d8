"""HTTP put together: every route but the socket, behind the gate."""

from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from balto.app import Balto
from balto.library import StartError
from balto.security.access import access_to
from balto.security.admin import AdminDoor
from balto.web.gate import check_access, tell_failures
from balto.web.keys import ADMIN_DOOR, BALTO, CALLER, LIMITS, WORKSHOP
from balto.web.limits import Limits
from balto.web.routes import (
    administration,
    console,
    data,
    documentation,
    events,
    exports,
    health,
    metrics,
    registration,
    sessions,
    trials,
)
from balto.web.watching import FOLLOWERS, Followers, followers, let_go
from balto.web.workshop import Workshop

__all__ = ["ADMIN_DOOR", "BALTO", "CALLER", "LIMITS", "WORKSHOP", "add_routes", "unlisted_routes"]

_TOPICS: Final = (
    health,
    metrics,
    registration,
    administration,
    trials,
    data,
    sessions,
    exports,
    events,
    documentation,
    console,
)


def add_routes(app: web.Application, balto: Balto) -> None:
    """Add the routes and the gate to an application.

    The application does not start if, by then, it has a route that the table of access lacks.

    Raises:
        StartError: the administrator's password starts like an Argon2 hash but is none.
    """
    app[BALTO] = balto
    try:
        app[ADMIN_DOOR] = _admin_door(balto)
    except ValueError as error:
        raise StartError(str(error)) from None
    app[LIMITS] = Limits(balto.clock, balto.place.buckets)
    app[WORKSHOP] = Workshop(balto)
    app[FOLLOWERS] = Followers(balto)
    app.middlewares.extend((tell_failures, check_access))
    for topic in _TOPICS:
        app.router.add_routes(topic.routes)
    app.on_startup.append(_check_table)
    app.cleanup_ctx.extend((_workshop, followers))
    app.on_shutdown.append(let_go)


def _admin_door(balto: Balto) -> AdminDoor:
    password, secret = balto.settings.admin_password, balto.place.secret
    if secret is None:
        return AdminDoor.open(password, balto.settings.data_dir, balto.clock)
    return AdminDoor(password, secret, balto.clock)


def all_routes() -> web.UrlDispatcher:
    """Return every route but the socket, bound to nothing."""
    app = web.Application()
    for topic in _TOPICS:
        app.router.add_routes(topic.routes)
    return app.router


def unlisted_routes(app: web.Application) -> list[str]:
    """Return the routes of an application that the table of access lacks."""
    routes = ((route.method, route.resource.canonical if route.resource else "") for route in app.router.routes())
    return [f"{method} {path}" for method, path in routes if access_to(method, path) is None]


async def _check_table(app: web.Application) -> None:
    unlisted = unlisted_routes(app)
    if unlisted:
        raise RuntimeError(f"not in the table of access: {', '.join(unlisted)}")


async def _workshop(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[WORKSHOP].close()
