"""For those who run the program: is it alive, does everything work, and its counters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ari_recorder.web.context import CONTEXT, Part

PROBE_TIMEOUT_S = 5.0

_log = structlog.get_logger(__name__)


async def healthz(request: web.Request) -> web.Response:
    """``GET /healthz``: 200 while the process answers at all."""
    return web.json_response({"alive": True})


async def readyz(request: web.Request) -> web.Response:
    """``GET /readyz``: 200 when every part works, else 503; each part by name."""
    parts = await _probe(request)
    ready = bool(parts) and all(part.ok for part in parts.values())
    shown = {name: {"ok": part.ok, "detail": part.detail} for name, part in sorted(parts.items())}
    return web.json_response({"ready": ready, "parts": shown}, status=200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """``GET /metrics``: counters in Prometheus' text format."""
    body = await asyncio.to_thread(generate_latest)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _probe(request: web.Request) -> Mapping[str, Part]:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await request.app[CONTEXT].readiness()
    except TimeoutError:
        return {"readiness": Part(False, f"no answer within {PROBE_TIMEOUT_S:g} s")}
    except Exception:
        _log.exception("the readiness probe failed")
        return {"readiness": Part(False, "the probe failed; the reason is in the log")}
