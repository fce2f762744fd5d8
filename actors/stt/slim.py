"""Ways around what the ElevenLabs SDK does a hundred times a call, for words and for key terms: most of its CPU."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Final, override

import httpx
import orjson

words_of_reply: Final[ContextVar[list[dict[str, Any]]]] = ContextVar("words_of_reply")
"""The words of the last good reply that the running task has had, as the provider wrote them."""

terms_of_request: Final[ContextVar[Sequence[str]]] = ContextVar("terms_of_request", default=())
"""What the running task's next form shall hold as `keyterms`, beside what the SDK puts in."""


class SlimTransport(httpx.AsyncBaseTransport):
    """Takes the words out of good replies into `words_of_reply`, and puts `terms_of_request` into forms.

    The SDK looks up the type hints of every word, 0.1 ms each, and checks nothing by it; of a reply without a list of
    words, which is none of its types, it looks up the hints of all. Every key term it encodes as
    it would an object, and httpx as a part of its own that might be a file, which takes half of a call.

    Args:
        inner: does the sending.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; raises as `httpx` does, and `ValueError` for key terms without a form."""
        words_of_reply.set([])
        terms = terms_of_request.get()
        response = await self._inner.handle_async_request(_with_terms(request, terms) if terms else request)
        if response.status_code != httpx.codes.OK:
            return response
        response.request = request
        body = await response.aread()
        try:
            reply = orjson.loads(body)
            words, reply["words"] = reply["words"], []
            words_of_reply.set([word for word in words if isinstance(word, dict)])
        except (ValueError, TypeError, AttributeError, KeyError):
            content = body
        else:
            content = orjson.dumps(reply)
        headers = {"content-type": response.headers.get("content-type", "")}
        return httpx.Response(response.status_code, headers=headers, content=content)

    @override
    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _with_terms(request: httpx.Request, terms: Sequence[str]) -> httpx.Request:
    """Return the request with a part for each term before its file, where httpx puts them (RFC 7578, section 4.3)."""
    body = request.content
    kind, _, boundary = request.headers.get("content-type", "").partition("; boundary=")
    part = b"--" + boundary.encode() + b'\r\nContent-Disposition: form-data; name="'
    place = body.find(part + b'file"')
    if kind != "multipart/form-data" or place < 0:
        raise ValueError("no form to put key terms into")
    fields = (part + b'keyterms"\r\n\r\n' + term.encode() + b"\r\n" for term in terms)
    content = b"".join((body[:place], *fields, body[place:]))
    headers = request.headers.copy()
    del headers["content-length"]
    return httpx.Request(request.method, request.url, headers=headers, content=content, extensions=request.extensions)
