"""A phone in the browser, for the demo: a page of its own on the loopback, beside My Pages and apart from it.

It speaks SIP by websocket with the demo's Asterisk (RFC 7118) and has WebRTC for the audio, by way of SIP.js,
which npm has put into ``node_modules``. Its address has a host of its own, 127.0.0.3, so that its page shares
neither cookies nor storage with My Pages. It speaks the browser's language, and asks the catalogue whose each
phone is: a user who was added a minute ago has theirs. No part of the package.
"""

from __future__ import annotations

import functools
import html
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from string import Template
from typing import Any

from aiohttp import web

from ari_recorder.store import people
from ari_recorder.store.database import Store
from ari_recorder.store.people import UserRow
from ari_recorder.web.language import choose
from lab.errors import LabError
from lab.lab import Lab
from lab.people import SPARE, USERS, Spare, User
from lab.recorder import PBX

HERE = Path(__file__).parent
SIP_JS = HERE.parents[1] / "node_modules/sip.js/lib"
HOST = "127.0.0.3"
FILES = ("page.js", "phone.js", "sounds.js", "style.css")
OUTSIDE_EXAMPLE = "0812345678"
KEYS = {
    "always_pause_resume": ("*48", "*49"),
    "on_demand": ("*44", "*48", "*49"),
    "on_demand_user_start": ("*44", "*45", "*48", "*49"),
}
"""What the user of a mode may press."""

Words = dict[str, dict[str, Any]]


@functools.cache
def words(language: str) -> Words:
    """Every text of the page in a language (``en`` or ``sv``), by part of the page and name."""
    found: Words = json.loads((HERE / f"words/{language}.json").read_text(encoding="utf-8"))
    return found


@asynccontextmanager
async def serving(lab: Lab, my_pages: str, store: Store) -> AsyncIterator[str]:
    """Serve the page while the lab runs; gives its address. Raises `LabError` if SIP.js is not there.

    ``store`` is the catalogue of the recorder whose pages are at ``my_pages``.
    """
    if not (SIP_JS / "index.js").exists():
        raise LabError("SIP.js is not there, which the softphone needs: npm ci --ignore-scripts")
    runner = web.AppRunner(_application(lab, my_pages, store), access_log=None)
    await runner.setup()
    try:
        port = lab.pbx.ports.http + 3
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{port}/"
    finally:
        await runner.cleanup()


def _application(lab: Lab, my_pages: str, store: Store) -> web.Application:
    server = {"domain": "127.0.0.1", "socket": f"ws://127.0.0.1:{lab.pbx.ports.http}/ws"}
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; base-uri 'none';"
        f" form-action 'none'; frame-ancestors 'none'; connect-src 'self' {server['socket']}"
    )

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=_page(_language(request)), content_type="text/html")

    async def settings(request: web.Request) -> web.Response:
        users = await store.read(people.list_users)
        told = {"server": server, "my_pages": my_pages, "words": words(_language(request))}
        return web.json_response(told | {"phones": _phones(users), "outside": OUTSIDE_EXAMPLE})

    async def guard(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = policy
        response.headers["Cache-Control"] = "no-cache"

    async def file(request: web.Request) -> web.FileResponse:
        return web.FileResponse(HERE / request.path.lstrip("/"))

    app = web.Application()
    app.on_response_prepare.append(guard)
    app.add_routes([web.get("/", page), *(web.get(f"/{name}", file) for name in FILES)])
    app.add_routes([web.get("/settings.json", settings), web.static("/sip", SIP_JS)])
    return app


def _language(request: web.Request) -> str:
    return choose(None, None, request.headers.get("Accept-Language", "")).code


def _page(language: str) -> str:
    texts = {name: html.escape(text) for name, text in words(language)["page"].items()}
    texts["headline"] = texts["headline"].format(number=USERS[-1].number)
    return Template((HERE / "index.html").read_text(encoding="utf-8")).substitute(texts, language=language)


def _phones(users: Iterable[UserRow]) -> list[dict[str, Any]]:
    """Every phone that can be in a browser, and whose it is in the catalogue now, if anybody's."""
    owners = {name: user for user in users for pbx, name in user.endpoints if pbx == PBX}
    return [_phone(one, owners.get(f"PJSIP/{one.browser_account}")) for one in (*USERS, *SPARE)]


def _phone(phone: User | Spare, owner: UserRow | None) -> dict[str, Any]:
    of_demo = owner is not None and owner.login == phone.number and isinstance(phone, User)
    return {
        "number": phone.number,
        "account": phone.browser_account,
        "password": phone.password,
        "telephone": f"PJSIP/{phone.browser_account}",
        "suggested": "106" if phone.number != "106" else "101",
        "name": owner.name if owner else "",
        "mode": owner.mode if owner else "",
        "keys": KEYS.get(owner.mode, ()) if owner else (),
        "login": (owner.login or "") if owner else "",
        "login_password": phone.password if of_demo else "",
    }
