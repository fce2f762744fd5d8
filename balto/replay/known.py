"""Which engines a recorded session had, as far as its events tell."""

from dataclasses import dataclass
from typing import Final

from actors.session.inputs import EngineName, StreamingName
from balto.engines import live_usd_per_hour, usd_per_hour
from balto.replay.recorded import Recorded
from balto.settings import Settings
from events.catalogue import (
    AttemptEnded,
    AttemptStarted,
    ComparisonRequested,
    NormalisationRequested,
    PhraseOffered,
    TranscriptionRequested,
    TranscriptionStreamOpened,
)

_NOBODY: Final = EngineName("none", "none")
_LEXICON: Final = "lexicon"
_UPLOADS: Final = "assemblyai"
"""Whose streams are one request each, so that they end with the first pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The engines of a session."""

    transcribers: tuple[EngineName, ...]
    """In order of preference; one at least."""
    streaming: StreamingName | None
    """Heard phrases while they were said."""
    model: EngineName | None
    """The language model; None where the lexicon understood alone."""


def engines_of(recorded: Recorded, settings: Settings) -> Known:
    """Return a session's engines: those it asked, in the order in which it came to them.

    Args:
        recorded: the session.
        settings: tell how a provider's streams are paid for.
    """
    first: dict[str, EngineName] = {}
    further: dict[str, EngineName] = {}
    streaming: StreamingName | None = None
    model: EngineName | None = None
    for event, _ in recorded.moments:
        match event:
            case TranscriptionStreamOpened() if streaming is None:
                price = live_usd_per_hour(settings, event.provider)
                goes_on = event.provider != _UPLOADS or settings.assemblyai_streaming == "socket"
                streaming = StreamingName(event.provider, event.model, price, goes_on)
            case PhraseOffered() | TranscriptionRequested():
                if not _is(streaming, event.provider, event.model):
                    (first if event.why == "default" else further).setdefault(
                        event.provider, _priced(event.provider, event.model)
                    )
            case AttemptStarted(step="transcription") | AttemptEnded(step="transcription"):
                if not _is(streaming, event.engine, event.model):
                    further.setdefault(event.engine, _priced(event.engine, event.model))
            case ComparisonRequested():
                further.setdefault(event.provider, _priced(event.provider, event.model))
            case NormalisationRequested() if event.engine != _LEXICON:
                model = model or EngineName(event.engine, event.model)
            case _:
                pass
    names = tuple((first | {name: engine for name, engine in further.items() if name not in first}).values())
    if not names:
        names = (_NOBODY,) if streaming is None else (_priced(streaming.name, streaming.model),)
    return Known(transcribers=names, streaming=streaming, model=model)


def _is(streaming: StreamingName | None, provider: str, model: str) -> bool:
    return streaming is not None and (streaming.name, streaming.model) == (provider, model)


def _priced(provider: str, model: str) -> EngineName:
    return EngineName(provider, model, usd_per_hour(provider))
