"""Headers that every answer carries, and what a browser is allowed to do with our pages."""

from __future__ import annotations

import secrets

from aiohttp import web

NONCE = web.RequestKey("nonce", str)
"""For the one style sheet that the player's shadow root brings along."""
MICROPHONE = web.RequestKey("microphone", bool)
"""There on a request whose page may ask to use the microphone, and play what it recorded."""

_HEADERS = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}
_PARTS = frozenset({"text/css", "text/javascript"})
"""What is only ever a part of a page. All else a browser may show by itself, and there the rest holds."""
_PAGE_HEADERS = {
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'nonce-{nonce}'",
        "img-src 'self' data:",
        "media-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""No inline scripts, nothing from elsewhere (Content Security Policy Level 3)."""


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """On every answer, also streams and errors; recordings and pages are not to be kept in caches."""
    response.headers.update(_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.popall("Server", None)
    if response.content_type in _PARTS:
        return
    response.headers.update(_PAGE_HEADERS)
    policy = _POLICY.format(nonce=request.get(NONCE, "none"))
    if request.get(MICROPHONE):
        response.headers["Permissions-Policy"] = _PAGE_HEADERS["Permissions-Policy"].replace(
            "microphone=()", "microphone=(self)"
        )
        policy = policy.replace("media-src 'self'", "media-src 'self' blob:")
    response.headers["Content-Security-Policy"] = policy


def new_nonce(request: web.Request) -> str:
    """Give the request the nonce of its page."""
    request[NONCE] = secrets.token_urlsafe(16)
    return request[NONCE]
