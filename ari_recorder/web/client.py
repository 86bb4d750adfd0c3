"""Who has come: by which address, encrypted or not, and what they call us.

All of this a proxy says of its clients, in ``X-Forwarded-For``, ``-Proto`` and ``-Host``; it is believed of
those named in ``web.trusted_proxies`` and of nobody else. Nothing beside this module may look at the
connection's own address, scheme or host: a test holds the package to it.

`aiohttp-remotes` does not fit. Its filter looks at the addresses in the header, not at whom they come from.
Its strict form refuses who comes without a proxy, as a health check on this machine does; and each hands on a
copy of the request, while aiohttp asks the original one for the headers of the answer (`security.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11
from aiohttp.typedefs import Handler, Middleware

from ari_recorder.config import Web
from ari_recorder.policies.proxies import Networks, plain_address, who_came
from ari_recorder.policies.slowdown import origin
from ari_recorder.web.entrance import REFUSED
from ari_recorder.web.language import N_
from ari_recorder.web.loopback import is_loopback
from ari_recorder.web.problems import Refused

FORWARDED = frozenset(
    {"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"}
)
"""Headers of proxies."""
FOR_MACHINES = frozenset({"healthz", "readyz", "metrics"})
"""Routes that load balancers ask for, by whatever name and address."""
HSTS_S = 365 * 86400
_OTHER_NAME = N_("This service does not go by that name.")
_AROUND = N_("This address is for the proxy alone: come by its address.")
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Client:
    """Who has come."""

    address: str
    """Their own, also when a proxy named stands between; empty when the connection is gone already."""
    https: bool
    """Whether they came encrypted, as far as the proxy."""
    host: str
    """What they call us, with the port if they give one; empty in HTTP/1.0."""
    proxy: bool = False
    """Whether it is a proxy named that speaks for them."""
    hidden: bool = False
    """Whether one does that is not named, so that none of this is known."""

    @property
    def name(self) -> str:
        """What they call us, without the port, in small letters."""
        return re.sub(r":\d+$", "", self.host).lower()


CLIENT = web.RequestKey("client", Client)


def client(request: web.Request) -> Client:
    """Who has come; there on every request."""
    return request[CLIENT]


def is_exposed(settings: Web) -> bool:
    """Whether others than this machine's own people reach the pages."""
    return bool(settings.trusted_proxies) or not is_loopback(settings.host)


def refuses_default_passwords(request: web.Request, settings: Web) -> bool:
    """Where others reach the pages, also by a proxy that nobody has named."""
    return is_exposed(settings) or client(request).hidden


@dataclass
class Arrivals:
    """Finds out who has come, and lets in who has come by a name and a way that are allowed."""

    settings: Web
    _at_once: Counter[str] = field(default_factory=Counter)
    _told: bool = False

    def _is_proxy(self, address: str) -> bool:
        return self.settings.trusted_proxies.hold(address)

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Hand the request on with `CLIENT`. Raises `Refused`: 400, 403, 421 or 429."""
        request[CLIENT] = came = find_client(request, self.settings.trusted_proxies)
        if request.match_info.route.name not in FOR_MACHINES:
            self._tell(came)
            self._check(came)
        with self._counted(came):
            return await handler(request)

    def _check(self, came: Client) -> None:
        hosts = self.settings.hosts
        if hosts and came.name not in hosts:
            raise Refused(421, _OTHER_NAME, explanation=_OTHER_NAME)
        if not (came.https or came.proxy or self.settings.unencrypted or is_loopback(came.address)):
            raise Refused(403, _AROUND, explanation=_AROUND)

    @contextmanager
    def _counted(self, came: Client) -> Iterator[None]:
        """A proxy's connections are its clients' requests: each may have as many as others connections."""
        key, most = origin(came.address), self.settings.connections_per_address_max
        if came.proxy and not self._is_proxy(came.address) and self._at_once[key] >= most:
            REFUSED.labels("connections_per_address_max").inc()
            raise Refused(
                429,
                N_("Too many requests at once from your address: wait for one to end."),
                {"Retry-After": "5"},
            )
        self._at_once[key] += 1
        try:
            yield
        finally:
            self._at_once[key] -= 1
            if not self._at_once[key]:
                del self._at_once[key]

    def _tell(self, came: Client) -> None:
        """Once, that a proxy is not set up as it should be."""
        if self._told:
            return
        if came.hidden:
            what = "requests come by a proxy that web.trusted_proxies does not name: it is not believed"
        elif came.proxy and not is_loopback(came.address) and self._is_proxy(came.address):
            what = "a proxy sends no X-Forwarded-For: all its clients count as one"
        else:
            return
        self._told = True
        _log.warning(what, address=came.address)


async def add_hsts(request: web.Request, response: web.StreamResponse) -> None:
    """Who has come by HTTPS is to come by nothing else (RFC 6797, 7.2: not to be said over HTTP)."""
    came = request.get(CLIENT)
    if came is not None and came.https:
        response.headers["Strict-Transport-Security"] = f"max-age={HSTS_S}"


def arrivals(settings: Web) -> Middleware:
    """The middleware, for `web.Application`."""
    found = Arrivals(settings)

    @web.middleware
    async def arrived(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await found.answer(request, handler)

    return arrived


def find_client(request: web.BaseRequest, proxies: Networks) -> Client:
    """Who has come. Raises `Refused` (400) for a name of ours that cannot be one (RFC 9112, 3.2)."""
    peer, host = request.remote or "", _own_host(request)
    said = any(name in request.headers for name in FORWARDED)
    if not proxies.hold(peer):
        return Client(plain_address(peer) or peer, request.secure, host, hidden=said)
    schemes, hosts = _last(request, hdrs.X_FORWARDED_PROTO), _last(request, hdrs.X_FORWARDED_HOST)
    return Client(
        who_came(peer, _listed(request, hdrs.X_FORWARDED_FOR), proxies),
        schemes.lower() == "https" if schemes else request.secure,
        _checked(hosts) if hosts else host,
        proxy=True,
    )


def _own_host(request: web.BaseRequest) -> str:
    """What they call us. (aiohttp itself refuses a request with two.)"""
    given = request.headers.get(hdrs.HOST, "")
    return "" if not given and request.version < HttpVersion11 else _checked(given)


def _checked(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise Refused(400, N_("The Host header is no name of a host."))
    return host


def _listed(request: web.BaseRequest, name: str) -> list[str]:
    """The entries of a header that may be there several times."""
    return [entry.strip() for line in request.headers.getall(name, []) for entry in line.split(",")]


def _last(request: web.BaseRequest, name: str) -> str:
    """What the nearest proxy says."""
    return (_listed(request, name) or [""])[-1]
