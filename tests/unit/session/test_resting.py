"""A session rests while nothing comes: its actor leaves, and what comes next finds it as it was."""

import asyncio
from collections.abc import Sequence

import pytest

from actors.messages import AudioFinished
from actors.runtime.testkit import VirtualSystem, over_seeds, run
from actors.session.calls import Attach, ConnectionLost
from actors.session.ports import FlowWindow
from events.catalogue import (
    AudioReceived,
    Event,
    PhraseCaptured,
    RecommendationDelivered,
    RecommendationSent,
    SessionEnded,
    SessionResumed,
    SpeechStarted,
)
from tests.recordings import conversation, ogg, wav, webm
from tests.unit.session.house import House
from tests.unit.session.stage import Client

SEEDS = 60
"""Each hears half a minute of audio, so fewer than where only messages are exchanged."""
PCM = conversation("dor_de_cabeca", "tosse")
STREAMS = {"pcm_s16le": PCM.tobytes(), "wav": wav(PCM), "webm-opus": webm(PCM), "ogg-opus": ogg(PCM)}


def phrases(events: Sequence[Event]) -> list[tuple[int, int, int, str]]:
    return [(e.phrase, e.sample_start, e.sample_end, e.cut_reason) for e in events if isinstance(e, PhraseCaptured)]


def uninterrupted(encoding: str) -> list[Event]:
    async def scenario(system: VirtualSystem) -> list[Event]:
        house = House(system, idle_s=0)
        session = house.start(encoding)
        data = STREAMS[encoding]
        for at in range(0, len(data), 4_000):
            await house.send(session, data[at : at + 4_000], at)
        session.tell(AudioFinished("client_finished"))
        await house.client.over
        return house.shelf.events

    return run(scenario, 0).value


async def pause_now_and_then(system: VirtualSystem, encoding: str) -> House:
    """Send a stream with long silences at places that the seed chooses."""
    house = House(system)
    session = house.start(encoding)
    data = STREAMS[encoding]
    pauses = {system.random.randrange(len(data)) for _ in range(2)}
    at = 0
    while at < len(data):
        size = min(system.random.randrange(1, 1 + len(data) // 8), len(data) - at)
        await house.send(session, data[at : at + size], at)
        if any(at <= pause < at + size for pause in pauses):
            await house.until_it_rests()
            assert house.host.live == 1
        else:
            await asyncio.sleep(system.random.uniform(0, 3.0))
        at += size
    session.tell(AudioFinished("client_finished"))
    assert await house.client.over == "client_finished"
    assert bytes(house.shelf.audio) == data
    assert house.shelf.recalled > 0
    return house


PCM_PHRASES = phrases(uninterrupted("pcm_s16le"))


@over_seeds(seeds=SEEDS)
async def test_a_session_that_rested_heard_what_one_that_never_did_hears(system: VirtualSystem) -> None:
    house = await pause_now_and_then(system, "pcm_s16le")
    assert phrases(house.shelf.events) == PCM_PHRASES
    sent = [e.recommendation_id for e in house.shelf.events if isinstance(e, RecommendationSent)]
    delivered = [e.recommendation_id for e in house.shelf.events if isinstance(e, RecommendationDelivered)]
    assert len(sent) == len(set(sent)) == len(PCM_PHRASES)
    assert sorted(delivered) == sorted(sent)
    started = [e.phrase for e in house.shelf.events if isinstance(e, SpeechStarted)]
    assert started == sorted(set(started))
    assert not [e for e in house.shelf.events if isinstance(e, SessionResumed)]
    assert sum(isinstance(e, SessionEnded) for e in house.shelf.events) == 1


@pytest.mark.parametrize("encoding", ["wav", "webm-opus", "ogg-opus"])
def test_a_container_cut_anywhere_goes_on_after_a_rest(encoding: str) -> None:
    expected = phrases(uninterrupted(encoding))
    assert len(expected) == len(PCM_PHRASES)
    for seed in range(12):
        house = run(lambda system: pause_now_and_then(system, encoding), seed).value
        assert phrases(house.shelf.events) == expected, f"seed {seed}"


@over_seeds(seeds=SEEDS)
async def test_what_was_received_before_a_rest_is_durable_and_said_to_be(system: VirtualSystem) -> None:
    house = House(system)
    session = house.start("pcm_s16le")
    size = system.random.randrange(2, 16_000)
    await house.send(session, STREAMS["pcm_s16le"][:size], 0)
    await house.until_it_rests()
    received = [e for e in house.shelf.events if isinstance(e, AudioReceived)]
    assert received[-1].byte_end == size == len(house.shelf.audio)
    assert house.flow.used == 0


def assert_it_was_left(house: House, received: int) -> None:
    """Its client being gone, the session is over, with so many bytes."""
    assert house.host.live == 0
    ended = house.shelf.events[-1]
    assert isinstance(ended, SessionEnded)
    assert (ended.reason, ended.bytes_received) == ("client_left", received)


@over_seeds(seeds=SEEDS)
async def test_the_grace_time_ends_a_session_at_rest(system: VirtualSystem) -> None:
    house = House(system, idle_s=20.0)
    session = house.start("pcm_s16le")
    await house.send(session, STREAMS["pcm_s16le"][:20_000], 0)
    await asyncio.sleep(system.random.uniform(0, 100))
    session.tell(ConnectionLost(house.client))
    await asyncio.sleep(59.0)
    assert house.host.live == 1
    await asyncio.sleep(5.0)
    assert_it_was_left(house, 20_000)


@over_seeds(seeds=SEEDS)
async def test_who_was_never_told_of_a_session_is_not_waited_for(system: VirtualSystem) -> None:
    house = House(system, idle_s=20.0)
    session = house.start("pcm_s16le")
    await house.send(session, STREAMS["pcm_s16le"][:20_000], 0)
    session.tell(ConnectionLost(house.client, greeted=False))
    await asyncio.sleep(5.0)
    assert_it_was_left(house, 20_000)


@over_seeds(seeds=SEEDS)
async def test_who_knows_of_a_session_is_waited_for_though_its_next_line_broke_at_once(system: VirtualSystem) -> None:
    house = House(system, idle_s=20.0)
    session = house.start("pcm_s16le")
    await house.send(session, STREAMS["pcm_s16le"][:20_000], 0)
    session.tell(ConnectionLost(house.client))
    house.client, house.flow = Client(), FlowWindow()
    house.client.session = session
    assert await session.ask(Attach(house.client, house.flow), block=False) == 20_000
    session.tell(ConnectionLost(house.client, greeted=False))
    await asyncio.sleep(55.0)
    assert house.host.live == 1
    await asyncio.sleep(10.0)
    assert house.host.live == 0


@over_seeds(seeds=SEEDS)
async def test_a_connection_takes_up_a_session_at_rest(system: VirtualSystem) -> None:
    house = House(system, idle_s=20.0)
    session = house.start("pcm_s16le")
    data = STREAMS["pcm_s16le"]
    await house.send(session, data[:50_000], 0)
    await house.until_it_rests()
    session.tell(ConnectionLost(house.client))
    await asyncio.sleep(system.random.uniform(0, 55))
    house.client, house.flow = Client(), FlowWindow()
    house.client.session = session
    assert await session.ask(Attach(house.client, house.flow), block=False) == 50_000
    await house.send(session, data[50_000:], 50_000)
    session.tell(AudioFinished("client_finished"))
    assert await house.client.over == "client_finished"
    assert phrases(house.shelf.events) == PCM_PHRASES


@over_seeds(seeds=SEEDS)
async def test_who_rested_while_another_took_the_session_writes_no_more(system: VirtualSystem) -> None:
    house = House(system)
    session = house.start("pcm_s16le")
    await house.send(session, STREAMS["pcm_s16le"][:50_000], 0)
    await house.until_it_rests()
    house.shelf.events.append(SessionResumed(byte_offset=50_000, epoch=1))
    before = len(house.shelf.events)
    await house.send(session, STREAMS["pcm_s16le"][50_000:90_000], 50_000)
    assert await house.client.over == "taken_over"
    await asyncio.sleep(10.0)
    assert len(house.shelf.events) == before
    assert house.host.live == 0


@over_seeds(seeds=SEEDS)
async def test_a_session_with_something_under_way_does_not_leave(system: VirtualSystem) -> None:
    house = House(system, idle_s=0.2)
    session = house.start("pcm_s16le")
    data = STREAMS["pcm_s16le"]
    for at in range(0, len(data), 80_000):
        await house.send(session, data[at : at + 80_000], at)
        await asyncio.sleep(system.random.uniform(0, 0.6))
    session.tell(AudioFinished("client_finished"))
    assert await house.client.over == "client_finished"
    assert phrases(house.shelf.events) == PCM_PHRASES


@over_seeds(seeds=SEEDS)
async def test_a_server_that_stops_hands_sessions_at_rest_over_without_waking_them(system: VirtualSystem) -> None:
    house = House(system)
    session = house.start("pcm_s16le")
    await house.send(session, STREAMS["pcm_s16le"][:50_000], 0)
    await house.until_it_rests()
    assert await house.host.drain(patience_s=5.0) == 0
    assert await house.client.over == "server_stopping"
    assert house.shelf.recalled == 0
