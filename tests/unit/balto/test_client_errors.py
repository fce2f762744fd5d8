"""Why a connection did not come about, in words and without the driver's decoration."""

import ssl

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from balto.client.errors import explained


async def refusal(url: str) -> str:
    async with aiohttp.ClientSession() as http:
        with pytest.raises((aiohttp.ClientError, OSError)) as refused:
            await http.ws_connect(url)
    assert isinstance(refused.value, aiohttp.ClientError | OSError)
    return explained(refused.value)


async def test_who_does_not_listen_or_has_no_name_is_said_in_words() -> None:
    assert await refusal("ws://127.0.0.1:1/ws") == "Connection refused"
    assert "ssl:" not in await refusal("ws://nowhere.invalid/ws")
    for address in ("nowhere/ws", "/ws", "ftp://nowhere/ws"):
        assert await refusal(address) == "this is no address of http or ws"


async def test_a_server_that_is_no_balto_or_speaks_no_tls_is_told_from_one_that_is_away() -> None:
    async with TestServer(web.Application()) as server:
        assert await refusal(str(server.make_url("/ws"))) == "what listens there answered 404"
        secure = str(server.make_url("/ws")).replace("http://", "wss://")
        assert (await refusal(secure)).startswith("TLS failed: ")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "TimeoutError"),
        (OSError(113, "x"), "No route to host"),
        (ssl.SSLCertVerificationError(1, "certificate has expired"), "TLS failed: "),
        (aiohttp.ServerDisconnectedError(), "Server disconnected"),
        (ConnectionResetError("cut"), "cut"),
    ],
)
def test_every_error_has_some_words(error: OSError, words: str) -> None:
    assert explained(error).startswith(words)
