"""What sessions are rebuilt from: the stream on top of a snapshot, which is never needed."""

from typing import Any

import pytest

from actors.session.state import fold
from balto.app import Balto
from balto.listening import Collector, listen
from balto.memory import Memory
from events.catalogue import SessionEnded
from tests.recordings import conversation


async def a_session(balto: Balto) -> str:
    session = await listen(balto.sessions, conversation("dor_de_cabeca").tobytes(), collector=Collector())
    return f"session-{session}"


async def test_a_session_is_the_fold_of_its_stream_with_a_snapshot_or_without(
    balto: Balto, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await a_session(balto)
    memory = Memory(balto.library.store)
    recorded = [event async for event in balto.library.store.read_stream(stream)]
    without = await memory.recall(stream)
    assert without.state == fold(event.event for event in recorded)
    assert isinstance(without.ended, SessionEnded)
    assert without.started == recorded[0]
    assert without.elapsed_us == recorded[-1].elapsed_us
    middle = recorded[len(recorded) // 2]
    state = fold(event.event for event in recorded if event.stream_position <= middle.stream_position)
    await memory.keep(stream, middle.position, state)
    read: list[int] = []
    read_stream = balto.library.store.read_stream

    def counting(stream: str, *, after: int = 0, limit: int | None = None, backwards: bool = False) -> Any:
        read.append(after)
        return read_stream(stream, after=after, limit=limit, backwards=backwards)

    monkeypatch.setattr(balto.library.store, "read_stream", counting)
    assert await memory.recall(stream) == without
    assert max(read) == middle.stream_position


async def test_a_stream_that_does_not_exist_is_nothing(balto: Balto) -> None:
    recalled = await Memory(balto.library.store).recall("session-none")
    assert (recalled.started, recalled.ended, recalled.state.position) == (None, None, 0)
