"""How often each kind of call may be made."""

from actors.runtime.clock import Clock
from balto.security.limits import KeyGuard, RateLimiter, Turnstile


class Limits:
    """The rate limiters of the server.

    Args:
        clock: asked for monotonic time.
    """

    def __init__(self, clock: Clock) -> None:
        self.logins = RateLimiter(per_minute=5, burst=5, clock=clock)
        """Attempts to log in, by remote address."""
        self.registrations = RateLimiter(per_minute=60, burst=100, clock=clock)
        """Registrations of clients and counters, by remote address."""
        self.wrong_codes = RateLimiter(per_minute=6, burst=10, clock=clock)
        """Client codes that turned out to be unknown, by remote address: six digits could be guessed."""
        self.wrong_keys = RateLimiter(per_minute=30, burst=20, clock=clock)
        """API keys that turned out to be unknown, by remote address."""
        self.keys = KeyGuard(self.wrong_keys)
        """What stands before every look for a key; see `balto.web.gate.recognise`."""
        self.trials = RateLimiter(per_minute=120, burst=60, clock=clock)
        """Trials of the engines, by counter or remote address."""
        self.exports = Turnstile(inside=2, waiting=6, each=1)
        """Exports under way: each holds a connection to the database for as long as its reader takes."""
