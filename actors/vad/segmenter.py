"""The segmenter: finds phrases in a stream of samples, the same ones however the stream is cut."""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

import numpy as np

from actors.vad.gate import EnergyGate, frame_rms
from actors.vad.history import SampleHistory
from actors.vad.settings import check
from actors.vad.webrtc import FRAME, FRAME_MS, VoiceDetector
from actors.values import SAMPLE_RATE, Heard, Pcm, Phrase, SpeechBegan, SpeechGivenUp, VadSettings
from events.catalogue import CutReason, VadSnapshot

_MS: Final = SAMPLE_RATE // 1000
_BLOCK: Final = 32 * FRAME
"""Samples looked at in one go; what bounds the memory however much is pushed."""
_TAIL_MS: Final = 300
"""Audio kept after the last speech of a phrase, unless the hangover is shorter."""
_NOISE_FRAMES: Final = 1_500 // FRAME_MS
_NOISE_DELAY: Final = 10
"""Frames before an onset that are not taken for noise, since soft consonants hide there."""
_CUT_SEARCH: Final = 0.4
"""Last part of a phrase of the greatest length in which its quietest place is searched."""
_REVIVE: Final = 2
"""Speech frames in a row that continue a phrase in its hangover; a single one is a click."""


class State(Enum):
    """Where the segmenter is."""

    QUIET = auto()
    STARTING = auto()
    SPEAKING = auto()
    STOPPING = auto()


@dataclass(slots=True)
class _Open:
    """A phrase under way, in samples and frames of the stream."""

    start: int
    first: int
    """Frame that `rms[0]` belongs to."""
    rms: list[float] = field(default_factory=list)
    speech: list[bool] = field(default_factory=list)
    last_speech_end: int = 0


class Segmenter:
    """Cuts a stream into phrases.

    Each frame of 30 ms is speech if the detector hears a voice and its energy passes the gate. QUIET goes to STARTING
    with a speech frame, to SPEAKING once `onset_ms` of the latest frames are speech, to STOPPING with a frame that is
    none, and back to QUIET after `hangover_ms` without two speech frames in a row. Phrases carry `pre_roll_ms` from
    before their onset, never overlap, and their audio is exactly the stream's samples.

    Args:
        settings: checked here.

    Raises:
        ValueError: a setting is out of range.
    """

    def __init__(self, settings: VadSettings) -> None:
        self._settings = check(settings)
        self._gate = EnergyGate(settings.threshold_multiplier, settings.min_energy, FRAME_MS)
        self._detector = VoiceDetector(settings.mode)
        self._history = SampleHistory()
        self._onset = max(1, -(-settings.onset_ms // FRAME_MS))
        # a third more frames than needed: one frame in three may be missed by the detector
        self._recent: deque[bool] = deque(maxlen=self._onset + max(1, self._onset // 3))
        self._hangover = max(1, -(-settings.hangover_ms // FRAME_MS))
        self._tail = min(_TAIL_MS, settings.hangover_ms) * _MS
        self._keep = settings.pre_roll_ms * _MS + (self._onset * 2 + _NOISE_DELAY + 2) * FRAME
        self._state = State.QUIET
        self._frame = 0
        self._number = 0
        self._free_from = 0
        self._phrase: _Open | None = None
        self._silent = 0
        self._revived = 0
        self._noise: deque[Pcm] = deque(maxlen=_NOISE_FRAMES)
        self._waiting: deque[tuple[int, float]] = deque()
        self._quiet_rms: deque[float] = deque(maxlen=self._recent.maxlen or 1)
        self._finished = False

    @property
    def state(self) -> State:
        """Where the segmenter is now."""
        return self._state

    @property
    def samples(self) -> int:
        """Samples pushed so far."""
        return self._history.end

    def push(self, pcm: Pcm) -> list[Heard]:
        """Take the next samples, shape (n,), and return what was heard, in order.

        Raises:
            ValueError: the segmenter has been flushed.
        """
        if self._finished:
            raise ValueError("the segmenter has been flushed")
        heard: list[Heard] = []
        for at in range(0, pcm.size, _BLOCK):
            self._history.append(pcm[at : at + _BLOCK])
            self._frames(heard)
        return heard

    def flush(self) -> list[Heard]:
        """End the stream: close an open phrase and return what was heard last."""
        heard: list[Heard] = []
        if not self._finished:
            self._finished = True
            if self._phrase is not None:
                end = min(self._history.end, self._phrase.last_speech_end + self._tail)
                self._close(end, "end_of_audio", heard)
        return heard

    def _frames(self, heard: list[Heard]) -> None:
        start = self._frame * FRAME
        count = (self._history.end - start) // FRAME
        if not count:
            return
        frames = self._history.take(start, start + count * FRAME).reshape(count, FRAME)
        levels: list[float] = frame_rms(frames).tolist()
        raw = frames.astype("<i2").tobytes()
        for index, rms in enumerate(levels):
            voice = self._detector.is_voice(raw[2 * FRAME * index : 2 * FRAME * (index + 1)])
            loud = self._gate.passes(rms, voiced=voice)
            self._step(rms, heard, speech=voice and loud)
            self._frame += 1
        self._forget()

    def _step(self, rms: float, heard: list[Heard], *, speech: bool) -> None:
        if self._phrase is None:
            self._listen(rms, heard, speech=speech)
        else:
            self._follow(rms, heard, speech=speech)

    def _listen(self, rms: float, heard: list[Heard], *, speech: bool) -> None:
        """QUIET and STARTING."""
        self._recent.append(speech)
        self._quiet_rms.append(rms)
        if not any(self._recent):
            self._state = State.QUIET
            self._learn_noise()
            return
        self._state = State.STARTING
        if sum(self._recent) >= self._onset:
            self._begin(heard)

    def _begin(self, heard: list[Heard]) -> None:
        recent, levels = list(self._recent), list(self._quiet_rms)
        first = recent.index(True)
        onset = self._frame - len(recent) + 1 + first
        start = max(self._free_from, onset * FRAME - self._settings.pre_roll_ms * _MS, 0)
        self._phrase = _Open(start, onset, levels[first:], recent[first:], (self._frame + 1) * FRAME)
        self._open(heard)
        self._waiting.clear()

    def _open(self, heard: list[Heard]) -> None:
        assert self._phrase is not None  # noqa: S101 - set by both callers
        self._number += 1
        self._state = State.SPEAKING
        self._silent = self._revived = 0
        heard.append(SpeechBegan(number=self._number, sample_start=self._phrase.start))

    def _follow(self, rms: float, heard: list[Heard], *, speech: bool) -> None:
        """SPEAKING and STOPPING."""
        phrase = self._phrase
        assert phrase is not None  # noqa: S101 - the caller looked
        phrase.rms.append(rms)
        phrase.speech.append(speech)
        now = (self._frame + 1) * FRAME
        self._revived = self._revived + 1 if speech else 0
        if speech and (self._state is State.SPEAKING or self._revived >= _REVIVE):
            self._state, self._silent = State.SPEAKING, 0
            phrase.last_speech_end = now
        else:
            self._state = State.STOPPING
            self._silent += 1
        if self._silent >= self._hangover:
            end = min(now, phrase.last_speech_end + self._tail)
            self._close(end, "pause", heard)
            self._wait_noise(end, now)
        elif now - phrase.start >= self._settings.max_phrase_ms * _MS:
            self._cut(heard)

    def _close(self, end: int, reason: CutReason, heard: list[Heard]) -> None:
        phrase = self._phrase
        assert phrase is not None  # noqa: S101 - all callers looked
        self._phrase = None
        self._state = State.QUIET
        self._recent.clear()
        self._quiet_rms.clear()
        self._free_from = end
        heard.append(self._judged(phrase, end, reason))

    def _judged(self, phrase: _Open, end: int, reason: CutReason) -> Heard:
        frames = max(1, -(-(end - phrase.first * FRAME) // FRAME))
        speech = phrase.speech[:frames]
        loud = [rms for rms, is_speech in zip(phrase.rms, speech, strict=False) if is_speech]
        too_short = len(loud) * FRAME_MS < self._settings.min_phrase_ms
        # the floor has risen since: what opened the phrase was a new, louder noise
        too_quiet = reason == "pause" and bool(loud) and float(np.median(loud)) < self._gate.threshold
        if too_short or too_quiet:
            return SpeechGivenUp(
                number=self._number,
                sample_start=phrase.start,
                sample_end=end,
                reason="too_short" if too_short else "too_quiet",
            )
        return Phrase(
            number=self._number,
            sample_start=phrase.start,
            sample_end=end,
            cut_reason=reason,
            vad=self._snapshot(len(loud) * FRAME / max(1, end - phrase.start)),
            pcm=self._history.take(phrase.start, end),
            noise=np.concatenate(self._noise) if self._noise else np.zeros(0, dtype=np.int16),
        )

    def _cut(self, heard: list[Heard]) -> None:
        """Close a phrase that got too long at its quietest place and go on with what is behind it."""
        phrase = self._phrase
        assert phrase is not None  # noqa: S101 - the caller looked
        levels = np.array(phrase.rms)
        smooth = np.convolve(levels, np.full(3, 1 / 3), mode="same")
        searched = int(_CUT_SEARCH * self._settings.max_phrase_ms / FRAME_MS)
        begin = max(1, len(levels) - searched)
        place = begin + int(np.argmin(smooth[begin:-1])) if len(levels) - begin > 1 else len(levels) - 1
        end = (phrase.first + place) * FRAME
        state, silent, revived = self._state, self._silent, self._revived
        self._close(end, "max_length", heard)
        rest = _Open(end, phrase.first + place, phrase.rms[place:], phrase.speech[place:], phrase.last_speech_end)
        rest.last_speech_end = max(end, phrase.last_speech_end)
        self._phrase = rest
        self._open(heard)
        self._state, self._silent, self._revived = state, silent, revived

    def _snapshot(self, voiced_ratio: float) -> VadSnapshot:
        return VadSnapshot(
            noise_floor_rms=self._gate.floor,
            threshold_rms=self._gate.threshold,
            threshold_multiplier=self._settings.threshold_multiplier,
            min_energy=self._settings.min_energy,
            voiced_ratio=min(1.0, voiced_ratio),
            mode=self._settings.mode,
        )

    def _learn_noise(self) -> None:
        """Take a quiet frame for noise once it is certain that no phrase begins right behind it."""
        self._waiting.append((self._frame, 0.0))
        if len(self._waiting) > _NOISE_DELAY:
            frame, _ = self._waiting.popleft()
            self._noise.append(self._history.take(frame * FRAME, (frame + 1) * FRAME))

    def _wait_noise(self, end: int, now: int) -> None:
        """Take the silence that closed a phrase for noise."""
        for frame in range(-(-end // FRAME), now // FRAME):
            self._noise.append(self._history.take(frame * FRAME, (frame + 1) * FRAME))

    def _forget(self) -> None:
        if self._phrase is not None:
            self._history.forget(self._phrase.start)
        else:
            self._history.forget(max(self._free_from - self._keep, self._frame * FRAME - self._keep))
