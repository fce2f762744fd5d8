"""Reading ahead: the next page is on its way while the last one is being used."""

import asyncio
from collections.abc import AsyncIterator


async def one_ahead[T](pages: AsyncIterator[T]) -> AsyncIterator[T]:
    """Yield what an iterator does, the next of it being asked for before each is yielded.

    So a database and its reader work side by side, at the price of one page too many where the reader stops early.
    Whatever the iterator raises is raised in its turn, after what came before.
    """

    async def step() -> tuple[T] | None:
        try:
            return (await anext(pages),)
        except StopAsyncIteration:
            return None

    coming = asyncio.create_task(step())
    try:
        while (page := await coming) is not None:
            coming = asyncio.create_task(step())
            # Lets the question out before the reader, who may take long, goes on with this page.
            await asyncio.sleep(0)
            yield page[0]
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
