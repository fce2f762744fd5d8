"""A process that rebuilds the tally in small steps and is there to be killed: `python -m … DSN`."""

import asyncio
import sys
from unittest.mock import patch

from projections.database import open_pool
from projections.projector import Projector
from tests.integration.projections.models import gated


async def main() -> None:
    """Rebuild, ten events a step; from event 50 on whoever holds the gate decides when it goes on."""
    with patch("projections.shadows.BATCH", 10), patch("projections.shadows._CLOSE", 0):
        await Projector(await open_pool(sys.argv[1]), [gated(50)]).rebuild("tally")


if __name__ == "__main__":
    asyncio.run(main())
