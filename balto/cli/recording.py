"""Audio files at the command line: read with a progress bar, decoded as far as they go, and told what is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from balto.cli.common import err, fail, note

AudioPath = Annotated[
    Path, typer.Argument(help="Any audio or video file: WAV, WebM, Ogg, MP3, M4A, MP4, FLAC…", metavar="FILE")
]
Raw = Annotated[bool, typer.Option("--raw", help="The file is bare samples: s16le.")]
Rate = Annotated[int | None, typer.Option("--rate", help="Hz of bare samples; 16000 by default.", show_default=False)]
Channels = Annotated[
    int | None,
    typer.Option("--channels", help="Interleaved channels of bare samples; 1 by default.", show_default=False),
]
Plot = Annotated[
    Path | None, typer.Option("--plot", help="Draw what was heard into this PNG.", metavar="FILE.png", dir_okay=False)
]

_HEAD_BYTES: Final = 16_384
"""More than telling what a file is ever takes."""
_LONG_BYTES: Final = 512 * 1024
"""Files below this are done before a bar could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A decoded file."""

    path: Path
    pcm: Any
    """int16 mono samples at 16 kHz, shape (n,), n at least 1."""
    encoding: str
    audio: Any
    """The `AudioFormat` that its bytes have."""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.pcm.size) / 16_000

    def to_send(self) -> tuple[bytes, Any]:
        """Return the bytes that a session is to receive and their `AudioFormat`.

        The file as it is, or where it needs ffmpeg, its samples: a session keeps what it received, and nobody asked it
        to keep a video.
        """
        from actors.session.ports import AudioFormat

        if self.encoding == "ffmpeg":
            return self.pcm.tobytes(), AudioFormat(encoding="pcm_s16le")
        try:
            return self.path.read_bytes(), self.audio
        except OSError as error:
            fail(f"{self.path} cannot be read: {error.strerror}")


def read_recording(path: Path, *, raw: bool = False, rate: int | None = None, channels: int | None = None) -> Recording:
    """Decode a file; what nothing marks as audio is taken for samples only where that is said.

    Ends the command with one line where there is nothing to hear, and notes where the sound stops too early.
    """
    from actors.audio.sniff import sniff
    from balto.listening import salvage_audio

    audio = _form(raw, rate, channels)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(_HEAD_BYTES)
            kind = sniff(start, ended=True)
            if not start or (not raw and kind == "pcm"):
                fail(f"{path} is not an audio file (bare samples need --raw)")
            file.seek(0)
            # an MP4 is read back and forth: how far it is can't be told
            total = None if kind == "mov" and not raw else size
            with bar(f"decoding {path.name}", total, shown=size >= _LONG_BYTES) as advance:
                salvaged = salvage_audio(file, audio=audio, progress=advance)
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}")
    except ValueError as error:
        fail(str(error))
    pcm, fault = salvaged.pcm, salvaged.fault
    if not pcm.size:
        fail(f"{path} is not an audio file" + (f" ({fault.code} at byte {fault.byte_offset})" if fault else ""))
    if fault is not None:
        note(f"{path} cannot be decoded from {pcm.size / 16000:.2f} s on ({fault.code} at byte {fault.byte_offset})")
    elif not raw and _is_cut_off(start, size):
        note(f"{path} is cut off: it ends at {pcm.size / 16000:.2f} s, before the end that it declares")
    return Recording(path=path, pcm=pcm, encoding=salvaged.encoding or "ffmpeg", audio=audio)


def _form(raw: bool, rate: int | None, channels: int | None) -> Any:
    from actors.session.ports import AudioFormat

    if not raw:
        if rate is not None or channels is not None:
            fail("--rate and --channels are of bare samples: they need --raw")
        return AudioFormat()
    return AudioFormat(
        encoding="pcm_s16le",
        sample_rate=16_000 if rate is None else rate,
        channels=1 if channels is None else channels,
    )


def _is_cut_off(start: bytes, size: int) -> bool:
    # Recorders that stream write 0 or the greatest number, since they cannot know.
    declared = int.from_bytes(start[4:8], "little")
    return start[:4] == b"RIFF" and 0 < declared < 0x7FFF_0000 and declared + 8 > size + 1


@contextmanager
def bar(title: str, total: int | None, *, shown: bool = True) -> Iterator[Any]:
    """Show a progress bar on a terminal's standard error; give the function that moves it on.

    Without a total it only shows that something goes on.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not (shown and err.is_terminal)) as progress:
        task = progress.add_task(title, total=total)
        yield lambda step: progress.advance(task, step)


def draw_recording(plot: Path, recording: Recording, **parts: Any) -> None:
    """Draw a recording; ends the command with one line where that can't be done."""
    from balto.picture import NoPlottingError, draw

    try:
        draw(plot, recording.pcm, title=recording.path.name, **parts)
    except NoPlottingError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{plot} cannot be written: {error.strerror}")
    note(f"drawn into {plot}")
