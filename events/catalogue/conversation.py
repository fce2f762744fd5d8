"""Events of a conversation: phrases gathered into one utterance, what was said of the customer, and where it ended."""

from dataclasses import dataclass
from typing import Literal

from events.catalogue.base import Event, personal, recorded

GatheringEnd = Literal["words", "pause", "timer", "end", "overtaken"]
"""Why an utterance waited no longer: it says enough; nothing followed it; no audio came either; the audio is over; what
was said behind it was understood before its text came."""

ConversationEnd = Literal["farewell", "next_customer", "greeting", "silence"]


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceGathered(Event):
    """What is understood next is several phrases, or one that had waited for more; one that goes at once has none."""

    phrase: int
    """The last of them: it has the outcome of all."""
    phrases: tuple[int, ...]
    """All of them, in order."""
    reason: GatheringEnd
    word_count: int


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseGathered(Event):
    """A phrase's words are understood with those of a later one: that is what came of it."""

    phrase: int
    into: int
    """The phrase that has the outcome."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class CircumstancesNoted(Event):
    """An utterance said for whom it is, such as a pregnancy: it counts for the rest of the conversation."""

    phrase: int
    circumstances: tuple[str, ...] = personal()
    """Names of the baskets file's safety rules."""
    asked: bool
    """Whether it was a question. Until it is denied it counts all the same."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class CircumstancesDenied(Event):
    """A question about circumstances was answered with no: they don't count any more."""

    phrase: int
    circumstances: tuple[str, ...] = personal()


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationEnded(Event):
    """A conversation at the counter was over: what was said in it does not count for the next."""

    phrase: int
    """The one that told."""
    last: int
    """Number of the conversation's last phrase."""
    reason: ConversationEnd
