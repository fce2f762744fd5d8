"""The tape: when each sample of a recorded session is heard again, and what its client did beside sending audio."""

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeGuard

from actors.vad.cascade import BLOCK_SAMPLES
from actors.values import SAMPLE_RATE
from balto.replay.recorded import Moment, Recorded
from events.catalogue import (
    AudioReceived,
    ClassificationCompleted,
    ClassificationFailed,
    Event,
    NormalisationCompleted,
    NormalisationFailed,
    OfferTranscribed,
    RecommendationAnswered,
    RecommendationDelivered,
    RecommendationSent,
    RecommendationWithheld,
    SessionPaused,
    SessionResumed,
    SpeechStarted,
    TranscriptionFailed,
    TranscriptionReceived,
    TranscriptionRejected,
)

_ANSWERS: Final = (
    OfferTranscribed,
    TranscriptionReceived,
    TranscriptionRejected,
    TranscriptionFailed,
    NormalisationCompleted,
    NormalisationFailed,
    ClassificationCompleted,
    ClassificationFailed,
)
_BEHIND_US: Final = 1_000
"""Audio that was heard after an answer is heard so long after it: what is executed takes no time."""
_APART_S: Final = 1e-6
_PRE_ROLL: Final = 300 * SAMPLE_RATE // 1000
"""A phrase begins so much before its onset, by default."""


class RecordedPace:
    """Lets samples be heard when they were heard; implements `actors.audio.pacing.Pace`.

    The session's events tell: up to which sample it had heard when about each second of audio was recorded, when a
    phrase was found to begin, and what it knew by then. Between two of these moments time goes evenly.

    Args:
        loop: whose time it is.
        moments: of the session, in order.
    """

    block = BLOCK_SAMPLES

    def __init__(self, loop: asyncio.AbstractEventLoop, moments: Sequence[Moment]) -> None:
        self._loop = loop
        marks = _marks(moments)
        self._samples = [sample for sample, _ in marks]
        self._times = [us for _, us in marks]
        self._last_s = 0.0

    def time_us(self, sample: int) -> float:
        """Return when the samples before `sample` were heard, in microseconds since the session's start."""
        # Where time went on without audio, what lies before was heard at its beginning, what lies behind at its end.
        at = bisect_left(self._samples, sample)
        if at == len(self._samples):
            return self._times[-1] + (sample - self._samples[-1]) * 1e6 / SAMPLE_RATE
        if self._samples[at] == sample:
            return self._times[at]
        s0, s1, t0, t1 = self._samples[at - 1], self._samples[at], self._times[at - 1], self._times[at]
        return t0 + (t1 - t0) * (sample - s0) / (s1 - s0)

    async def until(self, sample: int) -> None:
        """Wait until the samples before `sample` may be heard."""
        # What follows from one block has happened when the next is heard, though both came at the same moment.
        self._last_s = max(self.time_us(sample) / 1e6, self._loop.time(), self._last_s + _APART_S)
        left = self._last_s - self._loop.time()
        if left > 0:
            await asyncio.sleep(left)


def _marks(moments: Sequence[Moment]) -> list[tuple[int, int]]:
    """Return samples, and when the session was through with those before them; both never go back."""
    marks = [(0, 0)]
    for event, us in moments:
        sample, time = marks[-1]
        match event:
            case AudioReceived():
                if len(marks) == 1:
                    # When the first byte came is not told: a client sends as it hears, or faster.
                    began = max(0, us - event.sample_end * 1_000_000 // SAMPLE_RATE)
                    marks.append((0, began))
                marks.append((max(sample, event.sample_end), max(time, us)))
            case SpeechStarted():
                onset = event.sample_start + _PRE_ROLL
                if onset > sample:
                    marks.append((onset, max(time, us)))
            case event if isinstance(event, _ANSWERS):
                marks.append((sample, max(time, us + _BEHIND_US)))
            case _:
                pass
    return marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """The client sends bytes, as soon as there is room for them."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Do:
    """The client, or what lies between, does something at its time."""

    us: int
    what: Literal["lose", "attach", "finish", "leave", "stop"]


Step = Send | Do


def script_of(recorded: Recorded) -> list[Step]:
    """Return what came of the client's side, in order."""
    steps: list[Step] = []
    sent, size = 0, len(recorded.audio)
    paused: int | None = None
    for event, us in recorded.moments:
        match event:
            case SessionPaused():
                paused = us
            case SessionResumed():
                offset = _offset_in(recorded, event.byte_offset)
                steps.append(Send(start=sent, end=offset))
                sent = offset
                if paused is not None:
                    steps.append(Do(us=paused, what="lose"))
                steps.append(Do(us=us, what="attach"))
                paused = None
            case _:
                pass
    steps.append(Send(start=sent, end=size))
    if paused is not None:
        steps.append(Do(us=paused, what="lose"))
        return steps
    ended = recorded.ended
    match ended.reason if ended else None:
        case "client_finished" | "audio_undecodable":
            steps.append(Do(us=0, what="finish"))
        case "server_stopping":
            steps.append(Do(us=0, what="stop"))
        case _:
            steps.append(Do(us=_left_us(recorded.moments), what="leave"))
    return steps


def _offset_in(recorded: Recorded, byte: int) -> int:
    """Return where the client's byte of a number is in the audio that is here."""
    if recorded.form is None:
        return min(byte, len(recorded.audio))
    sample = max((event.sample_end for event, _ in recorded.moments if _before(event, byte)), default=0)
    return min(2 * sample, len(recorded.audio))


def _before(event: Event, byte: int) -> TypeGuard[AudioReceived]:
    return isinstance(event, AudioReceived) and event.byte_end <= byte


def _left_us(moments: Sequence[Moment]) -> int:
    """Return when the client left, of whom that is not told: after the last sign of it, before advice was kept back."""
    last, heard = 0, [0, 0]
    for event, us in moments:
        match event:
            case RecommendationWithheld(reason="client_left"):
                break
            case RecommendationSent() | RecommendationDelivered() | RecommendationAnswered():
                last = us
            case AudioReceived():
                heard.append(us)
            case _:
                pass
    # The last audio is recorded after the client has gone, when what is left of it has been heard.
    return max(last, heard[-2]) + _BEHIND_US
