"""What dies undelivered within a session is in its stream, by its kind alone."""

import asyncio

import pytest

from actors.audio.actor import AudioActor
from actors.messages import Decode
from actors.runtime.testkit import VirtualSystem, over_seeds
from actors.session.intake import PIECES
from events.catalogue import MessageUndelivered, SessionEnded
from tests.unit.session.house import House


class BrokenAudio(AudioActor):
    """Takes a while over the first piece, then breaks down."""

    async def on_receive(self, message: object) -> None:
        await asyncio.sleep(0.5)
        raise ZeroDivisionError


@over_seeds
async def test_what_waited_for_an_actor_that_failed_is_recorded_before_the_end(system: VirtualSystem) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("actors.session.crew.AudioActor", BrokenAudio)
        house = House(system)
        session = house.start("pcm_s16le")
        await house.send(session, bytes(400_000), 0)
        assert await house.client.over == "failed"
    undelivered = [event for event in house.shelf.events if isinstance(event, MessageUndelivered)]
    assert undelivered == [
        MessageUndelivered(actor="BrokenAudio", message=Decode.__name__, reason="stopped", count=PIECES - 1)
    ]
    assert isinstance(house.shelf.events[-1], SessionEnded)
    assert house.host.live == 0
