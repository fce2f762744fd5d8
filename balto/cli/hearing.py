"""Commands that hear: segment, measure, transcribe, listen."""

import asyncio
import contextlib
import dataclasses
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from balto.cli.common import AsJson, cell, fail, load_settings, out, print_json, run, say
from balto.cli.recording import AudioPath, Channels, Plot, Rate, Raw, Recording, bar, draw_recording, read_recording

Multiplier = Annotated[
    float | None, typer.Option("--threshold-multiplier", help="Speech is this many times the noise floor; 1 to 10.")
]
MinEnergy = Annotated[float | None, typer.Option("--min-energy", help="RMS below which nothing is speech; 0 to 5000.")]
_LONG_S: Final = 300
"""Shorter files are looked through before a bar could be read."""
Ears = Annotated[
    Literal["auto", "local", "elevenlabs", "assemblyai"] | None,
    typer.Option("--engine", metavar="ENGINE", help="Speech-to-text: auto, local, elevenlabs or assemblyai."),
]


def _vad(settings: Any, multiplier: float | None, min_energy: float | None) -> Any:
    from actors.vad.settings import vad_settings_from
    from balto.listening import with_stages

    try:
        return with_stages(vad_settings_from({"threshold_multiplier": multiplier, "min_energy": min_energy}), settings)
    except ValueError as error:
        fail(str(error))


def segment(
    file: AudioPath,
    multiplier: Multiplier = None,
    min_energy: MinEnergy = None,
    raw: Raw = False,
    rate: Rate = None,
    channels: Channels = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Find the phrases in an audio file."""
    settings = _vad(load_settings(), multiplier, min_energy)
    recording = read_recording(file, raw=raw, rate=rate, channels=channels)
    phrases = _phrases(recording, settings)
    if plot is not None:
        marks = [(p.sample_start, p.sample_end, f"{p.number} {p.cut_reason.replace('_', ' ')}") for p in phrases]
        _draw_phrases(plot, recording, marks, settings)
    if as_json:
        print_json(
            [
                {"start_ms": p.sample_start / 16, "end_ms": p.sample_end / 16, "cut_reason": p.cut_reason}
                for p in phrases
            ]
        )
        return
    for p in phrases:
        out.print(f"{p.sample_start / 16:9.0f} – {p.sample_end / 16:9.0f} ms  {p.cut_reason}")
    out.print(f"{len(phrases)} phrases")


def _phrases(recording: Recording, settings: Any) -> list[Any]:
    from actors.values import Phrase
    from balto.listening import find_phrases

    long = recording.seconds > _LONG_S
    with bar("finding phrases", recording.pcm.size, shown=long) as advance:
        return [p for p in find_phrases(recording.pcm, settings, progress=advance) if isinstance(p, Phrase)]


def _draw_phrases(plot: Path, recording: Recording, phrases: list[tuple[int, int, str]], settings: Any) -> None:
    from actors.vad.silero import speech_model
    from actors.vad.trace import trace
    from balto.picture import Mark

    draw_recording(
        plot,
        recording,
        subtitle=f"{recording.seconds:.1f} s · {len(phrases)} phrases · threshold {settings.threshold_multiplier:g} × "
        f"the noise floor, at least {settings.min_energy:g} · webrtcvad mode {settings.mode}",
        marks=[Mark(start=start, end=end, caption=caption) for start, end, caption in phrases],
        trace=trace(recording.pcm, settings, speech_model()),
    )


def measure(
    file: AudioPath,
    raw: Raw = False,
    rate: Rate = None,
    channels: Channels = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Measure the bio-metrics of an audio file, taken as one phrase."""
    from actors.audio.biometrics import measure as measure_pcm

    load_settings()
    recording = read_recording(file, raw=raw, rate=rate, channels=channels)
    metrics = dataclasses.asdict(measure_pcm(recording.pcm))
    if plot is not None:
        facts = [(_spoken(name), _measured(name, value)) for name, value in _flat(metrics)]
        draw_recording(plot, recording, subtitle=f"{recording.seconds:.1f} s, as one phrase", facts=facts)
    if as_json:
        print_json(metrics)
        return
    for name, value in metrics.items():
        out.print(f"{name:22} {_measured(name, value)}")


def _flat(metrics: dict[str, Any]) -> list[tuple[str, Any]]:
    bands = [(f"energy {part}", share) for part, share in metrics["bands"].items()]
    return [*((name, value) for name, value in metrics.items() if name != "bands"), *bands]


def _spoken(name: str) -> str:
    """Return a measure's name without its unit."""
    unit = next((end for end in _UNITS if name.endswith(end)), "")
    return name.removesuffix(unit).replace("_", " ")


def _measured(name: str, value: Any) -> str:
    """Return a measure as people read it: rounded, with its unit."""
    if isinstance(value, dict):
        return "  ".join(f"{part} {cell(share)}" for part, share in value.items())
    unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
    return f"{cell(value)} {unit}".rstrip() if value is not None else cell(value)


_UNITS: Final = {"_hz": "Hz", "_dbfs": "dBFS", "_db": "dB", "_ms": "ms", "_s": "s"}


def transcribe(
    file: AudioPath,
    engine: Ears = None,
    raw: Raw = False,
    rate: Rate = None,
    channels: Channels = None,
    as_json: AsJson = False,
) -> None:
    """Transcribe the phrases of an audio file."""
    settings = load_settings(stt=engine)
    run(_transcribe(settings, read_recording(file, raw=raw, rate=rate, channels=channels), as_json))


async def _transcribe(settings: Any, recording: Recording, as_json: bool) -> None:
    from actors.stt.transcriber import TranscriptionError
    from balto.engines import EngineError, build_transcribers, prepare_weights

    phrases = _phrases(recording, _vad(settings, None, None))
    rows: list[dict[str, Any]] = []
    try:
        ears = build_transcribers(settings)[0]
        if ears.provider == "local":
            await asyncio.to_thread(prepare_weights, settings)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(ears.close)
            await ears.warm()
            for phrase in phrases:
                heard = await ears.transcribe(phrase.pcm, budget_s=settings.stt_budget_s)
                rows.append(
                    {
                        "start_ms": phrase.sample_start / 16,
                        "end_ms": phrase.sample_end / 16,
                        "text": heard.text,
                        "confidence": heard.confidence,
                        "rejected": heard.rejected,
                    }
                )
                if not as_json:
                    mark = f"  [dim](rejected: {heard.rejected})[/dim]" if heard.rejected else ""
                    out.print(f"{phrase.sample_start / 16000:7.2f} s  {heard.text}{mark}")
    except (EngineError, TranscriptionError) as error:
        fail(str(error))
    if as_json:
        print_json({"provider": ears.provider, "model": ears.model, "phrases": rows})


def listen(
    file: AudioPath,
    multiplier: Multiplier = None,
    min_energy: MinEnergy = None,
    raw: Raw = False,
    rate: Rate = None,
    channels: Channels = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Run the whole pipeline on an audio file: phrases, transcripts, recommendations. It is kept as a session."""
    settings = load_settings()
    vad = _vad(settings, multiplier, min_energy)
    recording = read_recording(file, raw=raw, rate=rate, channels=channels)
    run(_listen(settings, recording, vad, plot, as_json))


async def _listen(settings: Any, recording: Recording, vad: Any, plot: Path | None, as_json: bool) -> None:
    from balto.app import open_balto
    from balto.cli.story import captions, tell, told
    from balto.library import StartError
    from balto.listening import Collector
    from balto.listening import listen as listen_to
    from events.store import StoreError

    data, audio = recording.to_send()
    try:
        async with open_balto(settings, say) as balto:
            collector = Collector()
            with bar("listening", len(data), shown=recording.seconds > 10) as advance:
                session_id = await listen_to(
                    balto.sessions, data, collector=collector, vad=vad, audio=audio, progress=advance
                )
    except (StartError, StoreError) as error:
        fail(str(error))
    if plot is not None:
        _draw_phrases(plot, recording, captions(collector.events), vad)
    if as_json:
        print_json({"session": session_id, **told(collector.events)})
    else:
        tell(collector.events)
        out.print(f"[dim]kept as session {session_id}: balto timeline {session_id}[/dim]")


COMMANDS = (segment, measure, transcribe, listen)
