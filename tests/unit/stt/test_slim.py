"""The slim transport: forms get their key terms as httpx itself would write them."""

import httpx
import pytest

from actors.exchange import Reply
from actors.stt.slim import SlimTransport, terms_of_request, words_of_reply

TERMS = ["dipirona", "pílula do dia seguinte", "AAS"]
BOUNDARY = {"content-type": "multipart/form-data; boundary=8f14e45f"}


class Recorder:
    def __init__(self, reply: bytes) -> None:
        self.reply = reply
        self.bodies: list[bytes] = []

    async def send(self, _request: httpx.Request, body: bytes) -> Reply:
        self.bodies.append(body)
        return Reply(200, [(b"content-type", b"application/json")], self.reply)

    async def close(self) -> None:
        return


def form(**more: list[str]) -> httpx.Request:
    audio = {"file": ("audio", b"\x01\x02" * 800)}
    return httpx.Request("POST", "http://x/", data={"model_id": "m", **more}, files=audio, headers=BOUNDARY)


async def sent(request: httpx.Request, reply: bytes = b"{}") -> tuple[bytes, httpx.Response]:
    recorder = Recorder(reply)
    response = await SlimTransport(recorder).handle_async_request(request)
    return recorder.bodies[0], response


async def test_the_form_is_the_one_that_httpx_would_write() -> None:
    terms_of_request.set(TERMS)
    body, _ = await sent(form())
    assert body == await form(keyterms=TERMS).aread()


async def test_without_key_terms_the_request_is_what_it_was() -> None:
    request = form()
    assert (await sent(request))[0] == request.content


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
