"""What the routes find in the application and in a request, by typed key."""

from typing import Final

from aiohttp import web

from balto.app import Balto
from balto.security.access import Caller
from balto.security.admin import AdminDoor
from balto.web.limits import Limits
from balto.web.workshop import Workshop

BALTO: Final = web.AppKey("BALTO", Balto)
ADMIN_DOOR: Final = web.AppKey("ADMIN_DOOR", AdminDoor)
LIMITS: Final = web.AppKey("LIMITS", Limits)
WORKSHOP: Final = web.AppKey("WORKSHOP", Workshop)
CALLER: Final = web.RequestKey("CALLER", Caller)
"""Set by the gate before any route runs."""
