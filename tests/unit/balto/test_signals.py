"""Signals that stop a server, and one that under `nohup` does not."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from balto.web.server import on_signals


@pytest.fixture
def hangup() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangup")
async def test_a_hangup_stops() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under `nohup`
    heard = asyncio.Event()
    with on_signals(heard.set):
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.wait_for(heard.wait(), 60)


@pytest.mark.usefixtures("hangup")
async def test_a_hangup_that_was_to_be_ignored_stops_nothing() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    heard = asyncio.Event()
    with on_signals(heard.set):
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)
    assert not heard.is_set()
