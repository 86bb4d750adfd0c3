"""A phone in the browser, for the demo: a page of its own on the loopback, beside My Pages and apart from it.

It speaks SIP by websocket with the demo's Asterisk (RFC 7118) and has WebRTC for the audio, by way of SIP.js,
which npm has put into ``node_modules``. Its address has a host of its own, 127.0.0.3, so that its page shares
neither cookies nor storage with My Pages. No part of the package.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from lab.errors import LabError
from lab.lab import Lab
from lab.people import SERVICES, USERS, User

HERE = Path(__file__).parent
SIP_JS = HERE.parents[1] / "node_modules/sip.js/lib"
HOST = "127.0.0.3"
FILES = ("index.html", "page.js", "phone.js", "sounds.js", "style.css")
OUTSIDE_EXAMPLE = "0812345678"

_PAUSE = (("*48", "Pause"), ("*49", "Resume"))


@dataclass(frozen=True)
class ModeWords:
    """What the page says of a recording mode: its name, what it means, the keys, and what follows a call."""

    name: str
    text: str
    keys: tuple[tuple[str, str], ...]
    afterwards: str


KEPT = "Your recording is being made and is in a moment in"
ON_DEMAND = "If you pressed start, your recording is in a moment in"
MODES = {
    "always": ModeWords("always recorded", "Every call is recorded, from the answer to the end.", (), KEPT),
    "always_pause_resume": ModeWords(
        "always recorded, with pauses",
        "Every call is recorded. What is said while you have paused is not kept.",
        _PAUSE,
        KEPT,
    ),
    "on_demand": ModeWords(
        "recorded on demand",
        "A call is kept from its beginning if you press start before it ends; otherwise it is destroyed.",
        (("*44", "Start"), *_PAUSE),
        ON_DEMAND,
    ),
    "on_demand_user_start": ModeWords(
        "recorded from start to stop",
        "Each start makes a recording, from then until stop or the end of the call.",
        (("*44", "Start"), ("*45", "Stop"), *_PAUSE),
        ON_DEMAND,
    ),
    "never": ModeWords(
        "not recorded",
        "Your calls are not recorded for you; whom you call may record them.",
        (),
        "Nothing was recorded for you. What others recorded is in",
    ),
}


@asynccontextmanager
async def serving(lab: Lab, my_pages: str) -> AsyncIterator[str]:
    """Serve the page while the lab runs; gives its address. Raises `LabError` if SIP.js is not there."""
    if not (SIP_JS / "index.js").exists():
        raise LabError("SIP.js is not there, which the softphone needs: npm ci --ignore-scripts")
    runner = web.AppRunner(_application(lab, my_pages), access_log=None)
    await runner.setup()
    try:
        port = lab.pbx.ports.http + 3
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{port}/"
    finally:
        await runner.cleanup()


def _application(lab: Lab, my_pages: str) -> web.Application:
    told = _settings(lab, my_pages)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; base-uri 'none';"
        f" form-action 'none'; frame-ancestors 'none'; connect-src 'self' {told['server']['socket']}"
    )

    async def settings(_: web.Request) -> web.Response:
        return web.json_response(told)

    async def guard(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = policy
        response.headers["Cache-Control"] = "no-cache"

    async def file(request: web.Request) -> web.FileResponse:
        return web.FileResponse(HERE / (request.path.lstrip("/") or "index.html"))

    app = web.Application()
    app.on_response_prepare.append(guard)
    app.add_routes([web.get("/", file), *(web.get(f"/{name}", file) for name in FILES)])
    app.add_routes([web.get("/settings.json", settings), web.static("/sip", SIP_JS)])
    return app


def _settings(lab: Lab, my_pages: str) -> dict[str, Any]:
    return {
        "server": {
            "domain": "127.0.0.1",
            "socket": f"ws://127.0.0.1:{lab.pbx.ports.http}/ws",
        },
        "my_pages": my_pages,
        "users": [_user(user) for user in USERS],
        "numbers": [
            *((user.number, user.name) for user in USERS),
            (OUTSIDE_EXAMPLE, "somebody outside"),
            *SERVICES.items(),
        ],
    }


def _user(user: User) -> dict[str, Any]:
    words = MODES[user.mode]
    return {
        "number": user.number,
        "name": user.name,
        "account": user.browser_account,
        "password": user.password,
        "mode_name": words.name,
        "mode_text": words.text,
        "keys": words.keys,
        "afterwards": words.afterwards,
        "suggested": "106" if user.number != "106" else "101",
    }
