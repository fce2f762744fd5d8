"""Scores of advice: entities, macro category, silence and safety."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from actors.basket.naming import contains, words
from balto.advising import Advice
from benchmarks.advice.labelled import Utterance

Folded = frozenset[tuple[str, ...]]
Same = Callable[[str], Folded]
"""Takes a name and returns all names of the vocabulary's entry that it belongs to, and itself, as folded words."""

_NAMED = """
    amoxicilina azitromicina cefalexina ciprofloxacino levofloxacino norfloxacino clavulanato metronidazol
    nitrofurantoína fosfomicina sulfametoxazol losartana enalapril captopril valsartana olmesartana anlodipino
    atenolol propranolol metoprolol carvedilol hidroclorotiazida furosemida espironolactona sinvastatina
    atorvastatina rosuvastatina clopidogrel varfarina rivaroxabana apixabana digoxina metformina glibenclamida
    gliclazida dapagliflozina empagliflozina insulina semaglutida liraglutida tirzepatida sibutramina levotiroxina
    sildenafila tadalafila clonazepam alprazolam diazepam bromazepam zolpidem fluoxetina sertralina escitalopram
    venlafaxina amitriptilina quetiapina carbamazepina topiramato metilfenidato risperidona lítio tramadol codeína
    prednisona prednisolona dexametasona betametasona isotretinoína pregabalina duloxetina bupropiona salbutamol
    fenoterol anticoncepcional tobramicina nimesulida cetorolaco meloxicam misoprostol
"""

PRESCRIPTION_ONLY = tuple(words(name) for name in _NAMED.split())
"""A list of its own, so that a slip in the baskets file is seen: what no item may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was said, what an engine made of it, and how long it took."""

    said: Utterance
    text: str
    """The text that the engine was given."""
    advice: Advice
    cpu_ms: float
    wall_ms: float


@dataclass(slots=True, kw_only=True)
class Score:
    """What a set's outcomes add up to."""

    requests: int = 0
    macro_right: int = 0
    hits: int = 0
    missed: int = 0
    invented: int = 0
    advised_small_talk: int = 0
    small_talk: int = 0
    violations: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """One line for each request that was not understood as it should."""

    @property
    def macro_top1(self) -> float:
        """Percent of requests whose first category is a right one."""
        return 100 * self.macro_right / max(1, self.requests)

    @property
    def entity_f1(self) -> float:
        """F1 of the entities of requests, in percent: the harmonic mean of precision and recall over all of them."""
        return 200 * self.hits / max(1, 2 * self.hits + self.missed + self.invented)

    @property
    def false_advice(self) -> float:
        """Percent of small talk and noise on which something was suggested."""
        return 100 * self.advised_small_talk / max(1, self.small_talk)


def score(outcomes: Iterable[Outcome], same: Same, circumstances: frozenset[str]) -> Score:
    """Add outcomes up.

    An entity is right if any of its names, or the words that prove it, is a name of one that is labelled; two of one
    kind may be proved by one, as two brands of one medicine are.

    Args:
        outcomes: of one engine.
        same: knows the other names of things.
        circumstances: names of entities that tell whom a request is for, and are not counted.
    """
    total = Score()
    for outcome in outcomes:
        if outcome.said.kind == "request":
            _count_request(total, outcome, same, circumstances)
        elif outcome.said.kind in ("small_talk", "noise"):
            total.small_talk += 1
            total.advised_small_talk += bool(outcome.advice.items)
            if outcome.advice.items:
                total.wrong.append(f"{outcome.text!r}: advised on {_named(outcome.advice)}")
        total.violations.extend(violations(outcome))
    return total


def violations(outcome: Outcome) -> list[str]:
    """Return what must never happen and did: a sale on an alarm or a question of price or dose, a forbidden item."""
    found = []
    if outcome.said.kind in ("alarm", "price_or_dosage") and outcome.advice.items:
        found.append(f"{outcome.said.kind}, {outcome.text!r}: advised on {_named(outcome.advice)}")
    for item in outcome.advice.items:
        name = words(item.sugestao)
        if any(contains(name, each) for each in PRESCRIPTION_ONLY):
            found.append(f"{outcome.text!r}: {item.sugestao} needs a prescription")
    return found


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile of values, 0 of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))] if ranked else 0.0


def _count_request(total: Score, outcome: Outcome, same: Same, circumstances: frozenset[str]) -> None:
    said, advice = outcome.said, outcome.advice
    total.requests += 1
    right = advice.macro in said.macros
    total.macro_right += right
    wanted = [_all(names, same) for names in said.entities]
    allowed = [_all(names, same) for names in said.optional]
    found = {
        entity.name: _all((entity.name, entity.span), same)
        for entity in advice.entities
        if entity.name not in circumstances
    }
    missed = [names[0] for names, each in zip(said.entities, wanted, strict=True) if not _any(each, found.values())]
    invented = [name for name, each in found.items() if not _any(each, wanted) and not _any(each, allowed)]
    # A sentence labelled without entities is one that no vocabulary names: whatever places it right is welcome.
    if right and not said.entities:
        invented = []
    if said.labelled:
        total.hits += len(wanted) - len(missed)
        total.missed += len(missed)
        total.invented += len(invented)
    if not right or missed or invented:
        expected = "|".join(sorted(said.macros))
        total.wrong.append(f"{outcome.text!r}: {advice.macro} for {expected}, missed {missed}, invented {invented}")


def _all(names: Iterable[str], same: Same) -> Folded:
    return frozenset[tuple[str, ...]]().union(*(same(name) for name in names))


def _any(names: Folded, others: Iterable[Folded]) -> bool:
    return any(not names.isdisjoint(other) for other in others)


def _named(advice: Advice) -> str:
    return ", ".join(f"{entity.name} ({entity.span})" for entity in advice.entities) or str(advice.macro)
