"""Events of accounts: clients, their counters, keys and voice-detection presets."""

from dataclasses import dataclass

from events.catalogue.base import Event, personal, recorded


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRegistered(Event):
    """A pharmacy registered. Its code is its tenant."""

    code: str
    """Six digits."""
    legal_name: str
    email: str = personal()
    phone: str | None = personal(default=None)


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailClaimed(Event):
    """First event of a stream named after an e-mail's hash: that the stream exists is what makes the e-mail unique."""

    code: str


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class CounterRegistered(Event):
    """A client added a counter."""

    counter_id: str
    code: str
    name: str


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class CounterKeyIssued(Event):
    """A counter got an API key. Only the key's SHA-256 exists here; an earlier key stops working."""

    counter_id: str
    key_sha256: str
    """Lower-case hex."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class CounterPresetChanged(Event):
    """The voice-detection preset of a counter changed."""

    counter_id: str
    threshold_multiplier: float
    min_energy: float


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class CounterTermsChanged(Event):
    """What a counter prefers of the engines, or may spend on them, changed; this is all of it from now on."""

    counter_id: str
    prefer: tuple[str, ...]
    """Speech-to-text engines in order; those not named follow as the server has them. Empty for the server's order."""
    fast_path: bool | None
    """Whether what the lexicon is certain about asks no model; None for as the server has it."""
    daily_budget_usd: float | None
    """What a day at the counter may cost before only free engines are asked; None for any sum."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class AnalystTokenIssued(Event):
    """A client's analyst got a token for HTTP: first event of a stream named after the token's SHA-256."""

    token_id: str
    """What people call it; opens nothing."""
    label: str


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class AnalystTokenRevoked(Event):
    """A token opens nothing any more."""

    token_id: str
