"""The command that replays: a session told again, or heard again as it was or with something changed."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from balto.cli.checking import check_folder
from balto.cli.common import AsJson, Force, fail, load_settings, note, print_json, run
from balto.cli.names import existing_stream
from balto.cli.opening import bar, span
from balto.cli.outcomes import show
from balto.cli.retelling import retell
from balto.cli.runs import PassphraseFile

Sessions = Annotated[
    list[str] | None,
    typer.Argument(
        help="Sessions by id, or `last`; none where --counter, --since or --until choose.", metavar="SESSION"
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting, such as vad.min_energy=300; repeatable."),
]
Prompt = Annotated[
    list[str] | None,
    typer.Option("--prompt", metavar="STAGE=FILE", help="Another prompt for normalise or classify; asks the model."),
]


def replay(
    sessions: Sessions = None,
    execute: Annotated[bool, typer.Option("--execute", help="Hear it again, with nothing changed.")] = False,
    set_: Set = None,
    stt: Annotated[
        Literal["local", "elevenlabs", "assemblyai"] | None,
        typer.Option(
            "--stt",
            metavar="ENGINE",
            help="Ask local, elevenlabs or assemblyai for every phrase; the others' texts are not used.",
        ),
    ] = None,
    cestas: Annotated[Path | None, typer.Option("--cestas", metavar="FILE", help="Another baskets file.")] = None,
    prompt: Prompt = None,
    pin: Annotated[
        Path | None, typer.Option("--pin", metavar="FILE", help="Answers given in a file stand for the engines'.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Ask the engines that are set again. That may cost.")] = False,
    counter: Annotated[str | None, typer.Option("--counter", help="All sessions of a counter, by id or name.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="All that began then or later.")] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="PLACE|TIME", help="Told up to here; of several: all that began before."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many sessions.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, metavar="N", help="Processes at work.")] = 1,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Keep each replay as a stream of its own.")] = True,
    speed: Annotated[
        float | None, typer.Option("--speed", min=0, metavar="N", help="Told so many times as fast; 0: at once.")
    ] = None,
    step: Annotated[bool, typer.Option("--step", help="Told one event a key.")] = False,
    audio: Annotated[Path | None, typer.Option("--audio", metavar="FILE", help="Write what was heard as WAV.")] = None,
    force: Force = False,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="FOLDER", help="Hear its golden sessions again; exits with 1 if one differs."),
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell a session again event by event, or hear its audio again and compare what comes of it.

    With a session alone it is told, as `balto retell` does. With --execute, or with anything changed, the recorded
    bytes go through the same actors once more, in virtual time, into a stream `replay-…` beside the session's. Nothing
    reaches a client or a counter, and engines are not asked: their answers are looked up by phrase, unless --stt,
    --live or --prompt have them asked again. What was never answered is said (`no_recording`), not invented.

    With --check the exported sessions of a folder (`balto session export`) are a regression suite: each must come to
    what was recorded, or the first event in which it does not is named.

    Examples: `balto replay last`, `balto replay last --set vad.threshold_multiplier=2.0`,
    `balto replay --counter Balcão --since 2026-11-26 --cestas other.json --jobs 2`.
    """
    if check is not None:
        check_folder(check, passphrase_file, as_json=as_json)
        return
    queried = counter is not None or since is not None or (until is not None and not sessions)
    changed = bool(set_ or stt or cestas or prompt or pin or live)
    names = list(sessions or [])
    if not names and not queried:
        fail("say which session: its id or `last`, or --counter, --since, --until for several")
    if not (execute or changed or queried) and len(names) == 1:
        retell(names[0], speed, until, step, audio, force, passphrase_file, as_json)
        return
    if step or speed is not None or audio is not None:
        fail("--step, --speed and --audio are about telling one session again, without anything changed")
    plan = _plan(set_ or [], stt, cestas, prompt or [], pin, live=live)
    begin, end = span(since, until)
    query = {"counter": counter, "since": begin, "until": end, "limit": limit}
    outcomes = run(_replay(names, query if queried else None, plan, jobs, kept=keep))
    if as_json:
        from balto.replay.outcome import as_data

        print_json([as_data(outcome) for outcome in outcomes])
    else:
        show(outcomes)
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


def _plan(
    changes: Sequence[str],
    stt: str | None,
    cestas: Path | None,
    prompts: Sequence[str],
    pin: Path | None,
    *,
    live: bool,
) -> Any:
    from balto.replay.pins import Pins, PinsError
    from balto.replay.plan import Plan, PlanError, parse_changes

    try:
        return Plan(
            changes=parse_changes(changes),
            stt=stt,
            live_stt=live,
            live_llm=live,
            prompts=dict(map(_prompt, prompts)),
            baskets=cestas,
            pins=None if pin is None else Pins.read(pin),
        )
    except (PlanError, PinsError) as error:
        fail(str(error))


def _prompt(given: str) -> tuple[str, str]:
    stage, equals, file = given.partition("=")
    if not equals or stage not in ("normalise", "classify"):
        fail(f"--prompt {given}: write normalise=FILE or classify=FILE")
    try:
        return stage, Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"--prompt {given}: the file cannot be read ({getattr(error, 'strerror', None) or 'it is no text'})")


async def _replay(names: Sequence[str], query: dict[str, Any] | None, plan: Any, jobs: int, *, kept: bool) -> list[Any]:
    from concurrent.futures.process import BrokenProcessPool

    from actors.runtime.clock import SystemClock
    from balto.app import new_event_id
    from balto.library import StartError, open_library
    from balto.replay.many import replay_all
    from events.store import StoreError

    settings, clock = load_settings(), SystemClock()
    outcomes: list[Any] = []
    try:
        async with open_library(settings.as_owner()) as library, _without_news_of_sessions():
            streams = [await existing_stream(library, name) or name for name in names]
            if query is not None:
                streams += await _chosen(library, **query)
            with bar("hearing again") as moved:
                moved(0, len(streams))
                async for outcome in replay_all(
                    library.store,
                    streams,
                    settings=settings,
                    plan=plan,
                    jobs=min(jobs, max(1, len(streams))),
                    kept=kept,
                    clock=clock,
                    new_id=lambda: new_event_id(clock),
                ):
                    outcomes.append(outcome)
                    moved(len(outcomes), len(streams))
    except (StartError, StoreError) as error:
        fail(str(error))
    except BrokenProcessPool:
        fail("a process of the replay died: it may have run out of memory; try fewer --jobs")
    if not outcomes:
        note("no session is of that kind")
    return sorted(outcomes, key=lambda outcome: outcome.session)


@asynccontextmanager
async def _without_news_of_sessions() -> AsyncIterator[None]:
    """Keep out of the log that sessions begin and end: these are no counter's."""
    logger = logging.getLogger("actors")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


async def _chosen(library: Any, *, counter: str | None, since: Any, until: Any, limit: int | None) -> list[str]:
    from balto.accounts import AccountError
    from balto.preferences import AmbiguousCounterError, find_counter
    from projections import reports

    await library.projector.catch_up("sessions")
    counter_id = counter
    if counter is not None:
        try:
            counter_id = await find_counter(library, counter)
        except AmbiguousCounterError as error:
            fail(str(error))
        except AccountError:
            # A file that was listened to has a counter that nobody registered.
            note(f"no counter is registered as {counter}: it is taken for an id")
    found = await reports.sessions_between(
        library.projector.pool, counter_id=counter_id, since=since, until=until, limit=limit
    )
    return [f"session-{session_id}" for session_id in found]


COMMANDS = (replay,)
