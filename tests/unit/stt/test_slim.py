"""The slim transport: forms get their key terms as httpx itself would write them."""

import httpx
import pytest

from actors.stt.slim import SlimTransport, terms_of_request, words_of_reply

TERMS = ["dipirona", "pílula do dia seguinte", "AAS"]
BOUNDARY = {"content-type": "multipart/form-data; boundary=8f14e45f"}


class Recorder(httpx.AsyncBaseTransport):
    def __init__(self, reply: bytes) -> None:
        self.reply = reply
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, content=self.reply, headers={"content-type": "application/json"})


def form(**more: list[str]) -> httpx.Request:
    audio = {"file": ("audio", b"\x01\x02" * 800)}
    return httpx.Request("POST", "http://x/", data={"model_id": "m", **more}, files=audio, headers=BOUNDARY)


async def sent(request: httpx.Request, reply: bytes = b"{}") -> tuple[httpx.Request, httpx.Response]:
    await request.aread()
    recorder = Recorder(reply)
    response = await SlimTransport(recorder).handle_async_request(request)
    return recorder.requests[0], response


async def test_the_form_is_the_one_that_httpx_would_write() -> None:
    terms_of_request.set(TERMS)
    request, _ = await sent(form())
    whole = form(keyterms=TERMS)
    assert request.content == await whole.aread()
    assert request.headers["content-length"] == whole.headers["content-length"]
    assert request.headers["content-type"] == whole.headers["content-type"]


async def test_without_key_terms_the_request_is_what_it_was() -> None:
    request = form()
    assert (await sent(request))[0] is request


async def test_key_terms_are_never_lost_in_silence() -> None:
    terms_of_request.set(TERMS)
    with pytest.raises(ValueError, match="no form"):
        await sent(httpx.Request("POST", "http://x/", json={"model_id": "m"}))


async def test_words_pass_beside_the_reply() -> None:
    _, response = await sent(form(), b'{"text": "sim", "words": [{"text": "sim", "type": "word"}]}')
    assert response.json() == {"text": "sim", "words": []}
    assert words_of_reply.get() == [{"text": "sim", "type": "word"}]


@pytest.mark.parametrize("reply", [b"", b"[]", b'{"text": "sim"}', b'{"words": 5}'])
async def test_a_reply_that_is_none_passes_as_it_is(reply: bytes) -> None:
    _, response = await sent(form(), reply)
    assert response.content == reply
    assert words_of_reply.get() == []
