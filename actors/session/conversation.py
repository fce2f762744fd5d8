"""What a session remembers of the conversation at its counter, and what of that counts for a phrase. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from actors.llm.phonetics import fold as plain
from actors.session.changing import changed
from actors.session.saying import thanks
from actors.values import SAMPLE_RATE, Conversation
from events.catalogue import (
    CircumstancesDenied,
    CircumstancesNoted,
    ClassificationCompleted,
    ConversationEnded,
    Event,
    NormalisationCompleted,
    NormalisationRequested,
    RecommendationSent,
    TranscriptionReceived,
)

MOST_REMEMBERED: Final = 200
"""Things beside circumstances, of which none is ever displaced."""
MOST_TERMS: Final = 40
_MOST_ENDS: Final = 8

Kind = Literal["circumstance", "product", "complaint", "item"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How long things count, and what a text says; of the session's policy. By default nothing is gathered or noted."""

    names_something: Callable[[str], bool] = bool
    """Whether a text asks for something, so that nothing more need be said. Pure."""
    circumstances: Callable[[str], tuple[str, ...]] = lambda _: ()
    """Names of the safety rules that a text meets, for whom it is. Pure."""
    gather_samples: int = 0
    """Silence after which an unfinished utterance goes as it is; 0 for all at once."""
    remember_samples: int = 900 * SAMPLE_RATE
    """How long a circumstance and a named product count."""
    cooldown_samples: int = 600 * SAMPLE_RATE
    """How long an item isn't suggested again."""
    silence_samples: int = 180 * SAMPLE_RATE
    """Silence after which whoever speaks is another customer."""
    greeting_samples: int = 20 * SAMPLE_RATE
    """Silence after which whoever is greeted is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """Something that was said or suggested."""

    kind: Kind
    name: str
    phrase: int
    sample: int
    """Where its phrase ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is remembered. Of a conversation before the last one, nothing."""

    things: tuple[Remembered, ...] = ()
    """The latest last; each once a conversation."""
    ends: tuple[int, ...] = ()
    """Numbers of the last phrases of former conversations, in order."""
    heard: int = 0
    """Number of the last phrase that went to be understood."""
    heard_to: int = 0
    """Where it ended, in samples."""
    thanked: int = 0
    """Number of the conversation's first phrase in which somebody thanked; 0 for none."""
    question: tuple[str, ...] = ()
    """Circumstances that the last utterance asked about."""
    question_phrase: int = 0

    def of(self, phrase: int) -> Iterable[Remembered]:
        """Return what was said and suggested in the conversation of a phrase, before it and since, the latest last."""
        first, last = self._bounds(phrase)
        return (thing for thing in self.things if first < thing.phrase and (last is None or thing.phrase <= last))

    def _bounds(self, phrase: int) -> tuple[int, int | None]:
        first = max((end for end in self.ends if end < phrase), default=0)
        return first, min((end for end in self.ends if end >= phrase), default=None)


def conversation_of(memory: Memory, phrase: int, sample: int, rules: Rules) -> Conversation:
    """Return what counts for a phrase that ended at a sample."""

    def names(kind: Kind, samples: int) -> Iterable[str]:
        return (t.name for t in memory.of(phrase) if t.kind == kind and sample - t.sample <= samples)

    return Conversation(
        facts=frozenset(names("circumstance", rules.remember_samples)),
        suggested=frozenset(plain(name) for name in names("item", rules.cooldown_samples)),
        anchors=frozenset(plain(name) for name in names("product", rules.remember_samples)),
    )


def key_terms_of(memory: Memory) -> tuple[str, ...]:
    """Return what was named in the conversation that is going on, the latest first: what may well be said again."""
    named = [thing.name for thing in memory.of(1 << 62) if thing.kind in ("product", "complaint")]
    return tuple(dict.fromkeys(reversed(named)))[:MOST_TERMS]


def remember(memory: Memory, event: Event, sample: int) -> Memory:
    """Return the memory after an event about a phrase that ended at a sample."""
    match event:
        case TranscriptionReceived(role="chosen") if not memory.thanked and thanks(event.text):
            return changed(memory, thanked=event.phrase)
        case NormalisationRequested():
            asked = () if event.phrase > memory.question_phrase else memory.question
            heard, heard_to = max(memory.heard, event.phrase), max(memory.heard_to, sample)
            return changed(memory, heard=heard, heard_to=heard_to, question=asked)
        case NormalisationCompleted():
            named = ((_kind_of(entity.kind), entity.name) for entity in event.entities)
            return _with(memory, event.phrase, sample, named)
        case ClassificationCompleted():
            return _with(memory, event.phrase, sample, (("product", name) for name in event.anchors))
        case RecommendationSent():
            return _with(memory, event.phrase, sample, (("item", item.sugestao) for item in event.items))
        case CircumstancesNoted():
            noted = _with(memory, event.phrase, sample, (("circumstance", name) for name in event.circumstances))
            return changed(noted, question=event.circumstances if event.asked else (), question_phrase=event.phrase)
        case CircumstancesDenied():
            left = (t for t in memory.things if t.kind != "circumstance" or t.name not in event.circumstances)
            return changed(memory, things=tuple(left), question=())
        case ConversationEnded():
            former = memory.ends[-1] if memory.ends else 0
            left = (thing for thing in memory.things if thing.phrase > former)
            return changed(
                memory, things=tuple(left), ends=(*memory.ends, event.last)[-_MOST_ENDS:], question=(), thanked=0
            )
        case _:
            return memory


def _kind_of(kind: str) -> Kind:
    return "product" if kind in ("medicine", "need") else "complaint"


def _with(memory: Memory, phrase: int, sample: int, named: Iterable[tuple[Kind, str]]) -> Memory:
    fresh = [Remembered(kind=kind, name=name, phrase=phrase, sample=sample) for kind, name in dict.fromkeys(named)]
    if not fresh:
        return memory
    again = {(thing.kind, thing.name) for thing in fresh}
    same = set(map(id, memory.of(phrase)))
    things = [t for t in memory.things if id(t) not in same or (t.kind, t.name) not in again] + fresh
    excess = sum(t.kind != "circumstance" for t in things) - MOST_REMEMBERED
    for thing in [t for t in things if t.kind != "circumstance"][: max(0, excess)]:
        things.remove(thing)
    return changed(memory, things=tuple(things))
