"""Whom a request comes from: what proxies say, and only those that are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.policies.proxies import Networks, plain_address, who_came

PROXIES = Networks.of(["10.0.0.0/24", "2001:db8::5"])
CLIENT = "203.0.113.7"


@pytest.mark.parametrize(
    ("peer", "said", "came"),
    [
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [CLIENT], CLIENT),
        ("10.0.0.1", ["198.51.100.1", CLIENT], CLIENT),
        ("10.0.0.1", ["198.51.100.1", CLIENT, "10.0.0.2"], CLIENT),
        ("10.0.0.1", [CLIENT, "unknown"], "10.0.0.1"),
        ("10.0.0.1", [CLIENT, ""], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3", "10.0.0.2"], "10.0.0.3"),
        ("::ffff:10.0.0.1", [f"{CLIENT}:51000"], CLIENT),
        ("2001:db8::5", ["[2001:db8::77]:443"], "2001:db8::77"),
        (CLIENT, ["10.0.0.1"], CLIENT),
        (CLIENT, ["127.0.0.1"], CLIENT),
        ("", [CLIENT], ""),
    ],
)
def test_who_came(peer: str, said: list[str], came: str) -> None:
    assert who_came(peer, said, PROXIES) == came


@given(st.lists(st.text() | st.ip_addresses().map(str)))
def test_nothing_that_is_said_before_the_proxys_own_word_counts(forged: list[str]) -> None:
    assert who_came("10.0.0.1", [*forged, CLIENT], PROXIES) == CLIENT


@given(st.ip_addresses().map(str), st.lists(st.text() | st.ip_addresses().map(str)))
def test_nobody_is_believed_where_no_proxy_is_named(peer: str, said: list[str]) -> None:
    assert who_came(peer, said, Networks()) == plain_address(peer)


@given(st.text())
def test_what_is_no_address_is_none(text: str) -> None:
    assert not PROXIES.hold(text) or plain_address(text) is not None


@pytest.mark.parametrize(
    "text", ["10.0.0.1/8", "x", "10.0.0.0/33", "0.0.0.0/0", "::/0", "1.2.3.4:80", "localhost"]
)
def test_a_network_that_is_none_or_too_wide(text: str) -> None:
    with pytest.raises(ValueError, match=text.partition("/")[0]):
        Networks.of([text])
