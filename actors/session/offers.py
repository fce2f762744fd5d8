"""The offers under way: what was examined and is being written down of phrases that may not be over."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from actors.live import LiveStream
from actors.messages import Examine, Examined, Transcribe
from actors.runtime.calls import Call
from actors.session.phrase import PhraseState
from actors.values import EarlyPhrase, Heard
from events.catalogue import EngineRule


@dataclass(slots=True)
class _Work:
    """How far one offer is."""

    early: EarlyPhrase
    asked: bool = False
    """Whether the examiner has been asked."""
    examined: Examined | None = None
    call: Call | None = None
    """The engine's, once it has been asked; None again when it has answered."""

    @property
    def under_way(self) -> bool:
        return self.asked and (self.examined is None or self.call is not None)


class Offers:
    """Works on offered phrases, one a phrase.

    Args:
        examine: tells the examiner.
        transcribe: tells speech-to-text.
        give_back: tells the session what the examiner found when the phrase turned out to be over.
        order: which engines may hear what was offered to the first of them for a rule.
        stream_of: gives what has heard a phrase already.
    """

    def __init__(
        self,
        examine: Callable[[Examine], None],
        transcribe: Callable[[Transcribe], None],
        give_back: Callable[[Examined], None],
        order: Callable[[str, EngineRule], tuple[str, ...]],
        stream_of: Callable[[int], LiveStream | None],
    ) -> None:
        self._examine = examine
        self._transcribe = transcribe
        self._give_back = give_back
        self._order = order
        self._stream_of = stream_of
        self._work: dict[int, _Work] = {}

    @property
    def under_way(self) -> bool:
        """Whether the examiner or an engine is at work on one."""
        return any(work.under_way for work in self._work.values())

    def keep(self, heard: Iterable[Heard]) -> None:
        """Keep the audio of what may be offered, until it is withdrawn or overtaken."""
        for each in heard:
            if isinstance(each, EarlyPhrase):
                self._stop(each.number)
                self._work[each.number] = _Work(each)

    def drive(self, number: int, phrase: PhraseState) -> bool:
        """Have the phrase's offer examined and written down; return whether its audio is here."""
        work = self._current(number, phrase)
        if work is None:
            return False
        if not work.asked:
            work.asked = True
            self._examine(Examine(work.early.phrase, offer=work.early.offer))
        return True

    def examined(self, message: Examined, phrase: PhraseState | None) -> None:
        """Go on to speech-to-text with what the examiner gives back, or to the session if the phrase is over by now."""
        work = None if phrase is None else self._current(message.number, phrase)
        if phrase is None or phrase.offer is None or work is None or work.early.offer != message.offer:
            return
        work.examined = message
        if phrase.stage == "captured":
            self._give_back(replace(message, offer=0))
            return
        work.call = Call()
        pcm = work.early.phrase.pcm if message.cleaned is None else message.cleaned.pcm
        order = self._order(phrase.offer.event.provider, phrase.offer.event.why)
        live = self._stream_of(message.number)
        self._transcribe(
            Transcribe(number=message.number, pcm=pcm, offer=message.offer, call=work.call, order=order, live=live)
        )

    def ready(self, number: int, phrase: PhraseState | None) -> Examined | None:
        """Return what the examiner found of a captured phrase whose offer has its text too; None where either lacks."""
        if phrase is None or phrase.stage != "captured" or phrase.offer is None or phrase.offer.answer is None:
            return None
        work = self._current(number, phrase)
        return None if work is None or work.examined is None else replace(work.examined, offer=0)

    def answered(self, number: int, offer: int) -> None:
        """Note that the engine has answered."""
        work = self._work.get(number)
        if work is not None and work.early.offer == offer:
            work.call = None

    def examines(self, number: int, phrase: PhraseState) -> bool:
        """Whether a captured phrase needs no examination: its offer's is used, or will be when it is there."""
        work = self._current(number, phrase)
        if work is None or not work.asked:
            return False
        if work.examined is not None:
            self._give_back(replace(work.examined, offer=0))
        return True

    def calls(self, number: int, phrase: PhraseState) -> bool:
        """Whether speech-to-text is at work on all of a captured phrase already."""
        work = self._current(number, phrase)
        return work is not None and work.call is not None

    def withdraw(self, number: int, offer: int) -> None:
        """Stop the work on an offer, unless it has made room for a later one already."""
        work = self._work.get(number)
        if work is not None and work.early.offer == offer:
            self._stop(number)

    def _stop(self, number: int) -> None:
        work = self._work.pop(number, None)
        if work is not None and work.call is not None:
            work.call.withdraw()

    def forget_all_but(self, under_way: Collection[int]) -> None:
        """Let go of what belongs to phrases that have their outcome."""
        for number in [n for n in self._work if n not in under_way]:
            self._stop(number)

    def _current(self, number: int, phrase: PhraseState) -> _Work | None:
        work = self._work.get(number)
        same = work is not None and phrase.offer is not None and phrase.offer.event.offer == work.early.offer
        return work if same else None
