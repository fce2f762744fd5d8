"""Every other format: one bounded ffmpeg process, fed over pipes, with a demuxer chosen beforehand."""

import contextlib
import os
import resource
import selectors
import subprocess
import weakref
from functools import cache
from typing import IO, Final

import imageio_ffmpeg
import numpy as np

from actors.audio.decoder import MAX_BURST, AudioUndecodableError, StreamDecoder
from actors.values import SAMPLE_RATE

DEMUXERS: Final = frozenset(
    {"aac", "aiff", "amr", "asf", "au", "avi", "caf", "flac", "flv", "matroska", "mov", "mp3", "mpegts", "ogg"}
    | {"w64", "wav"}
)
"""Demuxers that may be asked for. None of them opens another file or address."""
_CODECS: Final = (
    "aac,aac_fixed,aac_latm,ac3,eac3,alac,amrnb,amrwb,flac,gsm,mp1,mp1float,mp2,mp2float,mp3,mp3float,opus,libopus,"
    "vorbis,speex,libspeex,wavpack,wmav1,wmav2,wmapro,wmavoice,nellymoser,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,"
    "adpcm_g726,adpcm_swf,pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,"
    "pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be"
)
_STALL_S: Final = 5.0
"""Seconds that ffmpeg may neither take nor give anything while there is something to take."""
_CPU_S: Final = 20
"""CPU seconds that a process may use, plus one for every ten seconds of audio it gave."""
_MEMORY: Final = 1536 * 1024 * 1024
"""Bytes of address space; most of it is never touched."""
_MAX_ALLOC: Final = 128 * 1024 * 1024
_PIPE: Final = 65_536


@cache
def ffmpeg_path() -> str:
    """Return where the bundled ffmpeg is.

    Raises:
        RuntimeError: there is none for this platform.
    """
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _command(demuxer: str, *, from_file: bool) -> list[str]:
    protocol, source = ("fd", ("-fd", "0", "-i", "fd:")) if from_file else ("pipe", ("-i", "pipe:0"))
    return [
        *(ffmpeg_path(), "-hide_banner", "-nostdin", "-loglevel", "quiet", "-max_alloc", str(_MAX_ALLOC)),
        *("-threads", "1", "-filter_threads", "1", "-protocol_whitelist", protocol, "-format_whitelist", demuxer),
        *("-codec_whitelist", _CODECS, "-probesize", "1048576", "-analyzeduration", "2000000"),
        *("-f", demuxer, *source, "-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1"),
        *("-ac", "1", "-ar", str(SAMPLE_RATE), "-c:a", "pcm_s16le", "-flush_packets", "1", "-f", "s16le", "pipe:1"),
    ]


class FfmpegDecoder(StreamDecoder):
    """Feeds a stream to ffmpeg and reads samples back, waiting only while ffmpeg is the one to move.

    Args:
        demuxer: one of `DEMUXERS`; nothing is probed.
        source: an open file to read from its start, instead of what is fed, for formats that are read back and forth.

    Raises:
        ValueError: the demuxer isn't one of them.
    """

    def __init__(self, demuxer: str, *, source: IO[bytes] | None = None) -> None:
        super().__init__()
        if demuxer not in DEMUXERS:
            raise ValueError(f"no demuxer {demuxer!r}")
        self._demuxer = demuxer
        self._source = source
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., FfmpegDecoder] | None = None
        self._offset = 0
        self._samples = 0
        self._odd = b""
        self._cpu_granted = 0

    @property
    def encoding(self) -> str:
        """Always `ffmpeg`."""
        return "ffmpeg"

    def close(self) -> None:
        """Kill ffmpeg if it still runs, and reap it."""
        if self._end is not None:
            self._end()
        self._process = None
        super().close()

    def _consume(self, data: bytes) -> None:
        if data:
            self._exchange(self._started(), data)
            self._offset += len(data)

    def _finish(self) -> None:
        if self._source is not None:
            self._started()
        if self._process is None:
            return
        process = self._process
        if process.stdin is not None:
            process.stdin.close()
        self._exchange(process, None)
        try:
            code = process.wait(timeout=_STALL_S)
        except subprocess.TimeoutExpired as error:
            raise AudioUndecodableError("decoder_limit", self._offset, "ffmpeg doesn't end") from error
        finally:
            self.close_process()
        if code < 0:
            raise AudioUndecodableError("decoder_limit", self._offset, f"ffmpeg ended by signal {-code}")
        if not self._samples:
            raise AudioUndecodableError("decoder_failed", 0, "ffmpeg found no audio")

    def close_process(self) -> None:
        """Kill ffmpeg if it still runs, and reap it; samples already read stay."""
        if self._end is not None:
            self._end()
        self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            try:
                process = self._spawned()
            except (OSError, RuntimeError) as error:
                raise AudioUndecodableError("decoder_failed", self._offset, "ffmpeg can't be started") from error
            self._end = weakref.finalize(self, _reap, process)
            self._process = process
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    os.set_blocking(pipe.fileno(), False)
            self._limit(resource.RLIMIT_AS, _MEMORY)
            self._limit(resource.RLIMIT_CORE, 0)
            self._limit(resource.RLIMIT_FSIZE, 0)
            self._grant_cpu()
        return self._process

    def _spawned(self) -> subprocess.Popen[bytes]:
        if self._source is not None:
            # seeking a buffered file may move within its buffer only, and ffmpeg shares nothing but the descriptor
            os.lseek(self._source.fileno(), 0, os.SEEK_SET)
        return subprocess.Popen(  # noqa: S603 - a fixed command; nothing of the stream is in it
            _command(self._demuxer, from_file=self._source is not None),
            stdin=self._source or subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            process_group=0,
            env={"LC_ALL": "C"},
            cwd="/",
        )

    def _limit(self, kind: int, value: int) -> None:
        assert self._process is not None  # noqa: S101 - called right after the start
        # it may have ended already, and not every system can limit another process
        with contextlib.suppress(ProcessLookupError, AttributeError):
            resource.prlimit(self._process.pid, kind, (value, value))

    def _grant_cpu(self) -> None:
        granted = _CPU_S + self._samples // (10 * SAMPLE_RATE)
        if granted > self._cpu_granted:
            # the hard limit can't be raised again without privileges, so only the soft one is set
            assert self._process is not None  # noqa: S101 - called while it runs
            with contextlib.suppress(ProcessLookupError, AttributeError):
                hard = resource.prlimit(self._process.pid, resource.RLIMIT_CPU)[1]
                resource.prlimit(self._process.pid, resource.RLIMIT_CPU, (granted, hard))
            self._cpu_granted = granted + 10

    def _exchange(self, process: subprocess.Popen[bytes], data: bytes | None) -> None:
        """Write `data` and read what comes meanwhile; with None, read to the end."""
        assert process.stdout is not None  # noqa: S101 - opened with a pipe
        left = memoryview(data or b"")
        given = self._samples
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if left and process.stdin is not None:
                selector.register(process.stdin, selectors.EVENT_WRITE)
            while left or data is None:
                ready = selector.select(_STALL_S)
                if not ready:
                    self.close_process()
                    raise AudioUndecodableError("decoder_limit", self._offset, "ffmpeg makes no progress")
                for key, _ in ready:
                    if key.fileobj is process.stdout:
                        if not self._read(process, given):
                            self._ended_early(process, data)
                            return
                        continue
                    try:
                        left = left[os.write(key.fd, left[:_PIPE]) :]
                    except BrokenPipeError:
                        # it stopped listening; its last samples and its end come through the other pipe
                        selector.unregister(key.fileobj)
            self._read(process, given)

    def _read(self, process: subprocess.Popen[bytes], given: int) -> bool:
        """Read what is there; False at the end. `given` is how many samples there were before this call."""
        assert process.stdout is not None  # noqa: S101 - opened with a pipe
        while True:
            try:
                raw = os.read(process.stdout.fileno(), _PIPE)
            except BlockingIOError:
                return True
            if not raw:
                return False
            raw = self._odd + raw
            whole = len(raw) & ~1
            self._odd = raw[whole:]
            self._out.append(np.frombuffer(raw[:whole], dtype="<i2").astype(np.int16))
            self._samples += whole // 2
            self._grant_cpu()
            if self._samples - given > MAX_BURST:
                self.close_process()
                raise AudioUndecodableError("decoder_limit", self._offset, "too much audio at once")

    def _ended_early(self, process: subprocess.Popen[bytes], data: bytes | None) -> None:
        if data is None:
            return
        try:
            code = process.wait(timeout=_STALL_S)
        except subprocess.TimeoutExpired:
            code = 1
        self.close_process()
        limit = code < 0
        raise AudioUndecodableError(
            "decoder_limit" if limit else "decoder_failed", self._offset, f"ffmpeg ended with {code}"
        )


def _reap(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
