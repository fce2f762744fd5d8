"""The comparisons under way: the audio and text of phrases that other engines are to hear too."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from actors.comparison import Compare
from actors.values import Pcm
from events.catalogue import ComparisonRequested, Event, TranscriptionReceived


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    pcm: Pcm
    text: str


class Comparisons:
    """Keeps what a comparison needs from its decision until it is durable, as the phrase may be over by then.

    Args:
        compare: tells the comparer.
    """

    def __init__(self, compare: Callable[[Compare], None]) -> None:
        self._compare = compare
        self._kept: dict[tuple[int, str], _Kept] = {}

    def keep(self, events: Collection[Event], audio: Callable[[int], Pcm | None]) -> None:
        """Keep the audio and the chosen text of the phrases that the events want compared."""
        texts = {event.phrase: event.text for event in events if isinstance(event, TranscriptionReceived)}
        for event in _requests(events):
            pcm = audio(event.phrase)
            if pcm is not None:
                self._kept[event.phrase, event.provider] = _Kept(pcm, texts[event.phrase])

    def act(self, event: ComparisonRequested) -> None:
        """Have a phrase heard by another engine. One of a former life of the session is not there any more."""
        kept = self._kept.pop((event.phrase, event.provider), None)
        if kept is not None:
            self._compare(Compare(number=event.phrase, provider=event.provider, pcm=kept.pcm, text=kept.text))


def _requests(events: Iterable[Event]) -> list[ComparisonRequested]:
    return [event for event in events if isinstance(event, ComparisonRequested)]
