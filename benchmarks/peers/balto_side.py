"""Balto with engines that answer at once within the process, as its peers' do: `python -m benchmarks.peers.balto_side`.

All else is `balto serve`: the ledger in PostgreSQL, read models, recordings, sealing, hearing, baskets.
"""

import asyncio
from collections.abc import Sequence

from actors.values import Classified, Normalised, Pcm, Transcript
from balto.app import open_balto
from balto.engines import Engines
from balto.settings import Settings
from balto.web.port import doorway
from balto.web.server import serving, until_told_to_stop
from events.catalogue import Category, Entity

TEXT = "eu queria uma caixa de dipirona"
_NAMED = (Entity(kind="medicine", name="dipirona", span="dipirona", score=1.0),)
_PLACE = Category(macro="DOR_FEBRE_INFLAMACAO", micro="FEBRE")


class Ears:
    """Hears the same in everything, at once."""

    provider = "instant"
    model = "instant"

    async def warm(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:  # noqa: ARG002 - instant
        """Write a phrase down."""
        return Transcript(text=TEXT)


class Head:
    """Understands the same in everything, at once."""

    engine = "instant"
    model = "instant"

    async def warm(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:  # noqa: ARG002 - instant
        """Name what was said."""
        return Normalised(entities=_NAMED)

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:  # noqa: ARG002 - instant
        """Place it."""
        return Classified(categories=(_PLACE,), anchors=("dipirona",), confidence=1.0)


async def serve() -> None:
    """Serve until told to stop."""
    settings = Settings()
    engines = Engines(transcribers=(Ears(),), understandings=(Head(),))
    with doorway(settings) as taken:
        async with open_balto(settings, engines=engines) as balto, serving(balto, taken):
            await until_told_to_stop()


if __name__ == "__main__":
    asyncio.run(serve())
