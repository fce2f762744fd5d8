"""A session's events as lines that can be compared: what was decided, without ids, times and measured values."""

from collections.abc import Iterable

from events.catalogue import (
    AudioBookmarked,
    AudioReceived,
    BasketResolved,
    CircumstancesNoted,
    ClassificationCompleted,
    ConversationEnded,
    Event,
    NormalisationCompleted,
    PhraseCaptured,
    PhraseGathered,
    RecommendationSent,
    RecommendationWithheld,
    SessionEnded,
    SpeechStarted,
    UtteranceGathered,
)


def line(event: Event) -> str:
    """Return one event as a line."""
    name = type(event).__name__
    match event:
        case SpeechStarted():
            return f"{name} {event.phrase} from {event.sample_start}"
        case PhraseCaptured():
            return f"{name} {event.phrase} {event.sample_start}–{event.sample_end} {event.cut_reason}"
        case NormalisationCompleted():
            return f"{name} {event.phrase} {', '.join(sorted(entity.name for entity in event.entities)) or '–'}"
        case ClassificationCompleted():
            return f"{name} {event.phrase} {', '.join(f'{c.macro}/{c.micro}' for c in event.categories)}"
        case BasketResolved() | RecommendationSent():
            return f"{name} {event.phrase} {event.basket}: {', '.join(item.sugestao for item in event.items)}"
        case UtteranceGathered():
            return f"{name} {event.phrase} {event.reason}: {', '.join(map(str, event.phrases))}"
        case PhraseGathered():
            return f"{name} {event.phrase} into {event.into}"
        case CircumstancesNoted():
            return f"{name} {event.phrase} {', '.join(event.circumstances)}"
        case ConversationEnded():
            return f"{name} {event.phrase} {event.reason}, after {event.last}"
        case RecommendationWithheld():
            return f"{name} {event.phrase} {event.reason}"
        case SessionEnded():
            return f"{name} {event.reason}: {event.phrases} phrases, {event.recommendations} recommendations"
        case _:
            return f"{name} {getattr(event, 'phrase', '')}".rstrip()


def story(events: Iterable[Event]) -> str:
    """Return a session's events, a line each; when bytes are recorded is the transport's affair and left out."""
    return "\n".join(line(event) for event in events if not isinstance(event, AudioReceived | AudioBookmarked)) + "\n"
