"""The port of understanding: two stages, and the errors an engine may raise."""

from typing import Literal, Protocol

from actors.routing.attempts import NoAnswerError
from actors.values import Classified, Normalised
from events.catalogue import Entity

UnderstandingErrorCode = Literal[
    "transient", "throttled", "rejected", "unauthorised", "invalid_answer", "refused", "truncated", "timeout"
]


class UnderstandingError(NoAnswerError):
    """An engine gave no answer. The SDK's error is its `__cause__`; the message never quotes speech or keys."""

    def __init__(self, code: UnderstandingErrorCode, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(code, message, retry_after_s=retry_after_s)


class Understanding(Protocol):
    """An engine that turns a transcript into entities and a category, shared by all sessions of a process."""

    @property
    def engine(self) -> str:
        """Short name used in settings and events: `lexicon`, `openai`."""
        ...

    @property
    def model(self) -> str:
        """Model asked for; for the lexicon the version of its vocabulary."""
        ...

    async def warm(self) -> None:
        """Load what is slow to load."""
        ...

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        """Stage 1: name the medicines, symptoms, diseases and needs in a transcript. None found is an answer.

        An engine may say at once where they belong, as the outcome's `placed`.

        Raises:
            UnderstandingError: there is no answer; its code says why.
        """
        ...

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        """Stage 2: place the request in the taxonomy, with the products already named as anchors.

        Raises:
            UnderstandingError: there is no answer; its code says why.
        """
        ...

    async def close(self) -> None:
        """Release connections and threads."""
        ...
