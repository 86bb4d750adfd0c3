"""Our cookies: unreadable to scripts, not sent along from other sites, and over HTTPS of this host alone."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from ari_recorder.web.client import client

HOST = "__Host-"
"""A browser takes a cookie of that prefix over HTTPS alone, and from no other host (RFC 6265bis, 4.1.3.2)."""


def came_by_https(request: web.Request) -> bool:
    """Whether the browser did, as far as we know (`client.py`)."""
    return client(request).https


def read(request: web.Request, name: str) -> str:
    """What the browser has sent under that name; over HTTPS only what was set over it."""
    bound = request.cookies.get(HOST + name, "")
    return bound or ("" if came_by_https(request) else request.cookies.get(name, ""))


def write(
    request: web.Request, answer: web.StreamResponse, name: str, value: str, lasting: timedelta | None = None
) -> None:
    """Set a cookie; without ``lasting`` until the browser is closed."""
    secure = came_by_https(request)
    answer.set_cookie(
        HOST + name if secure else name,
        value,
        max_age=None if lasting is None else int(lasting.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="Lax",
    )


def remove(request: web.Request, answer: web.StreamResponse, name: str) -> None:
    """Take a cookie away, under whichever name it came."""
    for found in (HOST + name, name):
        if found in request.cookies:
            answer.del_cookie(found, path="/", secure=found != name, httponly=True, samesite="Lax")
