"""What is decided once vocabulary and examples were heard: silence, what a sentence names, where it belongs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from actors.llm.by_example import Learnt, Row, judge
from actors.llm.cues import cues
from actors.llm.fusion import Evidence, Verdict, mode_of, name_scores, named_features, weigh
from actors.llm.nearest import Near
from actors.values import LexiconEntry
from events.catalogue import Entity

_PROPOSED = 4
"""Names that the classifier may propose."""
_EXACT = 0.97
_BEYOND_DOUBT = 0.9
"""Probability of a request from which no example of a price or a figure of speech hushes."""
_NO_REQUEST = 0.25
"""Probability of a request below which even a sentence that is certain is hushed: "esqueci a pílula, tomo duas?"."""
_ALARMING = 0.85
"""Probability of an alarm sign from which the classifier alone refers what is hushed."""
_PLACED = 0.4
"""Probability of a category below which nothing is guessed where the vocabulary finds nothing: of what is no sentence,
a request may be likely, but no category is."""
_NO_PRIOR = (0.0, 0.0)
_GUESSED = 0.6
"""Score of what only examples tell."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What vocabulary and examples say together."""

    verdict: Verdict
    hushed: bool
    """Whether what was found is not asked for."""
    asked: bool
    """Whether it is a request beyond doubt, even where the vocabulary finds nothing."""
    scores: Row
    """Of each name that the examples know, shape (names,)."""
    mode: str

    @property
    def request(self) -> float:
        """Probability that something is asked for."""
        return self.verdict.kinds["request"]

    def hushes(self, near: Near, *, certain: bool) -> bool:
        """Tell whether nothing is to be named: an example of an alarm sign is enough, others must be believed.

        What is certainly named is hushed only if it is almost surely not asked for.
        """
        if certain and self.request >= _NO_REQUEST:
            return False
        return self.hushed or (near.hush and (near.alarm or self.request < _BEYOND_DOUBT))

    def alarms(self, near: Near) -> bool:
        """Tell whether what is hushed is an alarm sign, by the nearest example or almost surely by the classifier.

        What the classifier takes for a request beyond doubt is kept silent, and not referred.
        """
        return (near.alarm and self.request < _BEYOND_DOUBT) or self.verdict.kinds["alarm"] > _ALARMING

    def talks_of_prices(self, near: Near) -> bool:
        """Tell whether what is hushed is a question of price or dose, by the nearest example or by the classifier."""
        kinds = self.verdict.kinds
        return near.price or kinds["price_or_dosage"] == max(kinds.values())


class DecisionByExample:
    """Weighs the vocabulary's findings against the examples'. Its methods block for a millisecond.

    Args:
        look: returns the vocabulary's entry of a name, or None.
        supply: returns the weights; called when they are first needed, and each time after.
    """

    def __init__(self, look: Callable[[str], LexiconEntry | None], supply: Callable[[], Learnt]) -> None:
        self._look = look
        self._supply = supply
        self._entries: dict[str, LexiconEntry | None] = {}
        self.ready = False
        """Whether the weights have been read."""

    def prepare(self) -> None:
        """Have the weights, and what is looked for beside them, read. Blocks for 30 ms the first time."""
        self._supply()
        cues()
        self.ready = True

    def decide(self, text: str, evidence: Evidence, vector: Row | None) -> Decided:
        """Weigh; the vector is the encoder's, shape (512,), None without it."""
        judged = judge(text, vector, self._model)
        verdict = weigh(evidence, judged, self._model)
        mode = mode_of(judged)
        lost, sure, wary = self._model.fusion[f"floors_{mode}"].tolist()
        request = verdict.kinds["request"]
        doubtful = verdict.kinds["price_or_dosage"] + verdict.kinds["alarm"]
        hushed = request < lost or doubtful > wary
        asked = request > sure and max(verdict.macros.values()) >= _PLACED
        return Decided(verdict, hushed, asked, name_scores(judged, self._model), mode)

    def revise(
        self, found: Sequence[Entity], decided: Decided, text: str, denied: frozenset[str]
    ) -> tuple[Entity, ...]:
        """Return the findings that are meant, and what else the examples say is named, proved by the whole sentence.

        Args:
            found: by the vocabulary.
            decided: about the sentence.
            text: the sentence.
            denied: names that it denies, which are not proposed.
        """
        kept_like, kept_exact, added = self._model.fusion[f"names_{decided.mode}"].tolist()
        chances = {entity.name: self._chance(entity.name, entity, decided, len(found)) for entity in found}
        kept = [each for each in found if chances[each.name] >= (kept_exact if each.score >= _EXACT else kept_like)]
        kept = kept or sorted(found, key=lambda entity: -chances[entity.name])[:1]
        for name in self._likely(decided):
            entry = self._entry(name)
            new = entry is not None and name not in denied and name not in chances
            if entry is not None and new and self._chance(name, None, decided, len(found)) >= added:
                kept.append(_guessed(entry, text))
        return tuple(kept)

    def guess(self, decided: Decided, text: str) -> tuple[Entity, ...]:
        """Return what is most likely named where the vocabulary finds nothing: of the likeliest category."""
        macro = max(decided.verdict.macros, key=decided.verdict.macros.__getitem__)
        entry = self.likeliest(decided, macro)
        return () if entry is None else (_guessed(entry, text),)

    def likeliest(self, decided: Decided, macro: str) -> LexiconEntry | None:
        """Return the entry of a category that the examples say is named, if any is."""
        entries = (self._entry(self._model.names[place]) for place in np.argsort(-decided.scores))
        return next((entry for entry in entries if entry is not None and entry.category.macro == macro), None)

    def _entry(self, name: str) -> LexiconEntry | None:
        """Return the vocabulary's entry of a name; looked for once, as that means taking the name apart."""
        if name not in self._entries:
            self._entries[name] = self._look(name)
        return self._entries[name]

    def _likely(self, decided: Decided) -> list[str]:
        return [self._model.names[place] for place in np.argsort(-decided.scores)[:_PROPOSED]]

    def _chance(self, name: str, found: Entity | None, decided: Decided, count: int) -> float:
        entry = self._entry(name)
        if entry is None:
            return 0.0
        column = self._model.columns.get(entry.name)
        score = float(decided.scores[column]) if column is not None else math.nan
        top = float(decided.scores.max(initial=0.0))
        prior = self._model.priors.get(entry.name, _NO_PRIOR)[count > 1]
        features = named_features(found, entry, score, top, decided.verdict.macros, count, prior)
        return 1 / (1 + math.exp(-float(features @ self._model.fusion[f"named_{decided.mode}"])))

    @property
    def _model(self) -> Learnt:
        return self._supply()


def _guessed(entry: LexiconEntry, text: str) -> Entity:
    return Entity(kind=entry.kind, name=entry.name, span=text.strip(), score=_GUESSED)
