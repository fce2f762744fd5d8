"""A picture of what was heard: waveform, spectrogram, levels, the stages of voice detection, phrases and pitch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.audio.frames import framed, spectra
from actors.audio.pitch import HIGHEST_HZ, HOP, LOWEST_HZ, pitch_track
from actors.vad.trace import Stage, VadTrace
from actors.values import SAMPLE_RATE, Pcm

_FULL_SCALE: Final = 32_768.0
_COLUMNS: Final = 2_400
"""At most so many points or columns are drawn along time, however long the recording."""
_LEFT: Final = 1.3
"""Inches left of the panels, for their labels."""
_LETTER: Final = 0.078
"""Inches of a letter of a caption, about."""
_CAPTION_LINES: Final = 3
_WINDOW: Final = 512
_RANGE_DB: Final = 75.0
_QUIETEST_DBFS: Final = -80.0
_PITCH_FRAME: Final = 768
_INK, _FAINT, _GRID = "#1f2933", "#7b8794", "#e4e7eb"
_SOUND, _SPEECH, _LIMIT, _PITCH = "#52606d", "#0d9488", "#d97706", "#be185d"
_LANES: Final = ("#a7b3c2", "#7f9bd1", "#6366f1", "#8b5cf6")
_STYLE: Final[Any] = {
    "font.size": 9.0,
    "font.family": "DejaVu Sans",
    "text.color": _INK,
    "axes.labelcolor": _FAINT,
    "axes.edgecolor": _GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _FAINT,
    "ytick.labelsize": 8.0,
}


class NoPlottingError(Exception):
    """matplotlib isn't installed; the message says how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A stretch of the recording with its caption, in samples."""

    start: int
    end: int
    caption: str


def draw(
    path: Path,
    pcm: Pcm,
    *,
    title: str,
    subtitle: str = "",
    marks: Sequence[Mark] = (),
    trace: VadTrace | None = None,
    facts: Sequence[tuple[str, str]] = (),
) -> None:
    """Draw a recording into a PNG.

    Args:
        path: where to write it.
        pcm: the recording, shape (n,), n at least 1.
        title: its name.
        subtitle: what else there is to say in one line.
        marks: the phrases.
        trace: what each stage of voice detection said.
        facts: names and values for a column at the right.

    Raises:
        NoPlottingError: matplotlib isn't installed.
        OSError: the file can't be written.
    """
    try:
        from matplotlib import rc_context  # noqa: PLC0415 - takes half a second, and hardly any command draws
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - as above
        from matplotlib.figure import Figure  # noqa: PLC0415 - as above
    except ImportError as error:
        raise NoPlottingError("--plot needs matplotlib: pip install 'balto[plot]'") from error
    seconds = pcm.size / SAMPLE_RATE
    heights = [1.2, 2.2, 1.3, *([0.3 + 0.27 * len(trace.stages)] if trace else []), 1.4]
    with rc_context(_STYLE):
        figure = Figure(figsize=(float(np.clip(8 + seconds / 5, 13, 24)), 1.48 + 1.15 * sum(heights)), dpi=130)
        FigureCanvasAgg(figure)
        panels = figure.subplots(len(heights), sharex=True, gridspec_kw={"height_ratios": heights, "hspace": 0.16})
        width, height = figure.get_size_inches()
        right = 1 - (2.9 if facts else 0.25) / width
        figure.subplots_adjust(left=_LEFT / width, right=right, top=1 - 0.9 / height, bottom=0.5 / height)
        _draw_waveform(panels[0], pcm)
        _draw_spectrogram(panels[1], pcm)
        _draw_levels(panels[2], pcm, trace)
        if trace:
            _draw_stages(panels[3], trace)
        _draw_pitch(panels[-1], pcm)
        _draw_marks(panels, marks, seconds, seconds / (width * right - _LEFT))
        panels[-1].set_xlim(0, seconds)
        panels[-1].set_xlabel("seconds")
        figure.align_ylabels([panel for panel in panels if panel.get_ylabel()])
        _head(figure, title, subtitle)
        _list(figure, facts, right)
        figure.savefig(path, format="png", facecolor="white")


def _head(figure: Any, title: str, subtitle: str) -> None:
    left, top = _LEFT / figure.get_figwidth(), 1 - 0.27 / figure.get_figheight()
    drawn = figure.text(left, top, title, fontsize=13, fontweight="bold", va="center")
    box = drawn.get_window_extent(figure.canvas.get_renderer())
    after = box.x1 / figure.bbox.width + 0.2 / figure.get_figwidth()
    figure.text(after, top, subtitle, fontsize=9, color=_FAINT, va="center")


def _list(figure: Any, facts: Sequence[tuple[str, str]], right: float) -> None:
    step = 0.25 / figure.get_figheight()
    top = 1 - 1.04 / figure.get_figheight()
    for row, (name, value) in enumerate(facts):
        figure.text(right + 0.3 / figure.get_figwidth(), top - row * step, name, color=_FAINT, fontsize=8.5)
        figure.text(1 - 0.2 / figure.get_figwidth(), top - row * step, value, fontsize=8.5, ha="right")


def _plain(panel: Any, label: str) -> None:
    panel.set_ylabel(label, fontsize=8.5)
    panel.tick_params(length=0)
    panel.grid(axis="y", color=_GRID, linewidth=0.6)
    panel.set_axisbelow(True)


def _blocks(pcm: Pcm) -> NDArray[np.float64]:
    """Return samples of full scale 1.0 in at most `_COLUMNS` rows, which a few at the end may be left out of."""
    size = max(1, -(-pcm.size // _COLUMNS))
    whole = pcm[: pcm.size - pcm.size % size].astype(np.float64) / _FULL_SCALE
    return whole.reshape(-1, size)


def _draw_waveform(panel: Any, pcm: Pcm) -> None:
    blocks = _blocks(pcm)
    at = (np.arange(len(blocks)) + 0.5) * blocks.shape[1] / SAMPLE_RATE
    panel.fill_between(at, blocks.min(axis=1), blocks.max(axis=1), color=_SOUND, linewidth=0.4)
    most = max(0.05, float(np.abs(blocks).max()))
    panel.set_ylim(-1.1 * most, 1.1 * most)
    _plain(panel, "sample")


def _draw_spectrogram(panel: Any, pcm: Pcm) -> None:
    samples = np.pad(pcm, (_WINDOW // 2, _WINDOW)).astype(np.float32) / np.float32(_FULL_SCALE)
    hop = max(160, -(-pcm.size // _COLUMNS))
    frames = framed(samples, _WINDOW, hop)
    window = np.hanning(_WINDOW).astype(np.float32)
    power = np.square(np.abs(spectra(frames * window))) / (_WINDOW / 4) ** 2
    level = 10 * np.log10(np.maximum(power, 1e-12))
    top = float(np.percentile(level, 99.8))
    extent = (-hop / 2 / SAMPLE_RATE, (len(frames) - 0.5) * hop / SAMPLE_RATE, 0, SAMPLE_RATE / 2_000)
    panel.imshow(level.T, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=top - _RANGE_DB, vmax=top)
    _plain(panel, "kHz")
    panel.grid(visible=False)


def _draw_levels(panel: Any, pcm: Pcm, trace: VadTrace | None) -> None:
    gate = next((stage for stage in trace.stages if stage.measure == "rms"), None) if trace else None
    if trace and gate is not None and gate.value is not None:
        at = (np.arange(len(gate.value)) + 0.5) * trace.window / SAMPLE_RATE
        levels = gate.value / _FULL_SCALE
        spoken = trace.stages[-1].passed
        panel.fill_between(at, _QUIETEST_DBFS, _db(levels), where=spoken, color=_SPEECH, alpha=0.25, linewidth=0)
        if gate.threshold is not None:
            panel.plot(at, _db(gate.threshold / _FULL_SCALE), color=_LIMIT, linewidth=1.2, zorder=3, label="threshold")
            panel.legend(loc="upper right", frameon=False, fontsize=8, handlelength=1.2, borderaxespad=0.1)
    else:
        whole = pcm[: pcm.size - pcm.size % 320].reshape(-1, 320).astype(np.float64)
        at = (np.arange(len(whole)) + 0.5) * 320 / SAMPLE_RATE
        levels = np.sqrt(np.mean(np.square(whole), axis=1)) / _FULL_SCALE
    panel.plot(at, _db(levels), color=_SOUND, linewidth=0.8)
    panel.set_ylim(_QUIETEST_DBFS, 0)
    panel.set_yticks([-60, -40, -20, 0])
    _plain(panel, "dBFS")


def _db(amplitude: NDArray[np.float64]) -> NDArray[np.float64]:
    level: NDArray[np.float64] = 20 * np.log10(np.maximum(amplitude, 10 ** (_QUIETEST_DBFS / 20)))
    return level


def _draw_stages(panel: Any, trace: VadTrace) -> None:
    """Draw a lane a stage, the first on top: filled where it let through, with its probability as a line."""
    last = len(trace.stages) - 1
    for index, stage in enumerate(trace.stages):
        color = _SPEECH if index == last else _LANES[index % len(_LANES)]
        base = last - index
        runs = _runs(stage.passed, trace.window)
        panel.broken_barh(runs, (base + 0.14, 0.72), facecolors=color, linewidth=0)
        if stage.value is not None and stage.measure == "probability":
            at = (np.arange(len(stage.value)) + 0.5) * trace.window / SAMPLE_RATE
            panel.plot(at, base + 0.14 + 0.72 * stage.value, color=_INK, linewidth=0.7)
    panel.set_ylim(0, last + 1)
    panel.set_yticks([last - index + 0.5 for index in range(last + 1)], [_lane_name(s) for s in trace.stages])
    panel.tick_params(length=0, labelcolor=_INK)
    panel.spines["left"].set_visible(False)


def _lane_name(stage: Stage) -> str:
    return f"{stage.name} {100 * stage.passed.mean() if stage.passed.size else 0:.0f}%"


def _runs(passed: NDArray[np.bool_], window: int) -> list[tuple[float, float]]:
    """Return where a lane is filled, as starts and lengths in seconds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], passed, [False]]).astype(np.int8)))
    return [
        (start * window / SAMPLE_RATE, (end - start) * window / SAMPLE_RATE)
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]


def _draw_pitch(panel: Any, pcm: Pcm) -> None:
    track = pitch_track(pcm.astype(np.float32) / np.float32(_FULL_SCALE))
    at = (np.arange(len(track)) * HOP + _PITCH_FRAME / 2) / SAMPLE_RATE
    panel.plot(at, track, ".", color=_PITCH, markersize=2.4)
    panel.set_yscale("log")
    panel.set_ylim(LOWEST_HZ, HIGHEST_HZ)
    panel.set_yticks([75, 100, 150, 200, 300, 400], ["75", "100", "150", "200", "300", "400"])
    panel.minorticks_off()
    _plain(panel, "F0 Hz")


def _draw_marks(panels: Sequence[Any], marks: Sequence[Mark], seconds: float, seconds_an_inch: float) -> None:
    """Shade the phrases, on the dark spectrogram as lines, and caption each."""
    for mark in marks:
        start, end = mark.start / SAMPLE_RATE, mark.end / SAMPLE_RATE
        for index, panel in enumerate(panels):
            if index == 1:
                for at in (start, end):
                    panel.axvline(at, color="white", linewidth=0.7, alpha=0.6)
            else:
                panel.axvspan(start, end, color=_SPEECH, alpha=0.09, linewidth=0, zorder=0)
    for caption, at, line in captions(marks, seconds, _LETTER * seconds_an_inch):
        _caption(panels[0], caption, at, line)


def captions(marks: Sequence[Mark], seconds: float, letter: float) -> list[tuple[str, float, int]]:
    """Lay out captions in three lines, so that those of short phrases too have room.

    Args:
        marks: in order.
        seconds: where the picture ends.
        letter: seconds that a letter is wide.

    Returns:
        What is written, where it begins in seconds, and in which line, the lowest being 0. One that would end beyond
        the picture begins earlier.
    """
    free = [0.0] * _CAPTION_LINES
    laid_out = []
    for index, mark in enumerate(marks):
        last = index + _CAPTION_LINES >= len(marks)
        at, until = mark.start / SAMPLE_RATE, seconds if last else marks[index + _CAPTION_LINES].start / SAMPLE_RATE
        if last:
            at = min(at, max(seconds - (len(mark.caption) + 1) * letter, 0.0))
        line = next((n for n, begins in enumerate(free) if begins <= at), free.index(min(free)))
        if free[line] > mark.start / SAMPLE_RATE:
            continue  # several marks begin at one place
        at = max(at, free[line])
        caption = _shortened(mark.caption, int((until - at) / letter + 1e-6) - 1)
        free[line] = at + (len(caption) + 1) * letter
        laid_out.append((caption, at, line))
    return laid_out


def _shortened(caption: str, letters: int) -> str:
    first = caption.split(" ", 1)[0]
    if len(caption) <= letters or letters <= len(first) + 2:
        return caption if len(caption) <= letters else first
    return f"{caption[: letters - 1].rstrip()}…"


def _caption(panel: Any, caption: str, start: float, line: int) -> None:
    panel.annotate(
        caption,
        (start, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3 + 9.5 * line),
        textcoords="offset points",
        fontsize=8,
        color=_SPEECH,
    )
