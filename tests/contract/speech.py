"""The faults that every speech adapter must survive, and what each must become."""

import traceback
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np

from actors.stt.transcriber import TranscriptionError
from actors.values import Pcm
from tests.leaping import IN_VAIN_S, in_vain
from tests.simulators.speech import Fault, SpeechSimulator

ONE_SECOND: Pcm = np.zeros(16_000, np.int16)
AMPLE_S = 60.0
NOBODYS_URL = "http://127.0.0.1:9"
"""A port that is nobody's, as one that was free a moment ago need not be."""
NEVER = frozenset({Fault.SLOW, Fault.DRIPPING})
"""After these, no answer ever comes."""

CODES: list[Any] = [
    (Fault.UNAUTHORISED, "unauthorised", None),
    (Fault.THROTTLED, "throttled", 7.0),
    (Fault.OVERLOADED, "throttled", 7.0),
    (Fault.SERVER_ERROR, "transient", None),
    (Fault.REFUSED, "rejected", None),
    (Fault.SLOW, "timeout", None),
    (Fault.DRIPPING, "timeout", None),
    (Fault.DROPPED, "transient", None),
    (Fault.CUT_SHORT, "transient", None),
    (Fault.BAD_JSON, "transient", None),
    (Fault.HTML, "transient", None),
    (Fault.NO_TEXT, "empty", None),
    (Fault.EMPTY_TEXT, "empty", None),
]


async def asked_of[T](simulator: SpeechSimulator, ask: Callable[[float], Coroutine[Any, Any, T]]) -> T:
    """Ask with a budget that is spent once the question is there where no answer will come, an ample one elsewhere."""
    if simulator.fault not in NEVER:
        return await ask(AMPLE_S)
    simulator.reached.clear()
    return await in_vain(ask(IN_VAIN_S), simulator.reached)


def told_by(error: TranscriptionError) -> str:
    """Write down all that a log of this error could show."""
    return "".join(traceback.format_exception(error)) + repr(error)
