"""Replays of many sessions: read here, heard again in processes of their own, written here."""

import asyncio
import gc
import pickle
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from uuid import UUID

from actors.basket.entries import BasketFileError
from actors.runtime.clock import Clock
from balto.engines import EngineError
from balto.logs import set_up_logging
from balto.replay.engine import Execution, execute
from balto.replay.kit import Kit
from balto.replay.outcome import Outcome, outcome_of
from balto.replay.plan import Plan, PlanError
from balto.replay.recorded import NotReplayableError, Recorded, read_session
from balto.replay.rerun import keep
from balto.settings import Settings
from events.codec import CodecError
from events.store import EventStore

_ERRORS = (BasketFileError, EngineError, PlanError)

_kit_here: tuple[bytes, Kit] | None = None
"""The kit of this process, made with the first session, and what it was made for."""


def hear_again(recorded: Recorded, settings: Settings, plan: Plan) -> tuple[Execution | None, Outcome]:
    """Replay a session in this process; what cannot be done is told in the outcome."""
    try:
        kit = _kit(settings, plan)
        execution = execute(recorded, kit)
    except _ERRORS as error:
        return None, Outcome(session=recorded.started.session_id, error=str(error))
    outcome = outcome_of(execution)
    # The audio came from who asks, and is not sent back.
    return replace(execution, recorded=replace(recorded, audio=b"", moments=())), outcome


def _kit(settings: Settings, plan: Plan) -> Kit:
    global _kit_here  # noqa: PLW0603 - a process of a pool has nowhere else to keep what its jobs share
    wanted = pickle.dumps((settings, plan))
    if _kit_here is not None and _kit_here[0] == wanted:
        return _kit_here[1]
    if _kit_here is not None:
        _kit_here[1].close()
    kit = Kit(settings, plan)
    asyncio.run(kit.warm())
    _kit_here = wanted, kit
    # What is made of a catalogue stays for good: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    return kit


@contextmanager
def workers(jobs: int, settings: Settings) -> Iterator[Executor]:
    """Give what replays run in: so many processes, or a thread of this one for one at a time."""
    if jobs == 1:
        with ThreadPoolExecutor(1) as thread:
            yield thread
        return
    # Their logs too must quote nobody.
    logs = partial(set_up_logging, settings, process="replay")
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=logs) as processes:
        yield processes


async def replay_all(
    store: EventStore,
    streams: Sequence[str],
    *,
    settings: Settings,
    plan: Plan,
    jobs: int,
    kept: bool,
    clock: Clock,
    new_id: Callable[[], UUID],
) -> AsyncIterator[Outcome]:
    """Replay sessions, and yield how each came out as it is done.

    Args:
        store: where they are, and where their replays go.
        streams: of the sessions.
        settings: the operator's.
        plan: what is to be different.
        jobs: processes.
        kept: whether replays are written to streams of their own.
        clock: tells when they are made.
        new_id: makes ids.

    Raises:
        StoreError: the ledger is away.
        BrokenProcessPool: a process died.
    """
    loop = asyncio.get_running_loop()

    async def one(stream: str, pool: Executor) -> Outcome:
        try:
            recorded = await read_session(store, stream)
        except (NotReplayableError, CodecError) as error:
            return Outcome(session=stream.removeprefix("session-"), error=str(error))
        execution, outcome = await loop.run_in_executor(pool, hear_again, recorded, settings, plan)
        if execution is None or not kept:
            return outcome
        written = await keep(store, execution, now=clock.utc(), replay_id=new_id(), ids=new_id)
        return replace(outcome, replay=written)

    with workers(jobs, settings) as pool:
        waiting, under_way = list(reversed(streams)), set[asyncio.Task[Outcome]]()
        while waiting or under_way:
            # One more than there are processes, so that the next is read while they work.
            while waiting and len(under_way) <= jobs:
                under_way.add(asyncio.create_task(one(waiting.pop(), pool)))
            done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
