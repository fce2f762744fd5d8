"""The port that the server listens on, taken before anything slow begins."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator, Sequence

from balto.library import StartError, given_master_keys
from balto.security.admin import AdminDoor
from balto.settings import Settings


@contextlib.contextmanager
def doorway(settings: Settings) -> Iterator[list[socket.socket]]:
    """Check what the server needs before anything slow begins, and hold its port for the length of the block.

    Raises:
        StartError: the host, the port, the administrator's password or the master key cannot be used.
    """
    try:
        AdminDoor.check(settings.admin_password)
    except ValueError as error:
        raise StartError(str(error)) from None
    given_master_keys(settings)
    taken = take_port(settings)
    try:
        yield taken
    finally:
        for one in taken:
            one.close()


def take_port(settings: Settings) -> list[socket.socket]:
    """Bind the address and port of the settings; nobody is heard yet. Port 0 takes a free one.

    Raises:
        StartError: there is no such address here, or the port is taken or may not be used; one line says which.
    """
    host, port = settings.host.strip("[]"), settings.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise StartError(f"BALTO_HOST={host} is no address of this machine, such as 127.0.0.1 or 0.0.0.0") from None
    taken: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            # With port 0, the second address takes the port that the first one was given.
            chosen = taken[0].getsockname()[1] if taken else port
            taken.append(_bind(family, (address[0], chosen, *address[2:])))
    except OSError as error:
        for one in taken:
            one.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise StartError(f"BALTO_HOST={host} is no address of this machine, such as 127.0.0.1 or 0.0.0.0") from None
        raise StartError(
            f"cannot listen on {in_url(host)}:{port}: {os.strerror(error.errno or 0).lower()}; "
            "give another port (--port, BALTO_PORT)"
        ) from None
    return taken


def address_of(taken: Sequence[socket.socket]) -> str:
    """Return the address of a port that was taken, as a URL."""
    host, port = taken[0].getsockname()[:2]
    return f"http://{in_url(host)}:{port}"


def in_url(host: str) -> str:
    """Return a host as URLs have it: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def _bind(family: int, address: tuple[str | int, ...]) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
    except OSError:
        one.close()
        raise
    return one
