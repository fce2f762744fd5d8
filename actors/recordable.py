"""What engines answered, without what no event can hold: NUL, half a surrogate pair, numbers that are not finite."""

from dataclasses import replace
from math import isfinite

from actors.values import Classified, Normalised, Transcript


def recordable_text(text: str) -> str:
    """Return a text without NUL and unpaired surrogates: JSON has both (RFC 8259, section 8.2), PostgreSQL neither."""
    return text if text.isascii() and "\0" not in text else text.encode(errors="ignore").decode().replace("\0", "")


def recordable_transcript(transcript: Transcript) -> Transcript:
    """Return a transcript as it can be recorded; a number that isn't finite is one that was not told."""
    words = tuple(
        replace(
            word,
            text=recordable_text(word.text),
            start_s=_known(word.start_s),
            end_s=_known(word.end_s),
            confidence=_known(word.confidence),
        )
        for word in transcript.words
    )
    return replace(
        transcript,
        text=recordable_text(transcript.text),
        words=words,
        confidence=_known(transcript.confidence),
        cost_usd=_known(transcript.cost_usd) or 0.0,
    )


def recordable_entities(normalised: Normalised) -> Normalised:
    """Return stage 1's outcome as it can be recorded; a score that isn't finite is none."""
    entities = tuple(
        replace(
            entity,
            name=recordable_text(entity.name),
            span=recordable_text(entity.span),
            score=_known(entity.score) or 0.0,
        )
        for entity in normalised.entities
    )
    return replace(normalised, entities=entities, cost_usd=_known(normalised.cost_usd) or 0.0)


def recordable_categories(classified: Classified) -> Classified:
    """Return stage 2's outcome as it can be recorded; a confidence that isn't finite is none."""
    categories = tuple(
        replace(
            category,
            macro=recordable_text(category.macro),
            micro=None if category.micro is None else recordable_text(category.micro),
        )
        for category in classified.categories
    )
    return replace(
        classified,
        categories=categories,
        anchors=tuple(map(recordable_text, classified.anchors)),
        confidence=_known(classified.confidence) or 0.0,
        cost_usd=_known(classified.cost_usd) or 0.0,
    )


def _known(number: float | None) -> float | None:
    return number if number is not None and isfinite(number) else None
