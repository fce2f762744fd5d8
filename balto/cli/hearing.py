"""Commands that hear and understand: segment, measure, transcribe, listen, advise."""

import asyncio
import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from balto.cli.common import AsJson, err, fail, load_settings, out, print_json, run

AudioPath = Annotated[Path, typer.Argument(help="Any audio file: WAV, WebM, Ogg, MP3, M4A, FLAC…", metavar="FILE")]
Multiplier = Annotated[
    float | None, typer.Option("--threshold-multiplier", help="Speech is this many times the noise floor; 1 to 10.")
]
MinEnergy = Annotated[float | None, typer.Option("--min-energy", help="RMS below which nothing is speech; 0 to 5000.")]
Ears = Annotated[
    Literal["auto", "local", "elevenlabs", "assemblyai"] | None, typer.Option("--engine", help="Speech-to-text.")
]


def _decode(path: Path) -> Any:
    from actors.audio.decoder import AudioUndecodableError
    from balto.listening import decode_audio

    try:
        return decode_audio(path.read_bytes())
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}")
    except AudioUndecodableError as error:
        fail(f"{path} holds no audio that Balto can decode ({error.code} at byte {error.byte_offset})")


def _vad(multiplier: float | None, min_energy: float | None) -> Any:
    from actors.vad.settings import vad_settings_from

    try:
        return vad_settings_from({"threshold_multiplier": multiplier, "min_energy": min_energy})
    except ValueError as error:
        fail(str(error))


def segment(
    file: AudioPath, multiplier: Multiplier = None, min_energy: MinEnergy = None, as_json: AsJson = False
) -> None:
    """Find the phrases in an audio file."""
    from actors.values import Phrase
    from balto.listening import find_phrases

    load_settings()
    phrases = [p for p in find_phrases(_decode(file), _vad(multiplier, min_energy)) if isinstance(p, Phrase)]
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


def measure(file: AudioPath, as_json: AsJson = False) -> None:
    """Measure the bio-metrics of an audio file, taken as one phrase."""
    from actors.audio.biometrics import measure as measure_pcm

    load_settings()
    metrics = dataclasses.asdict(measure_pcm(_decode(file)))
    if as_json:
        print_json(metrics)
        return
    for name, value in metrics.items():
        out.print(f"{name:22} {value}")


def transcribe(file: AudioPath, engine: Ears = None, as_json: AsJson = False) -> None:
    """Transcribe the phrases of an audio file."""
    settings = load_settings(stt=engine)
    run(_transcribe(settings, file, as_json))


async def _transcribe(settings: Any, file: Path, as_json: bool) -> None:
    from actors.stt.transcriber import TranscriptionError
    from actors.values import Phrase, VadSettings
    from balto.engines import EngineError, build_transcribers, prepare_weights
    from balto.listening import find_phrases

    phrases = [p for p in find_phrases(_decode(file), VadSettings()) if isinstance(p, Phrase)]
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
    file: AudioPath, multiplier: Multiplier = None, min_energy: MinEnergy = None, as_json: AsJson = False
) -> None:
    """Run the whole pipeline on an audio file: phrases, transcripts, recommendations. It is kept as a session."""
    settings = load_settings()
    run(_listen(settings, file, _vad(multiplier, min_energy), as_json))


async def _listen(settings: Any, file: Path, vad: Any, as_json: bool) -> None:
    from balto.app import StartError, open_balto
    from balto.cli.story import tell, told
    from balto.listening import Collector
    from balto.listening import listen as listen_to

    try:
        data = await asyncio.to_thread(file.read_bytes)
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")
    try:
        async with open_balto(settings, lambda line: err.print(f"[dim]{line}…[/dim]")) as balto:
            collector = Collector()
            session_id = await listen_to(balto.sessions, data, collector=collector, vad=vad)
    except StartError as error:
        fail(str(error))
    if as_json:
        print_json({"session": session_id, **told(collector.events)})
    else:
        tell(collector.events)
        out.print(f"[dim]kept as session {session_id}: balto timeline {session_id}[/dim]")
    if collector.over.result() == "audio_undecodable":
        fail(f"{file} holds no audio that Balto can decode")


def advise(
    text: Annotated[
        list[str], typer.Argument(help="What the customer said; `-` reads a line each from standard input.")
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
                elif not advice.items:
                    out.print("[dim]nothing to suggest[/dim]")
                for item in () if as_json else advice.items:
                    out.print(f"[bold]{item.sugestao}[/bold]  {item.explicacao}")
    except AdviserError as error:
        fail(str(error))


COMMANDS = (segment, measure, transcribe, listen, advise)
