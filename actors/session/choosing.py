"""The decision which engine hears a phrase first, and which ones stand behind it. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from actors.session.inputs import EngineName, Policy
from actors.session.terms import Terms
from events.catalogue import EngineRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Who is asked first, and why."""

    engine: EngineName | None
    """None where nobody may be asked: the budget is spent, and every engine costs."""
    why: EngineRule


def choose(
    terms: Terms,
    policy: Policy,
    *,
    stopped: bool,
    seconds: float,
    snr_db: Callable[[], float | None],
    heard_by: EngineName | None = None,
) -> Choice:
    """Choose the first engine for a phrase.

    Args:
        terms: of the session.
        policy: which engines there are.
        stopped: whether only free ones may be asked.
        seconds: how long the phrase is.
        snr_db: of the phrase; asked only where that matters.
        heard_by: the engine that has heard the phrase already, if one has: it is paid for that whatever comes of it.
    """
    if not policy.engines:
        return Choice(engine=heard_by or policy.transcribers[0], why="default")
    ranked = _ranked(terms, policy, stopped=stopped)
    if stopped:
        return Choice(engine=heard_by or (ranked[0] if ranked else None), why="budget")
    paid = [engine for engine in ranked if engine.usd_per_hour > 0]
    if heard_by is None and terms.cheaper_snr_db is not None and paid and seconds >= terms.cheaper_s:
        cheapest = min(paid, key=lambda engine: engine.usd_per_hour)
        snr = snr_db() if cheapest.usd_per_hour < ranked[0].usd_per_hour else None
        if snr is not None and snr >= terms.cheaper_snr_db:
            return Choice(engine=cheapest, why="long_and_clean")
    asked_for = any(engine.name in terms.prefer for engine in policy.engines)
    return Choice(engine=heard_by or ranked[0], why="counter" if asked_for else "default")


def preferred(terms: Terms, policy: Policy) -> str | None:
    """Return the name of the engine that a session prefers; None where there is no choice."""
    ranked = _ranked(terms, policy, stopped=False)
    return ranked[0].name if ranked else None


def order(terms: Terms, policy: Policy, first: str, why: EngineRule) -> tuple[str, ...]:
    """Return the names of all engines that may hear a phrase, in the order in which they are asked; one at least.

    Args:
        terms: of the session.
        policy: which engines there are.
        first: the one that was chosen, as its event names it.
        why: for which rule.
    """
    names = [engine.name for engine in _ranked(terms, policy, stopped=why == "budget")]
    return tuple(sorted(names, key=lambda name: name != first)) or (first,)


def frugal(policy: Policy) -> Policy:
    """Return the policy that asks no paid engine of understanding."""
    return policy if policy.lexicon is None else replace(policy, understandings=(policy.lexicon,))


def usd_per_hour(policy: Policy, provider: str) -> float:
    """Return what an engine asks for an hour of audio."""
    known = (*policy.engines, *policy.transcribers)
    return next((engine.usd_per_hour for engine in known if engine.name == provider), 0.0)


def _ranked(terms: Terms, policy: Policy, *, stopped: bool) -> list[EngineName]:
    place = {name: at for at, name in enumerate(terms.prefer)}
    allowed = [engine for engine in policy.engines if not stopped or engine.usd_per_hour == 0]
    return sorted(allowed, key=lambda engine: place.get(engine.name, len(place)))
