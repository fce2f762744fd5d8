"""What of events says nothing of what happened: clock readings, ids, money, who answered. One table for all.

Two runs over the same audio are the same if their events agree in everything that is not named here.
"""

from typing import Final, Literal

Incident = Literal["id", "time", "cost", "maker", "input", "measured"]
"""Why a field does not count: given by whoever wrote the event; read from a clock; money; which engine answered; what a
decision depended on, compared apart; arithmetic that depends on the machine or on how much is computed at once,
compared within a tolerance."""

Circumstance = Literal["transport", "machine", "client", "upkeep", "effort", "account"]
"""Why an event does not count: how bytes came and messages went; the state of the machine; what the client did or was
allowed, which is input; what became of the stream later; by which calls an answer was come by; no session's at all."""

INCIDENTAL_FIELDS: Final[dict[str, Incident]] = {
    "session_id": "id",
    "counter_id": "id",
    "recommendation_id": "id",
    "offer": "id",
    "latency_ms": "time",
    "duration_ms": "time",
    "UtteranceGathered.reason": "time",
    "cost_usd": "cost",
    "provider": "maker",
    "model": "maker",
    "engine": "maker",
    "catalogue": "input",
    "SessionStarted.protocol": "input",
    "SessionStarted.encoding": "input",
    "SessionStarted.settings": "input",
    "SessionStarted.versions": "input",
    "confidence": "measured",
    "words_per_minute": "measured",
    "PhraseCaptured.vad": "measured",
    "SessionEnded.samples": "measured",
    "Entity.score": "measured",
    "Word.start_s": "measured",
    "Word.end_s": "measured",
}
"""By name, of whatever holds it; or by the name of what holds it and its own."""

COUNTING_FIELDS: Final = frozenset(
    {"PhraseCleaned.noise_profile_ms", "SessionEnded.bytes_received", "AudioRejected.byte_offset"}
)
"""Fields that look like a clock's, an id or a machine's, and count: they are about the audio."""

INCIDENTAL_EVENTS: Final[dict[str, Circumstance]] = {
    "SessionPaused": "transport",
    "SessionResumed": "transport",
    "AudioReceived": "transport",
    "AudioBookmarked": "transport",
    "RecommendationDelivered": "transport",
    "MessageUndelivered": "transport",
    "ResourcesSampled": "machine",
    "ConsentRecorded": "client",
    "RecommendationAnswered": "client",
    "PaidEnginesStopped": "client",
    "PaidEnginesAllowed": "client",
    "RecordingsExpired": "upkeep",
    "SubjectErased": "upkeep",
    "ReplayStarted": "upkeep",
    "ReplayEnded": "upkeep",
    "TranscriptionRequested": "effort",
    "NormalisationRequested": "effort",
    "ClassificationRequested": "effort",
    "PhraseOffered": "effort",
    "OfferTranscribed": "effort",
    "PhraseOfferWithdrawn": "effort",
    "TranscriptionStreamOpened": "effort",
    "TranscriptionStreamClosed": "effort",
    "AttemptStarted": "effort",
    "AttemptEnded": "effort",
    "ComparisonRequested": "effort",
    "TranscriptCompared": "effort",
    "ComparisonFailed": "effort",
    "ClientRegistered": "account",
    "EmailClaimed": "account",
    "CounterRegistered": "account",
    "CounterKeyIssued": "account",
    "CounterPresetChanged": "account",
    "CounterTermsChanged": "account",
    "AnalystTokenIssued": "account",
    "AnalystTokenRevoked": "account",
    "BudgetReached": "account",
    "CatalogueLoaded": "account",
    "CatalogueRejected": "account",
}
"""By type. Whether a phrase was offered early, or another engine asked beside the first, depends on who was quicker."""


def incident(holder: str, field: str) -> Incident | None:
    """Return why a field does not count; None where it does.

    Args:
        holder: name of the class that has it: an event's, or that of a value that events hold.
        field: its name.
    """
    own = f"{holder}.{field}"
    return None if own in COUNTING_FIELDS else INCIDENTAL_FIELDS.get(own, INCIDENTAL_FIELDS.get(field))


def circumstance(type_name: str) -> Circumstance | None:
    """Return why events of a type do not count; None where they do."""
    return INCIDENTAL_EVENTS.get(type_name)
