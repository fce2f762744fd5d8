"""A host of sessions on a stage in virtual time, with one session that a test feeds."""

import asyncio
from typing import Final

from actors.messages import AudioArrived
from actors.runtime.testkit import VirtualSystem
from actors.session.conversation import Rules
from actors.session.ports import AudioFormat, FlowWindow
from actors.stt.transcriber import Transcriber
from actors.values import VadSettings
from balto.sessions import Session, SessionHost
from tests.unit.session.stage import Client, Ears, Head, Shelf, services

IDLE_S: Final = 120.0


class House:
    """A host of sessions on a stage."""

    def __init__(
        self,
        system: VirtualSystem,
        *,
        idle_s: float = IDLE_S,
        ears: Transcriber | None = None,
        window: int = 1 << 20,
        rules: Rules | None = None,
    ) -> None:
        self.system = system
        self.shelf = Shelf(system)
        self.client = Client()
        self.flow = FlowWindow(window)
        self.host = SessionHost(
            system,
            services(system, self.shelf, ears or Ears(), Head(), rules),
            versions=dict,
            settings={},
            max_sessions=10,
            idle_s=idle_s,
        )

    def start(self, encoding: str) -> Session:
        _, session = self.host.start(
            tenant="t",
            counter_id="c",
            outbox=self.client,
            flow=self.flow,
            vad=VadSettings(),
            audio=AudioFormat(encoding=encoding),
            protocol=2,
            resumable=True,
        )
        self.client.session = session
        return session

    async def send(self, session: Session, data: bytes, byte_start: int) -> None:
        await self.flow.acquire(len(data))
        await session.offer(AudioArrived(data, byte_start))

    async def until_it_rests(self) -> None:
        for _ in range(int(3 * IDLE_S)):
            await asyncio.sleep(1.0)
            if not self.host.awake:
                return
        raise AssertionError("it does not rest")
