"""The engine that hears phrases while they are said, as a process shares it: its part in races, and its circuit."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from actors.routing.race import RaceLostError
from actors.runtime.testkit import VirtualSystem, over_seeds
from actors.stt.live import LiveEars
from actors.stt.router import RoutedTranscriber
from actors.stt.transcriber import TranscriptionError, TranscriptionErrorCode
from actors.values import Pcm, Transcript
from tests.unit.routing.engines import Line, PlannedTranscriber, follow

PHRASE: Pcm = np.zeros(16_000, np.int16)


class Stream:
    """Answers after a while, with a text or an error."""

    provider, model, goes_on = "first", "live", True

    def __init__(self, error: TranscriptionErrorCode | None, after_s: float) -> None:
        self._error = error
        self._after_s = after_s
        self.over = False
        self.fed = 0

    def feed(self, pcm: Pcm) -> None:
        self.fed += pcm.size

    def commit(self) -> None:
        return

    async def transcript(self, *, budget_s: float) -> Transcript:
        await asyncio.sleep(self._after_s)
        if self._error is not None:
            raise TranscriptionError(self._error, "no", retry_after_s=7.0 if self._error == "throttled" else None)
        return Transcript(text="tem dipirona")

    def cancel(self) -> None:
        self.over = True


class Engine:
    """Opens such streams."""

    provider, model, goes_on = "first", "live", True

    def __init__(self, error: TranscriptionErrorCode | None = None, after_s: float = 0.1) -> None:
        self.error: TranscriptionErrorCode | None = error
        self.after_s = after_s
        self.streams: list[Stream] = []

    async def warm(self) -> None:
        return

    def open(self, terms: Sequence[str] = ()) -> Stream:
        self.streams.append(Stream(self.error, self.after_s))
        return self.streams[-1]

    async def close(self) -> None:
        return


def batch(system: VirtualSystem, *lines: Line) -> RoutedTranscriber:
    return RoutedTranscriber((PlannedTranscriber("first", follow(*lines or (Line(),))),), system.time, lambda _: 0.0)


@over_seeds
async def test_a_stream_that_answers_leaves_the_engines_unasked(system: VirtualSystem) -> None:
    ears = LiveEars(Engine(), system.time)
    won = await batch(system).route(PHRASE, budget_s=8, first=ears.entrant(ears.open()))
    assert (won.answer.text, won.lane.model, won.why, won.others) == ("tem dipirona", "live", "preferred", ())


@over_seeds
async def test_a_silent_stream_is_backed_up_like_a_silent_engine(system: VirtualSystem) -> None:
    ears = LiveEars(Engine(after_s=100.0), system.time)
    won = await batch(system).route(PHRASE, budget_s=8, first=ears.entrant(ears.open()))
    assert (won.lane.name, won.why) == ("first", "slow")
    (other,) = won.others
    assert (other.model, other.outcome, other.cost_usd) == ("live", "cancelled", 0.0)


@over_seeds
async def test_a_stream_shares_the_deadline_with_those_behind_it(system: VirtualSystem) -> None:
    ears = LiveEars(Engine(after_s=100.0), system.time)
    began = system.time.monotonic_us()
    with pytest.raises(RaceLostError):
        await batch(system, Line(after_s=1e6)).route(PHRASE, budget_s=2, first=ears.entrant(ears.open()))
    assert (system.time.monotonic_us() - began) / 1e6 == pytest.approx(2, abs=0.01)


@over_seeds
async def test_streams_that_fail_are_not_opened_until_a_probe_finds_them_well(system: VirtualSystem) -> None:
    engine = Engine("transient")
    ears = LiveEars(engine, system.time)
    router = batch(system)
    for _ in range(4):
        assert ears.ready
        await router.route(PHRASE, budget_s=8, first=ears.entrant(ears.open()))
    assert not ears.ready
    engine.error = None
    await asyncio.sleep(1.5)
    assert ears.ready
    probe = engine.streams[-1]
    assert (probe.fed, probe.over) == (8_000, True)
    await ears.close()


@over_seeds
async def test_streams_that_nobody_fed_say_nothing_of_their_engine(system: VirtualSystem) -> None:
    ears = LiveEars(Engine("unfed", after_s=0.0), system.time)
    for _ in range(6):
        await batch(system).route(PHRASE, budget_s=8, first=ears.entrant(ears.open()))
    assert ears.ready
    await ears.close()


@over_seeds
async def test_a_provider_that_asks_to_wait_is_left_alone_for_so_long(system: VirtualSystem) -> None:
    engine = Engine("throttled")
    ears = LiveEars(engine, system.time)
    await batch(system).route(PHRASE, budget_s=8, first=ears.entrant(ears.open()))
    engine.error = None
    await asyncio.sleep(6.8)
    assert not ears.ready
    await asyncio.sleep(0.5)
    assert ears.ready
    await ears.close()


@over_seeds
async def test_an_empty_text_of_the_probes_noise_is_a_good_sign(system: VirtualSystem) -> None:
    engine = Engine("unauthorised")
    ears = LiveEars(engine, system.time)
    await batch(system).route(PHRASE, budget_s=8, first=ears.entrant(ears.open()))
    assert not ears.ready
    engine.error = "empty"
    await asyncio.sleep(1.5)
    assert ears.ready
    await ears.close()
