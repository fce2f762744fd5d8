"""Whom a request comes from, behind proxies that are trusted to say so (`X-Forwarded-For`)."""

import ipaddress
from collections.abc import Collection, Iterable, Sequence

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def caller_of(peer: Address, forwarded: Sequence[str], trusted: Collection[Network]) -> Address:
    """Return the address that a request comes from, as far as it is told by who is trusted.

    Each proxy appends whom it was asked by, so the list is read from its right end, and no further than the first
    address that is no trusted proxy's: what stands left of it anybody may have written. Where a trusted proxy wrote
    what is no address, it is itself the last that is known.

    Args:
        peer: who holds the connection.
        forwarded: the request's `X-Forwarded-For` lines, in their order.
        trusted: networks of proxies; none believes nobody.
    """
    told = [each for line in forwarded for each in line.split(",")]
    at = peer
    while told and _within(at, trusted):
        before = parse_address(told.pop())
        if before is None:
            return at
        at = before
    return at


def parse_address(text: str) -> Address | None:
    """Return an address as peers and proxies write it: with a zone, with a port, in brackets; None for none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
