"""The port that the server listens on, taken before anything slow begins."""

import errno
import os
import socket

from balto.app import StartError
from balto.settings import Settings


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
            "set BALTO_PORT to another port"
        ) from None
    return taken


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
