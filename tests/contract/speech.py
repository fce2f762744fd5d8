"""The faults that every speech adapter must survive, and what each must become."""

import traceback
from typing import Any

import numpy as np

from actors.stt.transcriber import TranscriptionError
from actors.values import Pcm
from tests.simulators.speech import Fault

ONE_SECOND: Pcm = np.zeros(16_000, np.int16)
AMPLE_S = 60.0
SCARCE_S = 0.3
"""Enough for a warmed adapter on loopback to reach the server; the faults that use it never answer."""

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


def budget_for(fault: Fault) -> float:
    """Give little time where no answer will come, ample time elsewhere."""
    return SCARCE_S if fault in {Fault.SLOW, Fault.DRIPPING} else AMPLE_S


def told_by(error: TranscriptionError) -> str:
    """Write down all that a log of this error could show."""
    return "".join(traceback.format_exception(error)) + repr(error)
