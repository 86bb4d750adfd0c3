"""What a browser shows of calls outside of the page: the tab's title and icon, and the installed window.

Source of the manifest: https://www.w3.org/TR/appmanifest/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from ari_recorder.policies.table import State
from ari_recorder.store import catalogue
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.filters import Wanted
from ari_recorder.web import page
from ari_recorder.web.context import CONTEXT, scope
from ari_recorder.web.language import N_

SIGNS = {
    State.RECORDING: "●",
    State.PROVISIONAL: "●",
    State.PAUSED: "‖",
    State.PROVISIONAL_PAUSED: "‖",
}
"""What the title begins with, for the states in which something is or could be recorded."""
ICONS = {"": "mark.svg", "●": "tab-recording.svg", "‖": "tab-paused.svg"}
NAME, ABOUT = N_("Call window"), N_("Whether your call is recorded, with its commands and your note.")
_SQUARE = (
    (192, "call-192.png", "any"),
    (512, "call-512.png", "any"),
    (512, "call-maskable-512.png", "maskable"),
)


def of(own: Iterable[Mapping[str, Any]], states: Mapping[str, str]) -> dict[str, Any]:
    """Sign, word and icon of one's own calls: of one that is recorded before one that is paused."""
    signed = [
        (sign, call["state"]) for sign in ("●", "‖") for call in own if SIGNS.get(call["state"]) == sign
    ]
    sign, state = signed[0] if signed else ("", "")
    addresses = {sign: page.static_address(icon) for sign, icon in ICONS.items()}
    return {"sign": sign, "word": states.get(state, ""), "icon": ICONS[sign], "icons": addresses}


async def latest(request: web.Request) -> RecordingRow | None:
    """The latest recording of who asks, if they may hear their own."""
    asker = scope(request)
    if asker.user is None or asker.user not in asker.hears:
        return None
    wanted = Wanted(user=asker.user)
    found = await request.app[CONTEXT].store.read(catalogue.recordings, asker, limit=1, wanted=wanted)
    return found.recordings[0] if found.recordings else None


async def manifest(request: web.Request) -> web.Response:
    """``GET /call.webmanifest``: what makes a browser offer to install the window of one's own calls."""
    language = page.reader_language(request)
    drawn = {"src": page.static_address("call.svg"), "sizes": "any", "type": "image/svg+xml"}
    pictures = [
        {"src": page.static_address(file), "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}
        for side, file, purpose in _SQUARE
    ]
    told = {
        "id": "/call",
        "name": language.gettext(NAME),
        "short_name": language.gettext(NAME),
        "description": language.gettext(ABOUT),
        "lang": language.code,
        "start_url": "/call",
        "scope": "/",
        "display": "standalone",
        "background_color": "#f5f6f4",
        "theme_color": "#0f5c63",
        "icons": [drawn, *pictures],
    }
    return web.json_response(
        told, content_type="application/manifest+json", headers={"Cache-Control": "no-cache"}
    )
