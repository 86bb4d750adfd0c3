"""Which addresses belong to the inside of a network, where nothing that customers name is to be sent.

Whoever may write an address down, of a webhook or of a server that recordings are pushed to, could otherwise
make this machine ask its neighbours, itself, or a cloud's metadata service in their place.

Sources: IANA's special-purpose address registries (RFC 6890), as Python's `ipaddress` has them; RFC 4291 for
IPv4 in IPv6, RFC 3056 (6to4), RFC 4380 (Teredo), RFC 6052 and 8215 (NAT64).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from ari_recorder.policies.proxies import Networks

_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
"""IPv6 whose last 32 bits are the IPv4 address that is meant."""
_NEVER = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("fec0::/10"),
)
"""For protocols (and a cloud's metadata service), once for relays, translation within a site, addresses of a
site: what Python takes for global, or did in some versions.
"""


def is_inside(address: str) -> bool:
    """Whether an address is not everybody's on the internet; what is no address counts as inside.

    Private, loopback, link-local (and with it the metadata services of clouds), shared by carriers (CGNAT),
    unspecified, reserved, multicast, for documentation; and IPv6 that stands for such an IPv4 address.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    meant = _meant(found) if isinstance(found, IPv6Address) else None
    return _is_special(found if meant is None else meant)


def may_be_reached(address: str, allowed: Networks) -> bool:
    """Whether something may be sent to that address: it is outside, or in one of the networks ``allowed``."""
    return not is_inside(address) or allowed.hold(address)


def _meant(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that traffic to this one ends at, if it does."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_special(address: IPv4Address | IPv6Address) -> bool:
    if any(address in network for network in _NEVER if network.version == address.version):
        return True
    return not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified
