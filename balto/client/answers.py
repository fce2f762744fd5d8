"""What became of recommendations, kept until the server must have it."""

from balto.client.messages import Answer

Reply = dict[str, str]


class Answers:
    """Answers to recommendations, in order, over as many connections as it takes.

    What was written to a line that had died is lost without a word, and the protocol acknowledges no answers. But it
    acknowledges audio, and a session takes what comes over a connection in its order: once bytes are durable that were
    sent after an answer, the answer is too. Those before that are told again to the next connection. To hear one twice
    changes nothing.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[Reply, int | None]] = []
        """With each the bytes that had been sent before it; None while it was told to no connection."""
        self._told = 0
        """How many of them were told to the present connection."""

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, recommendation: str, result: Answer) -> None:
        """Take an answer."""
        self._kept.append(({"tipo": "resposta", "id": recommendation, "resultado": result}, None))

    def reconnected(self) -> None:
        """Note that there is a new connection, which has been told nothing."""
        self._told = 0

    def next(self, sent: int) -> Reply | None:
        """Return what is to be told next and take it for told, None where nothing is.

        Args:
            sent: bytes of audio that were sent before it.
        """
        if self._told == len(self._kept):
            return None
        reply, _ = self._kept[self._told]
        self._kept[self._told] = (reply, sent)
        self._told += 1
        return reply

    def durable(self, offset: int) -> None:
        """Forget what was told before bytes that are durable by now.

        Args:
            offset: bytes that the server has for good.
        """
        while self._kept and (sent := self._kept[0][1]) is not None and sent < offset:
            self._kept.pop(0)
            self._told = max(0, self._told - 1)
