"""For those who run the program: is it alive, does everything work, and its counters."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ari_recorder.policies.rights import Right
from ari_recorder.web.context import Part, Probe
from ari_recorder.web.gate import who_may_ask
from ari_recorder.web.loopback import is_loopback
from ari_recorder.web.shared import Shared
from ari_recorder.web.thread import aside

PROBE_TIMEOUT_S = 5.0
FRESH_S = 1.0
"""How long an answer is good for whoever asks next."""
FORWARDED = frozenset(
    {"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"}
)
"""Headers of proxies: who asks is behind one, not on this machine."""

_log = structlog.get_logger(__name__)


class Health:
    """The parts' probes and the counters, each asked for once at a time, however many want to know."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._parts = {name: Shared(_safe(probe), FRESH_S) for name, probe in probes.items()}
        self.counters = Shared(lambda: aside(generate_latest), FRESH_S)

    async def parts(self) -> dict[str, Part]:
        """Each part; one that does not answer in time is said to, and is not asked again meanwhile."""
        asked = {name: asyncio.create_task(part.get()) for name, part in sorted(self._parts.items())}
        if asked:
            await asyncio.wait(asked.values(), timeout=PROBE_TIMEOUT_S)
        return {name: _found(answer) for name, answer in asked.items()}


HEALTH = web.AppKey("health", Health)


async def healthz(request: web.Request) -> web.Response:
    """``GET /healthz``: 200 while the process answers at all."""
    return web.json_response({"alive": True})


async def readyz(request: web.Request) -> web.Response:
    """``GET /readyz``: 200 when every part works, else 503; each part by name, to operators with details."""
    parts = await request.app[HEALTH].parts()
    ready = bool(parts) and all(part.ok for part in parts.values())
    told = await _is_operator(request)
    shown = {name: {"ok": part.ok, "detail": part.detail if told else ""} for name, part in parts.items()}
    return web.json_response({"ready": ready, "parts": shown}, status=200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """``GET /metrics``: counters in Prometheus' text format."""
    body = await request.app[HEALTH].counters.get()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


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


async def _is_operator(request: web.Request) -> bool:
    """Who is on this machine, or has the right, may read paths and addresses."""
    if _is_local(request):
        return True
    with suppress(Exception):  # a catalogue that does not answer knows no administrators
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            who = await who_may_ask(request)
            return who is not None and Right.HEALTH_READ in who.scope.rights
    return False


def _is_local(request: web.Request) -> bool:
    """Asked from this machine, by an address of this machine (no page of a browser's), and by no proxy."""
    asked = re.sub(r":\d+$", "", request.host)
    return is_loopback(request.remote or "") and is_loopback(asked) and not FORWARDED & request.headers.keys()
