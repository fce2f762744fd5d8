"""Commands that serve and stream: serve, demo, stream."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from balto.cli.common import AsJson, err, fail, load_settings, out, print_json, run

Port = Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes a free one. [default: 8765]")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on. [default: 127.0.0.1]")]


def serve(port: Port = None, host: Host = None) -> None:
    """Run the server until Ctrl-C or SIGTERM."""
    settings = load_settings(port=port, host=host)
    run(_serve(settings))


async def _serve(settings: Any) -> None:
    from balto.app import StartError, open_balto
    from balto.web.server import serving, until_told_to_stop

    try:
        async with open_balto(settings, _say) as balto, serving(balto) as url:
            out.print(f"Balto listens on {url}  (console: {url}/, socket: {url.replace('http', 'ws', 1)}/ws)")
            await until_told_to_stop()
            err.print("[dim]stopping: sessions under way are finished first…[/dim]")
    except StartError as error:
        fail(str(error))


def _say(line: str) -> None:
    err.print(f"[dim]{line}…[/dim]")


def demo(
    speed: Annotated[float, typer.Option("--speed", min=0, help="Times real time; 0 is as fast as it can.")] = 4.0,
    port: Port = None,
) -> None:
    """Stream a recorded counter conversation through a server of its own and show all that comes of it."""
    from balto.demo.run import run_demo

    settings = load_settings(port=port)
    run(run_demo(settings, speed, _say))


def stream(
    files: Annotated[list[Path], typer.Argument(help="Audio files, streamed one after the other.", metavar="FILE…")],
    url: Annotated[str, typer.Option("--url", help="The server.")] = "http://127.0.0.1:8765",
    key: Annotated[str, typer.Option("--key", envvar="BALTO_COUNTER_KEY", help="The counter's API key.")] = "",
    realtime: Annotated[
        bool, typer.Option("--realtime/--fast", help="At the pace of speech, or as fast as can be.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Stream audio files to a server and print what comes back."""
    load_settings()
    if not key:
        fail("no key: give --key or set BALTO_COUNTER_KEY (`balto counters add` makes one)")
    run(_stream(files, url, key, 1.0 if realtime else 0.0, as_json))


async def _stream(files: list[Path], url: str, key: str, speed: float, as_json: bool) -> None:
    from balto.client import ClientError, read_audio
    from balto.client import stream as stream_audio

    try:
        for path in files:
            audio = await asyncio.to_thread(read_audio, path)
            async for message in stream_audio(url, key, audio, speed=speed, want=("transcript",)):
                if as_json:
                    print_json(message)
                else:
                    show_message(message)
    except ClientError as error:
        fail(str(error))


def show_message(message: dict[str, Any]) -> None:
    """Print a server's message for a person."""
    from balto.cli.story import show_recommendation

    match message["comando"]:
        case "transcript":
            out.print(f"“{message['texto']}”", markup=False)
        case "recomendar":
            items = [(item["sugestao"], item["explicacao"]) for item in message["itens"]]
            show_recommendation(message.get("cesta", ""), items)
        case "erro":
            err.print(f"[red]{message['message']}[/red]")
        case _:
            return


COMMANDS = (serve, demo, stream)
