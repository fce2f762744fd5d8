"""Who calls, as proxies tell it: from the right, and through trusted ones alone."""

import ipaddress

import pytest

from balto.security.proxies import Network, caller_of, parse_address

TRUSTED: tuple[Network, ...] = (
    ipaddress.ip_network("10.0.0.0/24"),
    ipaddress.ip_network("127.0.0.1/32"),
    ipaddress.ip_network("fd00::/64"),
)


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("10.0.0.5", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.5", [], "10.0.0.5"),
        ("198.51.100.7", ["203.0.113.9"], "198.51.100.7"),  # nobody's proxy
        ("10.0.0.5", ["8.8.8.8, 203.0.113.9"], "203.0.113.9"),  # the left end is the caller's own word
        ("10.0.0.5", ["8.8.8.8", "203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["8.8.8.8, 203.0.113.9,10.0.0.6"], "203.0.113.9"),  # two trusted proxies in a row
        ("127.0.0.1", ["203.0.113.9, 192.0.2.1, 10.0.0.6"], "192.0.2.1"),  # one between them that is not
        ("10.0.0.5", ["10.0.0.7"], "10.0.0.7"),  # a caller among the proxies
        ("10.0.0.5", ["203.0.113.9, nonsense"], "10.0.0.5"),
        ("10.0.0.5", ["203.0.113.9, "], "10.0.0.5"),
        ("10.0.0.5", ["203.0.113.9:51234"], "203.0.113.9"),
        ("fd00::1", ["[2001:db8::7]:443"], "2001:db8::7"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("::ffff:10.0.0.5", ["::ffff:203.0.113.9"], "203.0.113.9"),
    ],
)
def test_the_first_from_the_right_that_is_no_trusted_proxy_calls(peer: str, forwarded: list[str], caller: str) -> None:
    address = parse_address(peer)
    assert address is not None
    assert caller_of(address, forwarded, TRUSTED) == ipaddress.ip_address(caller)


def test_by_default_nobody_is_believed() -> None:
    assert caller_of(ipaddress.ip_address("10.0.0.5"), ["203.0.113.9"], ()) == ipaddress.ip_address("10.0.0.5")
