"""Listening from the middle of a session: the phrases to come, as if it had been heard from its start."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from actors.vad.segmenter import Segmenter
from actors.vad.silero import Judged, Question, SpeechModel
from actors.vad.webrtc import in_charge_from
from actors.values import (
    SAMPLE_RATE,
    EarlyPhrase,
    Heard,
    OpenSpeech,
    Pcm,
    Phrase,
    Resumption,
    SpeechBegan,
    SpeechGivenUp,
    SpeechWentOn,
    VadSettings,
)

_BEFORE: Final = SAMPLE_RATE
"""Samples before an onset that have a say in it: the latest windows, and the pre-roll."""
_NOISE: Final = 3 * SAMPLE_RATE // 2


def listen_from(sample: int) -> int:
    """Return from which sample on a session must be heard so that from `sample` on it is heard as from its start.

    By then the detector in charge is the same one; the noise floor, which falls at once and rises by 6 dB/s, has met
    the other one's; and what the neural stage remembers, which fades within seconds, is as good as the same.
    """
    return in_charge_from(max(0, sample - _BEFORE))


class ResumedSegmenter:
    """Finds a session's phrases from where its former life had come to.

    What that life had found already is passed over, by its place in the session and not by its number: should the
    detector come to another cut this time, no sample is in two phrases and none is left out. Phrases whose audio is
    wanted again come first, under the numbers they had. An offer that comes again has the number it had.

    Args:
        settings: of the session.
        resumption: where the former life had come to.
        model: the neural stage; None where there is none.
    """

    def __init__(self, settings: VadSettings, resumption: Resumption, model: SpeechModel | None = None) -> None:
        self._inner = Segmenter(settings, model)
        self._least = settings.min_phrase_ms * SAMPLE_RATE // 1000
        self._closed_to = resumption.closed_to
        self._number = resumption.next_number
        self._base = listen_from(resumption.needed_from)
        self._at = resumption.first_sample
        self._announced = False
        self._last_offer = resumption.last_offer
        self._offered = resumption.offered
        self._offer = 0
        """Number of the latest offer of the phrase under way; 0 for none."""
        self._awaited = list(resumption.awaited)
        self._kept: list[tuple[int, Pcm]] = []
        self._noise: Pcm = np.zeros(0, dtype=np.int16)

    @property
    def samples(self) -> int:
        """Samples of the session heard so far, by either life."""
        return self._at

    def blocks_due(self, samples: int) -> int:
        """Return how many blocks pushing so many samples completes."""
        return self._inner.blocks_due(max(0, samples - self._unwanted(self._at)))

    @property
    def confirming(self) -> bool:
        """Whether the neural stage will hear the next block, whatever it holds."""
        return self._inner.confirming

    @property
    def under_way(self) -> int | None:
        """Number of the phrase under way; None between phrases, and for one that was found before."""
        return self._number if self._announced else None

    def speech_since(self, sample: int) -> OpenSpeech | None:
        """Return what has come of the phrase under way; see `Segmenter.speech_since`."""
        found = self._inner.speech_since(max(0, sample - self._base)) if self._announced else None
        if found is None:
            return None
        return OpenSpeech(number=self._number, sample_start=found.sample_start + self._base, pcm=found.pcm)

    def push(self, pcm: Pcm) -> list[Heard]:
        """Take the next samples, shape (n,), and return what was heard, in order."""
        wanted = self._wanted(pcm)
        return self._found(self._inner.push(wanted) if wanted.size else [])

    def begin(self, pcm: Pcm) -> list[Heard] | Question:
        """Take the next samples; see `Segmenter.begin`."""
        wanted = self._wanted(pcm)
        begun = self._inner.begin(wanted) if wanted.size else []
        return begun if isinstance(begun, Question) else self._found(begun)

    def go_on(self, judged: Judged | None) -> list[Heard]:
        """Return what was heard; see `Segmenter.go_on`."""
        return self._found(self._inner.go_on(judged))

    @property
    def urgent(self) -> bool:
        """Whether the next block may complete a pause; see `Segmenter.urgent`."""
        return self._inner.urgent

    def flush(self) -> list[Heard]:
        """End the stream; see `Segmenter.flush`."""
        return self._found(self._inner.flush())

    def _wanted(self, pcm: Pcm) -> Pcm:
        """Take samples and return those that are listened to.

        Windows and frames are counted from the session's start: so are those of this listening.
        """
        unwanted = self._unwanted(self._at)
        self._at += pcm.size
        if self._awaited:
            self._kept.append((self._at - pcm.size, pcm))
        return pcm[unwanted:]

    def _found(self, heard: list[Heard]) -> list[Heard]:
        return [*self._retake(heard), *self._new(heard)]

    def _unwanted(self, at: int) -> int:
        return max(0, self._base - at)

    def _retake(self, heard: list[Heard]) -> list[Heard]:
        """Return the awaited phrases whose samples are there by now."""
        for one in heard:
            if isinstance(one, Phrase):
                self._noise = one.noise
        taken: list[Heard] = []
        while self._awaited and self._awaited[0].sample_end <= self._at:
            wanted = self._awaited.pop(0)
            audio = self._samples(wanted.sample_start, wanted.sample_end)
            if audio.size == wanted.sample_end - wanted.sample_start:
                before = self._samples(wanted.sample_start - _NOISE, wanted.sample_start)
                taken.append(
                    Phrase(
                        number=wanted.number,
                        sample_start=wanted.sample_start,
                        sample_end=wanted.sample_end,
                        cut_reason=wanted.cut_reason,
                        vad=wanted.vad,
                        pcm=audio,
                        noise=self._noise if self._noise.size else before,
                    )
                )
        if not self._awaited:
            self._kept.clear()
        return taken

    def _samples(self, start: int, end: int) -> Pcm:
        parts = [pcm[max(0, start - at) : max(0, end - at)] for at, pcm in self._kept]
        return np.concatenate([np.zeros(0, dtype=np.int16), *parts])

    def _new(self, heard: Sequence[Heard]) -> list[Heard]:
        new: list[Heard] = []
        for one in heard:
            match one:
                case SpeechBegan():
                    new += self._began(one.sample_start + self._base)
                case EarlyPhrase():
                    new += self._offered_again(self._placed(one.phrase))
                case SpeechWentOn():
                    new += [SpeechWentOn(number=self._number, offer=self._offer)] if self._offer else []
                    self._offer = 0
                case _:
                    new += self._closed(self._placed(one))
        return new

    def _began(self, start: int) -> list[Heard]:
        self._offer = 0
        if start < self._closed_to:
            return []
        self._announced = True
        return [SpeechBegan(number=self._number, sample_start=start)]

    def _offered_again(self, phrase: Phrase) -> list[Heard]:
        if not self._announced:
            return []
        known = self._offered
        if known is not None and (known.sample_start, known.sample_end) == (phrase.sample_start, phrase.sample_end):
            self._offer = known.offer
        else:
            self._last_offer += 1
            self._offer = self._last_offer
        return [EarlyPhrase(offer=self._offer, phrase=replace(phrase, number=self._number))]

    def _closed(self, one: Phrase | SpeechGivenUp) -> list[Heard]:
        left = one.sample_end - max(one.sample_start, self._closed_to)
        if one.sample_start < self._closed_to and (left < self._least or isinstance(one, SpeechGivenUp)):
            return []
        new: list[Heard] = []
        if not self._announced:
            new.append(SpeechBegan(number=self._number, sample_start=self._closed_to))
        new.append(self._trimmed(one, left))
        self._number += 1
        self._announced = False
        self._offer = 0
        return new

    def _placed[T: Phrase | SpeechGivenUp](self, found: T) -> T:
        return replace(found, sample_start=found.sample_start + self._base, sample_end=found.sample_end + self._base)

    def _trimmed(self, one: Phrase | SpeechGivenUp, left: int) -> Phrase | SpeechGivenUp:
        if isinstance(one, Phrase):
            return replace(one, number=self._number, sample_start=one.sample_end - left, pcm=one.pcm[-left:])
        return replace(one, number=self._number)
