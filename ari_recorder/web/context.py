"""What the pages and the API work with, handed in by whoever starts them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from aiohttp import web
from prometheus_client import generate_latest

from ari_recorder.clock import utc_now
from ari_recorder.config import Sftp, Web, Webhooks
from ari_recorder.live import Live
from ari_recorder.policies.rights import Scope
from ari_recorder.store.accounts import Account
from ari_recorder.store.audit import Actor, By
from ari_recorder.store.audit_key import PublicKey
from ari_recorder.store.database import Store
from ari_recorder.store.safe import Safe
from ari_recorder.store.tokens import Bearer
from ari_recorder.web.language import Language
from ari_recorder.web.thread import aside


@dataclass(frozen=True)
class Part:
    """Whether a part of the program works (the store, the vault, one Asterisk), and what is wrong if not."""

    ok: bool
    detail: str = ""
    unknown: tuple[str, ...] = ()
    """Of an Asterisk: telephones of recorded users that it does not have; nothing is recorded there."""


Probe = Callable[[], Awaitable[Part]]
"""Asks one part."""


async def own_counters() -> bytes:
    """Those of this process."""
    return await aside(generate_latest)


@dataclass(frozen=True)
class WebContext:
    """The store, the vault, the settings, the calls that go on, and how to ask each part whether it works.

    ``key_file`` holds the key that session cookies are encrypted with: made when missing, readable by its
    owner alone. With another key everybody signs in again.
    """

    store: Store
    safe: Safe
    settings: Web
    key_file: Path
    probes: Mapping[str, Probe]
    live: Live
    now: Callable[[], datetime] = utc_now
    pbxs: tuple[str, ...] = ("main",)
    """Names of the Asterisks in the settings: a user's telephone is on one of them."""
    audit_key: PublicKey | None = None
    """What the audit log's seals are checked with; None where nothing seals it."""
    counters: Callable[[], Awaitable[bytes]] = own_counters
    """All counters, as Prometheus reads them."""
    webhooks: Webhooks = field(default_factory=Webhooks)
    """Where webhooks may be."""
    sftp: Sftp = field(default_factory=Sftp)
    """Where recordings are fetched, and by what."""


CONTEXT = web.AppKey("context", WebContext)
ACCOUNT = web.RequestKey("account", Account)
"""Who asks; only there on requests of signed-in people."""
SCOPE = web.RequestKey("scope", Scope)
"""What who asks may see and do; only there on requests of people and of programs with a token."""
ACTOR = web.RequestKey("actor", Actor)
"""Who asks, for the audit log; there on every request."""
BEARER = web.RequestKey("bearer", Bearer)
"""The token of who asks; only there on requests of programs, whose `ACCOUNT` is missing."""
LANGUAGE = web.RequestKey("language", Language)
FORM_TOKEN = web.RequestKey("form_token", str)
"""What a form on the page must send back."""


def scope(request: web.Request) -> Scope:
    """What who asks may see and do."""
    return request[SCOPE]


def asker_id(request: web.Request) -> UUID:
    """Who asks, to count what they hold: the user, or the token that a program comes with."""
    return UUID(request[ACTOR].id)


def own_organisation(request: web.Request) -> UUID:
    """The organisation of who asks."""
    found = request[SCOPE].organisation
    assert found is not None, "only the command line has none"
    return found


def changed_by(request: web.Request) -> By:
    """Who asks, and the time: what every function of the store that changes something takes."""
    return {"actor": request[ACTOR], "now": request.app[CONTEXT].now()}
