"""Tokens with which an analyst reads a client's rows over HTTP: issued, found, revoked, each by an event."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from actors.runtime.clock import Clock, SystemClock
from balto.accounts import UnknownClientError
from balto.app import new_event_id
from balto.streams import client_stream
from events.catalogue import AnalystTokenIssued, AnalystTokenRevoked, Event
from events.envelope import NewEvent
from events.postgres import PostgresStore
from events.queries import read
from events.selection import Selection
from events.store import NO_STREAM, Append, EventStore

PREFIX: Final = "bt_"
_RANDOM_BYTES: Final = 32
_SHAPE: Final = re.compile(r"bt_[A-Za-z0-9_-]{43}")
_CLOCK: Final = SystemClock()


class UnknownTokenError(Exception):
    """There is no token of this id that still opens anything."""

    def __init__(self) -> None:
        super().__init__("there is no such token (`balto bi tokens` lists them)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalystToken:
    """A token that opens something, without itself."""

    token_id: str
    tenant: str
    label: str
    issued_at: datetime


def looks_like_token(text: str) -> bool:
    """Return whether a text has the shape of a token."""
    return _SHAPE.fullmatch(text) is not None


async def issue_token(store: EventStore, tenant: str, label: str, *, clock: Clock = _CLOCK) -> tuple[str, str]:
    """Return a new token's id and the token, which is nowhere kept.

    Raises:
        UnknownClientError: there is no such client.
        StoreError: it could not be recorded.
    """
    if not await store.stream_position(client_stream(tenant)):
        raise UnknownClientError
    token, token_id = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES), secrets.token_hex(6)
    issued = AnalystTokenIssued(token_id=token_id, label=label)
    await store.append(
        Append(stream=_stream(token), tenant=tenant, events=[_wrapped(issued, clock)], expected=NO_STREAM)
    )
    return token_id, token


async def find_tenant(store: EventStore, token: str) -> str | None:
    """Return the client whose rows a token opens, None for one that opens nothing.

    Raises:
        StoreError: the database could not be asked; nothing is known about the token.
    """
    tenant = None
    if looks_like_token(token):
        async for recorded in store.read_stream(_stream(token)):
            match recorded.event:
                case AnalystTokenIssued():
                    tenant = recorded.tenant
                case AnalystTokenRevoked():
                    return None
    return tenant


async def list_tokens(store: PostgresStore) -> list[AnalystToken]:
    """Return the tokens that open something, in the order of their issue.

    Raises:
        StoreError: the database could not be asked.
    """
    found: dict[str, AnalystToken] = {}
    async for recorded in read(store, Selection(types=("AnalystTokenIssued", "AnalystTokenRevoked"))):
        match recorded.event:
            case AnalystTokenIssued(token_id=token_id, label=label):
                found[token_id] = AnalystToken(
                    token_id=token_id, tenant=recorded.tenant, label=label, issued_at=recorded.recorded_at
                )
            case AnalystTokenRevoked(token_id=token_id):
                found.pop(token_id, None)
    return list(found.values())


async def revoke_token(store: PostgresStore, token_id: str, *, clock: Clock = _CLOCK) -> None:
    """Let a token open nothing from now on.

    Raises:
        UnknownTokenError: there is no such token.
        StoreError: it could not be recorded.
    """
    if token_id not in {token.token_id for token in await list_tokens(store)}:
        raise UnknownTokenError
    async for recorded in read(store, Selection(types=("AnalystTokenIssued",))):
        if isinstance(recorded.event, AnalystTokenIssued) and recorded.event.token_id == token_id:
            revoked = _wrapped(AnalystTokenRevoked(token_id=token_id), clock)
            await store.append(Append(stream=recorded.stream, tenant=recorded.tenant, events=[revoked]))


def _stream(token: str) -> str:
    # Whoever does not hold the token cannot steer its hash, so looking it up leaks nothing by its timing.
    return f"token-{hashlib.sha256(token.encode('ascii')).hexdigest()}"


def _wrapped(event: Event, clock: Clock) -> NewEvent:
    return NewEvent(event_id=new_event_id(clock), event=event, occurred_at=clock.utc())
