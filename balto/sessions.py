"""The sessions of this process: starts them, takes them up again, knows which are live, and drains them."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

import pykka

from actors.messages import AudioFinished, HandOver, Rehear
from actors.runtime.system import ActorSystem
from actors.session.actor import SessionActor
from actors.session.calls import Attach, Restored
from actors.session.connection import Connection
from actors.session.ports import AudioFormat, FlowWindow, Outbox, SessionServices, SessionSpec
from actors.session.restoring import NotResumableError, restore
from actors.values import VadSettings
from events.store import EventStore, WrongExpectedPositionError

Session = pykka.ActorRef[SessionActor]

_CLAIMS: Final = 10
"""Attempts to claim a session that somebody else still writes for."""


class Overloaded(Exception):  # noqa: N818 - a state of the server, not a fault
    """No further session is taken; the message is the reason for the client."""


class Draining(Overloaded):
    """The server is stopping: another one, or this one soon, will take the session."""


class SessionHost:
    """Starts sessions on an actor system and keeps track of them.

    Args:
        system: where they run.
        services: what they share.
        store: where sessions that lived elsewhere are read from.
        versions: recorded in each `SessionStarted`.
        settings: the settings snapshot recorded in each `SessionStarted`.
        max_sessions: live at the same time.
        overload: says why no session can be taken now, or None.
    """

    def __init__(
        self,
        system: ActorSystem,
        services: SessionServices,
        store: EventStore,
        *,
        versions: dict[str, str],
        settings: dict[str, Any],
        max_sessions: int,
        overload: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._system = system
        self._services = services
        self._store = store
        self._versions = versions
        self._settings = settings
        self._max_sessions = max_sessions
        self._overload = overload
        self._live: dict[str, Session] = {}
        self._counter_of: dict[str, str] = {}
        self._coming: dict[str, asyncio.Lock] = {}
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def live(self) -> int:
        """Sessions that have not ended yet."""
        return len(self._live)

    def holds(self, session_id: str) -> bool:
        """Whether a session lives in this process."""
        return session_id in self._live

    def start(
        self,
        *,
        tenant: str,
        counter_id: str,
        outbox: Outbox,
        flow: FlowWindow,
        vad: VadSettings,
        audio: AudioFormat,
        protocol: int = 1,
        resumable: bool = False,
    ) -> tuple[str, Session]:
        """Start a session and return its id and actor.

        Raises:
            Overloaded: the server is full, too busy or stopping.
        """
        self._admit()
        session_id = str(self._services.new_id())
        settings = {**self._settings, "vad": asdict(vad), "audio": asdict(audio), "resumable": resumable}
        spec = SessionSpec(
            session_id=session_id,
            tenant=tenant,
            counter_id=counter_id,
            protocol=protocol,
            audio=audio,
            vad=vad,
            settings=settings,
            versions=self._versions,
            resumable=resumable,
        )
        ref = self._system.spawn(SessionActor, spec, self._services, Connection(outbox, flow), self._forget)
        self._keep(spec, ref)
        return session_id, ref

    async def resume(
        self, session_id: str, *, counter_id: str | None, outbox: Outbox | None, flow: FlowWindow
    ) -> Session:
        """Take a session up again: the live one, or one rebuilt from its stream and recording.

        Args:
            session_id: which.
            counter_id: whose it must be; None for any.
            outbox: the new way to the client; None where nobody waits.
            flow: the new connection's window.

        Raises:
            NotResumableError: there is no such session of this counter; `SessionOverError`: it has ended.
            Overloaded: the server is stopping.
            StoreError: the stream could not be read.
        """
        if self._draining:
            raise Draining("servidor reiniciando")
        async with self._coming.setdefault(session_id, asyncio.Lock()):
            live = self._live.get(session_id)
            if live is None or not live.is_alive():
                return await self._rebuild(session_id, counter_id, outbox, flow)
            if counter_id not in (None, self._counter_of[session_id]):
                raise NotResumableError("no such session")
            if outbox is not None:
                try:
                    await live.ask(Attach(outbox, flow), block=False)
                except pykka.ActorDeadError:
                    return await self._rebuild(session_id, counter_id, outbox, flow)
            return live

    async def _rebuild(
        self, session_id: str, counter_id: str | None, outbox: Outbox | None, flow: FlowWindow
    ) -> Session:
        spec, restored = await self._claim(f"session-{session_id}", counter_id)
        connection = Connection(outbox, flow, received=restored.state.bytes_recorded)
        ref = self._system.spawn(SessionActor, spec, self._services, connection, self._forget, restored)
        self._keep(spec, ref)
        async for chunk in self._store.read_recording(spec.stream):
            if ref.is_alive():
                ref.tell(Rehear(chunk.data))
        return ref

    async def _claim(self, stream: str, counter_id: str | None) -> tuple[SessionSpec, Restored]:
        services = self._services
        for _ in range(_CLAIMS):
            recorded = [event async for event in self._store.read_stream(stream)]
            spec, restored, claim = restore(recorded, services.clock.utc(), services.new_id())
            if counter_id not in (None, spec.counter_id):
                raise NotResumableError("no such session")
            try:
                await services.journal.append(claim)
            except WrongExpectedPositionError:
                continue  # its former owner still writes: look again
            return spec, restored
        raise NotResumableError("the session is being written elsewhere")

    async def drain(self, *, patience_s: float) -> int:
        """Take no more sessions, end the live ones or hand them over, and wait for them.

        Returns:
            How many were still there when the patience was over.
        """
        self._draining = True
        for ref in list(self._live.values()):
            if ref.is_alive():
                ref.tell(HandOver())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), patience_s)
        return self.live

    async def finish_orphan(self, session_id: str) -> None:
        """Hear to its end a session whose process and client are gone; raises as `resume`."""
        ref = await self.resume(session_id, counter_id=None, outbox=None, flow=FlowWindow())
        if ref.is_alive():
            ref.tell(AudioFinished("client_left"))

    def _admit(self) -> None:
        if self._draining:
            raise Draining("servidor reiniciando")
        if self.live >= self._max_sessions:
            raise Overloaded("limite de sessões atingido")
        # A server without sessions has no load of its own to shed: it never refuses.
        reason = self._overload() if self._live else None
        if reason is not None:
            raise Overloaded(reason)

    def _keep(self, spec: SessionSpec, ref: Session) -> None:
        self._live[spec.session_id] = ref
        self._counter_of[spec.session_id] = spec.counter_id
        self._empty.clear()

    def _forget(self, session_id: str) -> None:
        self._live.pop(session_id, None)
        self._counter_of.pop(session_id, None)
        self._coming.pop(session_id, None)
        if not self._live:
            self._empty.set()
