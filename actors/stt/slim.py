"""The way below the ElevenLabs SDK, around what it does a hundred times a call for words and for key terms."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Final, Protocol, override

import httpx
import orjson

from actors.exchange import Reply

words_of_reply: Final[ContextVar[list[dict[str, Any]]]] = ContextVar("words_of_reply")
"""The words of the last good reply that the running task has had, as the provider wrote them."""

terms_of_request: Final[ContextVar[Sequence[str]]] = ContextVar("terms_of_request", default=())
"""What the running task's next form shall hold as `keyterms`, beside what the SDK puts in."""


class Carrier(Protocol):
    """Does the sending: `actors.exchange.Exchange`."""

    async def send(self, request: httpx.Request, body: bytes) -> Reply:
        """Send a request with a body, and return what is answered; raises as httpx's own transport."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class SlimTransport(httpx.AsyncBaseTransport):
    """Takes the words out of good replies into `words_of_reply`, and puts `terms_of_request` into forms.

    The SDK looks up the type hints of every word, 0.1 ms each, and checks nothing by it; of a reply without a list of
    words, which is none of its types, it looks up the hints of all. Every key term it encodes as
    it would an object, and httpx as a part of its own that might be a file, which takes half of a call.

    Args:
        carrier: does the sending.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; raises as `httpx` does, and `ValueError` for key terms without a form."""
        words_of_reply.set([])
        terms, body = terms_of_request.get(), await request.aread()
        reply = await self._carrier.send(request, _with_terms(request, body, terms) if terms else body)
        content = reply.body if reply.status != httpx.codes.OK else _without_words(reply.body)
        return httpx.Response(reply.status, headers=reply.headers, content=content)

    @override
    async def aclose(self) -> None:
        """Close the connections."""
        await self._carrier.close()


def _without_words(body: bytes) -> bytes:
    """Return a reply without its words, which are kept in `words_of_reply`; what is no reply as it is."""
    try:
        reply = orjson.loads(body)
        words, reply["words"] = reply["words"], []
        words_of_reply.set([word for word in words if isinstance(word, dict)])
    except (ValueError, TypeError, AttributeError, KeyError):
        return body
    return orjson.dumps(reply)


def _with_terms(request: httpx.Request, body: bytes, terms: Sequence[str]) -> bytes:
    """Return a form with a part for each term before its file, where httpx puts them (RFC 7578, section 4.3)."""
    kind, _, boundary = request.headers.get("content-type", "").partition("; boundary=")
    part = b"--" + boundary.encode() + b'\r\nContent-Disposition: form-data; name="'
    place = body.find(part + b'file"')
    if kind != "multipart/form-data" or place < 0:
        raise ValueError("no form to put key terms into")
    fields = (part + b'keyterms"\r\n\r\n' + term.encode() + b"\r\n" for term in terms)
    return b"".join((body[:place], *fields, body[place:]))
