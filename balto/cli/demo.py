"""Runs the demonstration: serve, stream the recorded counter, show what came of it, stop."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from balto.accounts import namesakes, register_client, register_counter, rotate_key
from balto.app import Balto, open_balto
from balto.cli.common import err, fail, out, print_rows, say
from balto.cli.past import BIOMETRIC_COLUMNS
from balto.cli.serving import show_message
from balto.cli.timing import show_timeline
from balto.client import ClientError, Ready, Recommendation, read_audio, stream
from balto.library import Library, StartError
from balto.logs import LogFileError, logging_into
from balto.settings import Settings
from balto.web.port import doorway, in_url
from balto.web.server import serving
from events.store import StoreError
from projections import reports

RECORDING: Final = Path(__file__).parents[1] / "demo" / "counter.opus"
_NAME: Final = "Farmácia de demonstração"
_COUNTER: Final = "Balcão de demonstração"


async def run_demo(settings: Settings, speed: float, *, verbose: bool = False) -> None:
    """Run the demonstration to its end, printing on standard output.

    Args:
        settings: of its server.
        speed: times real time; 0 is as fast as it can be heard.
        verbose: with the server's log on standard error, which is kept in a file otherwise.
    """
    log = settings.data_dir / "demo.log"
    try:
        with doorway(settings) as taken, nullcontext() if verbose else logging_into(log, settings):
            async with open_balto(settings, say if verbose else _say) as balto, serving(balto, taken) as url:
                key = await _counter_key(balto.library)
                out.print(f"Balto listens on {url}; streaming the recorded counter ({_pace(speed)})\n")
                session_id = await _stream(url, key, speed)
                await _report(balto, session_id)
    except (StartError, StoreError, ClientError, LogFileError) as error:
        fail(str(error))
    command = _command()
    out.print(f"\nThe session is kept as [bold]{session_id}[/bold]. Look at it again with:")
    for rest in ("timeline", "events --stream"):
        out.print(f"  {command} {rest} {session_id}", soft_wrap=True)
    console = f"http://{in_url(settings.host)}:{settings.port or 8765}/"
    out.print(f"  {command} serve    and open the console at {console}", soft_wrap=True)
    if not verbose:
        out.print(f"The server's log is in {log}", soft_wrap=True)


def _say(line: str) -> None:
    """Tell whoever waits what is being done, a log being kept elsewhere."""
    err.print(f"[dim]{line}…[/dim]")


def _command() -> str:
    """Return the program as it was called, which is seldom on the path."""
    called = Path(sys.argv[0])
    if called.name != "balto":
        return f"{sys.executable} -m balto"
    try:
        return str(called.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(called)


async def _counter_key(library: Library) -> str:
    await library.projector.catch_up()
    known = [client.code for client in await reports.clients(library.projector.pool) if client.legal_name == _NAME]
    code = known[0] if known else await register_client(library.store, email="demo@balto.example", legal_name=_NAME)
    here = await namesakes(library, code, _COUNTER)
    if here:
        return await rotate_key(library, here[0].counter_id)
    _, key = await register_counter(library.store, code, _COUNTER)
    return key


async def _stream(url: str, key: str, speed: float) -> str:
    session_id, recommendations = "", 0
    async for message in stream(url, key, read_audio(RECORDING), speed=speed, want=("transcript",)):
        match message:
            case Ready():
                session_id = message.session
            case Recommendation():
                recommendations += 1
                show_message(message)
            case _:
                show_message(message)
    if not recommendations:
        fail("the demonstration gave no recommendation")
    return session_id


async def _report(balto: Balto, session_id: str) -> None:
    projector = balto.library.projector
    await projector.catch_up()
    out.print()
    show_timeline(await reports.timeline(projector.pool, session_id))
    biometrics = await reports.biometrics(projector.pool, session_id=session_id)
    columns = [name for name in BIOMETRIC_COLUMNS if name != "session_id"]
    print_rows(biometrics, columns, title="Bio-metrics", as_json=False)


def _pace(speed: float) -> str:
    return f"{speed:g} times real time" if speed else "as fast as it can be heard"
