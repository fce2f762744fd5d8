"""What a session is told beside what its client and children send: to attach, to wait, to hand over, to settle."""

import asyncio
from dataclasses import dataclass

from actors.comparison import Compared
from actors.messages import (
    AttemptDue,
    AudioArrived,
    AudioFinished,
    ClassifyDone,
    Decoded,
    DecodingFailed,
    Delivered,
    Examined,
    Foreseen,
    HandOver,
    JumpTo,
    Listened,
    NormaliseDone,
    OfferExamined,
    RecommendationReply,
    Rehear,
    RehearOver,
    Transcribed,
)
from actors.runtime.actor import ChildFailed
from actors.session.ports import FlowWindow, Outbox
from actors.session.state import SessionState
from actors.session.writing import Durable
from events.catalogue import SessionResumed
from events.store import StoreError


@dataclass(frozen=True, slots=True)
class Settle:
    """Asks for a sign: `done` is set when everything received so far has had its outcome and is durable."""

    done: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class Attach:
    """Asks the session to take up a connection; the answer is how many bytes it has, None where it went elsewhere."""

    outbox: Outbox
    flow: FlowWindow


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection of this outbox is gone, without a word of farewell."""

    outbox: Outbox
    greeted: bool = True
    """Whether the client may have been told of its session; who was not cannot come back to it."""


@dataclass(frozen=True, slots=True)
class GraceOver:
    """The time in which a lost connection could come back is over."""

    generation: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """The stream has been claimed, for the time that `epoch` counts; here or elsewhere."""

    epoch: int


@dataclass(frozen=True, slots=True)
class GatherTick:
    """Time has passed while an utterance waits."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The session's recording could not be read back."""

    error: StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a session is rebuilt from: the fold of its stream, the claim on it included, and how long it has lasted."""

    state: SessionState
    resumed: SessionResumed | None
    """The claim: durable, and the last event of the stream; None where the session never left its process."""
    elapsed_us: int


Answer = (
    Decoded
    | DecodingFailed
    | Listened
    | Examined
    | OfferExamined
    | Transcribed
    | Foreseen
    | NormaliseDone
    | ClassifyDone
    | Delivered
    | RecommendationReply
    | AttemptDue
    | Compared
)
"""What comes back for something that the session asked for."""

Message = (
    AudioArrived
    | AudioFinished
    | Rehear
    | RehearOver
    | JumpTo
    | Unreadable
    | Attach
    | ConnectionLost
    | GraceOver
    | Claimed
    | GatherTick
    | HandOver
    | Durable
    | ChildFailed
    | Settle
    | Answer
)
