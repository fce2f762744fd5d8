"""The expansion tables of G.711: mu-law and A-law bytes to int16 samples."""

import numpy as np

from actors.values import Pcm


def _mulaw() -> Pcm:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    return np.where(code & 0x80, 0x84 - magnitude, magnitude - 0x84).astype(np.int16)


def _alaw() -> Pcm:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment = (code & 0x70) >> 4
    mantissa = (code & 0x0F) << 4
    magnitude = np.where(segment == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


MULAW: Pcm = _mulaw()
"""Sample of every mu-law byte, shape (256,). Source: ITU-T G.711, table 2."""
ALAW: Pcm = _alaw()
"""Sample of every A-law byte, shape (256,). Source: ITU-T G.711, table 1."""
