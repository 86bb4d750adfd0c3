"""The API's own description: the OpenAPI document, and a page to read it on."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from aiohttp import web

from ari_recorder.web.openapi import document
from ari_recorder.web.routing import Open, Route, operation
from ari_recorder.web.tags import is_known, tag_of
from ari_recorder.web.thread import aside

ROUTES = web.AppKey("routes", tuple[Route, ...])


@operation("GET", "/api/v1/openapi.json", need=Open.PUBLIC, media_type="application/json")
async def openapi(request: web.Request) -> web.Response:
    """This document: OpenAPI 3.1, made of the code that answers."""
    body, tag = await aside(_encoded, request.app[ROUTES])
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if is_known(request.headers.get("If-None-Match", ""), tag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers, content_type="application/json")


@cache
def _encoded(routes: tuple[Route, ...]) -> tuple[bytes, str]:
    body = msgspec.json.format(msgspec.json.encode(described(routes)), indent=1)
    return body, tag_of(body)


@cache
def described(routes: tuple[Route, ...]) -> dict[str, Any]:
    """The document, made once."""
    return document(routes)
