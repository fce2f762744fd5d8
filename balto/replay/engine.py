"""Re-execution: a recorded session's audio through the same actors once more, in virtual time."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pykka

from actors.messages import AudioArrived, AudioFinished
from actors.runtime.refs import Ref
from actors.runtime.virtual import DeadlockError, InstantSystem, VirtualClock, VirtualLoop
from actors.session.actor import SessionActor
from actors.session.calls import Attach, ConnectionLost
from actors.session.connection import Connection
from actors.session.ports import AudioFormat, FlowWindow, SessionServices, SessionSpec
from actors.session.seat import Seat
from balto.app import new_event_id
from balto.replay.answer import Tally
from balto.replay.answers import Answers
from balto.replay.audience import Audience, Line, NoMemory, Notebook, RecordedPurse
from balto.replay.kit import Kit
from balto.replay.plan import InForce, Plan, changed_settings
from balto.replay.recorded import Moment, Recorded
from balto.replay.source import Source
from balto.replay.tape import Do, RecordedPace, Send, script_of
from events.catalogue import Event, SessionPaused
from events.envelope import NewEvent

_WINDOW: Final = 256 * 1024
"""Bytes that are ahead of what was recorded anew; about as far as decoding goes ahead of hearing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What a session came to when its audio was heard again."""

    recorded: Recorded
    plan: Plan
    written: Sequence[NewEvent]
    """All of the session's events, in order, at virtual times."""
    tally: Tally
    versions: dict[str, str]
    remarks: tuple[str, ...]
    """What was missing of the recording, a line each, and how the replay differs for it."""
    cpu_s: float
    """What it took."""

    @property
    def events(self) -> list[Event]:
        """The events alone."""
        return [new.event for new in self.written]

    @property
    def moments(self) -> list[Moment]:
        """The events, and when they happened."""
        return [Moment(new.event, new.elapsed_us) for new in self.written]


def execute(recorded: Recorded, kit: Kit, plan: Plan | None = None) -> Execution:
    """Put a recorded session through the actors again.

    Runs on a loop of its own, so it is called where none is running: in a thread or a process.

    Args:
        recorded: the session.
        kit: what is asked and decided by.
        plan: instead of the kit's, with its engines and catalogue.

    Raises:
        PlanError: a change fits no session.
    """
    began, plan = time.process_time(), plan or kit.plan
    force = changed_settings(recorded.started.settings, plan.changes, kit.settings)
    loop = VirtualLoop()
    remarks = [*recorded.remarks, *force.remarks]
    notebook, tally = Notebook(), Tally()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            unanswered = runner.run(_replay(loop, recorded, kit, plan, force, notebook, tally))
        except DeadlockError as error:
            remarks.append(f"the replay came to no end: {error}")
        else:
            if unanswered:
                remarks.append(f"{unanswered} answers of the client fit no recommendation here")
    return Execution(
        recorded=recorded,
        plan=plan,
        written=notebook.written,
        tally=tally,
        versions=kit.versions,
        remarks=tuple(remarks),
        cpu_s=time.process_time() - began,
    )


async def _replay(
    loop: VirtualLoop,
    recorded: Recorded,
    kit: Kit,
    plan: Plan,
    force: InForce,
    notebook: Notebook,
    tally: Tally,
) -> int:
    """Return how many answers of the client fit nothing."""
    answers = Answers(recorded.moments)
    audience = Audience(answers, recorded.moments, notebook)
    async with InstantSystem(loop, plan.seed) as system:
        clock = VirtualClock(loop, recorded.began)
        source = Source(answers=answers, place_of=notebook.place_of, pins=plan.pins, tally=tally)
        asked = kit.asked(recorded, force.settings, source, clock)
        services = SessionServices(
            journal=notebook,
            transcribers=asked.transcribers,
            understandings=asked.understandings,
            policy=asked.policy,
            clock=clock,
            memory=NoMemory(),
            new_id=lambda: new_event_id(clock),
            sample_resources=lambda: None,
            stt_budget_s=force.settings.stt_budget_s,
            llm_budget_s=force.settings.llm_budget_s,
            streaming=asked.streaming,
            grace_s=_grace_s(recorded, kit),
            purse=RecordedPurse(loop, recorded.moments),
            pace=RecordedPace(loop, recorded.moments),
        )
        over: asyncio.Future[None] = loop.create_future()
        client = _Client(recorded, audience, plan.chunk_bytes)
        seat = Seat(
            spec=_spec(recorded, force, kit),
            connection=Connection(client.line, client.flow),
            on_end=lambda _: _set(over),
        )
        session = audience.session = system.spawn(SessionActor, seat, services)
        playing = loop.create_task(client.play(session))
        await asyncio.wait([over, playing], return_when=asyncio.FIRST_EXCEPTION)
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing
        await over
    return audience.unanswered


def _spec(recorded: Recorded, force: InForce, kit: Kit) -> SessionSpec:
    started = recorded.started
    declared = started.settings.get("audio") or {"encoding": started.encoding}
    return SessionSpec(
        session_id=started.session_id,
        tenant=recorded.tenant,
        counter_id=started.counter_id,
        protocol=started.protocol,
        audio=recorded.form or AudioFormat(**declared),
        vad=force.vad,
        settings=force.snapshot,
        versions=kit.versions,
        resumable=bool(started.settings.get("resumable", False)),
    )


def _grace_s(recorded: Recorded, kit: Kit) -> float:
    known = (m.event.grace_s for m in recorded.moments if isinstance(m.event, SessionPaused))
    return next(known, kit.settings.grace_s)


@dataclass(slots=True)
class _Client:
    """Plays the client's part: sends the recorded bytes, goes away and comes back as it did."""

    recorded: Recorded
    audience: Audience
    chunk_bytes: int
    line: Line = field(init=False)
    flow: FlowWindow = field(init=False)

    def __post_init__(self) -> None:
        self._connect()

    def _connect(self) -> None:
        self.line, self.flow = Line(self.audience), FlowWindow(_WINDOW)

    async def play(self, session: Ref[SessionActor]) -> None:
        """Play it to the end, or until the session is over."""
        with contextlib.suppress(pykka.ActorDeadError):
            for step in script_of(self.recorded):
                match step:
                    case Send():
                        await self._send(session, step)
                    case Do():
                        await _until(step.us)
                        self._do(session, step)

    async def _send(self, session: Ref[SessionActor], step: Send) -> None:
        for at in range(step.start, step.end, self.chunk_bytes):
            data = self.recorded.audio[at : min(at + self.chunk_bytes, step.end)]
            await self.flow.acquire(len(data))
            await session.offer(AudioArrived(data))

    def _do(self, session: Ref[SessionActor], step: Do) -> None:
        match step.what:
            case "lose":
                session.tell(ConnectionLost(self.line))
            case "attach":
                self._connect()
                session.tell(Attach(self.line, self.flow))
            case "finish":
                session.tell(AudioFinished("client_finished"))
            case "leave":
                session.tell(AudioFinished("client_left"))
            case "stop":
                session.tell(AudioFinished("server_stopping"))


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _until(us: int) -> None:
    left = us / 1e6 - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)
