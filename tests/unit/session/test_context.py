"""The context of a session goes with its messages: what its actors log, on whatever thread, names it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from actors.messages import AudioFinished
from actors.runtime.testkit import VirtualSystem, over_seeds
from actors.values import Pcm, Transcript
from tests.recordings import conversation
from tests.unit.session.house import House
from tests.unit.session.stage import Ears

DATA = conversation("dor_de_cabeca").tobytes()


class Witness(Ears):
    """Notes in which context it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        await asyncio.sleep(0.1)
        self.seen.append(structlog.contextvars.get_contextvars())
        return Transcript(text="dor de cabeça")


@over_seeds
async def test_an_engine_that_is_asked_for_a_session_logs_in_its_name(system: VirtualSystem) -> None:
    ears = Witness()
    house = House(system, ears=ears)
    session = house.start("pcm_s16le")
    (session_id,) = house.host._live
    assert structlog.contextvars.get_contextvars() == {}
    with structlog.contextvars.bound_contextvars(session=session_id):
        await house.send(session, DATA, 0)
    session.tell(AudioFinished("client_finished"))
    await house.client.over
    assert ears.seen
    # Steps that follow from the journal's answer are taken in the context of who wrote.
    assert all(seen == {"session": session_id} for seen in ears.seen)
