"""A session's seat: what of it outlives its actor, which may leave while nothing comes and be made anew."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from actors.session.calls import Restored
from actors.session.connection import Connection
from actors.session.ports import SessionSpec


class Address(Protocol):
    """Where a session is reached, whether its actor lives at the moment or not."""

    def tell(self, message: Any) -> None:
        """Send a message; raises `pykka.ActorDeadError` once the session is over."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """How a session stood when its actor left."""

    epoch: int
    """Whoever has taken it up since has made this grow."""
    began_us: int
    """When it started, on the process's monotonic clock."""


@dataclass(slots=True, kw_only=True)
class Seat:
    """One session as its process knows it, from its start or resumption here to its end."""

    spec: SessionSpec
    connection: Connection
    on_end: Callable[[str], None]
    """Called once, when the session is over, however that came."""
    restored: Restored | None = None
    """Where it goes on, if it lived before, elsewhere or here; the next actor takes it."""
    rest: Rest | None = field(default=None)
    """Set while its actor has left."""
    address: Address | None = None
    """None where its actor stays for as long as the session."""
