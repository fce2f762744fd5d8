"""What the ledger and the clients tell together: how long each hop of a phrase took, from its last sample on."""

import itertools
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import numpy as np

from actors.values import VadSettings
from benchmarks.live.plan import RATE, Talk, Told

_CHAIN: Final = (
    "PhraseCaptured",
    "TranscriptionRequested",
    "TranscriptionReceived",
    "NormalisationRequested",
    "NormalisationCompleted",
    "ClassificationRequested",
    "ClassificationCompleted",
    "BasketResolved",
    "RecommendationSent",
)
_CALLS: Final = frozenset({"TranscriptionReceived", "NormalisationCompleted", "ClassificationCompleted"})
"""Answers of engines, with how long they took."""
_WITHIN: Final = "lexicon"
"""The engine that asks nobody outside."""
_WAITED: Final = "UtteranceGathered"
"""A phrase with this has waited for more words, on purpose."""
_BLOCK: Final = 2_048
"""Samples that voices are looked for in at a time."""
_TAIL_MS: Final = 256
"""Kept of the pause that closes a phrase."""


@dataclass
class Hops:
    """Seconds of each hop, and of the whole way, phrase by phrase.

    Attributes:
        steps: by `A → B` of the ledger's events; `audio → PhraseCaptured` is from the message that closed the phrase.
        whole: from that message to the recommendation at the client.
        own: the same without the time that calls of providers took meanwhile, by what their events say.
        speech: from the last sample of speech, as it was sent, to the recommendation at the client.
        engines: that each engine took for a step, by the answer's event and the engine.
        durable: from deciding to being durable, of every event.
        phrases: captured within the window.
        recommended: of these, with a recommendation.
        gathered: of these, after a wait for more words that is left out of `whole` and `speech`.
    """

    steps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    whole: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    speech: list[float] = field(default_factory=list)
    engines: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    durable: list[float] = field(default_factory=list)
    phrases: int = 0
    recommended: int = 0
    gathered: int = 0


@dataclass(frozen=True, slots=True)
class _Noted:
    type: str
    occurred: float
    sample_end: int
    paused: bool
    took_s: float
    engine: str

    @property
    def call_s(self) -> float:
        """How long a provider took; 0 where nobody outside was asked."""
        return self.took_s if self.type in _CALLS and self.engine != _WITHIN else 0.0


async def measured(
    dsn: str, talks: Mapping[int, Talk], told: Sequence[Told], window: tuple[float, float], ends: Sequence[int]
) -> Hops:
    """Read the sessions' streams and follow each phrase.

    Args:
        dsn: of the ledger.
        talks: by number.
        told: what the clients saw.
        window: UTC seconds between which phrases are captured to be counted.
        ends: sample at which each sentence's voice ends, in the scene and its next round.
    """
    hops = Hops()
    connection = await asyncpg.connect(dsn)
    try:
        for each in told:
            if each.session:
                phrases = await _phrases(connection, each.session, hops)
                _follow(phrases, talks[each.number], each, window, hops, ends)
    finally:
        await connection.close()
    return hops


async def _phrases(connection: asyncpg.Connection, session: str, hops: Hops) -> dict[int, list[_Noted]]:
    rows = await connection.fetch(
        """SELECT e.type, (e.data->>'phrase')::int AS phrase, extract(epoch FROM e.occurred_at)::float8 AS occurred,
                  extract(epoch FROM e.recorded_at - e.occurred_at)::float8 AS waited,
                  (e.data->>'sample_end')::bigint AS sample_end, e.data->>'cut_reason' AS cut,
                  coalesce(e.latency_ms, 0) / 1000 AS took,
                  coalesce(e.data->>'engine', e.data->>'provider', '') AS engine,
                  coalesce((e.data->>'with_stage_1')::bool, false) AS along
             FROM events e JOIN streams s ON s.id = e.stream_id
            WHERE s.name = $1 ORDER BY e.stream_position""",
        f"session-{session}",
    )
    phrases: dict[int, list[_Noted]] = defaultdict(list)
    for row in rows:
        hops.durable.append(row["waited"])
        if row["phrase"] is not None:
            paused, sample_end = row["cut"] == "pause", row["sample_end"] or 0
            noted = _Noted(row["type"], row["occurred"], sample_end, paused, row["took"], row["engine"])
            phrases[row["phrase"]].append(noted)
            if noted.type in _CALLS and not row["along"]:
                hops.engines[f"{noted.type}, {noted.engine}"].append(noted.took_s)
    return phrases


def _follow(
    phrases: Mapping[int, list[_Noted]],
    talk: Talk,
    told: Told,
    window: tuple[float, float],
    hops: Hops,
    ends: Sequence[int],
) -> None:
    arrived = {phrase: when for _, phrase, when in reversed(told.received)}
    for number, noted in phrases.items():
        chain = [each for each in noted if each.type in _CHAIN]
        captured = next((each for each in chain if each.type == "PhraseCaptured"), None)
        if captured is None or not window[0] <= captured.occurred <= window[1]:
            continue
        hops.phrases += 1
        gathered = any(each.type == _WAITED for each in noted)
        closed = _sent_at(_closing_sample(captured.sample_end), talk, told) if captured.paused else None
        if closed is not None:
            hops.steps["audio → PhraseCaptured"].append(captured.occurred - closed)
        if number not in arrived:
            continue
        hops.recommended += 1
        hops.gathered += gathered
        if gathered:
            continue
        at = chain.index(captured)
        for before, after in itertools.pairwise(chain[at:]):
            hops.steps[f"{before.type} → {after.type}"].append(after.occurred - before.occurred)
        hops.steps["RecommendationSent → client"].append(arrived[number] - chain[-1].occurred)
        if closed is not None:
            hops.whole.append(arrived[number] - closed)
            # An early text was asked for before the phrase was over.
            calls_s = sum(min(each.call_s, each.occurred - captured.occurred) for each in chain[at:])
            hops.own.append(arrived[number] - closed - calls_s)
            spoken = _spoken_until(captured.sample_end, talk, ends)
            when = None if spoken is None else _sent_at(spoken, talk, told)
            if when is not None:
                hops.speech.append(arrived[number] - when)


def _closing_sample(sample_end: int) -> int:
    """Return the sample with which a phrase's pause is long enough, and its block complete."""
    hangover = VadSettings().hangover_ms
    closes = sample_end + (hangover - _TAIL_MS) * RATE // 1000
    return -(-closes // _BLOCK) * _BLOCK


def _spoken_until(sample_end: int, talk: Talk, ends: Sequence[int]) -> int | None:
    """Return the sample of the session at which the voice of the sentence that a phrase holds last has ended."""
    if talk.kind != "pcm" or not ends:
        return None
    place = talk.audio + sample_end
    at = bisect_left(ends, place + 1) - 1
    return None if at < 0 else ends[at] - talk.audio


def _sent_at(sample: int, talk: Talk, told: Told) -> float | None:
    """Return when the message with the sample before this one was sent; None where that can't be told."""
    if talk.kind != "pcm":
        return None
    message = (sample - 1) * 1000 // (talk.message_ms * RATE)
    return told.sends[message] if 0 <= message < len(told.sends) else None


def quantiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, 95th and 99th percentile in ms, and how many there are."""
    if not seconds:
        return {"n": 0}
    p50, p95, p99 = (float(at) * 1000 for at in np.percentile(seconds, (50, 95, 99)))
    return {"p50": round(p50, 2), "p95": round(p95, 2), "p99": round(p99, 2), "n": len(seconds)}
