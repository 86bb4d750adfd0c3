"""Telephones that a user was given, and Asterisk does not have: a slip of the pen; nothing is recorded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from ari_recorder.policies.table import is_recorded
from ari_recorder.store.people import UserRow
from ari_recorder.web.context import CONTEXT
from ari_recorder.web.health import HEALTH
from ari_recorder.web.language import N_

ASKED_WITHIN_S = 2.0
MOST = 100
"""So many are looked up: with more of them it is no slip of the pen, but another Asterisk."""
_UNKNOWN = N_("Saved, but Asterisk does not know %(telephones)s of %(name)s: no call is recorded there.")
_NO_TELEPHONE = N_("Saved: calls of %(name)s are recorded once they have a telephone.")


async def unknown(request: web.Request) -> list[tuple[str, str]]:
    """Those of recorded users of every organisation, ``(pbx, "PJSIP/101")``, as the recorder has found out.

    A page waits for no recorder that does not answer: none are unknown then.
    """
    found: list[tuple[str, str]] = []
    for pbx in request.app[CONTEXT].pbxs:
        if part := await request.app[HEALTH].part(f"pbx.{pbx}", ASKED_WITHIN_S):
            found += ((pbx, name) for name in part.unknown)
    return found[:MOST]


def among(telephones: Iterable[tuple[str, str]], unknown: Iterable[tuple[str, str]]) -> list[str]:
    """The names of those of a user's that are unknown."""
    there_not = set(unknown)
    return [name for pbx, name in telephones if (pbx, name) in there_not]


async def promised(
    request: web.Request, before: UserRow | None, after: UserRow, known: str, asked: str
) -> dict[str, Any]:
    """What `told.then` says to the change of somebody who is recorded, as far as that is known already.

    ``known`` where the recorder had their telephones before; ``asked`` while it is still to ask Asterisk.
    """
    if not after.endpoints:
        return {"message": _NO_TELEPHONE, "good": False, "name": after.name}
    if there_not := among(after.endpoints, await unknown(request)):
        telephones = ", ".join(there_not)
        return {"message": _UNKNOWN, "good": False, "name": after.name, "telephones": telephones}
    had = before.endpoints if before is not None and is_recorded(before.mode) else ()
    return {"message": known if set(after.endpoints) <= set(had) else asked, "name": after.name}
