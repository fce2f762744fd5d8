"""The exchange below the SDKs: what it sends, what it returns, and as whose error it fails, on real sockets."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import httpx
import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from actors.exchange import Exchange

LIBRARIES = (httpx, httpx2)
BOTH = pytest.mark.parametrize("library", LIBRARIES, ids=lambda each: each.__name__)
PATIENT = {"timeout": {"connect": 5.0, "read": 5.0}}


@asynccontextmanager
async def answering(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    app = web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{path:.*}", handle)
    server = TestServer(app, scheme="http" if tls is None else "https")
    await server.start_server(ssl=tls)
    try:
        yield str(server.make_url("/v1/x"))
    finally:
        await server.close()


@asynccontextmanager
async def speaking(said: bytes) -> AsyncIterator[str]:
    """Answer with bare bytes, and hang up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.fixture(params=LIBRARIES, ids=lambda each: each.__name__)
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Exchange]:
    made = Exchange(request.param)
    yield made
    await made.close()


@BOTH
@pytest.mark.parametrize("size", [0, 20, (1 << 20) + 1])
async def test_a_request_arrives_as_the_library_built_it_and_all_of_them_by_one_line(
    library: ModuleType, size: int
) -> None:
    seen: list[tuple[str, dict[str, str], bytes, object]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen.append((request.method, headers, await request.read(), request.transport))
        return web.Response(text="olá", status=201, headers={"x-request-id": "7"})

    exchange, body = Exchange(library), b"a" * size
    async with answering(handle) as url:
        request = library.Request("POST", url, content=body, headers={"x-key": "k"}, extensions=PATIENT)
        async with library.AsyncClient() as own:
            await own.send(request)
        replies = [await exchange.send(request, body) for _ in range(2)]
        await exchange.close()
    (_, theirs, *_), (method, headers, got, line), (*_, again) = seen
    assert (method, got, headers) == ("POST", body, theirs)
    assert line is again
    assert all(reply.status == 201 and reply.body == "olá".encode() for reply in replies)
    assert (b"X-Request-Id", b"7") in [(name.title(), value) for name, value in replies[0].headers]


async def test_a_compressed_reply_is_read_and_says_so_no_more(exchange: Exchange) -> None:
    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(body=gzip.compress(b"sim"), headers={"content-encoding": "gzip"})

    async with answering(handle) as url:
        reply = await exchange.send(httpx.Request("POST", url, extensions=PATIENT), b"{}")
    assert reply.body == b"sim"
    assert not {b"content-encoding", b"content-length"} & {name.lower() for name, _ in reply.headers}


async def test_nobody_is_followed_elsewhere(exchange: Exchange) -> None:
    async def handle(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("http://127.0.0.1:9/")

    async with answering(handle) as url:
        assert (await exchange.send(httpx.Request("POST", url), b"{}")).status == 302


@BOTH
@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", "ReadError"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsim", "ReadError"),
        (b"pressao alta\r\n\r\n", "ReadError"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nsim", "ReadError"),
    ],
)
async def test_what_is_no_reply_is_the_librarys_error_which_quotes_nothing(
    library: ModuleType, said: bytes, error: str
) -> None:
    exchange = Exchange(library)
    async with speaking(said) as url:
        request = library.Request("POST", url, headers={"x-key": "secreta"})
        with pytest.raises(getattr(library, error)) as caught:
            await exchange.send(request, b"{}")
    await exchange.close()
    assert "pressao" not in repr(caught.value)
    assert caught.value.__cause__ is None


@BOTH
async def test_silence_and_nobody_there_are_told_apart(library: ModuleType) -> None:
    async def handle(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    exchange = Exchange(library)
    with pytest.raises(library.ConnectError):
        await exchange.send(library.Request("POST", "http://127.0.0.1:9/"), b"{}")
    async with answering(handle) as url:
        brief = {"timeout": {"connect": 5.0, "read": 0.05}}
        with pytest.raises(library.ReadTimeout):
            await exchange.send(library.Request("POST", url, extensions=brief), b"{}")
        await exchange.close()


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of `localhost` that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return pem, secret


@BOTH
async def test_those_are_trusted_whom_the_library_trusts(
    library: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(text="sim")

    pem, secret = certificate(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pem, secret)
    stranger = Exchange(library)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    friend = Exchange(library)
    async with answering(handle, tls) as url:
        request = library.Request("POST", url.replace("127.0.0.1", "localhost"), extensions=PATIENT)
        with pytest.raises(library.ConnectError):
            await stranger.send(request, b"{}")
        assert (await friend.send(request, b"{}")).body == b"sim"
        await stranger.close()
        await friend.close()


@pytest.mark.parametrize(("exempt", "by_proxy"), [("", True), ("provider.test", False)])
async def test_the_environments_proxy_is_asked(
    exempt: str, by_proxy: bool, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers["host"])
        return web.Response(text="sim")

    async with answering(handle) as url:
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("no_proxy", exempt)
        request = httpx.Request("POST", "http://provider.test/v1", extensions=PATIENT)
        if by_proxy:
            assert (await exchange.send(request, b"{}")).body == b"sim"
        else:
            with pytest.raises((httpx.ConnectError, httpx2.ConnectError)):
                await exchange.send(request, b"{}")
    assert asked == (["provider.test"] if by_proxy else [])
