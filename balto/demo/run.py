"""Runs the demonstration: serve, stream the recorded counter, show what came of it, stop."""

from pathlib import Path
from typing import Final

from balto.accounts import register_client, register_counter
from balto.app import Balto, Library, Say, StartError, open_balto
from balto.cli.common import fail, out, print_rows
from balto.cli.past import BIOMETRIC_COLUMNS, TIMELINE_COLUMNS
from balto.cli.serving import show_message
from balto.client import ClientError, read_audio, stream
from balto.settings import Settings
from balto.web.server import serving
from projections import reports

RECORDING: Final = Path(__file__).with_name("counter.opus")
_NAME: Final = "Farmácia de demonstração"


async def run_demo(settings: Settings, speed: float, say: Say) -> None:
    """Run the demonstration to its end, printing on standard output."""
    try:
        async with open_balto(settings, say) as balto, serving(balto) as url:
            key = await _counter_key(balto.library)
            out.print(f"Balto listens on {url}; streaming the recorded counter ({_pace(speed)})\n")
            session_id = await _stream(url, key, speed)
            await _report(balto, session_id)
    except (StartError, ClientError) as error:
        fail(str(error))
    out.print(f"\nThe session is kept as [bold]{session_id}[/bold]. Look at it again with:")
    out.print(f"  balto timeline {session_id}", "  balto events --stream " + session_id, sep="\n")
    out.print(f"  balto serve    and open the console at http://{settings.host}:{settings.port or 8765}/")


async def _counter_key(library: Library) -> str:
    await library.projector.catch_up()
    known = [client.code for client in await reports.clients(library.projector.pool) if client.legal_name == _NAME]
    code = known[0] if known else await register_client(library.store, email="demo@balto.example", legal_name=_NAME)
    _, key = await register_counter(library.store, code, "Balcão de demonstração")
    return key


async def _stream(url: str, key: str, speed: float) -> str:
    session_id, recommendations = "", 0
    async for message in stream(url, key, read_audio(RECORDING), speed=speed, want=("transcript",)):
        match message["comando"]:
            case "ready":
                session_id = message["session"]
            case "recomendar":
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
    timeline = await reports.timeline(projector.pool, session_id)
    print_rows(timeline, TIMELINE_COLUMNS, title="Latency: Audio → STT → AI 1 → AI 2 → WS (ms)", as_json=False)
    biometrics = await reports.biometrics(projector.pool, session_id=session_id)
    columns = [name for name in BIOMETRIC_COLUMNS if name != "session_id"]
    print_rows(sorted(biometrics, key=lambda row: row.phrase), columns, title="Bio-metrics", as_json=False)


def _pace(speed: float) -> str:
    return f"{speed:g} times real time" if speed else "as fast as it can be heard"
