"""How often each kind of call may be made."""

from collections.abc import Callable

from actors.runtime.clock import Clock
from balto.place import own_buckets
from balto.security.limits import Buckets, KeyGuard, RateLimiter, Turnstile


class Limits:
    """The rate limiters of the server.

    Args:
        clock: asked for monotonic time.
        buckets: give a limiter's, by its name, where several processes limit together; None for this one's own.
    """

    def __init__(self, clock: Clock, buckets: Callable[[str], Buckets | None] = own_buckets) -> None:
        def limiter(name: str, *, per_minute: float, burst: int) -> RateLimiter:
            return RateLimiter(per_minute=per_minute, burst=burst, clock=clock, buckets=buckets(name))

        self.logins = limiter("logins", per_minute=5, burst=5)
        """Attempts to log in, by remote address."""
        self.registrations = limiter("registrations", per_minute=60, burst=100)
        """Registrations of clients and counters, by remote address."""
        self.wrong_codes = limiter("wrong_codes", per_minute=6, burst=10)
        """Client codes that turned out to be unknown, by remote address: six digits could be guessed."""
        self.wrong_keys = limiter("wrong_keys", per_minute=30, burst=20)
        """API keys that turned out to be unknown, by remote address."""
        self.keys = KeyGuard(self.wrong_keys)
        """What stands before every look for a key; see `balto.web.gate.recognise`."""
        self.trials = limiter("trials", per_minute=120, burst=60)
        """Trials of the engines, by counter or remote address."""
        self.exports = Turnstile(inside=2, waiting=6, each=1)
        """Exports under way in this process: each holds a connection to the database as long as its reader takes."""
