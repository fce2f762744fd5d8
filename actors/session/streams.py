"""The streams under way: phrases whose audio goes to an engine while they are said, and no further than it may."""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from actors.live import LiveStream
from actors.messages import Listened
from actors.session.phrase import PhraseState
from actors.session.state import SessionState
from actors.stt.live import LiveEars
from actors.values import EarlyPhrase, Pcm, Phrase, SpeechBegan, SpeechGivenUp, SpeechWentOn
from events.catalogue import (
    Event,
    PhraseCaptured,
    PhraseOffered,
    TranscriptionStreamClosed,
    TranscriptionStreamOpened,
)


@dataclass(slots=True)
class _Feed:
    """How far one phrase's stream is, in samples of the session."""

    known_to: int
    """Up to here the audio has come."""
    stream: LiveStream | None = None
    """Once that it is opened is durable."""
    until: int | None = None
    """Nothing beyond is sent: a pause, behind which there may be nothing but silence."""
    waiting: deque[tuple[int, Pcm]] = field(default_factory=deque)

    def take(self, start: int, pcm: Pcm) -> None:
        """Take samples; those that have come before are passed over."""
        fresh = pcm[max(0, self.known_to - start) :]
        if fresh.size:
            self.waiting.append((self.known_to, fresh))
            self.known_to += fresh.size
        self.send()

    def send(self) -> None:
        """Send what may be sent."""
        while self.stream is not None and self.waiting:
            start, pcm = self.waiting.popleft()
            may = pcm.size if self.until is None else min(pcm.size, self.until - start)
            if may > 0:
                self.stream.feed(pcm[:may])
            if may < pcm.size:
                self.waiting.appendleft((start + max(0, may), pcm[max(0, may) :]))
                return


class Streams:
    """Opens, feeds and closes the streams of one session, as its durable events say.

    Args:
        ears: the engine; None where phrases are not heard while they are said.
        terms: gives the words to listen for.
    """

    def __init__(self, ears: LiveEars | None, terms: Callable[[], tuple[str, ...]]) -> None:
        self._ears = ears
        self._terms = terms
        self._feeds: dict[int, _Feed] = {}

    @property
    def ready(self) -> bool:
        """Whether a stream may be opened."""
        return self._ears is not None and self._ears.ready

    @property
    def open(self) -> bool:
        """Whether a stream is open, or about to be."""
        return any(feed.stream is None or not feed.stream.over for feed in self._feeds.values())

    def of(self, number: int) -> LiveStream | None:
        """Return what has heard a phrase."""
        feed = self._feeds.get(number)
        return None if feed is None else feed.stream

    def hear(self, listened: Listened, state: SessionState, began_after: int) -> None:
        """Take the audio of phrases under way.

        Args:
            listened: what was heard; for phrases that it ends, their last samples are in it.
            state: with what was decided on it.
            began_after: number of the last phrase that had begun before. Streams of a former life stay closed.
        """
        if not (self._feeds or listened.heard):
            return
        for each in listened.heard:
            if isinstance(each, SpeechBegan):
                phrase = state.open_phrases.get(each.number)
                if each.number > began_after and phrase is not None and phrase.live is not None:
                    self._feeds[each.number] = _Feed(each.sample_start)
                continue
            feed = self._feeds.get(each.number)
            if feed is None:
                continue
            match each:
                case EarlyPhrase(phrase=early):
                    feed.until = early.sample_end
                    feed.take(early.sample_start, early.pcm)
                case SpeechWentOn():
                    feed.until = None
                    feed.send()
                case Phrase():
                    feed.until = each.sample_end
                    feed.take(each.sample_start, each.pcm)
                case SpeechGivenUp():
                    feed.until = 0
        speech = listened.speech
        if speech is not None and (feed := self._feeds.get(speech.number)) is not None:
            feed.take(speech.sample_start, speech.pcm)

    def act(self, event: Event, phrase: PhraseState | None) -> None:
        """Do what follows from a durable event, unless the phrase is past that."""
        match event:
            case TranscriptionStreamOpened():
                feed = self._feeds.get(event.phrase)
                if self._ears is not None and feed is not None and phrase is not None and phrase.live == event:
                    feed.stream = self._ears.open(self._terms())
                    feed.send()
            case TranscriptionStreamClosed():
                self._close(event.phrase)
            case PhraseOffered() if phrase is not None and phrase.offer is not None and phrase.offer.event == event:
                self._commit(event.phrase)
            case PhraseCaptured():
                self._commit(event.phrase)
            case _:
                pass

    def forget_all_but(self, under_way: Collection[int]) -> None:
        """Close the streams of phrases that have their outcome."""
        for number in [n for n in self._feeds if n not in under_way]:
            self._close(number)

    def _commit(self, number: int) -> None:
        stream = self.of(number)
        if stream is not None:
            stream.commit()

    def _close(self, number: int) -> None:
        feed = self._feeds.pop(number, None)
        if feed is not None and feed.stream is not None:
            feed.stream.cancel()
