"""What a page tells once after a form was sent: what was done, and how to undo it.

A form that has done something is answered with 303 to a page whose address has a key (`PARAMETER`). What is
told lies in memory under it, for whom it is meant alone, and is gone with the program: then nothing is told.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from aiohttp import web

from ari_recorder.web.context import ACCOUNT

PARAMETER = "told"
"""Of the address of a page that can tell something: one of its ``takes``."""
KEPT_MAX = 1_000
"""The oldest is forgotten for one more."""


@dataclass(frozen=True)
class Undo:
    """A form that takes back what was done: its address, and its hidden fields."""

    address: str
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Told:
    """A sentence, marked by `N_`, and what ``%(name)s`` stands for in it; not ``good`` if it is a warning."""

    message: str
    values: Mapping[str, object]
    undo: Undo | None = None
    good: bool = True


@dataclass
class Kept:
    """What is still to be told, by key, and to whom."""

    of: OrderedDict[str, tuple[UUID, Told]] = field(default_factory=OrderedDict)

    def keep(self, user: UUID, told: Told) -> str:
        """The key of what is to be told."""
        key = secrets.token_urlsafe(8)
        self.of[key] = user, told
        if len(self.of) > KEPT_MAX:
            self.of.popitem(last=False)
        return key

    def find(self, user: UUID, key: str) -> Told | None:
        """What lies under that key, if it is meant for that user."""
        meant, told = self.of.get(key, (None, None))
        return told if meant == user else None


KEPT = web.AppKey("told", Kept)


def then(
    request: web.Request,
    address: str,
    message: str,
    *,
    undo: Undo | None = None,
    good: bool = True,
    **values: object,
) -> web.HTTPSeeOther:
    """On to a page that tells what was done; to be raised."""
    key = request.app[KEPT].keep(request[ACCOUNT].user.id, Told(message, values, undo, good))
    path, mark, fragment = address.partition("#")
    joined = f"{path}{'&' if '?' in path else '?'}{PARAMETER}={key}"
    return web.HTTPSeeOther(joined + mark + fragment)


def of(request: web.Request) -> Told | None:
    """What the page that is asked for has to tell."""
    key, account = request.query.get(PARAMETER, ""), request.get(ACCOUNT)
    return request.app[KEPT].find(account.user.id, key) if key and account else None
