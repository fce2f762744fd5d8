"""What blocks of many sessions cost that come in real time: each session's voice detector alone, and in company."""

import asyncio
import random
import time
from collections.abc import Iterator
from typing import Final

from actors.messages import Listen, Listened
from actors.runtime.actor import Actor
from actors.runtime.system import ActorSystem
from actors.vad import company
from actors.vad.actor import VadActor
from actors.vad.cascade import BLOCK_SAMPLES
from actors.values import VadSettings
from benchmarks.corpus.noise import RATE
from benchmarks.corpus.scenes import Samples

ALONE_S: Final = -1.0
"""A patience with which every session seems to be alone."""


class _Session(Actor):
    """Has samples listened to, and counts the blocks that were."""

    def __init__(self) -> None:
        super().__init__()
        self._vad = self.spawn(VadActor, self.actor_ref, VadSettings())
        self.blocks = 0

    def on_receive(self, message: Listen | Listened) -> None:
        """Pass on."""
        if isinstance(message, Listen):
            self._vad.tell(message)
        else:
            self.blocks += 1


def side_by_side(samples: Samples, *, sessions: int, seconds: float, together: bool) -> float:
    """Return the CPU per second of audio, in milliseconds, of sessions that listen to a scene from places of their own.

    Args:
        samples: of the scene, which goes round.
        sessions: how many, with blocks that come when they come.
        seconds: of real time.
        together: whether blocks wait for one another.
    """
    patience = company.PATIENCE_S
    company.PATIENCE_S = patience if together else ALONE_S  # type: ignore[misc] # a constant but here
    try:
        return asyncio.run(_serve(samples, sessions, seconds))
    finally:
        company.PATIENCE_S = patience  # type: ignore[misc] # as above


async def _serve(samples: Samples, sessions: int, seconds: float) -> float:
    async with ActorSystem() as system:
        refs = [system.spawn(_Session) for _ in range(sessions)]
        await asyncio.sleep(0.1)
        began, cpu, sent = time.monotonic(), time.process_time(), 0
        for due, number, at in _blocks(samples.size, sessions, seconds):
            await asyncio.sleep(max(0.0, began + due - time.monotonic()))
            refs[number].tell(Listen(samples[at : at + BLOCK_SAMPLES], at))
            sent += 1
        await asyncio.sleep(0.1)
        spent = time.process_time() - cpu
        heard = sum([await ref.proxy().blocks for ref in refs])
        assert heard == sent, "a block was not heard"
        return 1000 * spent / (sent * BLOCK_SAMPLES / RATE)


def _blocks(size: int, sessions: int, seconds: float) -> Iterator[tuple[float, int, int]]:
    """Yield when each block is due, whose it is, and where in the scene it begins, in the order of time."""
    rng = random.Random(0)
    whole, every = size // BLOCK_SAMPLES, BLOCK_SAMPLES / RATE
    starts = [(rng.random() * every, rng.randrange(whole)) for _ in range(sessions)]
    due = [
        (offset + turn * every, number, (start + turn) % whole * BLOCK_SAMPLES)
        for number, (offset, start) in enumerate(starts)
        for turn in range(int(seconds / every))
    ]
    yield from sorted(due)
