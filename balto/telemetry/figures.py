"""Figures of phrases for Prometheus: how many, what became of them, how long each hop took, how engines fared."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from balto.telemetry.hops import HOPS, calls, hops, is_hurried
from balto.telemetry.stories import Story
from events.catalogue import (
    PhraseDiscarded,
    PhraseGathered,
    RecommendationSent,
    RecommendationWithheld,
    TranscriptionRejected,
)

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)


class Figures:
    """The figures of one process since its start; `registry` holds them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._phrases = Counter("balto_phrases", "Phrases by what became of them.", ["outcome"], registry=self.registry)
        self._hops = Histogram(
            "balto_hop_seconds", "Time of each hop of a phrase.", ["hop"], buckets=_BUCKETS, registry=self.registry
        )
        for hop in HOPS:
            self._hops.labels(hop)  # told as nothing where nothing was timed, instead of not at all
        self._hurried = Counter(
            "balto_phrases_hurried",
            "Phrases whose audio had come faster than speech; their hops are not timed.",
            registry=self.registry,
        )
        self._calls = Counter(
            "balto_provider_calls",
            "Answers and failures of engines.",
            ["hop", "engine", "model", "outcome"],
            registry=self.registry,
        )

    def take(self, story: Story) -> None:
        """Count a phrase."""
        self._phrases.labels(outcome_of(story)).inc()
        if is_hurried(story):
            self._hurried.inc()
        else:
            for hop in hops(story):
                # Speech-to-text may be asked before the phrase is certain to be over.
                self._hops.labels(hop.name).observe(max(hop.ms, 0.0) / 1000)
        for call in calls(story):
            self._calls.labels(call.hop, call.engine, call.model, call.outcome).inc()


def outcome_of(story: Story) -> str:
    """Return what became of a phrase.

    `recommended`, `withheld`, `rejected`, `gathered` (understood with a later one), `discarded` or `unfinished`.
    """
    for new in story.events:
        match new.event:
            case RecommendationSent():
                return "recommended"
            case RecommendationWithheld():
                return "withheld"
            case TranscriptionRejected():
                return "rejected"
            case PhraseGathered():
                return "gathered"
            case PhraseDiscarded():
                return "discarded"
    return "unfinished"
