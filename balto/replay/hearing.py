"""What was heard in a run, decoded from its bytes; where some are missing, silence stands for them as far as it can."""

from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np

from actors.audio.decode import AudioUndecodableError, open_decoder
from actors.session.ports import AudioFormat
from actors.values import SAMPLE_RATE, Pcm
from balto.listening import salvage_audio
from balto.replay.run import Run
from events.catalogue import AudioBookmarked, AudioFormatDetected, Bookmark
from events.store import RecordingChunk

Note = Callable[[str], None]
"""Takes one line about what could not be heard."""


class NothingHeardError(Exception):
    """No audio is there; the message is one line."""


def heard(run: Run, note: Note, progress: Callable[[int], None] | None = None) -> Pcm:
    """Decode what a run's client sent.

    Args:
        run: with its audio.
        note: told what could not be decoded.
        progress: told of bytes.

    Returns:
        int16 mono samples at 16 kHz, shape (n,); each where it was in the session.

    Raises:
        NothingHeardError: there is no audio.
    """
    pieces = _pieces(run.audio)
    if not pieces:
        raise NothingHeardError(f"no audio of {run.name} is there")
    form = _form(run)
    if len(pieces) > 1 and _is_raw(run, form):
        pieces = [(0, _filled(pieces))]
    start, data = pieces[0]
    parts = [np.zeros(0, dtype=np.int16)]
    if start == 0:
        salvaged = salvage_audio(BytesIO(data), audio=form, progress=progress)
        if salvaged.fault is not None:
            note(f"the audio cannot be decoded from {salvaged.pcm.size / SAMPLE_RATE:.2f} s on ({salvaged.fault.code})")
        parts.append(salvaged.pcm)
    for at, later in pieces[0 if start else 1 :]:
        _go_on(run, form, pieces[0], at, later, parts, note)
        if progress is not None:
            progress(len(later))
    return np.concatenate(parts)


def _form(run: Run) -> AudioFormat:
    declared = None if run.started is None else run.started.settings.get("audio")
    return AudioFormat(**declared) if isinstance(declared, dict) else AudioFormat()


def _is_raw(run: Run, form: AudioFormat) -> bool:
    detected = [event.encoding for event in run.events if isinstance(event, AudioFormatDetected)]
    return (detected[0] if detected else form.encoding) == "pcm_s16le"


def _pieces(audio: Sequence[RecordingChunk]) -> list[tuple[int, bytes]]:
    """Join chunks that follow one another; what stands twice counts once."""
    pieces: list[tuple[int, bytearray]] = []
    for chunk in sorted(audio, key=lambda each: each.byte_start):
        start, data = pieces[-1] if pieces else (0, bytearray())
        end = start + len(data)
        if pieces and chunk.byte_start <= end:
            data += chunk.data[end - chunk.byte_start :]
        else:
            pieces.append((chunk.byte_start, bytearray(chunk.data)))
    return [(start, bytes(data)) for start, data in pieces]


def _filled(pieces: Sequence[tuple[int, bytes]]) -> bytes:
    whole = bytearray()
    for start, data in pieces:
        whole += bytes(start - len(whole)) + data
    return bytes(whole)


def _go_on(
    run: Run, form: AudioFormat, first: tuple[int, bytes], at: int, data: bytes, parts: list[Pcm], note: Note
) -> None:
    """Decode on behind missing bytes, from the first place that was bookmarked there."""
    so_far = sum(part.size for part in parts)
    bookmark = _bookmark(run, at, at + len(data), so_far)
    if bookmark is None or (bookmark.header_bytes and (first[0] or bookmark.header_bytes > len(first[1]))):
        note(f"what follows the bytes missing before byte {at} cannot be decoded: no place to go on was bookmarked")
        return
    encoding = bookmark.encoding if bookmark.encoding != form.encoding else form.encoding
    decoder = open_decoder(encoding, sample_rate=form.sample_rate, channels=form.channels)
    try:
        decoder.feed(first[1][: bookmark.header_bytes])
        decoder.jump(bookmark)
        found = [decoder.feed(data[bookmark.byte_offset - at :])]
        while (last := decoder.flush()).size:
            found.append(last)
    except (AudioUndecodableError, ValueError):
        note(f"what follows byte {bookmark.byte_offset} cannot be decoded")
        return
    finally:
        decoder.close()
    note(
        f"nothing is heard from {so_far / SAMPLE_RATE:.2f} to {bookmark.sample / SAMPLE_RATE:.2f} s: bytes are missing"
    )
    parts += [np.zeros(bookmark.sample - so_far, dtype=np.int16), *found]


def _bookmark(run: Run, start: int, end: int, sample: int) -> Bookmark | None:
    marks = (event.bookmark for event in run.events if isinstance(event, AudioBookmarked))
    return next((mark for mark in marks if start <= mark.byte_offset < end and mark.sample >= sample), None)
