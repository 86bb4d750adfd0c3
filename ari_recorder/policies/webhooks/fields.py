"""What a hook may be called, where it may be, and what it may be told: said by field."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from ari_recorder.policies.addresses import may_be_reached
from ari_recorder.policies.fields import name as named
from ari_recorder.policies.proxies import Networks
from ari_recorder.policies.text import is_plain
from ari_recorder.policies.unfit import Unfit
from ari_recorder.policies.webhooks.events import CHOSEN, EventType

NAME_MAX = 100
URL_MAX = 2000
HOOKS_MAX = 20
"""Of an organisation."""


def name(value: object) -> str:
    """What the hook is called. Raises `Unfit`."""
    return named("name", value, NAME_MAX)


def url(value: object, *, unencrypted: bool, allowed: Networks) -> str:
    """Where it is. ``unencrypted``: plain HTTP may be used. Raises `Unfit`.

    Names are looked up when something is sent; an address is looked at now, too.
    """
    text = value.strip() if isinstance(value, str) else ""
    if len(text) > URL_MAX:
        raise Unfit("url", "%(length)s characters; at most %(most)s.", length=len(text), most=URL_MAX)
    parts = _parts(text)
    if parts.scheme == "http" and not unencrypted:
        raise Unfit(
            "url", "it has to begin with https://: what is sent there is to be read by nobody on the way."
        )
    if parts.username is not None or parts.password is not None:
        raise Unfit("url", "without a name and a password: what is sent is signed instead.")
    host = parts.hostname or ""
    if _is_address(host) and not may_be_reached(host, allowed):
        raise Unfit("url", "%(host)s is an address of the inside network: nothing is sent there.", host=host)
    return text


def events(values: Iterable[object]) -> tuple[EventType, ...]:
    """What it is told, at least one thing, in their order. Raises `Unfit`."""
    given = list(values)
    if not given:
        raise Unfit("events", "choose at least one.")
    if unknown := [one for one in given if one not in CHOSEN]:
        raise Unfit(
            "events", "%(event)s is no event that a webhook can be told.", event=str(unknown[0])[:100]
        )
    return tuple(one for one in CHOSEN if one in given)


def _parts(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise Unfit("url", "an address such as https://crm.example/recordings.") from error
    ascii_only = text.isascii() and is_plain(text) and " " not in text and "\\" not in text
    if parts.scheme not in ("http", "https") or not host or port == 0 or not ascii_only:
        raise Unfit("url", "an address such as https://crm.example/recordings.")
    return parts


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return host.replace(".", "").isdigit() or host.lower().startswith("0x")
    return True
