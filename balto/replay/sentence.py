"""An event as a line for people: what was heard, understood, decided."""

from dataclasses import fields
from typing import Any, Final

import orjson

from actors.values import SAMPLE_RATE
from events.catalogue import (
    AudioReceived,
    BasketResolved,
    ClassificationCompleted,
    Event,
    Item,
    NormalisationCompleted,
    OfferTranscribed,
    PhraseCaptured,
    PhraseDiscarded,
    PhraseGathered,
    PhraseMeasured,
    RecommendationSent,
    RecommendationWithheld,
    SessionEnded,
    SessionStarted,
    SpeechStarted,
    TranscriptCompared,
    TranscriptionReceived,
    TranscriptionRejected,
)
from events.envelope import UnknownEvent

_LONGEST: Final = 60


def sentence(event: Event) -> str:
    """Return what an event says, without its type and its phrase's number."""
    match event:
        case SessionStarted():
            return f"counter {event.counter_id}, {event.encoding}, balto {event.versions.get('balto', '?')}"
        case AudioReceived():
            return f"bytes {event.byte_start}–{event.byte_end}, {_span(event.sample_start, event.sample_end)}"
        case SpeechStarted():
            return f"from {seconds(event.sample_start)}"
        case PhraseCaptured():
            return f"{_span(event.sample_start, event.sample_end)}, cut at {event.cut_reason.replace('_', ' ')}"
        case PhraseDiscarded():
            return f"{_span(event.sample_start, event.sample_end)}: {event.reason.replace('_', ' ')}"
        case PhraseMeasured():
            snr = "no SNR" if event.snr_db is None else f"SNR {event.snr_db:.1f} dB"
            pitch = "" if event.pitch_mean_hz is None else f", pitch {event.pitch_mean_hz:.0f} Hz"
            return f"{snr}{pitch}, RMS {event.rms_mean:.4f}"
        case TranscriptionReceived() | TranscriptCompared():
            return f"“{event.text}”  {event.provider}/{event.model}, {event.latency_ms:.0f} ms"
        case TranscriptionRejected():
            return f"not believed ({event.reason}): “{event.text}”  {event.provider}/{event.model}"
        case OfferTranscribed():
            kept = "" if event.rejected is None else f"not believed ({event.rejected}): "
            return f"{kept}“{event.text}”  {event.provider}/{event.model}, {event.latency_ms:.0f} ms"
        case NormalisationCompleted():
            return f"{', '.join(f'{e.kind} {e.name}' for e in event.entities) or 'nothing named'}  {event.engine}"
        case ClassificationCompleted():
            places = ", ".join(f"{c.macro}/{c.micro or '*'}" for c in event.categories) or "nothing asked for"
            return f"{places}  {event.engine}"
        case BasketResolved() | RecommendationSent():
            return f"{event.basket}: {', '.join(item.sugestao for item in event.items)}"
        case RecommendationWithheld():
            rule = "" if event.safety_rule is None else f" ({event.safety_rule})"
            return f"{event.reason.replace('_', ' ')}{rule}"
        case PhraseGathered():
            return f"understood with phrase {event.into}"
        case SessionEnded():
            return f"{event.reason}: {event.phrases} phrases, {event.recommendations} recommendations"
        case UnknownEvent():
            return f"version {event.version}, not known to this program: {brief(event.data)}"
        case _:
            told = ((f.name, getattr(event, f.name)) for f in fields(event) if f.name != "phrase")
            return "  ".join(f"{name} {brief(value)}" for name, value in told)


def seconds(sample: int) -> str:
    """Return where a sample is, in seconds from the session's start."""
    return f"{sample / SAMPLE_RATE:.2f} s"


def _span(start: int, end: int) -> str:
    return f"{start / SAMPLE_RATE:.2f}–{seconds(end)}"


def brief(value: Any) -> str:
    """Return a value as it fits in a line."""
    match value:
        case None:
            return "–"
        case str():
            text = value or "“”"
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:.4g}"
        case Item():
            text = value.sugestao
        case _:
            text = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
