"""WAV: a RIFF parser that takes a file cut anywhere, of any common sample format."""

import struct
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.audio.decoder import AudioUndecodableError, StreamDecoder
from actors.audio.g711 import ALAW, MULAW
from actors.audio.pcm import MAX_CHANNELS
from actors.audio.resample import MAX_RATE, MIN_RATE, Resampler
from actors.values import SAMPLE_RATE, Pcm
from events.catalogue import Bookmark

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""Of the sub-format GUIDs that stand for a plain format tag (KSDATAFORMAT_SUBTYPE_*)."""
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""Data sizes that a writer leaves behind when it can't seek back: the data then goes on to the end of the stream."""
_MAX_FMT: Final = 4_096
_MAX_HEADER: Final = 16 * 1024 * 1024
"""Bytes of other chunks that may stand before the data; they are skipped, not kept."""

Unpack = Callable[[bytes], NDArray[np.float32]]


def _int8(raw: bytes) -> NDArray[np.float32]:
    return (np.frombuffer(raw, dtype=np.uint8).astype(np.float32) - np.float32(128)) * np.float32(1 / 128)


def _int16(raw: bytes) -> NDArray[np.float32]:
    return np.frombuffer(raw, dtype="<i2").astype(np.float32) * np.float32(1 / 32_768)


def _int24(raw: bytes) -> NDArray[np.float32]:
    low = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 3).astype(np.int32)
    value = (low[:, 0] << 8) | (low[:, 1] << 16) | (low[:, 2] << 24)
    return (value * (1 / 2_147_483_648)).astype(np.float32)


def _int32(raw: bytes) -> NDArray[np.float32]:
    return (np.frombuffer(raw, dtype="<i4") * (1 / 2_147_483_648)).astype(np.float32)


def _float32(raw: bytes) -> NDArray[np.float32]:
    values: NDArray[np.float32] = np.frombuffer(raw, dtype="<f4").astype(np.float32)
    return _bounded(values)


def _float64(raw: bytes) -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):
        return _bounded(np.frombuffer(raw, dtype="<f8").astype(np.float32))


def _bounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    bounded: NDArray[np.float32] = np.clip(np.nan_to_num(values, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    return bounded


def _table(table: Pcm) -> Unpack:
    scaled = table.astype(np.float32) * np.float32(1 / 32_768)
    return lambda raw: scaled[np.frombuffer(raw, dtype=np.uint8)]


_UNPACKERS: dict[tuple[int, int], Unpack] = {
    (_PCM, 8): _int8,
    (_PCM, 16): _int16,
    (_PCM, 24): _int24,
    (_PCM, 32): _int32,
    (_FLOAT, 32): _float32,
    (_FLOAT, 64): _float64,
    (_ALAW, 8): _table(ALAW),
    (_MULAW, 8): _table(MULAW),
}


class WavDecoder(StreamDecoder):
    """Decodes RIFF/WAVE (and RF64, whose sizes live elsewhere and are read as unknown).

    Channels are averaged, rates from 4 to 192 kHz resampled. 16 kHz mono 16-bit passes through bit for bit.
    Source: Microsoft Multimedia Programming Interface and Data Specifications 1.0; EBU Tech 3306 for RF64.
    """

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()
        self._offset = 0
        self._step: Callable[[], bool] = self._read_riff
        self._skip = 0
        self._left: int | None = None
        self._unpack: Unpack | None = None
        self._resampler: Resampler | None = None
        self._channels = 0
        self._block = 0
        self._plain = False
        self._data_start = 0

    @property
    def encoding(self) -> str:
        """Always `wav`."""
        return "wav"

    @property
    def sample_rate(self) -> int | None:
        """Hz as the format chunk declares; None before it."""
        return self._resampler.rate if self._resampler else None

    @property
    def channels(self) -> int | None:
        """As the format chunk declares; None before it."""
        return self._channels or None

    def bookmark(self) -> Bookmark | None:
        """See `Decoder.bookmark`. There is none but within the first data chunk."""
        if self._resampler is None or self._step != self._read_data or self._data_start <= 0:
            return None
        frames = (self._offset - self._data_start) // self._block
        frames -= frames % self._resampler.period
        return Bookmark(
            encoding=self.encoding,
            header_bytes=self._data_start,
            byte_offset=self._data_start + frames * self._block,
            sample=frames * SAMPLE_RATE // self._resampler.rate,
            place=(),
        )

    def jump(self, bookmark: Bookmark) -> None:
        """See `Decoder.jump`."""
        skipped = bookmark.byte_offset - self._offset
        if bookmark.encoding != self.encoding or self._step != self._read_data or self._buffer or skipped < 0:
            raise ValueError("a bookmark of another stream")
        if self._left is not None:
            self._left -= skipped
        self._offset += skipped

    def _consume(self, data: bytes) -> None:
        self._buffer += data
        while self._step():
            pass

    def _finish(self) -> None:
        if self._resampler is None:
            if self._offset or self._buffer:
                raise AudioUndecodableError("truncated", self._offset, "no format chunk")
            return
        self._out.append(self._resampler.flush())

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._offset += len(taken)
        return taken

    def _read_riff(self) -> bool:
        if len(self._buffer) < 12:
            return False
        if bytes(self._buffer[:4]) not in (b"RIFF", b"RF64") or bytes(self._buffer[8:12]) != b"WAVE":
            raise AudioUndecodableError("bad_container", self._offset, "not a WAV file")
        self._take(12)
        self._step = self._read_chunk
        return True

    def _read_chunk(self) -> bool:
        if len(self._buffer) < 8:
            return False
        name, size = struct.unpack_from("<4sI", self._buffer)
        if name == b"fmt ":
            return self._read_format(size)
        if name == b"data":
            return self._open_data(size)
        if self._left is None and self._offset + size > _MAX_HEADER:
            raise AudioUndecodableError("too_large", self._offset, "a chunk before the audio")
        self._take(8)
        self._skip = size + size % 2
        self._step = self._skip_chunk
        return True

    def _skip_chunk(self) -> bool:
        self._skip -= len(self._take(min(self._skip, len(self._buffer))))
        if self._skip:
            return False
        self._step = self._read_chunk
        return True

    def _read_format(self, size: int) -> bool:
        if size > _MAX_FMT:
            raise AudioUndecodableError("too_large", self._offset, "format chunk")
        if size < 16:
            raise AudioUndecodableError("bad_container", self._offset, "format chunk too short")
        if len(self._buffer) < 8 + size + size % 2:
            return False
        start = self._offset
        chunk = self._take(8 + size + size % 2)[8:]
        if self._resampler is None:
            self._set_format(chunk, start)
        return True

    def _set_format(self, chunk: bytes, start: int) -> None:
        tag, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", chunk)
        if tag == _EXTENSIBLE and len(chunk) >= 40 and chunk[26:40] == _GUID_TAIL:
            tag = int.from_bytes(chunk[24:26], "little")
        unpack = _UNPACKERS.get((tag, bits))
        if unpack is None:
            raise AudioUndecodableError("unsupported", start, f"WAV format {tag:#06x} with {bits} bits")
        if not 1 <= channels <= MAX_CHANNELS or not MIN_RATE <= rate <= MAX_RATE:
            raise AudioUndecodableError("unsupported", start, f"{channels} channels at {rate} Hz")
        if block != channels * bits // 8:
            raise AudioUndecodableError("bad_container", start, "block size contradicts the sample format")
        self._unpack, self._channels, self._block = unpack, channels, block
        self._resampler = Resampler(rate)
        self._plain = (tag, bits, channels, rate) == (_PCM, 16, 1, SAMPLE_RATE)

    def _open_data(self, size: int) -> bool:
        if self._resampler is None:
            raise AudioUndecodableError("bad_container", self._offset, "audio before its format chunk")
        self._take(8)
        self._left = None if size in _UNKNOWN_SIZES else size
        self._skip = size % 2 if self._left is not None else 0
        self._step = self._read_data
        self._data_start = -1 if self._data_start else self._offset
        return True

    def _read_data(self) -> bool:
        available = len(self._buffer) if self._left is None else min(len(self._buffer), self._left)
        whole = available - available % self._block
        if whole:
            self._decode(self._take(whole))
        if self._left is None:
            return False
        self._left -= whole
        if self._left >= self._block or len(self._buffer) < self._left:
            return False
        # a rest shorter than one block is padding of a careless writer
        self._skip += self._left
        self._left = 0
        self._step = self._skip_chunk
        return True

    def _decode(self, raw: bytes) -> None:
        if self._plain:
            self._out.append(np.frombuffer(raw, dtype="<i2").astype(np.int16))
            return
        assert self._unpack is not None and self._resampler is not None  # noqa: PT018, S101 - set with the format
        samples = self._unpack(raw)
        if self._channels > 1:
            samples = samples.reshape(-1, self._channels).sum(axis=1) * np.float32(1 / self._channels)
        self._out.append(self._resampler.push(samples))
