"""What a process of the load generator is told to do, and what it tells afterwards; both travel as JSON."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

Kind = Literal["pcm", "webm"]
Dialect = Literal["balto", "bare"]
"""Of the server: Balto's protocol 2 with offsets, or any that takes bare frames of PCM and answers in text frames."""

RATE: Final = 16_000
MESSAGE_MS: Final = (20, 60, 100)
"""Lengths of the messages that clients send, by turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One session of one client."""

    number: int
    key: str
    kind: Kind
    message_ms: int
    begin_s: float
    """Of its audio, after the plan's start."""
    seconds: float
    audio: int
    """Which recording, of WebM; sample of the scene that it begins with, of PCM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a shard does."""

    url: str
    """`ws://HOST:PORT/PATH`."""
    dialect: Dialect
    folder: str
    """Where the audio is; see `benchmarks.live.audio`."""
    start: float
    """UTC seconds."""
    window: tuple[float, float]
    """Seconds after the start between which all sessions talk and must keep up."""
    talks: list[Talk]
    note_sends: bool = True
    """Whether each message's time is told; without it latencies can't be."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "talks": [{name: getattr(talk, name) for name in Talk.__slots__} for talk in self.talks]
        }

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """Read what `as_json` gave."""
        talks = [Talk(**each) for each in values["talks"]]
        return cls(**{**values, "window": tuple(values["window"]), "talks": talks})


@dataclass(slots=True, kw_only=True)
class Told:
    """What came of one session."""

    number: int
    session: str = ""
    sent_s: float = 0.0
    """Seconds of audio sent."""
    messages: int = 0
    late: int = 0
    """Messages sent more than `LATE_S` after they were due."""
    worst_late_s: float = 0.0
    behind_s: float = 0.0
    """The most audio, in seconds, that was sent but not acknowledged within the window; 0 where nothing tells."""
    close_code: int | None = None
    error: str = ""
    sends: list[float] = field(default_factory=list)
    """UTC seconds at which each message was sent."""
    received: list[tuple[str, int, float]] = field(default_factory=list)
    """Recommendations: id, phrase and UTC seconds."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


LATE_S: Final = 0.020
"""A generator that is later than this does not keep real time, and what it measures is its own delay."""
