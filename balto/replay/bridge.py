"""The bridge from virtual to real time: engines that are asked anew run on a loop of their own, with its sockets."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from actors.llm.understanding import Understanding
from actors.stt.transcriber import Transcriber
from actors.values import Classified, Normalised, Pcm, Transcript
from balto.engines import Engines, prepare_weights
from balto.settings import Settings
from events.catalogue import Entity

_LOCAL: Final = "local"


class Bridge:
    """A real event loop on a thread. Virtual time stands still while a call is made, then goes on by what it took."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="replay-live", daemon=True)
        self._thread.start()
        self._engines: list[Transcriber | Understanding] = []

    def ears(self, engines: Sequence[Transcriber], settings: Settings) -> "tuple[Transcriber, ...]":
        """Return engines of speech-to-text that can be asked in virtual time; they are loaded.

        Raises:
            EngineError: one cannot be.
        """
        if any(engine.provider == _LOCAL for engine in engines):
            prepare_weights(settings)
        self._warm(Engines(transcribers=tuple(engines), understandings=()))
        return tuple(_Ears(engine, self) for engine in engines)

    def heads(self, engines: Sequence[Understanding]) -> "tuple[Understanding, ...]":
        """Return engines of understanding that can be asked in virtual time; raises as `ears`."""
        self._warm(Engines(transcribers=(), understandings=tuple(engines)))
        return tuple(_Head(engine, self) for engine in engines)

    def _warm(self, engines: Engines) -> None:
        self._engines += [*engines.transcribers, *engines.understandings]
        asyncio.run_coroutine_threadsafe(engines.warm(), self._loop).result()

    async def call[T](self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Make a call for real, and let as much virtual time pass as it took. Raises what it raises."""
        began = time.monotonic()
        calling = asyncio.run_coroutine_threadsafe(work(), self._loop)
        error: BaseException | None = calling.exception()
        await asyncio.sleep(time.monotonic() - began)
        if error is not None:
            raise error
        return calling.result()

    def close(self) -> None:
        """Close the engines and the loop."""

        async def close() -> None:
            for engine in self._engines:
                await engine.close()

        asyncio.run_coroutine_threadsafe(close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Ears:
    def __init__(self, engine: Transcriber, bridge: Bridge) -> None:
        self._engine = engine
        self._bridge = bridge
        self.provider = engine.provider
        self.model = engine.model

    async def warm(self) -> None:
        """It is warm."""

    async def close(self) -> None:
        """The bridge closes it."""

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        return await self._bridge.call(lambda: self._engine.transcribe(pcm, budget_s=budget_s, terms=terms))


class _Head:
    def __init__(self, engine: Understanding, bridge: Bridge) -> None:
        self._engine = engine
        self._bridge = bridge
        self.engine = engine.engine
        self.model = engine.model

    async def warm(self) -> None:
        """It is warm."""

    async def close(self) -> None:
        """The bridge closes it."""

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        return await self._bridge.call(lambda: self._engine.normalise(text, budget_s=budget_s))

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        return await self._bridge.call(lambda: self._engine.classify(text, entities, budget_s=budget_s))
