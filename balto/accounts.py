"""Accounts: pharmacies register, add counters and get keys; every step is an event of their tenant."""

import hashlib
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass, field, replace
from typing import Final

from actors.runtime.clock import Clock, SystemClock
from actors.vad.settings import check
from actors.values import VadSettings
from balto.app import new_event_id
from balto.library import Library
from balto.security.keys import hash_key, looks_like_key, new_key
from balto.streams import client_stream, counter_stream
from balto.terms import CounterTerms, terms_of
from events.catalogue import (
    ClientRegistered,
    CounterKeyIssued,
    CounterPresetChanged,
    CounterRegistered,
    CounterTermsChanged,
    EmailClaimed,
    Event,
)
from events.envelope import NewEvent
from events.queries import read
from events.selection import Selection
from events.store import NO_STREAM, Append, EventStore, StoreError, WrongExpectedPositionError
from projections import reports

CODE_DIGITS: Final = 6
_CODE_ATTEMPTS: Final = 20
_MAX_EMAIL: Final = 254
"""Octets of an address that SMTP can carry (RFC 5321)."""
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_CLOCK: Final = SystemClock()


class AccountError(Exception):
    """Base of the errors of accounts. The message is one Portuguese line for the client."""


class InvalidEmailError(AccountError):
    """This is not an e-mail address."""

    def __init__(self) -> None:
        super().__init__("e-mail inválido")


class EmailTakenError(AccountError):
    """A client with this e-mail is registered already."""

    def __init__(self) -> None:
        super().__init__("e-mail já cadastrado")


class UnknownClientError(AccountError):
    """There is no client of this code."""

    def __init__(self) -> None:
        super().__init__("cliente não encontrado")


class UnknownCounterError(AccountError):
    """There is no counter of this id."""

    def __init__(self) -> None:
        super().__init__("balcão não encontrado")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A counter as its key makes it known."""

    counter_id: str
    code: str
    """Of its client; the tenant."""
    name: str
    vad: VadSettings = field(default_factory=VadSettings)
    """Its preset; the defaults where it has none."""
    terms: CounterTerms = field(default_factory=CounterTerms)
    """What it prefers of the engines and may spend."""
    key_sha256: str = field(default="", repr=False)
    """Hash of the key that opens it now."""


async def register_client(
    store: EventStore, *, email: str, legal_name: str, phone: str | None = None, clock: Clock = _CLOCK
) -> str:
    """Register a pharmacy and return its code, six random digits.

    Two registrations with one e-mail, however close together, never both succeed: each must create the stream that is
    named after the e-mail's hash.

    Raises:
        InvalidEmailError: this is not an e-mail address.
        EmailTakenError: the e-mail has a client already.
        StoreError: it could not be recorded.
    """
    if not is_email(email):
        raise InvalidEmailError
    claim = f"email-{hashlib.sha256(normalise_email(email).encode()).hexdigest()}"
    for _ in range(_CODE_ATTEMPTS):
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        registered = ClientRegistered(code=code, legal_name=legal_name, email=email, phone=phone)
        try:
            await store.append_atomically(
                [
                    _append(claim, code, [EmailClaimed(code=code)], clock, new=True),
                    _append(client_stream(code), code, [registered], clock, new=True),
                ]
            )
        except WrongExpectedPositionError as error:
            if error.stream == claim:
                raise EmailTakenError from None
            continue
        return code
    raise StoreError("no free client code was found")


async def register_counter(store: EventStore, code: str, name: str, *, clock: Clock = _CLOCK) -> tuple[str, str]:
    """Add a counter to a client and return its id and its API key, which is nowhere kept.

    Raises:
        UnknownClientError: there is no such client.
        StoreError: it could not be recorded.
    """
    if not await store.stream_position(client_stream(code)):
        raise UnknownClientError
    counter_id, key = str(new_event_id(clock)), new_key()
    events = [
        CounterRegistered(counter_id=counter_id, code=code, name=name),
        CounterKeyIssued(counter_id=counter_id, key_sha256=hash_key(key)),
    ]
    await store.append(_append(counter_stream(counter_id), code, events, clock, new=True))
    return counter_id, key


async def rotate_key(library: Library, counter_id: str, *, clock: Clock = _CLOCK) -> str:
    """Give a counter a new API key and return it. Once this returns, the earlier key opens nothing.

    Raises:
        UnknownCounterError: there is no such counter.
        StoreError: it could not be recorded.
    """
    counter, key = await load_counter(library.store, counter_id), new_key()
    issued = CounterKeyIssued(counter_id=counter_id, key_sha256=hash_key(key))
    await library.store.append(_append(counter_stream(counter_id), counter.code, [issued], clock))
    return key


async def change_preset(library: Library, counter_id: str, vad: VadSettings, *, clock: Clock = _CLOCK) -> None:
    """Change a counter's voice-detection preset; sessions that start later have it.

    Raises:
        ValueError: a value is out of range.
        UnknownCounterError: there is no such counter.
        StoreError: it could not be recorded.
    """
    check(vad)
    counter = await load_counter(library.store, counter_id)
    changed = CounterPresetChanged(
        counter_id=counter_id, threshold_multiplier=vad.threshold_multiplier, min_energy=vad.min_energy
    )
    await library.store.append(_append(counter_stream(counter_id), counter.code, [changed], clock))


async def find_counter_by_key(library: Library, key: str) -> Counter | None:
    """Return the counter that a key belongs to, None for a key that opens nothing.

    The read model only says where to look: the counter's own stream decides, so an earlier key stops working when the
    next one is recorded, however far behind the read model is. On a miss that catches up once and is asked again, so a
    new key works at once on every node. A wrong key costs that much and no more. While the read model waits for its
    rebuild its rows are old: of a key that they do not know, the counters' streams themselves are asked.

    Raises:
        StoreError: the database could not be asked; nothing is known about the key.
    """
    if not looks_like_key(key):
        return None
    key_sha256 = hash_key(key)
    counter_id = await _counter_of_key(library, key_sha256)
    if counter_id is None:
        return None
    counter = await load_counter(library.store, counter_id)
    return counter if hmac.compare_digest(counter.key_sha256, key_sha256) else None


async def _counter_of_key(library: Library, key_sha256: str) -> str | None:
    projector = library.projector
    row = await reports.counter_by_key(projector.pool, key_sha256)
    if row is None:
        await projector.catch_up("counters", renew=False)
        row = await reports.counter_by_key(projector.pool, key_sha256)
    if row is not None:
        return row.counter_id
    found: str | None = None
    if any(status.name == "counters" and status.state == "outdated" for status in await projector.status()):
        issued = Selection(category="counter", types=("CounterKeyIssued",), where=f'$.key_sha256 == "{key_sha256}"')
        async for recorded in read(library.store, issued):
            if isinstance(recorded.event, CounterKeyIssued):
                found = recorded.event.counter_id
    return found


async def counters_of(library: Library, code: str) -> list[Counter]:
    """Return the counters of a client.

    Raises:
        UnknownClientError: there is no such client.
        StoreError: the database could not be asked.
    """
    if not await library.store.stream_position(client_stream(code)):
        raise UnknownClientError
    await library.projector.catch_up("counters", renew=False)
    return [
        Counter(
            counter_id=row.counter_id,
            code=row.code,
            name=row.name or "",
            vad=_preset(row.threshold_multiplier, row.min_energy),
            terms=CounterTerms(prefer=row.prefer, fast_path=row.fast_path, daily_budget_usd=row.daily_budget_usd),
        )
        for row in await reports.counters(library.projector.pool, code)
    ]


async def namesakes(library: Library, code: str, name: str) -> list[Counter]:
    """Return the counters of a client that are called so already, whatever the capitals; raises as `counters_of`."""
    wanted = name.strip().casefold()
    return [counter for counter in await counters_of(library, code) if counter.name.strip().casefold() == wanted]


def is_email(text: str) -> bool:
    """Return whether a text has the shape of an e-mail address; whether anyone reads it, no pattern can tell."""
    return len(text) <= _MAX_EMAIL and text.isprintable() and _EMAIL.fullmatch(text) is not None


def normalise_email(email: str) -> str:
    """Return the form in which two e-mails are the same: NFKC, no outer space, no upper case."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


async def load_counter(store: EventStore, counter_id: str) -> Counter:
    """Return a counter as its own stream tells it.

    Raises:
        UnknownCounterError: there is no such counter.
        StoreError: the database could not be asked.
    """
    counter: Counter | None = None
    async for recorded in store.read_stream(counter_stream(counter_id)):
        match recorded.event:
            case CounterRegistered() as event:
                counter = Counter(counter_id=event.counter_id, code=recorded.tenant, name=event.name)
            case CounterKeyIssued(key_sha256=key_sha256) if counter:
                counter = replace(counter, key_sha256=key_sha256)
            case CounterPresetChanged() as event if counter:
                counter = replace(counter, vad=_preset(event.threshold_multiplier, event.min_energy))
            case CounterTermsChanged() as event if counter:
                counter = replace(counter, terms=terms_of(event))
    if counter is None:
        raise UnknownCounterError
    return counter


def _preset(threshold_multiplier: float | None, min_energy: float | None) -> VadSettings:
    default = VadSettings()
    return replace(
        default,
        threshold_multiplier=default.threshold_multiplier if threshold_multiplier is None else threshold_multiplier,
        min_energy=default.min_energy if min_energy is None else min_energy,
    )


def _append(stream: str, tenant: str, events: list[Event], clock: Clock, *, new: bool = False) -> Append:
    wrapped = [NewEvent(event_id=new_event_id(clock), event=event, occurred_at=clock.utc()) for event in events]
    if new:
        return Append(stream=stream, tenant=tenant, events=wrapped, expected=NO_STREAM)
    return Append(stream=stream, tenant=tenant, events=wrapped)
