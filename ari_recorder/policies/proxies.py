"""Whom a request comes from, where proxies may stand between: what may be believed of what they say.

A proxy adds, at the right of ``X-Forwarded-For``, the address that its own request came from. Anybody can
send such a header, so it is read from the right, and only as far as each address is one of the proxies named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?")


class Networks(tuple[IPv4Network | IPv6Network, ...]):
    """Networks of addresses."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> Networks:
        """Raises `ValueError` for a text that is neither a network nor an address."""
        return cls(_network(text.strip()) for text in texts if text.strip())

    def __str__(self) -> str:
        return ", ".join(str(one).removesuffix(f"/{one.max_prefixlen}") for one in self)

    def hold(self, address: str) -> bool:
        """Whether an address is in one of them; what is no address is in none."""
        plain = plain_address(address)
        return plain is not None and any(ip_address(plain) in network for network in self)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        found = ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no address or network: 10.0.0.5, 10.0.0.0/24, 2001:db8::/32"
        ) from error
    if not found.prefixlen:
        raise ValueError(f"{text!r} names everybody: name the proxies alone")
    if str(found.network_address) != str(ip_address(text.partition("/")[0])):
        raise ValueError(f"{text!r} has bits set behind its mask: {found} is the network")
    return found


def plain_address(text: str) -> str | None:
    """An address as we write it: without port, zone and brackets, IPv4 where it is mapped into IPv6.

    None when it is none (``unknown``, a name, RFC 7239's ``_hidden``).
    """
    if found := _WITH_PORT.fullmatch(text.strip()):
        text = found[1] or found[2]
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def who_came(peer: str, forwarded_for: Sequence[str], proxies: Networks) -> str:
    """The address of the client: that of the peer, or what the proxies named say, the nearest first.

    An entry that is no address ends it: the proxy that wrote it is the last that is known.
    """
    came = plain_address(peer) or peer
    for entry in reversed(forwarded_for):
        further = plain_address(entry)
        if further is None or not proxies.hold(came):
            break
        came = further
    return came
