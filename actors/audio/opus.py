"""Opus packets to samples: the OpusHead header, packet durations, and libav's decoder fed packet by packet."""

import struct
from dataclasses import dataclass

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.error import FFmpegError
from numpy.typing import NDArray

from actors.audio.decoder import MAX_BURST, AudioUndecodableError, no_samples
from actors.audio.resample import Resampler
from actors.values import SAMPLE_RATE, Pcm

OPUS_RATE = 48_000
"""Hz at which Opus is decoded and its pre-skip, granules and durations are counted."""
MAX_PACKET = 61_440
"""Bytes: 48 frames of 1275 and their lengths fit (RFC 6716 section 3.2)."""
_MOST_LENT = 64
"""Pieces that may stay in libav's memory, which costs many times what they hold."""
_MAX_BAD_PACKETS = 50
"""Packets in a row that may fail to decode before the stream is given up: a second of the usual 20 ms."""
_FRAME_48K = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4
"""Samples of a frame, by the configuration in the first byte (RFC 6716 section 3.1)."""


@dataclass(frozen=True, slots=True)
class OpusHead:
    """The identification header (RFC 7845 section 5.1), also WebM's CodecPrivate."""

    channels: int
    pre_skip: int
    """Samples at 48 kHz to drop from the start."""
    input_rate: int
    """Hz of the original; informative, 0 where unknown."""
    mapping_family: int
    raw: bytes

    @classmethod
    def parse(cls, raw: bytes) -> "OpusHead":
        """Read a header.

        Raises:
            ValueError: it isn't one, or one of a version or a mapping that can't be decoded.
        """
        if len(raw) < 19 or raw[:8] != b"OpusHead":
            raise ValueError("not an OpusHead")
        version, channels, pre_skip, rate, _, family = struct.unpack_from("<BBHIhB", raw, 8)
        if version > 15:
            raise ValueError(f"OpusHead version {version}")
        if not 1 <= channels <= (2 if family == 0 else 8):
            raise ValueError(f"{channels} channels in mapping family {family}")
        if family > 1:
            raise ValueError(f"mapping family {family}")
        if family == 1 and len(raw) < 21 + channels:
            raise ValueError("mapping table too short")
        return cls(channels, pre_skip, rate, family, raw)

    @classmethod
    def made(cls, channels: int, pre_skip: int, rate: int) -> "OpusHead":
        """Build a header where the container left it out.

        Raises:
            ValueError: the values make no valid header.
        """
        if not 0 <= pre_skip <= 0xFFFF or not 1 <= channels <= 2:
            raise ValueError(f"{channels} channels with a pre-skip of {pre_skip}")
        return cls.parse(struct.pack("<8sBBHIhB", b"OpusHead", 1, channels, pre_skip, rate, 0, 0))


def packet_duration(packet: bytes) -> int:
    """Return how many samples at 48 kHz a packet holds, 0 for one that is malformed (RFC 6716 section 3.1)."""
    if not packet:
        return 0
    frame = _FRAME_48K[packet[0] >> 3]
    code = packet[0] & 3
    if code < 3:
        return frame if code == 0 else 2 * frame
    frames = packet[1] & 0x3F if len(packet) > 1 else 0
    return frame * frames if frame * frames <= 5760 else 0


class OpusDecoder:
    """Decodes the packets of one Opus stream and gives the samples as mono int16 at 16 kHz.

    Stereo is decoded straight to mono, which is what the average of the channels would be and costs less. A packet
    that doesn't decode becomes silence of its duration, so that later samples keep their place.

    Args:
        head: the stream's header.
        start: samples at 48 kHz of the stream that have been decoded before; its pre-skip is over then.

    Raises:
        ValueError: libav refuses the header.
    """

    def __init__(self, head: OpusHead, start: int = 0) -> None:
        self.head = head
        self._position = start
        # The resampler begins a sample of output with every third of input.
        self._drop_start = -start % (OPUS_RATE // SAMPLE_RATE)
        extradata = bytearray(head.raw)
        if start:
            extradata[10:12] = b"\0\0"
        if head.mapping_family == 0:
            extradata[9] = 1
        try:
            self._codec: AudioCodecContext = av.CodecContext.create("opus", "r")
            self._codec.extradata = bytes(extradata)
            self._codec.sample_rate = OPUS_RATE
            self._codec.layout = "mono" if head.mapping_family == 0 else _layout(head.channels)
            self._codec.thread_count = 1
            self._codec.open()
        except (FFmpegError, ValueError) as error:
            raise ValueError("the Opus header can't be used") from error
        self._resampler = Resampler(OPUS_RATE)
        self._lent: list[Pcm] = []
        self._done: list[Pcm] = []
        self._done_samples = 0
        self._bad = 0

    @property
    def position(self) -> int:
        """Samples at 48 kHz of the stream decoded so far."""
        return self._position

    @property
    def sample(self) -> int:
        """Index of the first 16 kHz sample that a decoder gives which starts at `position`."""
        return -(-self._position // (OPUS_RATE // SAMPLE_RATE))

    def decode(self, packet: bytes, byte_offset: int, *, drop_end: int = 0) -> None:
        """Decode a packet; its samples come with the next `take`.

        Args:
            packet: one Opus packet.
            byte_offset: where it is in the stream, for the error.
            drop_end: samples at 48 kHz that the container says to drop from the packet's end.

        Raises:
            AudioUndecodableError: too many packets in a row didn't decode.
        """
        frames = self._decoded(packet)
        if frames is None:
            self._bad += 1
            if self._bad >= _MAX_BAD_PACKETS:
                raise AudioUndecodableError("corrupt", byte_offset, "Opus packets don't decode")
            frames = _frames(np.zeros(packet_duration(packet), dtype=np.float32))
        else:
            self._bad = 0
        if drop_end > 0 and frames:
            joined = np.concatenate([_mono(frame) for frame in frames])
            frames = _frames(joined[: max(0, len(joined) - drop_end)])
        for frame in frames:
            self._position += frame.samples
        if self._drop_start and frames:
            joined = np.concatenate([_mono(frame) for frame in frames])
            frames = _frames(joined[self._drop_start :])
            self._drop_start = max(0, self._drop_start - len(joined))
        for frame in frames:
            # Frame by frame: to put them together first saves little, and libav keeps several buffers of the largest
            # piece that it ever saw.
            self._lent.append(self._resampler.push_frame(frame))
        if len(self._lent) >= _MOST_LENT:
            self._give_back()
            if self._done_samples > MAX_BURST:
                raise AudioUndecodableError("too_large", byte_offset, "too much audio at once")

    def take(self) -> Pcm:
        """Return the samples of all packets since the last `take`."""
        self._give_back()
        done, self._done, self._done_samples = self._done, [], 0
        if len(done) == 1:
            return done[0]
        return np.concatenate(done) if done else no_samples()

    def _give_back(self) -> None:
        if self._lent:
            self._done.append(np.concatenate(self._lent))
            self._done_samples += self._done[-1].size
            self._lent.clear()

    def finish(self) -> Pcm:
        """Return the last samples; nothing may be decoded after it."""
        return np.concatenate([self.take(), self._resampler.flush()])

    def _decoded(self, packet: bytes) -> list[AudioFrame] | None:
        # an empty packet would tell libav that the stream is over
        if not packet or (packet[0] & 3 == 3 and not packet_duration(packet)):
            return None
        try:
            frames = self._codec.decode(av.Packet(packet))
        except FFmpegError:
            return None
        if self.head.mapping_family == 0:
            return frames
        return [mixed for frame in frames for mixed in _frames(_mono(frame))]


def _frames(samples: NDArray[np.float32]) -> list[AudioFrame]:
    """Return mono samples, shape (n,), as a frame, or none where there are none."""
    if not samples.size:
        return []
    frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="fltp", layout="mono")
    frame.sample_rate = OPUS_RATE
    return [frame]


def _mono(frame: AudioFrame) -> NDArray[np.float32]:
    planes = [np.frombuffer(plane, dtype=np.float32)[: frame.samples] for plane in frame.planes]
    return np.sum(planes, axis=0, dtype=np.float32) * np.float32(1 / len(planes))


def _layout(channels: int) -> str:
    """Name libav's layout of the Vorbis channel order (RFC 7845 section 5.1.1.2)."""
    return ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")[channels - 1]
