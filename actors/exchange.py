"""A request and its reply by aiohttp's client, below the clients that providers' SDKs bring, at half their CPU."""

import io
import ssl
import urllib.request
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final, NamedTuple, Protocol

import aiohttp

_KEEPALIVE_S: Final = 120.0
"""Seconds an idle connection is kept: a counter is often silent for longer than the libraries' 5 s."""
_SMALL: Final = 1 << 20
"""Bytes up to which aiohttp takes a body in one piece without a warning."""
_COUNTED: Final = frozenset({b"content-length", b"transfer-encoding"})
"""Headers that are written anew, of requests and replies, since bodies may have another form than they say."""
_DECODED: Final = _COUNTED | {b"content-encoding"}


class Request(Protocol):
    """A request as these libraries have it."""

    method: str
    url: Any
    headers: Any
    extensions: Any


class Reply(NamedTuple):
    """A whole reply."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    """Without those that tell how the body was sent."""
    body: bytes
    """Decompressed."""


class Exchange:
    """Sends requests and reads their replies over connections that are kept; belongs to the loop that first sends.

    The environment's proxies count as they do for httpx: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`.

    Args:
        library: httpx, or one like it, whose errors are raised, and whose trust in authorities counts.
    """

    def __init__(self, library: ModuleType) -> None:
        self._library = library
        self._trusted: ssl.SSLContext = library.create_ssl_context()
        self._proxies: dict[tuple[str, str], str | None] = {}
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request, body: bytes) -> Reply:
        """Send a request with a body, and return what is answered.

        Raises:
            Exception: of the library, as its own transport would raise it.
        """
        headers = [
            (n.decode("ascii"), v.decode("latin-1")) for n, v in request.headers.raw if n.lower() not in _COUNTED
        ]
        patience = request.extensions.get("timeout", {})
        try:
            async with self._connections().request(
                request.method,
                str(request.url),
                headers=headers,
                data=(body or None) if len(body) <= _SMALL else io.BytesIO(body),
                allow_redirects=False,
                proxy=self._proxy(request.url.scheme, request.url.host),
                timeout=aiohttp.ClientTimeout(sock_connect=patience.get("connect"), sock_read=patience.get("read")),
            ) as reply:
                told = [each for each in reply.raw_headers if each[0].lower() not in _DECODED]
                return Reply(reply.status, told, await reply.read())
        # Their texts may quote the reply, and what they hold the key.
        except aiohttp.ConnectionTimeoutError as error:
            raise self._library.ConnectTimeout(type(error).__name__) from None
        except TimeoutError as error:
            raise self._library.ReadTimeout(type(error).__name__) from None
        except aiohttp.ClientConnectorError as error:
            raise self._library.ConnectError(type(error).__name__) from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._library.ReadError(type(error).__name__) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S, ssl=self._trusted)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            )
        return self._session

    def _proxy(self, scheme: str, host: str) -> str | None:
        if (scheme, host) not in self._proxies:
            proxies = {} if urllib.request.proxy_bypass(host) else urllib.request.getproxies()
            self._proxies[scheme, host] = proxies.get(scheme, proxies.get("all"))
        return self._proxies[scheme, host]
