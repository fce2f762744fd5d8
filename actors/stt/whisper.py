"""Local speech-to-text: Whisper through faster-whisper, in a thread of its own."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from actors.stt.guard import SPEECH_BELOW, Evidence, confidence_of, is_loop, reason_to_reject, words_of
from actors.stt.transcriber import TranscriptionError
from actors.stt.vocabulary import DEFAULT_PROMPT, PRODUCT_NAMES
from actors.values import SAMPLE_RATE, Pcm, Transcript

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

WINDOW_S = 10
"""What the encoder hears at a time. Whisper was trained on 30 s, but 10 s is a third of the work and loses nothing,
while 6 s does; and in a longer window greedy decoding skips whole sentences, so that an order would be lost."""
SEARCH_S = 5
"""A longer phrase is cut at the longest quiet in the last so many seconds of each window."""
STEP = SAMPLE_RATE // 20
QUIET_STEPS = 6
"""0.3 s: the pause that is looked for, in steps."""
FRAMES_PER_SECOND = 100
TOKENS_PER_SECOND = 10
"""Ample for Portuguese, and a bound on what a decoder caught in a loop may cost."""
MAX_PROMPT_TOKENS = 200
LONGEST_REPEAT = 3
"""Tokens in a row that may come twice in what is decoded again because it came out as a loop."""
MAX_TERMS = 8
"""Of the running conversation, beside the standing prompt."""
QUEUE_LIMIT = 16


@dataclass(frozen=True, slots=True)
class _Piece:
    """What the model made of one window."""

    text: str
    logprob_sum: float
    tokens: int
    no_speech: float


class WhisperTranscriber:
    """Whisper on this machine's processor; implements `Transcriber`.

    The model works in one thread, one phrase after the other. A thread can't be cancelled: a call whose budget runs
    out is answered at once with `timeout`, and if its phrase was still waiting it is taken out of the queue, but a
    phrase under way runs to its end (at most a few seconds; the tokens are bounded) and its result is dropped. At most
    `queue_limit` phrases wait or run; one more is refused with `throttled`.

    Args:
        weights: a folder with a faster-whisper model, such as `ensure_weights` gives, or the name of a model that
            faster-whisper may fetch ("small", "turbo").
        prompt: text that primes the decoder with the spelling of names.
        known: names that customers ask for, which the guard holds to a milder limit.
        cpu_threads: threads of the matrix library; half of the processors, at most 4, by default.
        queue_limit: phrases that may wait or run at a time.
    """

    def __init__(
        self,
        weights: Path | str,
        *,
        prompt: str = DEFAULT_PROMPT,
        known: Sequence[str] = PRODUCT_NAMES,
        cpu_threads: int | None = None,
        queue_limit: int = QUEUE_LIMIT,
    ) -> None:
        self._weights = str(weights)
        self._prompt = prompt
        self._known = tuple(known)
        self._cpu_threads = cpu_threads or max(1, min(4, (os.cpu_count() or 2) // 2))
        self._queue_limit = queue_limit
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="whisper")
        self._outstanding: set[Future[Any]] = set()
        self._model: WhisperModel | None = None
        self._tokenizer: Any = None

    @property
    def provider(self) -> str:
        """Always `local`."""
        return "local"

    @property
    def model(self) -> str:
        """As `model_name` has it."""
        return model_name(self._weights)

    @property
    def under_way(self) -> Future[Any] | None:
        """The phrase, or piece of other work, that the model is at; None where it is at none."""
        return next((future for future in tuple(self._outstanding) if future.running()), None)

    async def warm(self) -> None:
        """Load the model and run it once on silence.

        Raises:
            TranscriptionError: `transient`, when the model can't be loaded.
        """
        await self._run(partial(self._hear, prompt=self._prompt), np.zeros(SAMPLE_RATE, np.int16))

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        """Write down one phrase; see `Transcriber.transcribe`.

        Raises:
            TranscriptionError: `throttled` when too many phrases wait, `timeout` when the budget ran out, `empty` when
                nothing was written, `transient` when the model failed.
        """
        text, evidence = await self.hear(pcm, budget_s=budget_s, terms=terms)
        return judged(text, evidence, known=self._known)

    async def hear(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> tuple[str, Evidence]:
        """Write down one phrase, believed or not, and say how sure the model is; raises as `transcribe`."""
        try:
            async with asyncio.timeout(budget_s):
                prompt = self._prompt_with(terms)
                pieces = await self._run(partial(self._hear, prompt=prompt), pcm)
        except TimeoutError as error:
            raise TranscriptionError("timeout", f"local model took longer than {budget_s:g} s") from error
        text = " ".join(piece.text for piece in pieces if piece.text)
        if not text:
            raise TranscriptionError("empty", "local model wrote nothing")
        logprob = sum(p.logprob_sum for p in pieces) / max(1, sum(p.tokens for p in pieces))
        return text, Evidence(
            avg_logprob=logprob,
            no_speech=min(piece.no_speech for piece in pieces),
            duration_s=pcm.size / SAMPLE_RATE,
            prompt=prompt,
        )

    async def close(self) -> None:
        """Let go of the thread and the model. A phrase under way ends in the background."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._model = None

    async def _run(self, work: Callable[[Pcm], list[_Piece]], pcm: Pcm) -> list[_Piece]:
        if len(self._outstanding) >= self._queue_limit:
            raise TranscriptionError("throttled", "too many phrases wait for the local model")
        try:
            future: Future[list[_Piece]] = self._executor.submit(work, pcm)
        except RuntimeError as error:
            raise TranscriptionError("transient", "the local model is closed") from error
        self._outstanding.add(future)
        future.add_done_callback(self._outstanding.discard)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Nobody cancelled the caller: `close` emptied the queue.
            raise TranscriptionError("transient", "the local model was closed") from None
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise TranscriptionError("transient", f"local model failed: {type(error).__name__}") from error

    def _prompt_with(self, terms: Sequence[str]) -> str:
        """Return what the decoder is primed with: the latest words come last, where they count most."""
        known = self._prompt.casefold()
        fresh = [term for term in terms if term.casefold() not in known][:MAX_TERMS]
        return f"{self._prompt} {', '.join(reversed(fresh))}." if fresh else self._prompt

    # ── in the model's thread ───────────────────────────────────────────────────────────────────

    def _load(self) -> "WhisperModel":
        if self._model is None:
            from faster_whisper import WhisperModel  # noqa: PLC0415 - half a second, and an optional extra
            from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415 - the same

            model = WhisperModel(
                self._weights, device="cpu", compute_type="int8", cpu_threads=self._cpu_threads, num_workers=1
            )
            tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, "transcribe", "pt")
            self._tokenizer = tokenizer
            self._model = model
        return self._model

    def _before(self, prompt: str) -> list[int]:
        """Return the tokens that stand before what is decoded."""
        tokenizer = self._tokenizer
        primed = tokenizer.encode(" " + prompt.strip())[-MAX_PROMPT_TOKENS:] if prompt else []
        history = [tokenizer.sot_prev, *primed] if primed else []
        # With time marks the decoder has to account for all of the audio; without, it may skip a sentence.
        return [*history, *tokenizer.sot_sequence]

    def _hear(self, pcm: Pcm, *, prompt: str) -> list[_Piece]:
        model = self._load()
        before = self._before(prompt)
        return [self._hear_window(model, window, before) for window in windows(pcm)]

    def _hear_window(self, model: "WhisperModel", pcm: Pcm, before: list[int]) -> _Piece:
        padded = np.zeros(WINDOW_S * SAMPLE_RATE, np.float32)
        padded[: pcm.size] = pcm.astype(np.float32) / 32768.0
        features = model.feature_extractor(padded)[:, : WINDOW_S * FRAMES_PER_SECOND]
        encoded = model.encode(np.ascontiguousarray(features, dtype=np.float32))
        room = int(pcm.size / SAMPLE_RATE * TOKENS_PER_SECOND) + 20
        generate = partial(
            model.model.generate,
            encoded,
            [before],
            beam_size=1,
            max_length=min(model.max_length, len(before) + room),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
        )
        piece = self._piece(generate()[0])
        if piece.no_speech < SPEECH_BELOW and is_loop(words_of(piece.text)):
            # Somebody spoke, and the decoder was caught: most often by a single short word.
            return self._piece(generate(no_repeat_ngram_size=LONGEST_REPEAT)[0])
        return piece

    def _piece(self, result: Any) -> _Piece:
        tokens = result.sequences_ids[0]
        # CTranslate2 gives the mean over the tokens; Whisper's thresholds count the end token too.
        return _Piece(
            text=self._tokenizer.decode(tokens).strip(),
            logprob_sum=result.scores[0] * len(tokens),
            tokens=len(tokens) + 1,
            no_speech=result.no_speech_prob,
        )


def model_name(weights: Path | str) -> str:
    """Return `whisper-base` for a folder of that name or any other folder without a name of its own kind."""
    name = Path(weights).name
    return name if name.startswith("whisper-") else f"whisper-{'base' if Path(weights).is_dir() else name}"


def judged(text: str, evidence: Evidence, *, known: tuple[str, ...]) -> Transcript:
    """Return what was written down, and whether it is to be believed."""
    confidence = None if evidence.avg_logprob is None else confidence_of(evidence.avg_logprob)
    return Transcript(text=text, confidence=confidence, rejected=reason_to_reject(text, evidence, known=known))


def windows(pcm: Pcm) -> list[Pcm]:
    """Cut audio longer than 10 s at the quietest 0.3 s in the last 5 s of each window.

    Args:
        pcm: int16 mono samples at 16 kHz, shape (n,).

    Returns:
        Views of at most 10 s that together are `pcm`; one for a usual phrase.
    """
    full, search = WINDOW_S * SAMPLE_RATE, SEARCH_S * SAMPLE_RATE
    pieces: list[Pcm] = []
    while pcm.size > full:
        steps = pcm[full - search : full].astype(np.float64).reshape(-1, STEP)
        energy = np.convolve((steps**2).sum(axis=1), np.ones(QUIET_STEPS), "valid")
        cut = full - search + int(np.argmin(energy)) * STEP + QUIET_STEPS * STEP // 2
        pieces.append(pcm[:cut])
        pcm = pcm[cut:]
    return [*pieces, pcm]
