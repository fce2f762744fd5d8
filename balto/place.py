"""A server process's place among the others of its server: what they share, and whom it can ask."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from balto.security.limits import Buckets


class Census:
    """Counts the sessions of the server's processes; here, of one that is by itself."""

    def note(self, live: int) -> None:
        """Say how many sessions live in this process."""

    def elsewhere(self) -> int:
        """Return how many live in the others."""
        return 0


class Colleagues:
    """The other processes of the server; here, none."""

    async def figures(self) -> list[str]:
        """Return what each of the others tells Prometheus, as text."""
        return []

    async def at_work(self) -> int:
        """Return how many processes take connections, this one included."""
        return 1


def own_buckets(_: str) -> Buckets | None:
    """Let every limiter have buckets of its own."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of a process; by default, of one that is a server by itself."""

    number: int = 1
    of: int = 1
    boot: UUID = field(default_factory=uuid4)
    """Of the server's start, the same in all of its processes."""
    dsn: str | None = field(default=None, repr=False)
    """Of a database that is there and up to date; without one, the process sees to it."""
    models: Path | None = None
    """The socket of the process that has the local models; without one, they are loaded where they are needed."""
    summon_models: Callable[[], Awaitable[None]] | None = None
    """Starts that process, where this one is to."""
    secret: bytes | None = field(default=None, repr=False)
    """That administrators' sessions are signed with; without one, it is kept in the data folder."""
    census: Census = field(default_factory=Census)
    colleagues: Colleagues = field(default_factory=Colleagues)
    buckets: Callable[[str], Buckets | None] = own_buckets
    """Gives the buckets that a rate limiter shares with the other processes; None where it has its own."""
