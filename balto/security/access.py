"""The table of access: every route, and who may call it. What is not in the table is closed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from balto.accounts import Counter


class Access(Enum):
    """Who may call a route."""

    PUBLIC = auto()
    """Anyone."""
    HANDSHAKE = auto()
    """Anyone: the route asks for the key itself, in the first frame of its socket."""
    REGISTRATION = auto()
    """Anyone while registration is open, else the administrator."""
    ADMIN = auto()
    """The administrator."""
    ADMIN_OR_KEY = auto()
    """The administrator, or a counter by its key; the route itself limits a counter to what is its own."""
    LOOPBACK_OR_KEY_OR_ADMIN = auto()
    """As `ADMIN_OR_KEY`, or whoever sits at this machine."""
    LOOPBACK_OR_ADMIN = auto()
    """The administrator, or whoever sits at this machine."""
    LOOPBACK_OR_TOKEN_OR_ADMIN = auto()
    """As `LOOPBACK_OR_ADMIN`, or an analyst by a token; the route itself limits them to the rows of their client."""
    LOOPBACK_OR_WATCHER_OR_ADMIN = auto()
    """As `LOOPBACK_OR_ADMIN`, or who watches the server, by the token that opens nothing else."""
    TOKEN_OR_ADMIN = auto()
    """The administrator, or an analyst by a token, limited in the same way."""


TABLE: Final[Mapping[tuple[str, str], Access]] = {
    ("GET", "/ws"): Access.HANDSHAKE,
    ("GET", "/"): Access.PUBLIC,
    ("GET", "/console/{file}"): Access.PUBLIC,
    ("GET", "/docs"): Access.PUBLIC,
    ("GET", "/api/v1/openapi.json"): Access.PUBLIC,
    ("GET", "/api/v1/asyncapi.json"): Access.PUBLIC,
    ("GET", "/healthz"): Access.PUBLIC,
    ("GET", "/readyz"): Access.PUBLIC,
    ("GET", "/metrics"): Access.LOOPBACK_OR_WATCHER_OR_ADMIN,
    ("POST", "/cadastro/cliente"): Access.REGISTRATION,
    ("POST", "/cadastro/balcao"): Access.REGISTRATION,
    ("POST", "/admin/login"): Access.PUBLIC,
    ("POST", "/api/test/analisar"): Access.LOOPBACK_OR_KEY_OR_ADMIN,
    ("POST", "/api/test/segmentar"): Access.LOOPBACK_OR_KEY_OR_ADMIN,
    ("POST", "/api/test/transcrever"): Access.LOOPBACK_OR_KEY_OR_ADMIN,
    ("GET", "/api/data/interacoes"): Access.ADMIN,
    ("GET", "/api/data/balcao/{balcao_id}/metricas"): Access.ADMIN_OR_KEY,
    ("GET", "/api/admin/client/{codigo}/balcoes"): Access.ADMIN,
    ("PUT", "/api/admin/balcao/{id}/vad"): Access.ADMIN,
    ("GET", "/api/admin/balcao/{id}/preferencias"): Access.ADMIN,
    ("PUT", "/api/admin/balcao/{id}/preferencias"): Access.ADMIN,
    ("GET", "/api/v1/sessions"): Access.LOOPBACK_OR_ADMIN,
    ("GET", "/api/v1/sessions/{id}/timeline"): Access.LOOPBACK_OR_ADMIN,
    ("GET", "/api/v1/sessions/{id}/biometrics"): Access.LOOPBACK_OR_ADMIN,
    ("GET", "/api/v1/sessions/{id}/events"): Access.LOOPBACK_OR_ADMIN,
    ("GET", "/api/v1/projections"): Access.LOOPBACK_OR_TOKEN_OR_ADMIN,
    ("GET", "/api/v1/projections/{name}"): Access.LOOPBACK_OR_TOKEN_OR_ADMIN,
    ("GET", "/api/v1/events"): Access.LOOPBACK_OR_TOKEN_OR_ADMIN,
    ("GET", "/api/export/xlsx"): Access.TOKEN_OR_ADMIN,
}
"""By method and path as the router has them. `HEAD` is allowed where `GET` is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, as far as it is proven."""

    admin: bool = False
    counter: Counter | None = None
    analyst_of: str | None = None
    """The client whose rows a token opens."""
    watcher: bool = False
    loopback: bool = False

    @property
    def name(self) -> str:
        """Who shares what there is of heavy work: all with the tokens of one client are one."""
        return f"client {self.analyst_of}" if self.analyst_of and not self.admin else "administrator"


def access_to(method: str, path: str) -> Access | None:
    """Return who may call a route; None for one that the table does not know."""
    return TABLE.get(("GET" if method == "HEAD" else method, path))


def allows(access: Access, caller: Caller, *, open_registration: bool) -> bool:
    """Return whether a caller may call a route of this kind."""
    match access:
        case Access.PUBLIC | Access.HANDSHAKE:
            return True
        case Access.REGISTRATION:
            return open_registration or caller.admin
        case Access.ADMIN:
            return caller.admin
        case Access.ADMIN_OR_KEY:
            return caller.admin or caller.counter is not None
        case Access.LOOPBACK_OR_KEY_OR_ADMIN:
            return caller.admin or caller.counter is not None or caller.loopback
        case Access.LOOPBACK_OR_ADMIN:
            return caller.admin or caller.loopback
        case Access.LOOPBACK_OR_TOKEN_OR_ADMIN:
            return caller.admin or caller.loopback or caller.analyst_of is not None
        case Access.LOOPBACK_OR_WATCHER_OR_ADMIN:
            return caller.admin or caller.loopback or caller.watcher
        case Access.TOKEN_OR_ADMIN:
            return caller.admin or caller.analyst_of is not None
