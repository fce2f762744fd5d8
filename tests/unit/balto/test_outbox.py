"""The way from a session to its client's socket: order, deliveries, and clients that do not read."""

import asyncio
from typing import Any, cast

import orjson
import pykka
import pytest
from aiohttp import web

from actors.messages import Delivered
from balto.sessions import Session
from balto.web import outbox as module
from balto.web.outbox import SocketOutbox, offer, tell
from balto.web.wire import CloseCode, Handshake
from events.catalogue import (
    AudioReceived,
    Event,
    Item,
    RecommendationSent,
    SessionEnded,
    SessionResumed,
    SessionStarted,
)

STARTED = SessionStarted(session_id="s", counter_id="c", protocol=2, encoding="auto", settings={}, versions={})
RESUMED = SessionResumed(byte_offset=0, epoch=1)
ENDED = SessionEnded(reason="client_finished", bytes_received=1, samples=1, phrases=1, recommendations=1)
RECEIVED = AudioReceived(byte_start=0, byte_end=320, sample_start=0, sample_end=160)


def sent(number: int) -> RecommendationSent:
    items = (Item(sugestao="Termômetro", explicacao="Mede."),)
    return RecommendationSent(phrase=number, recommendation_id=f"r{number}", basket="B", items=items)


class Socket:
    """Takes what is written, as slowly as a test says, or breaks."""

    def __init__(self) -> None:
        self.written: list[dict[str, Any]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def send_str(self, text: str) -> None:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.written.append(orjson.loads(text))


class Ears:
    """Notes what a session is told; one that is over takes nothing."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.over = False

    def tell(self, message: object) -> None:
        if self.over:
            raise pykka.ActorDeadError("over")
        self.told.append(message)

    async def offer(self, message: object) -> None:
        self.tell(message)


class Desk:
    """An outbox with what is around it."""

    def __init__(self, **hello: Any) -> None:
        self.socket = Socket()
        self.ears = Ears()
        self.cut_off = 0
        handshake = Handshake(api_key="k", **({"protocol": 2, "offsets": True} | hello))
        self.outbox = SocketOutbox(cast(web.WebSocketResponse, self.socket), handshake, self._cut_off)
        self.outbox.introduce("s", "token")

    def _cut_off(self) -> None:
        self.cut_off += 1

    @property
    def session(self) -> Session:
        return cast(Session, self.ears)

    @property
    def commands(self) -> list[str]:
        return [message["comando"] for message in self.socket.written]


async def test_messages_are_written_in_order_and_the_close_comes_last() -> None:
    desk = Desk()
    for event in (STARTED, RECEIVED, sent(1), ENDED):
        desk.outbox.publish(event)
    desk.outbox.close("client_finished")
    desk.outbox.publish(sent(2))
    await desk.outbox.run(desk.session)
    assert desk.commands == ["ready", "ack", "recomendar", "fim"]
    assert desk.socket.written[0] == {"comando": "ready", "session": "s", "token": "token", "offset": 0}
    assert desk.outbox.goodbye == (CloseCode.NORMAL, "fim")
    assert not desk.cut_off


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ([STARTED], CloseCode.TAKEN_OVER),
        ([RESUMED, sent(1)], CloseCode.TAKEN_OVER),
        ([sent(1)], CloseCode.TRY_AGAIN),
        ([], CloseCode.TRY_AGAIN),
    ],
)
async def test_only_who_had_the_session_lost_it_to_somebody_else(told: list[Event], code: CloseCode) -> None:
    desk = Desk()
    for event in told:
        desk.outbox.publish(event)
    desk.outbox.close("taken_over")
    await desk.outbox.run(desk.session)
    assert desk.outbox.goodbye is not None
    assert desk.outbox.goodbye[0] == code


async def test_a_client_may_know_of_its_session_as_soon_as_that_begins_to_be_written() -> None:
    desk = Desk()
    desk.socket.open.clear()
    writing = asyncio.create_task(desk.outbox.run(desk.session))
    await asyncio.sleep(0)
    assert not desk.outbox.written
    desk.outbox.publish(STARTED)
    assert not desk.outbox.written
    await asyncio.sleep(0)
    assert desk.outbox.written
    assert desk.socket.written == []
    writing.cancel()


async def test_a_recommendation_is_delivered_once_all_of_it_was_written() -> None:
    desk = Desk()
    desk.socket.open.clear()
    desk.outbox.publish(sent(7))
    writing = asyncio.create_task(desk.outbox.run(desk.session))
    await asyncio.sleep(0)
    assert desk.ears.told == []
    desk.socket.open.set()
    desk.outbox.close("client_finished")
    await writing
    assert desk.ears.told == [Delivered(number=7, recommendation_id="r7")]


async def test_what_is_not_for_this_client_is_not_written() -> None:
    desk = Desk(protocol=1, offsets=False)
    for event in (STARTED, RECEIVED, sent(1), ENDED):
        desk.outbox.publish(event)
    desk.outbox.close("client_finished")
    await desk.outbox.run(desk.session)
    assert desk.commands == ["recomendar"]


async def test_a_client_that_leaves_too_much_unread_is_cut_off_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_UNSENT_BYTES", 2_000)
    desk = Desk()
    for number in range(100):
        desk.outbox.publish(sent(number))
    assert desk.cut_off == 1
    await asyncio.wait_for(desk.outbox.run(desk.session), 60)
    desk.outbox.close("client_finished")
    assert desk.socket.written == []


async def test_what_was_written_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_UNSENT_BYTES", 2_000)
    desk = Desk()
    writing = asyncio.create_task(desk.outbox.run(desk.session))
    for number in range(100):
        desk.outbox.publish(sent(number))
        await asyncio.sleep(0.001)
    desk.outbox.close("client_finished")
    await writing
    assert len(desk.socket.written) == 100
    assert not desk.cut_off


async def test_a_client_that_takes_too_long_for_a_message_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WRITE_PATIENCE_S", 0.01)
    desk = Desk()
    desk.socket.open.clear()
    desk.outbox.publish(sent(1))
    await desk.outbox.run(desk.session)
    assert desk.cut_off == 1
    assert desk.ears.told == []
    assert desk.outbox.goodbye is None


async def test_a_broken_connection_delivers_nothing() -> None:
    desk = Desk()
    desk.socket.error = ConnectionResetError()
    desk.outbox.publish(sent(1))
    await desk.outbox.run(desk.session)
    assert desk.cut_off == 1
    assert desk.ears.told == []
    desk.outbox.publish(sent(2))
    assert desk.outbox._queue.empty()


async def test_a_session_that_is_over_is_told_nothing_and_nobody_fails_for_it() -> None:
    desk = Desk()
    desk.ears.over = True
    tell(desk.session, "something")
    await offer(desk.session, "something")
    desk.outbox.publish(sent(1))
    desk.outbox.close("failed")
    await desk.outbox.run(desk.session)
    assert desk.outbox.goodbye == (CloseCode.INTERNAL, "erro interno")


async def test_the_end_of_a_session_that_was_over_is_written_at_once() -> None:
    desk = Desk()
    await desk.outbox.tell_the_end([sent(3), ENDED], 7_000)
    assert desk.commands == ["ack", "recomendar", "fim"]
    assert desk.socket.written[0]["offset"] == 7_000


async def test_who_counts_no_bytes_is_told_of_none_at_the_end_either() -> None:
    desk = Desk(offsets=False)
    await desk.outbox.tell_the_end([sent(3), ENDED], 7_000)
    assert desk.commands == ["recomendar", "fim"]


async def test_a_text_that_was_not_understood_is_answered() -> None:
    desk = Desk()
    desk.outbox.say({"comando": "erro", "code": "c", "message": "m"})
    desk.outbox.close("client_finished")
    await desk.outbox.run(desk.session)
    assert desk.commands == ["erro"]
