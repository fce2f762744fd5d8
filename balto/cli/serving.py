"""Commands that serve and stream: serve, demo, stream."""

import asyncio
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from balto.cli.common import AsJson, err, fail, load_settings, note, out, print_json, run, say

if TYPE_CHECKING:
    from balto.client import Message

Port = Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes a free one. [default: 8765]")]
Workers = Annotated[
    str | None, typer.Option("--workers", help="Processes that take connections; auto for one a core. [default: 1]")
]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on. [default: 127.0.0.1]")]


def serve(port: Port = None, host: Host = None, workers: Workers = None) -> None:
    """Run the server until Ctrl-C or SIGTERM."""
    from balto.archiving import tell_of_archive
    from balto.collector import held_off
    from balto.handles import take_all_allowed
    from balto.heap import share_arenas
    from balto.loops import serving_loop

    settings = load_settings(port=port, host=host, workers=workers)
    take_all_allowed()
    share_arenas()
    tell_of_archive(settings)
    with held_off():
        run(_serve(settings) if settings.worker_count == 1 else _serve_with_workers(settings), serving_loop)


async def _serve(settings: Any) -> None:
    from balto.app import open_balto
    from balto.collector import settle_down
    from balto.heap import give_back
    from balto.library import StartError
    from balto.place import Place
    from balto.web.port import doorway
    from balto.web.server import serving, until_told_to_stop
    from balto.workers.modelling import ModelsAlone, local_models

    try:
        with doorway(settings) as taken:
            async with local_models(settings, say) as local:
                place = Place() if local is None else ModelsAlone(local).place
                async with open_balto(settings, say, place=place) as balto, serving(balto, taken) as url:
                    settle_down()
                    give_back()
                    await until_told_to_stop(lambda: _show_address(url))
                    say(_STOPPING)
    except StartError as error:
        fail(str(error))


async def _serve_with_workers(settings: Any) -> None:
    from balto.collector import settle_down
    from balto.heap import give_back
    from balto.library import StartError
    from balto.web.port import address_of, doorway
    from balto.workers.parent import serve_with_workers

    try:
        with doorway(settings) as taken:

            def ready() -> None:
                settle_down()
                give_back()
                _show_address(address_of(taken))

            await serve_with_workers(settings, taken, say, ready)
    except StartError as error:
        fail(str(error))


_STOPPING: Final = "stopping: sessions under way are finished first; the same signal again cuts them off"


def _show_address(url: str) -> None:
    socket = url.replace("http", "ws", 1)
    out.print(f"Balto listens on {url}  (console: {url}/, socket: {socket}/ws)", soft_wrap=True)


def demo(
    speed: Annotated[float, typer.Option("--speed", min=0, help="Times real time; 0 is as fast as it can.")] = 4.0,
    port: Port = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the server's log too.")] = False,
) -> None:
    """Stream a recorded counter conversation through a server of its own and show all that comes of it."""
    from balto.cli.demo import run_demo

    settings = load_settings(port=port)
    run(run_demo(settings, speed, verbose=verbose))


def stream(
    files: Annotated[list[Path], typer.Argument(help="Audio files, streamed one after the other.", metavar="FILE…")],
    url: Annotated[
        str | None,
        typer.Option(
            "--url", help="The server, with its port. [default: http://127.0.0.1:8765, or BALTO_HOST and BALTO_PORT]"
        ),
    ] = None,
    key: Annotated[str, typer.Option("--key", envvar="BALTO_COUNTER_KEY", help="The counter's API key.")] = "",
    realtime: Annotated[
        bool | None,
        typer.Option("--realtime/--fast", help="At the pace of speech, as it is without this, or as fast as can be."),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option("--speed", min=0, help="Times real time: 2 is twice as fast, 0 as fast as can be, as --fast."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Stream audio files to a server and print what comes back."""
    settings = load_settings()
    if not key:
        fail("no key: give --key or set BALTO_COUNTER_KEY (`balto counters add` makes one)")
    run(_stream(files, server_url(url, settings), key, _pace(realtime, speed), as_json))


def _pace(realtime: bool | None, speed: float | None) -> float:
    """Return how many times real time to stream, 0 for as fast as can be."""
    if speed is None:
        return 0.0 if realtime is False else 1.0
    if realtime is not None:
        fail("give either --speed or --realtime/--fast")
    if not math.isfinite(speed):
        fail("--speed is no number of times: 2 is twice as fast")
    return speed


async def _stream(files: list[Path], url: str, key: str, speed: float, as_json: bool) -> None:
    from balto.client import ClientError, Stream, read_audio

    def tell_of_the_loss(reason: str) -> None:
        note(f"{reason}; trying to come back")

    try:
        for path in files:
            audio = await asyncio.to_thread(read_audio, path)
            one = Stream(url, key, audio, speed=speed, want=("transcript",), on_lost=tell_of_the_loss)
            async for message in one.messages():
                if as_json:
                    print_json(message.raw)
                else:
                    show_message(message)
            if one.session and not as_json:
                note(f"{path.name} is kept as session {one.session}: balto timeline {one.session}")
    except ClientError as error:
        fail(_explained(error.code, error.reason) or str(error))


def server_url(given: str | None, settings: Any) -> str:
    """Return the server's address: the given one, with its scheme, or the one that the settings serve on."""
    from balto.web.port import in_url

    if given:
        return given if "://" in given else f"http://{given}"
    # What listens everywhere is reached here at the loopback address.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    return f"http://{in_url(host)}:{settings.port}"


def _explained(code: int | None, said: str = "") -> str | None:
    """Return what a close code says of the stream that it ended, None for one that says nothing.

    Args:
        code: None where there was none.
        said: what the close frame says; with 1008, which has many reasons, it alone tells which.
    """
    reason = _CLOSED.get(code or 0)
    if code == _POLICY and said:
        reason = f"it refused what it was sent: {said}"
    return reason and f"the server ended the session: {reason} ({code})"


_POLICY: Final = 1008
_CLOSED: Final = {
    1001: "it is stopping; stream again",
    _POLICY: "it refused what it was sent",
    1009: "a frame was larger than it takes",
    1011: "the session failed; what it had heard is kept",
    1013: "it cannot go on now, as with a database out of reach; stream again later",
    4001: "the key is not valid",
    4002: "it takes no further session now",
    4008: "no handshake came in time",
    4009: "the audio cannot be decoded",
}


def show_message(message: "Message") -> None:
    """Print a server's message for a person."""
    from balto.cli.story import show_recommendation
    from balto.client import Outcome, Problem, Recommendation, Transcript

    match message:
        case Transcript():
            out.print(f"“{message.text}”", markup=False)
        case Recommendation():
            show_recommendation(message.basket, [(item.suggestion, item.explanation) for item in message.items])
        case Outcome(reason="refer_to_pharmacist", message=words):
            out.print(f"[bold yellow]           → {words}[/bold yellow]")
        case Problem():
            err.print(f"[red]{message.message}[/red]")
        case _:
            return


COMMANDS = (serve, demo, stream)
