"""Nothing is sent to the inside of the network, however its addresses are written."""

from __future__ import annotations

import pytest

from ari_recorder.policies.addresses import is_inside, may_be_reached
from ari_recorder.policies.proxies import Networks

INSIDE = (
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.7",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "localhost",
    "2130706433",
    "0x7f.1",
    "",
)
OUTSIDE = (
    "1.1.1.1",
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "169.253.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:400f:80d::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
)


@pytest.mark.parametrize("address", INSIDE)
def test_the_inside_is_recognised(address: str) -> None:
    assert is_inside(address)
    assert not may_be_reached(address, Networks())


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_outside_is_everybodys(address: str) -> None:
    assert not is_inside(address)
    assert may_be_reached(address, Networks())


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd00::7"])
def test_what_is_allowed_is_reached_and_nothing_beside_it(address: str) -> None:
    assert may_be_reached(address, Networks.of(["10.1.2.0/24", "fd00::/64"]))
    assert not may_be_reached(address, Networks.of(["10.1.3.0/24", "fd01::/64"]))
