"""Telemetry put together: one listener behind the journal, and who is told of each phrase."""

import asyncio
from importlib.metadata import version
from typing import Self

from balto.settings import Settings
from balto.telemetry.figures import Figures
from balto.telemetry.stories import ObservedWriter, Stories, Story
from balto.telemetry.traces import Traces
from events.journal import EventWriter


class Telemetry:
    """What this process tells of its phrases.

    Args:
        traces: where spans go, if anywhere.
    """

    def __init__(self, traces: Traces | None = None) -> None:
        self.figures = Figures()
        self._traces = traces
        self._stories = Stories(self._tell)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Make what the settings ask for.

        Raises:
            TracingError: spans cannot be sent.
        """
        url = settings.trace_url
        return cls(None if url is None else Traces.sending_to(url, version=version("balto")))

    def watching(self, journal: EventWriter) -> EventWriter:
        """Return a journal that is told of what the given one makes durable."""
        return ObservedWriter(journal, self._stories.take)

    async def close(self) -> None:
        """Send what is left."""
        if self._traces is not None:
            await asyncio.to_thread(self._traces.close)

    def _tell(self, story: Story) -> None:
        self.figures.take(story)
        if self._traces is not None:
            self._traces.take(story)
