"""The segmenter: finds phrases in a stream of samples, the same ones however the stream is cut."""

from collections import deque
from typing import Final

from actors.vad.cascade import BLOCK, BLOCK_SAMPLES, WINDOW_MS, Cascade, Window
from actors.vad.history import SampleHistory
from actors.vad.phrases import OpenPhrase, State, flaw, snapshot
from actors.vad.profile import NoiseProfile
from actors.vad.settings import check
from actors.vad.silero import WINDOW, Judged, Question, SpeechModel
from actors.values import (
    SAMPLE_RATE,
    EarlyPhrase,
    Heard,
    OpenSpeech,
    Pcm,
    Phrase,
    SpeechBegan,
    SpeechGivenUp,
    SpeechWentOn,
    VadSettings,
)
from events.catalogue import CutReason

_MS: Final = SAMPLE_RATE // 1000
_TAIL: Final = 256 // WINDOW_MS
"""Windows kept after the last speech of a phrase, unless the pause that ends or offers it is shorter."""
_REVIVE: Final = 2
"""Speech windows in a row that continue a phrase in its hangover; a single one is a click."""


class Segmenter:
    """Cuts a stream into phrases.

    The cascade says of each window of 32 ms whether it is speech. QUIET goes to STARTING with a window that is, to
    SPEAKING once `onset_ms` of the latest windows are, to STOPPING with one that isn't, and back to QUIET after
    `hangover_ms` without two speech windows in a row. Phrases carry `pre_roll_ms` from before their onset, never
    overlap, and their audio is exactly the stream's samples.

    After `offer_ms` of the hangover the phrase as it is then is offered; the offer is withdrawn if speech goes on, and
    else the phrase will be exactly what was offered.

    Args:
        settings: checked here.
        model: the neural stage; None where there is none.

    Raises:
        ValueError: a setting is out of range.
    """

    def __init__(self, settings: VadSettings, model: SpeechModel | None = None) -> None:
        self._settings = check(settings)
        self._cascade = Cascade(settings, model)
        self._history = SampleHistory()
        self._onset = max(1, -(-settings.onset_ms // WINDOW_MS))
        # a third more windows than needed: one in three may be missed
        self._recent: deque[Window] = deque(maxlen=self._onset + max(1, self._onset // 3))
        self._hangover = max(1, settings.hangover_ms // WINDOW_MS)
        self._offer_after = settings.offer_ms // WINDOW_MS
        self._tail = min(_TAIL, self._hangover, self._offer_after or _TAIL) * WINDOW
        self._lead = settings.pre_roll_ms * _MS + (self._onset * 2 + 2) * WINDOW
        """Samples before now that a phrase may begin with."""
        self._state = State.QUIET
        self._window = 0
        self._number = 0
        self._offers = 0
        self._offered: Phrase | None = None
        self._free_from = 0
        self._phrase: OpenPhrase | None = None
        self._silent = 0
        self._revived = 0
        self._noise = NoiseProfile()
        self._finished = False

    @property
    def state(self) -> State:
        """Where the segmenter is now."""
        return self._state

    @property
    def samples(self) -> int:
        """Samples pushed so far."""
        return self._history.end

    def blocks_due(self, samples: int) -> int:
        """Return how many blocks pushing so many samples completes."""
        return (self._history.end + samples - self._window * WINDOW) // BLOCK_SAMPLES

    @property
    def confirming(self) -> bool:
        """Whether the neural stage will hear the next block, whatever it holds."""
        return self._cascade.confirming

    @property
    def under_way(self) -> int | None:
        """Number of the phrase under way; None between phrases."""
        return None if self._phrase is None else self._number

    def speech_since(self, sample: int) -> OpenSpeech | None:
        """Return what has come of the phrase under way from `sample` on; None between phrases."""
        if self._phrase is None:
            return None
        start = max(self._phrase.start, sample)
        pcm = self._history.take(start, max(start, self._history.end))
        return OpenSpeech(number=self._number, sample_start=start, pcm=pcm)

    def push(self, pcm: Pcm) -> list[Heard]:
        """Take the next samples, shape (n,), and return what was heard, in order.

        Raises:
            ValueError: the segmenter has been flushed.
        """
        heard: list[Heard] = []
        self._keep_samples(pcm)
        while self._history.end - self._window * WINDOW >= BLOCK_SAMPLES:
            self._hear(BLOCK_SAMPLES, heard)
        return heard

    def begin(self, pcm: Pcm) -> list[Heard] | Question:
        """Take the next samples, which complete one block at most; `push` without the neural stage.

        Returns:
            What was heard, or what is to be judged for that: then `go_on` comes next.

        Raises:
            ValueError: the segmenter has been flushed.
        """
        self._keep_samples(pcm)
        if self._history.end - self._window * WINDOW < BLOCK_SAMPLES:
            return []
        start = self._window * WINDOW
        question = self._cascade.listen(self._history.take(start, start + BLOCK_SAMPLES))
        return self.go_on(None) if question is None else question

    def _keep_samples(self, pcm: Pcm) -> None:
        if self._finished:
            raise ValueError("the segmenter has been flushed")
        self._history.append(pcm)

    def go_on(self, judged: Judged | None) -> list[Heard]:
        """Return what was heard in the samples that `begin` took, with the answer to its question if it had one."""
        heard: list[Heard] = []
        self._follow_up(self._cascade.conclude(judged), heard)
        return heard

    @property
    def urgent(self) -> bool:
        """Whether the next block may complete the pause that ends a phrase, or offers it."""
        silent, pauses = self._silent, (self._offer_after, self._hangover)
        return self._phrase is not None and any(silent < pause <= silent + BLOCK for pause in pauses)

    def flush(self) -> list[Heard]:
        """End the stream: close an open phrase and return what was heard last."""
        heard: list[Heard] = []
        if not self._finished:
            self._finished = True
            rest = self._history.end - self._window * WINDOW
            if rest >= WINDOW:
                self._hear(rest - rest % WINDOW, heard)
            if self._phrase is not None:
                end = min(self._history.end, self._phrase.last_speech_end + self._tail)
                self._close(end, "end_of_audio", heard)
        return heard

    def _hear(self, samples: int, heard: list[Heard]) -> None:
        start = self._window * WINDOW
        self._follow_up(self._cascade.hear(self._history.take(start, start + samples)), heard)

    def _follow_up(self, windows: list[Window], heard: list[Heard]) -> None:
        if self._state is State.QUIET and not self._cascade.speaking:
            self._recent.extend(windows)
            self._window += len(windows)
        else:
            for window in windows:
                if self._phrase is None:
                    self._listen(window, heard)
                else:
                    self._follow(self._phrase, window, heard)
                self._window += 1
        self._forget()

    def _listen(self, window: Window, heard: list[Heard]) -> None:
        """QUIET and STARTING."""
        self._recent.append(window)
        count = sum(each.speech for each in self._recent)
        if not count:
            if self._state is State.STARTING:
                self._noise.quiet_from = (self._window + 1) * WINDOW
            self._state = State.QUIET
            return
        if self._state is State.QUIET:
            self._noise.learn(self._history, self._window * WINDOW)
            self._state = State.STARTING
        if count >= self._onset:
            self._begin(heard)

    def _begin(self, heard: list[Heard]) -> None:
        recent = list(self._recent)
        first = next(index for index, window in enumerate(recent) if window.speech)
        onset = self._window - len(recent) + 1 + first
        start = max(self._free_from, onset * WINDOW - self._settings.pre_roll_ms * _MS, 0)
        self._open(OpenPhrase(start, onset, recent[first:], (self._window + 1) * WINDOW), heard)

    def _open(self, phrase: OpenPhrase, heard: list[Heard]) -> None:
        self._phrase = phrase
        self._number += 1
        self._state = State.SPEAKING
        self._silent = self._revived = 0
        self._offered = None
        heard.append(SpeechBegan(number=self._number, sample_start=phrase.start))

    def _follow(self, phrase: OpenPhrase, window: Window, heard: list[Heard]) -> None:
        """SPEAKING and STOPPING."""
        phrase.windows.append(window)
        now = (self._window + 1) * WINDOW
        self._revived = self._revived + 1 if window.speech else 0
        if window.speech and (self._state is State.SPEAKING or self._revived >= _REVIVE):
            self._state, self._silent = State.SPEAKING, 0
            phrase.last_speech_end = now
            self._withdraw(heard)
        else:
            self._state = State.STOPPING
            self._silent += 1
        if self._silent >= self._hangover:
            end = min(now, phrase.last_speech_end + self._tail)
            self._close(end, "pause", heard)
            self._noise.quiet_from = end
        elif now - phrase.start >= self._settings.max_phrase_ms * _MS:
            self._cut(phrase, heard)
        elif self._silent == self._offer_after > 0 and self._offered is None:
            self._offer(phrase, heard)

    def _offer(self, phrase: OpenPhrase, heard: list[Heard]) -> None:
        judged = self._judged(phrase, phrase.last_speech_end + self._tail, "pause")
        if isinstance(judged, Phrase):
            self._offered = judged
            self._offers += 1
            heard.append(EarlyPhrase(offer=self._offers, phrase=judged))

    def _withdraw(self, heard: list[Heard]) -> None:
        if self._offered is not None:
            self._offered = None
            heard.append(SpeechWentOn(number=self._number, offer=self._offers))

    def _close(self, end: int, reason: CutReason, heard: list[Heard]) -> None:
        phrase = self._phrase
        assert phrase is not None  # noqa: S101 - all callers looked
        self._phrase = None
        self._state = State.QUIET
        self._recent.clear()
        self._free_from = end
        heard.append(self._judged(phrase, end, reason))
        self._offered = None

    def _judged(self, phrase: OpenPhrase, end: int, reason: CutReason) -> Phrase | SpeechGivenUp:
        windows = phrase.until(end)
        threshold = self._cascade.threshold
        found = flaw(windows, self._settings, threshold if reason == "pause" else 0.0)
        if found is not None:
            return SpeechGivenUp(number=self._number, sample_start=phrase.start, sample_end=end, reason=found)
        vad = snapshot(
            windows, self._settings, floor=self._cascade.floor, threshold=threshold, model=self._cascade.model
        )
        return Phrase(
            number=self._number,
            sample_start=phrase.start,
            sample_end=end,
            cut_reason=reason,
            vad=vad,
            pcm=self._samples(phrase.start, end),
            noise=self._noise.samples,
        )

    def _samples(self, start: int, end: int) -> Pcm:
        """Return samples of the phrase under way: those that were offered, where they are the same."""
        offered = self._offered
        if offered is not None and (offered.sample_start, offered.sample_end) == (start, end):
            return offered.pcm
        return self._history.take(start, end)

    def _cut(self, phrase: OpenPhrase, heard: list[Heard]) -> None:
        """Close a phrase that got too long at its quietest place and go on with what is behind it."""
        place = phrase.quietest(self._settings.max_phrase_ms)
        end = (phrase.first + place) * WINDOW
        state, silent, revived = self._state, self._silent, self._revived
        self._withdraw(heard)
        self._close(end, "max_length", heard)
        last_speech_end = max(end, phrase.last_speech_end)
        self._open(OpenPhrase(end, phrase.first + place, phrase.windows[place:], last_speech_end), heard)
        self._state, self._silent, self._revived = state, silent, revived

    def _forget(self) -> None:
        """Let go of what neither a phrase nor its noise profile can reach back to any more."""
        if self._phrase is not None:
            self._history.forget(self._phrase.start)
            return
        now = self._window * WINDOW
        self._history.forget(min(max(self._free_from, now - self._lead), self._noise.needed_from(now)))
        if self._state is State.QUIET:
            self._noise.wait(now)
