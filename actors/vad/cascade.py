"""The cascade: cheap stages decide what is surely silence, a neural one confirms the rest, window by window."""

from operator import and_
from typing import Final, NamedTuple

import numpy as np

from actors.vad.gate import EnergyGate, window_rms
from actors.vad.silero import CONTEXT, WINDOW, WITH_OTHERS, Judged, Memory, Question, SpeechModel
from actors.vad.webrtc import VoiceDetector
from actors.values import Pcm, VadSettings

WINDOW_MS: Final = 32
BLOCK: Final = WITH_OTHERS
"""Windows heard in one go. The neural stage costs a third less for four than for one, and four are 128 ms."""
BLOCK_SAMPLES: Final = BLOCK * WINDOW
WARM_UP: Final = 6
"""Windows before a candidate that a neural stage without memory hears first."""
_AFTER: Final = 16
"""Windows after the last candidate that are still confirmed: what is too soft for the cheap stages may be speech."""
_LEAVES: Final = 0.1
"""A block without a candidate whose every probability is below this needs no further confirmation."""
_CONTINUES: Final = 0.25
"""How much less probable a window may be that continues speech than one that begins it."""
_FIRST_FLOOR: Final = 80.0
"""RMS: a stream may begin in the middle of a word, whose level is no noise floor; noise that is let through until the
floor has risen to it is not confirmed."""
_PAST: Final = 2 * BLOCK_SAMPLES


class Window(NamedTuple):
    """What each stage made of 32 ms. A stage that is off lets everything through."""

    rms: float
    """Of int16 samples."""
    loud: bool
    voiced: bool
    probability: float | None
    """Of speech; None where the neural stage wasn't asked."""
    speech: bool


class Cascade:
    """Judges a stream in blocks of four windows. The same stream gives the same windows, to the bit.

    A window is a candidate if its energy passes the gate and webrtcvad hears a voice in it. From six windows before a
    candidate until sixteen after the last one, or until it is sure of silence, the neural stage is asked.

    Args:
        settings: which stages are on, and theirs.
        model: the neural stage; None where there is none.
    """

    def __init__(self, settings: VadSettings, model: SpeechModel | None) -> None:
        self._model = model if settings.neural else None
        begin = None if self._model is None else _FIRST_FLOOR
        self._gate = EnergyGate(settings.threshold_multiplier, settings.min_energy, WINDOW_MS, begin=begin)
        self._gated = settings.energy_gate
        self._detector = VoiceDetector(settings.mode) if settings.webrtc else None
        self._begins = settings.neural_threshold
        self._before: tuple[Pcm, Pcm] = (np.zeros(BLOCK_SAMPLES, dtype=np.int16),) * 2
        """The two latest blocks: enough of the past for a neural stage that wakes up."""
        self._memory: Memory | None = None
        self._at = 0
        self._heard_to = 0
        """Window after the last one that the neural stage has heard."""
        self._confirm_to = -1
        """Last window that it is to hear."""
        self._speaking = False
        self._goes_on = False
        """Whether its last window was speech."""
        self._block: tuple[Pcm, list[float], list[bool], list[bool]] | None = None
        """The block that is being heard, with its levels, and which of its windows are loud and voiced."""
        self._asked = (0, 0, False)
        """First and last window of the question to the neural stage, and whether the block has a candidate."""

    @property
    def floor(self) -> float:
        """Tracked RMS of the noise."""
        return self._gate.floor

    @property
    def threshold(self) -> float:
        """RMS that a window needs for the energy gate."""
        return self._gate.threshold

    @property
    def model(self) -> str | None:
        """Name of the neural stage; None where it is off or missing."""
        return None if self._model is None else self._model.name

    @property
    def confirming(self) -> bool:
        """Whether the neural stage will be asked about the next window, whatever it holds."""
        return self._model is not None and self._confirm_to >= self._at

    @property
    def speaking(self) -> bool:
        """Whether there was speech in the last block."""
        return self._speaking

    def hear(self, samples: Pcm) -> list[Window]:
        """Judge the next block.

        Args:
            samples: shape (n * 512,), n from 1 to 4; only the last block of a stream has fewer than 4 windows. Kept.
        """
        question = self.listen(samples)
        return self.conclude(None if question is None or self._model is None else self._model.judge(*question))

    def listen(self, samples: Pcm) -> Question | None:
        """Have the cheap stages judge the next block; `conclude` comes next, with what the neural one says.

        Args:
            samples: as of `hear`.

        Returns:
            What the neural stage is to be asked; None where it need not be.
        """
        levels = window_rms(samples.reshape(-1, WINDOW))
        question: Question | None = None
        if self._model is None:
            voiced = self._voiced(samples)
            # nothing better than webrtcvad tells whether somebody speaks
            loud = self._loud(levels, voiced if self._detector is not None else [self._speaking] * len(levels))
        else:
            loud = self._loud(levels, [self._speaking] * len(levels))
            confirming = self.confirming
            # what the energy gate keeps out is no candidate, whatever webrtcvad says
            voiced = self._voiced(samples) if confirming or True in loud else self._unheard(len(levels))
            candidates = list(map(and_, loud, voiced))
            if confirming or True in candidates:
                question = self._question(samples, candidates)
        self._block = samples, levels, loud, voiced
        return question

    def conclude(self, judged: Judged | None) -> list[Window]:
        """Return the windows of the block that `listen` took.

        Args:
            judged: the answer to the question that it returned, if it did.

        Raises:
            ValueError: no block was taken.
        """
        if self._block is None:
            raise ValueError("no block was listened to")
        (samples, levels, loud, voiced), self._block = self._block, None
        told: list[float | None] = [None] * len(levels)
        if self._model is None:
            speech = list(map(and_, loud, voiced))
        else:
            if judged is not None:
                told = self._confirmed(*judged, len(levels))
            speech = self._decided(told)
        self._speaking = True in speech
        self._at += len(levels)
        self._before = (self._before[1], samples)
        return list(map(Window, levels, loud, voiced, told, speech))

    def _loud(self, levels: list[float], speaking: list[bool]) -> list[bool]:
        loud = self._gate.loud(levels, speaking)
        return loud if self._gated else [True] * len(loud)

    def _voiced(self, samples: Pcm) -> list[bool]:
        if self._detector is None:
            return [True] * (samples.size // WINDOW)
        return self._detector.voiced(samples.astype("<i2", copy=False).tobytes(), WINDOW)

    def _unheard(self, count: int) -> list[bool]:
        if self._detector is None:
            return [True] * count
        self._detector.skip(count * WINDOW)
        return [False] * count

    def _question(self, samples: Pcm, candidates: list[bool]) -> Question:
        begin, count = self._at, len(candidates)
        start, last = begin, begin + count - 1
        asked = begin <= self._confirm_to
        if True in candidates:
            if not asked:
                start = self._wake(begin + candidates.index(True))
            self._confirm_to = last - candidates[::-1].index(True) + _AFTER
        else:
            last = min(last, self._confirm_to)
        if start == begin:
            audio = np.concatenate([self._before[1][-CONTEXT:], samples])[: CONTEXT + (last + 1 - begin) * WINDOW]
        else:
            audio = np.concatenate([*self._before, samples])
            audio = audio[_PAST - CONTEXT + (start - begin) * WINDOW : _PAST + (last + 1 - begin) * WINDOW]
        self._asked = start, last, True in candidates
        return Question(audio, self._memory)

    def _confirmed(self, told: list[float], memory: Memory, count: int) -> list[float | None]:
        start, last, candidate = self._asked
        self._memory = memory
        self._heard_to = last + 1
        if not candidate and max(told) < _LEAVES:
            self._confirm_to = last
        begin = self._at
        return [*told[begin - start :], *[None] * (begin + count - 1 - last)]

    def _wake(self, candidate: int) -> int:
        """Return the window from which the neural stage hears; it forgets what it knew if it missed some since."""
        start = max(0, candidate - WARM_UP)
        if start <= self._heard_to:
            return self._heard_to
        self._memory = None
        return start

    def _decided(self, told: list[float | None]) -> list[bool]:
        speech: list[bool] = []
        for probability in told:
            needed = self._begins - _CONTINUES if self._goes_on else self._begins
            self._goes_on = probability is not None and probability >= needed
            speech.append(self._goes_on)
        return speech
