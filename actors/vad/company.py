"""Company: blocks of several sessions that come within milliseconds are judged by the neural stage in one call."""

from collections.abc import Callable
from typing import Final, Protocol

from actors.vad.silero import COMPANY, WITH_OTHERS, Judged, Question, Silero, SpeechModel

PATIENCE_S: Final = 0.032
"""How long a block waits for others, a quarter of its length. One that may complete a pause doesn't wait."""

type Answer = Judged | Exception
"""What the neural stage said, or why it couldn't."""


class Timer(Protocol):
    """What a clock returns for a call that is to come."""

    def cancel(self) -> None:
        """Call nothing."""
        ...


class Company:
    """Puts questions of sessions together: one call for six costs a third to a half as much a question as six calls.

    What a question is told doesn't depend on its company, to the bit; where the model can't promise that, none waits.

    Args:
        model: the neural stage.
        clock: monotonic seconds.
        later: calls a function in so many seconds, on the thread that asks.
    """

    def __init__(
        self, model: SpeechModel, clock: Callable[[], float], later: Callable[[float, Callable[[], None]], Timer]
    ) -> None:
        self._model = model
        self._together = model.judge_together if isinstance(model, Silero) and model.sociable else None
        self._clock = clock
        self._later = later
        self._waiting: list[tuple[Question, Callable[[Answer], None]]] = []
        self._timer: Timer | None = None
        self._last_who = ""
        self._last_asked = self._other_asked = float("-inf")
        """When somebody asked last, and when somebody else had before."""

    def ask(
        self, question: Question, *, who: str, urgent: bool, wait: Callable[[], Callable[[Answer], None]]
    ) -> Judged | None:
        """Have windows judged, together with those that wait, or wait for others where some are to be expected.

        Args:
            question: of one session, which asks nothing else meanwhile.
            who: names the session: only others are company.
            urgent: whether it is not to wait.
            wait: called where it does; returns what the answer is given to.

        Returns:
            The answer, or None where it comes later.

        Raises:
            Exception: the model's own.
        """
        if self._together is None or question.windows != WITH_OTHERS:
            return self._model.judge(*question)
        now = self._clock()
        if who != self._last_who:
            self._last_who, self._other_asked = who, self._last_asked
        self._last_asked = now
        lonely = not self._waiting and now - self._other_asked > PATIENCE_S
        if urgent or lonely or len(self._waiting) == COMPANY - 1:
            return self._judge_with(question)
        self._waiting.append((question, wait()))
        if self._timer is None:
            self._timer = self._later(PATIENCE_S, self._wait_no_longer)
        return None

    def _wait_no_longer(self) -> None:
        self._timer = None
        if self._waiting:
            question, answer = self._waiting.pop(0)
            try:
                judged: Answer = self._judge_with(question)
            except Exception as error:
                judged = error
            answer(judged)

    def _judge_with(self, question: Question) -> Judged:
        """Judge a question and all that wait, and answer these."""
        if not self._waiting or self._together is None:
            return self._model.judge(*question)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        others, self._waiting = self._waiting, []
        try:
            ours, *theirs = self._together([question, *(other for other, _ in others)])
        except Exception as error:
            for _, answer in others:
                answer(error)
            raise
        for (_, answer), judged in zip(others, theirs, strict=True):
            answer(judged)
        return ours
