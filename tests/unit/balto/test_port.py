"""Taking the server's port."""

import socket

import pytest

from balto.cli.serving import server_url
from balto.library import StartError
from balto.settings import Settings
from balto.web.port import in_url, take_port


def settings(host: str, port: int) -> Settings:
    return Settings(_env_file=None, host=host, port=port)


def test_a_free_port_is_held_for_nobody_else() -> None:
    taken = take_port(settings("127.0.0.1", 0))
    try:
        taken[0].listen()
        port = taken[0].getsockname()[1]
        with pytest.raises(StartError, match=f"127.0.0.1:{port}: address already in use; give another port"):
            take_port(settings("127.0.0.1", port))
    finally:
        taken[0].close()


@pytest.mark.parametrize("host", ["nonsense.invalid", "192.0.2.1", "a..b"])
def test_a_host_that_is_not_here_is_named(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(name: str, *rest: object, **options: object) -> object:
        if name[0].isdigit():
            return real(name, *rest, **options)  # type: ignore[arg-type]  # passed on as it came
        raise socket.gaierror(-2, "Name or service not known")

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(StartError, match=f"^BALTO_HOST={host} is no address of this machine"):
        take_port(settings(host, 0))


def test_ipv6_is_in_brackets_in_addresses() -> None:
    assert (in_url("::1"), in_url("127.0.0.1")) == ("[::1]", "127.0.0.1")


@pytest.mark.parametrize(
    ("given", "host", "url"),
    [
        (None, "127.0.0.1", "http://127.0.0.1:9000"),
        (None, "0.0.0.0", "http://127.0.0.1:9000"),
        (None, "::", "http://[::1]:9000"),
        ("balto.example:80", "127.0.0.1", "http://balto.example:80"),
        ("wss://balto.example/ws", "127.0.0.1", "wss://balto.example/ws"),
    ],
)
def test_files_are_streamed_to_where_the_settings_serve(given: str | None, host: str, url: str) -> None:
    assert server_url(given, settings(host, 9000)) == url
