"""The sessions of this process: starts them, knows which are live, and drains them."""

import asyncio
import contextlib
from typing import Any

import pykka

from actors.messages import AudioFinished
from actors.runtime.system import ActorSystem
from actors.session.actor import SessionActor
from actors.session.ports import AudioFormat, FlowWindow, Outbox, SessionServices, SessionSpec
from actors.values import VadSettings


class Overloaded(Exception):  # noqa: N818 - a state of the server, not a fault
    """No further session is taken; the message is the reason for the client."""


class SessionHost:
    """Starts sessions on an actor system and keeps track of them.

    Args:
        system: where they run.
        services: what they share.
        versions: recorded in each `SessionStarted`.
        settings: the settings snapshot recorded in each `SessionStarted`.
        max_sessions: live at the same time.
    """

    def __init__(
        self,
        system: ActorSystem,
        services: SessionServices,
        *,
        versions: dict[str, str],
        settings: dict[str, Any],
        max_sessions: int,
    ) -> None:
        self._system = system
        self._services = services
        self._versions = versions
        self._settings = settings
        self._max_sessions = max_sessions
        self._live: dict[str, pykka.ActorRef[SessionActor]] = {}
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def live(self) -> int:
        """Sessions that have not ended yet."""
        return len(self._live)

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
    ) -> tuple[str, pykka.ActorRef[SessionActor]]:
        """Start a session and return its id and actor.

        Raises:
            Overloaded: the server is full or stopping.
        """
        if self._draining:
            raise Overloaded("servidor reiniciando")
        if self.live >= self._max_sessions:
            raise Overloaded("limite de sessões atingido")
        session_id = str(self._services.new_id())
        spec = SessionSpec(
            session_id=session_id,
            tenant=tenant,
            counter_id=counter_id,
            protocol=protocol,
            audio=audio,
            vad=vad,
            settings={**self._settings, "vad": _as_dict(vad)},
            versions=self._versions,
        )
        ref = self._system.spawn(SessionActor, spec, self._services, outbox, flow, self._forget)
        self._live[session_id] = ref
        self._empty.clear()
        return session_id, ref

    async def drain(self, *, patience_s: float) -> int:
        """Take no more sessions, end the live ones and wait for them.

        Returns:
            How many had not ended when the patience was over.
        """
        self._draining = True
        for ref in self._live.values():
            if ref.is_alive():
                ref.tell(AudioFinished("server_stopping"))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), patience_s)
        return self.live

    def _forget(self, session_id: str) -> None:
        self._live.pop(session_id, None)
        if not self._live:
            self._empty.set()


def _as_dict(vad: VadSettings) -> dict[str, Any]:
    return {name: getattr(vad, name) for name in VadSettings.__slots__}
