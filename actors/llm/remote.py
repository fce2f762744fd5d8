"""The sentence encoder of a machine, which a process of its own serves to all others over a unix socket."""

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.llm.encoder import EncoderAwayError, SentenceEncoder, Vectors
from actors.runtime.caller import Caller
from actors.runtime.line import LineClosedError, UnansweredError

_WIDTH: Final = 512
_PATIENCE_S: Final = 10.0
"""For one sentence; those who wait for a transcript give up long before."""
_MANY: Final = 32
"""Sentences from which they are a list of examples, which every worker asks for at its start."""
_LISTS: Final = 4


class RemoteEncoder:
    """The encoder in another process; implements `actors.llm.nearest.AwaitedEncoder`.

    Args:
        path: of the unix socket.
    """

    def __init__(self, path: Path) -> None:
        self._caller = Caller(path)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def warm(self) -> None:
        """Wait until the process has loaded its models; from then on this loop carries what threads ask."""
        self._loop = asyncio.get_running_loop()
        await self._caller.until_it_answers("ready")

    async def close(self) -> None:
        """Hang up."""
        await self._caller.close()

    async def encode_one(self, sentence: str) -> NDArray[np.float32]:
        """Return the vector of a sentence, as `SentenceEncoder.encode`; on any loop.

        Raises:
            EncoderAwayError: the process died, or takes too long.
        """
        if self._loop is None:
            raise EncoderAwayError("nobody has called it yet")
        asking = self._caller.ask("encode", [sentence])
        at_home = asyncio.get_running_loop() is self._loop
        asked = asking if at_home else asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asking, self._loop))
        try:
            async with asyncio.timeout(_PATIENCE_S):
                vector: NDArray[np.float32] = _rows(await asked)[0]
        except (LineClosedError, UnansweredError, OSError, TimeoutError) as error:
            raise EncoderAwayError("the process of the encoder does not answer") from error
        return vector

    def encode(self, sentences: Sequence[str]) -> Vectors:
        """Return the vectors of sentences, as `SentenceEncoder.encode`; on any thread but the loop's.

        Raises:
            EncoderAwayError: the process died, or takes too long.
        """
        if self._loop is None:
            raise EncoderAwayError("nobody has called it yet")
        asked = asyncio.run_coroutine_threadsafe(self._caller.ask("encode", list(sentences)), self._loop)
        try:
            said = asked.result(_PATIENCE_S * (1 + len(sentences) // _MANY))
        except (LineClosedError, UnansweredError, OSError, TimeoutError) as error:
            asked.cancel()
            raise EncoderAwayError("the process of the encoder does not answer") from error
        return _rows(said)


def _rows(said: str) -> Vectors:
    return np.frombuffer(base64.b64decode(said), np.float32).reshape(-1, _WIDTH)


class EncodingDesk:
    """Answers `encode` of `RemoteEncoder`s: the process that has the model does. Lists of examples are encoded once.

    Args:
        encoder: loaded when it is first asked.
    """

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._known: OrderedDict[tuple[str, ...], str] = OrderedDict()
        self._lists = asyncio.Lock()

    async def encode(self, about: Any) -> str:
        """Return vectors as base64 of float32, shape (n, 512)."""
        sentences = tuple(about)
        if len(sentences) < _MANY:
            return await asyncio.to_thread(self._encoded, sentences)
        async with self._lists:
            if sentences not in self._known:
                self._known[sentences] = await asyncio.to_thread(self._encoded, sentences)
                if len(self._known) > _LISTS:
                    self._known.popitem(last=False)
            return self._known[sentences]

    def _encoded(self, sentences: Sequence[str]) -> str:
        return base64.b64encode(self._encoder.encode(sentences).tobytes()).decode()
