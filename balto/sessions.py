"""The sessions of this process: starts them, takes them up again, knows which are live, and drains them."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID
from weakref import WeakValueDictionary

import pykka
import structlog

from actors.messages import AudioFinished, HandOver
from actors.runtime.refs import Ref
from actors.runtime.region import PassivatingRef, Region
from actors.runtime.system import ActorSystem, SpawnOptions
from actors.session.actor import SessionActor
from actors.session.calls import Attach, Restored
from actors.session.connection import Connection
from actors.session.ports import AudioFormat, FlowWindow, Outbox, SessionServices, SessionSpec
from actors.session.restoring import NotResumableError, restore
from actors.session.seat import Seat
from actors.session.terms import KEY
from actors.values import VadSettings
from balto.claims import Claims
from balto.place import Census
from events.presence import Presence
from events.store import StoreUnavailableError, WrongExpectedPositionError

logger = logging.getLogger(__name__)

Session = PassivatingRef
"""Where a session is reached, whether its actor lives at the moment or rests."""

_ATTACH_S: Final = 10.0
"""A session that has not taken up a connection by then is too busy to."""
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
        versions: tells what is recorded in each `SessionStarted`.
        settings: the settings snapshot recorded in each `SessionStarted`.
        max_sessions: live at the same time, in all processes of the server.
        census: counts the sessions of the other processes; there are none unless told.
        idle_s: seconds without a message after which the actor of a session that has nothing to do leaves; 0 for never.
        presence: shows other nodes which sessions are at home here.
        overload: says why no session can be taken now, or None; not asked where all sessions rest.
        shortage: the same, and always asked.
    """

    def __init__(
        self,
        system: ActorSystem,
        services: SessionServices,
        *,
        versions: Callable[[], dict[str, str]],
        settings: dict[str, Any],
        max_sessions: int,
        census: Census | None = None,
        idle_s: float = 0.0,
        presence: Presence | None = None,
        overload: Callable[[], str | None] = lambda: None,
        shortage: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._system = system
        self._services = services
        self._versions = versions
        self._settings = settings
        self._max_sessions = max_sessions
        self._census = census or Census()
        self._overload = overload
        self._shortage = shortage
        self._presence = presence
        self._live: dict[str, Seat] = {}
        self._region = Region(self._spawn, SpawnOptions(idle_after_s=idle_s or None))
        claims = Claims(services.memory, self._live, self._region)
        if presence is not None:
            presence.on_claimed = lambda name: system.run_coroutine(claims.hear(str(name)))
        # Each for as long as somebody holds it or waits for it.
        self._coming: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.at_first: Callable[[], object] | None = None
        """Called once, when the first session begins or is taken up."""
        self.refused = Counter[str]()
        """How many sessions were not taken: for their number (`sessions`), or for want of handles or time (`load`)."""
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def live(self) -> int:
        """Sessions that have not ended yet."""
        return len(self._live)

    @property
    def awake(self) -> int:
        """Those of them whose actors live at the moment."""
        return len(self._region.live)

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
        engines: Mapping[str, Any] | None = None,
        protocol: int = 1,
        resumable: bool = False,
    ) -> tuple[str, Session]:
        """Start a session and return its id and actor.

        Args:
            tenant: code of the client.
            counter_id: whose session it is.
            outbox: the way to the client.
            flow: bounds what is under way.
            vad: how voices are found.
            audio: what the client says it sends.
            engines: the counter's terms where they differ from the server's; see `actors.session.terms`.
            protocol: that the client speaks.
            resumable: whether the client counts its bytes.

        Raises:
            Overloaded: the server is full, too busy or stopping.
        """
        self._admit()
        session_id = str(self._services.new_id())
        terms = {**self._settings.get(KEY, {}), **(engines or {})}
        own = {KEY: terms, "vad": asdict(vad), "audio": asdict(audio), "resumable": resumable}
        spec = SessionSpec(
            session_id=session_id,
            tenant=tenant,
            counter_id=counter_id,
            protocol=protocol,
            audio=audio,
            vad=vad,
            settings=self._settings | own,
            versions=self._versions(),
            resumable=resumable,
        )
        session = self._keep(Seat(spec=spec, connection=Connection(outbox, flow), on_end=self._forget))
        logger.info("session %s began, of counter %s", session_id, counter_id)
        return session_id, session

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
            seat = self._live.get(session_id)
            if seat is None:
                return await self._rebuild(session_id, counter_id, outbox, flow)
            if counter_id not in (None, seat.spec.counter_id):
                raise NotResumableError("no such session")
            session = self._region.ref(session_id)
            if outbox is not None:
                try:
                    received = await session.ask(Attach(outbox, flow), block=False, within=_ATTACH_S)
                except pykka.ActorDeadError:
                    received = None
                except pykka.Timeout:
                    raise StoreUnavailableError("the session does not answer") from None
                if received is None:
                    # It is over, or found on waking that it had gone on elsewhere.
                    return await self._rebuild(session_id, counter_id, outbox, flow)
            return session

    async def _rebuild(
        self, session_id: str, counter_id: str | None, outbox: Outbox | None, flow: FlowWindow
    ) -> Session:
        spec, restored = await self._claim(f"session-{session_id}", counter_id)
        connection = Connection(outbox, flow, received=restored.state.bytes_recorded)
        seat = Seat(spec=spec, connection=connection, on_end=self._forget, restored=restored)
        logger.info("session %s was taken up, epoch %d", session_id, restored.state.epoch)
        if self._presence is not None:
            self._presence.take_over(UUID(session_id))
        return self._keep(seat)

    async def _claim(self, stream: str, counter_id: str | None) -> tuple[SessionSpec, Restored]:
        services = self._services
        for _ in range(_CLAIMS):
            recalled = await services.memory.recall(stream)
            spec, restored, claim = restore(recalled, services.clock.utc(), services.new_id())
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
        for session_id, seat in list(self._live.items()):
            session = self._region.ref(session_id)
            if seat.spec.resumable and not session.is_awake():
                # All of it is in the ledger: there is nothing to wake it for.
                seat.connection.close("server_stopping")
                self._forget(session_id)
                continue
            with contextlib.suppress(pykka.ActorDeadError):
                session.tell(HandOver())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), patience_s)
        return self.live

    async def finish_orphan(self, session_id: str) -> None:
        """Hear to its end a session whose process and client are gone; raises as `resume`."""
        session = await self.resume(session_id, counter_id=None, outbox=None, flow=FlowWindow())
        with contextlib.suppress(pykka.ActorDeadError):
            session.tell(AudioFinished("client_left"))

    def _admit(self) -> None:
        if self._draining:
            raise Draining("servidor reiniciando")
        if self.live + self._census.elsewhere() >= self._max_sessions:
            self.refused["sessions"] += 1
            raise Overloaded("limite de sessões atingido")
        # A server whose sessions all rest has no load of its own to shed: it never refuses.
        reason = self._shortage() or (self._overload() if self.awake else None)
        if reason is not None:
            self.refused["load"] += 1
            raise Overloaded(reason)

    def _keep(self, seat: Seat) -> Session:
        if self.at_first is not None:
            self.at_first()
            self.at_first = None
        session_id = seat.spec.session_id
        self._live[session_id] = seat
        self._census.note(self.live)
        self._empty.clear()
        if self._presence is not None:
            self._presence.hold(UUID(session_id))
        session = seat.address = self._region.ref(session_id)
        # What the session and its actors log says whose it is, wherever they are handled.
        with structlog.contextvars.bound_contextvars(session=session_id):
            self._region.activate(session_id)
        return session

    def _spawn(self, session_id: str, options: SpawnOptions) -> Ref[SessionActor]:
        seat = self._live.get(session_id)
        if seat is None:
            raise pykka.ActorDeadError(f"session {session_id} is over")
        return self._system.spawn(SessionActor, seat, self._services, options=options)

    def _forget(self, session_id: str) -> None:
        self._live.pop(session_id, None)
        self._census.note(self.live)
        if self._presence is not None:
            self._presence.let_go(UUID(session_id))
        if not self._live:
            self._empty.set()
