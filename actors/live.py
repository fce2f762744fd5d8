"""What an engine offers that hears a phrase while it is said, as it passes from speech-to-text to the session."""

from typing import Protocol

from actors.values import Pcm, Transcript


class LiveStream(Protocol):
    """A phrase that an engine hears while it is said. Not thread-safe: one loop."""

    @property
    def provider(self) -> str:
        """As events name it."""
        ...

    @property
    def model(self) -> str:
        """As events name it."""
        ...

    @property
    def goes_on(self) -> bool:
        """Whether more may follow a commit."""
        ...

    @property
    def over(self) -> bool:
        """Whether its connection is closed, or about to be."""
        ...

    def feed(self, pcm: Pcm) -> None:
        """Send the next samples. Never blocks or fails; after a failure it does nothing."""
        ...

    def commit(self) -> None:
        """Have the final text of what was fed so far written."""
        ...

    async def transcript(self, *, budget_s: float) -> Transcript:
        """Commit what is left and wait for the text of everything that was fed. May be called again after more.

        Its cost is 0: what a stream costs is counted once, at its end, whatever came of it.

        Raises:
            TranscriptionError: there is no text within `budget_s`; the code says why.
        """
        ...

    def cancel(self) -> None:
        """Give the stream up: the connection is closed, and what was not answered will not be."""
        ...
