"""Telephones that a user was given, and Asterisk does not have: a slip of the pen; nothing is recorded."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from ari_recorder.web.context import CONTEXT
from ari_recorder.web.health import HEALTH

ASKED_WITHIN_S = 2.0
MOST = 100
"""So many are looked up: with more of them it is no slip of the pen, but another Asterisk."""


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
