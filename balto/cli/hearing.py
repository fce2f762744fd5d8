"""Commands that hear and understand: segment, measure, transcribe, listen, advise."""

import asyncio
import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from balto.cli.common import AsJson, cell, fail, load_settings, note, out, print_json, run, say

AudioPath = Annotated[Path, typer.Argument(help="Any audio file: WAV, WebM, Ogg, MP3, M4A, FLAC…", metavar="FILE")]
Multiplier = Annotated[
    float | None, typer.Option("--threshold-multiplier", help="Speech is this many times the noise floor; 1 to 10.")
]
MinEnergy = Annotated[float | None, typer.Option("--min-energy", help="RMS below which nothing is speech; 0 to 5000.")]
_HEAD_BYTES: Final = 16_384
"""More than telling what a file is ever takes."""

Ears = Annotated[
    Literal["auto", "local", "elevenlabs", "assemblyai"] | None, typer.Option("--engine", help="Speech-to-text.")
]


Raw = Annotated[bool, typer.Option("--raw", help="The file is bare samples: s16le, 16 kHz, mono.")]


def _read(path: Path, raw: bool) -> bytes:
    """Return a file's bytes; what nothing marks as audio is taken for samples only where that is said."""
    from actors.audio.sniff import sniff

    try:
        data = path.read_bytes()
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}")
    if not data or (not raw and sniff(data[:_HEAD_BYTES], ended=True) == "pcm"):
        fail(f"{path} is no audio file (bare samples need --raw)")
    return data


def _decode(path: Path, raw: bool) -> Any:
    """Return a file's samples as far as they go, and tell where they stop too early."""
    return _salvage(path, _read(path, raw), raw)


def _salvage(path: Path, data: bytes, raw: bool) -> Any:
    from balto.listening import salvage_audio

    pcm, fault = salvage_audio(data, encoding="pcm_s16le" if raw else "auto")
    if not pcm.size:
        fail(f"{path} is no audio file" + (f" ({fault.code} at byte {fault.byte_offset})" if fault else ""))
    if fault is not None:
        note(f"{path} cannot be decoded from {pcm.size / 16000:.2f} s on ({fault.code} at byte {fault.byte_offset})")
    elif not raw and _is_cut_off(data):
        note(f"{path} is cut off: it ends at {pcm.size / 16000:.2f} s, before the end that it declares")
    return pcm


def _is_cut_off(data: bytes) -> bool:
    # Recorders that stream write 0 or the greatest number, since they cannot know.
    declared = int.from_bytes(data[4:8], "little")
    return data[:4] == b"RIFF" and 0 < declared < 0x7FFF_0000 and declared + 8 > len(data) + 1


def _vad(multiplier: float | None, min_energy: float | None) -> Any:
    from actors.vad.settings import vad_settings_from

    try:
        return vad_settings_from({"threshold_multiplier": multiplier, "min_energy": min_energy})
    except ValueError as error:
        fail(str(error))


def segment(
    file: AudioPath,
    multiplier: Multiplier = None,
    min_energy: MinEnergy = None,
    raw: Raw = False,
    as_json: AsJson = False,
) -> None:
    """Find the phrases in an audio file."""
    from actors.values import Phrase
    from balto.listening import find_phrases

    load_settings()
    phrases = [p for p in find_phrases(_decode(file, raw), _vad(multiplier, min_energy)) if isinstance(p, Phrase)]
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


def measure(file: AudioPath, raw: Raw = False, as_json: AsJson = False) -> None:
    """Measure the bio-metrics of an audio file, taken as one phrase."""
    from actors.audio.biometrics import measure as measure_pcm

    load_settings()
    metrics = dataclasses.asdict(measure_pcm(_decode(file, raw)))
    if as_json:
        print_json(metrics)
        return
    for name, value in metrics.items():
        out.print(f"{name:22} {_measured(name, value)}")


def _measured(name: str, value: Any) -> str:
    """Return a measure as people read it: rounded, with its unit."""
    if isinstance(value, dict):
        return "  ".join(f"{part} {cell(share)}" for part, share in value.items())
    unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
    return f"{cell(value)} {unit}".rstrip() if value is not None else cell(value)


_UNITS: Final = {"_hz": "Hz", "_dbfs": "dBFS", "_db": "dB", "_ms": "ms", "_s": "s"}


def transcribe(file: AudioPath, engine: Ears = None, raw: Raw = False, as_json: AsJson = False) -> None:
    """Transcribe the phrases of an audio file."""
    settings = load_settings(stt=engine)
    run(_transcribe(settings, file, raw, as_json))


async def _transcribe(settings: Any, file: Path, raw: bool, as_json: bool) -> None:
    from actors.stt.transcriber import TranscriptionError
    from actors.values import Phrase, VadSettings
    from balto.engines import EngineError, build_transcribers, prepare_weights
    from balto.listening import find_phrases

    phrases = [p for p in find_phrases(_decode(file, raw), VadSettings()) if isinstance(p, Phrase)]
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
    as_json: AsJson = False,
) -> None:
    """Run the whole pipeline on an audio file: phrases, transcripts, recommendations. It is kept as a session."""
    settings = load_settings()
    run(_listen(settings, file, _vad(multiplier, min_energy), raw, as_json))


async def _listen(settings: Any, file: Path, vad: Any, raw: bool, as_json: bool) -> None:
    from actors.session.ports import AudioFormat
    from balto.app import StartError, open_balto
    from balto.cli.story import tell, told
    from balto.listening import Collector
    from balto.listening import listen as listen_to
    from events.store import StoreError

    data = _read(file, raw)
    _salvage(file, data, raw)
    audio = AudioFormat(encoding="pcm_s16le" if raw else "auto")
    try:
        async with open_balto(settings, say) as balto:
            collector = Collector()
            session_id = await listen_to(balto.sessions, data, collector=collector, vad=vad, audio=audio)
    except (StartError, StoreError) as error:
        fail(str(error))
    if as_json:
        print_json({"session": session_id, **told(collector.events)})
    else:
        tell(collector.events)
        out.print(f"[dim]kept as session {session_id}: balto timeline {session_id}[/dim]")


def advise(
    text: Annotated[
        list[str],
        typer.Argument(help="What the customer said; `-` reads lines from standard input and prints JSON lines."),
    ],
    as_json: AsJson = False,
) -> None:
    """Say what goes well with a request, as text."""
    settings = load_settings()
    lines = (line.strip() for line in sys.stdin) if text == ["-"] else [" ".join(text)]
    run(_advise(settings, lines, as_json or text == ["-"]))


async def _advise(settings: Any, lines: Any, as_json: bool) -> None:
    from balto.advising import Adviser, AdviserError

    try:
        async with Adviser.open(settings) as adviser:
            for line in lines:
                advice = await adviser.advise(line)
                if as_json:
                    print_json(dataclasses.asdict(advice))
                    continue
                if advice.macro:
                    out.print(f"[bold green]→ {'/'.join(filter(None, (advice.macro, advice.micro)))}[/bold green]")
                if not advice.items:
                    out.print("[dim]nothing to suggest[/dim]")
                for item in advice.items:
                    out.print(f"[bold]{item.sugestao}[/bold]  {item.explicacao}")
    except AdviserError as error:
        fail(str(error))


COMMANDS = (segment, measure, transcribe, listen, advise)
