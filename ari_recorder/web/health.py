"""For those who run the program: is it alive, does everything work, and its counters.

On the address of the pages anybody learns which parts work, and who has the right `Right.HEALTH_READ`, as
operators have, why, and the counters. ``web.health_port`` is a port of its own, where
whoever reaches it learns all: also while the catalogue, which knows the rights, is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST

from ari_recorder.policies.proxies import Networks
from ari_recorder.policies.rights import Right, Scope
from ari_recorder.web import bearer
from ari_recorder.web.client import find_client
from ari_recorder.web.context import SCOPE, Part, Probe
from ari_recorder.web.gate import who_may_ask
from ari_recorder.web.language import N_, SOURCE, language
from ari_recorder.web.loopback import is_loopback
from ari_recorder.web.problems import NoRight, Refused, problem
from ari_recorder.web.security import add_headers
from ari_recorder.web.shared import Shared

PROBE_TIMEOUT_S = 5.0
FRESH_S = 1.0
"""How long an answer is good for whoever asks next."""
_log = structlog.get_logger(__name__)


class Health:
    """The parts' probes and the counters, each asked for once at a time, however many want to know."""

    def __init__(self, probes: Mapping[str, Probe], counters: Callable[[], Awaitable[bytes]]) -> None:
        self._parts = {name: Shared(_safe(probe), FRESH_S) for name, probe in probes.items()}
        self.counters = Shared(counters, FRESH_S)

    async def parts(self) -> dict[str, Part]:
        """Each part; one that does not answer in time is said to, and is not asked again meanwhile."""
        asked = {name: asyncio.create_task(part.get()) for name, part in sorted(self._parts.items())}
        if asked:
            await asyncio.wait(asked.values(), timeout=PROBE_TIMEOUT_S)
        return {name: _found(answer) for name, answer in asked.items()}

    async def part(self, name: str, within_s: float) -> Part | None:
        """One of them, or None if there is none of that name."""
        if name not in self._parts:
            return None
        asked = asyncio.create_task(self._parts[name].get())
        await asyncio.wait([asked], timeout=within_s)
        return _found(asked)


HEALTH = web.AppKey("health", Health)


async def healthz(request: web.Request) -> web.Response:
    """``GET /healthz``: 200 while the process answers at all."""
    return web.json_response({"alive": True})


async def readyz(request: web.Request) -> web.Response:
    """``GET /readyz``: 200 when every part works, else 503; each part by name, to operators with details."""
    parts = await request.app[HEALTH].parts()
    ready = bool(parts) and all(part.ok for part in parts.values())
    told = await _is_told(request)
    shown = {
        name: {"ok": part.ok, **({"detail": part.detail} if told else {})} for name, part in parts.items()
    }
    return web.json_response({"ready": ready, "parts": shown}, status=200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """``GET /metrics``: counters in Prometheus' text format. Raises `Refused`: 401 or 403."""
    if OWN_PORT not in request.app:
        found = await _scope(request)
        if found is None:
            raise Refused(401, N_("Sign in first, or send a token."), {"WWW-Authenticate": bearer.CHALLENGE})
        if Right.HEALTH_READ not in found.rights:
            raise NoRight(
                N_("This needs the right %(right)s, which you do not have here."),
                {"right": Right.HEALTH_READ},
            )
    body = await request.app[HEALTH].counters.get()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


OWN_PORT = web.AppKey("own_port", str)
"""In the application of ``web.health_port``: the address it is bound to."""


def create_health_app(health: Health, host: str) -> web.Application:
    """The application of ``web.health_port``: no sign-in, no pages."""
    app = web.Application(middlewares=[_plainly], client_max_size=0)
    app[HEALTH], app[OWN_PORT] = health, host
    for path, handler in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
        app.router.add_get(path, handler)
    app.on_response_prepare.append(add_headers)
    return app


@web.middleware
async def _plainly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors for programs; and on this machine nothing for a page that has had its name made ours."""
    try:
        asked = find_client(request, Networks()).name
        if is_loopback(request.app[OWN_PORT]) and asked and not is_loopback(asked):
            raise Refused(421, N_("This service does not go by that name."))
        return await handler(request)
    except Refused as refused:
        return problem(refused, language(SOURCE))
    except web.HTTPException as answer:
        return problem(Refused(answer.status, answer.reason), language(SOURCE))


def _safe(probe: Probe) -> Probe:
    async def asked() -> Part:
        try:
            return await probe()
        except Exception:
            _log.exception("a readiness probe failed")
            return Part(False, "the probe failed; the reason is in the log")

    return asked


def _found(answer: asyncio.Task[Part]) -> Part:
    if answer.done():
        return answer.result()
    answer.cancel()
    return Part(False, f"no answer within {PROBE_TIMEOUT_S:g} s")


async def _is_told(request: web.Request) -> bool:
    """Whether who asks may read paths and addresses."""
    if OWN_PORT in request.app:
        return True
    with suppress(Exception):  # a catalogue that does not answer knows no operators
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            found = await _scope(request)
            return found is not None and Right.HEALTH_READ in found.rights
    return False


async def _scope(request: web.Request) -> Scope | None:
    """What who asks may, if they are known. Raises `Refused` for a token that is none."""
    if secret := bearer.secret_of(request):
        await bearer.identify(request, secret)
        return request[SCOPE]
    who = await who_may_ask(request)
    return who.scope if who else None
