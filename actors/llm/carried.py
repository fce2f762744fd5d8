"""The way below the OpenAI SDK: aiohttp's client in place of the HTTP/1.1 in Python that comes with it."""

from typing import override

import httpx2

from actors.exchange import Exchange


class CarriedTransport(httpx2.AsyncBaseTransport):
    """Sends requests by an exchange, as the SDK's own option for aiohttp does, but tells a lost line from a timeout."""

    def __init__(self) -> None:
        self._exchange = Exchange(httpx2)

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; raises as `httpx2` does."""
        reply = await self._exchange.send(request, await request.aread())
        return httpx2.Response(reply.status, headers=reply.headers, content=reply.body)

    @override
    async def aclose(self) -> None:
        """Close the connections."""
        await self._exchange.close()
