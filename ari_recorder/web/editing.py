"""Changing things by the API without undoing another's change (``If-Match``), or doing it twice
(``Idempotency-Key``).

Both are looked at in the transaction that makes the change: nothing can come between.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
from aiohttp import web

from ari_recorder.errors import StoreError
from ari_recorder.store.answered import BATCH, Answer, KeyTaken, once, remove_old
from ari_recorder.web.context import ACTOR, CONTEXT, WebContext
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.seals import SEALS
from ari_recorder.web.tags import is_unchanged, tag_of

T = TypeVar("T")
Guard = Callable[[T], None]
"""What a store function calls with a row before it changes it; raises `Refused` (412) to stop it."""

KEY = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
"""Says of an answer that it was given before, and that nothing was done now."""
KEY_MAX = 200
TIDIED_EVERY_S = 3600.0


def guard(request: web.Request, to_struct: Callable[[T], msgspec.Struct]) -> Guard[T]:
    """Checks ``If-Match`` against the row as `to_struct` shows it; without that header everything may go on.

    ``to_struct`` has to be what the GET of the same address answers with.
    """
    wanted = ", ".join(request.headers.getall("If-Match", []))

    def check(row: T) -> None:
        if not wanted:
            return
        tag = tag_of(msgspec.json.encode(to_struct(row)))
        if not is_unchanged(wanted, tag):
            raise Refused(
                412,
                N_("It has been changed since you read it: read it again, and decide anew."),
                {"ETag": tag},
            )

    return check


async def create(
    request: web.Request,
    work: Callable[[], T],
    to_struct: Callable[[T], msgspec.Struct],
    location: Callable[[T], str],
    shown_once: Callable[[T], msgspec.Struct] | None = None,
    made: Callable[[T], msgspec.Struct] | None = None,
) -> web.Response:
    """Run ``work`` in a write, and answer 201 with what it made, its ``ETag`` and its ``Location``.

    With an ``Idempotency-Key`` the answer is kept in the same transaction, and given again, instead of doing
    it again, to who sends the same request with the same key within `store.answered.KEPT`. ``to_struct`` has
    to be what the GET of its address answers with, or ``made`` is, where the answer says more of what was
    done; ``shown_once`` is the answer where it says a secret, which is not kept. Raises `Refused`: 400 for a
    key that is none, 422 when the key was another request's.
    """
    key, now = _key(request), request.app[CONTEXT].now()
    sha256 = await _request_sha256(request)
    making = _Making(work, to_struct, location, shown_once, made or to_struct)
    try:
        answer = await request.app[CONTEXT].store.write(once, _asker(request), key, sha256, making.run, now)
    except KeyTaken as error:
        raise Refused(
            422,
            N_("This Idempotency-Key was used for another request: use a new one for each."),
        ) from error
    headers = {**answer.headers, **({REPLAYED: "true"} if answer.replayed else {})}
    return web.Response(
        text=making.shown or answer.body,
        status=answer.status,
        headers=headers,
        content_type="application/json",
    )


@dataclass
class _Making(Generic[T]):
    """The work, and what it is answered with; ``shown`` is more than what is kept, if anything is."""

    work: Callable[[], T]
    to_struct: Callable[[T], msgspec.Struct]
    location: Callable[[T], str]
    shown_once: Callable[[T], msgspec.Struct] | None
    made: Callable[[T], msgspec.Struct]
    shown: str = ""

    def run(self) -> Answer:
        row = self.work()
        body = msgspec.json.encode(self.to_struct(row))
        if self.shown_once is not None:
            self.shown = msgspec.json.encode(self.shown_once(row)).decode()
        tag = tag_of(msgspec.json.encode(self.made(row)))
        return Answer(201, {"Location": self.location(row), "ETag": tag}, body.decode())


async def tidying(app: web.Application) -> AsyncIterator[None]:
    """Remove answers that are not given again, for as long as the application runs."""
    task = asyncio.create_task(_tidy(app[CONTEXT]), name="tidying")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _tidy(context: WebContext) -> None:
    while True:
        with suppress(StoreError):  # next time, then
            while await context.store.write(remove_old, context.now()) == BATCH:
                pass
        await asyncio.sleep(TIDIED_EVERY_S)


def _key(request: web.Request) -> str:
    """The request's key; empty if it has none."""
    keys = request.headers.getall(KEY, [])
    if not keys:
        return ""
    (first, *others) = keys
    if others or not (1 <= len(first) <= KEY_MAX and first.isascii() and first.isprintable()):
        raise Refused(
            400,
            N_("Idempotency-Key: one, of 1 to %(most)s characters of ASCII, such as a UUID."),
            values={"most": KEY_MAX},
        )
    return first


def _asker(request: web.Request) -> str:
    """Whose keys they are: two who ask cannot see each other's answers."""
    return f"{request[ACTOR].kind}:{request[ACTOR].id}"


async def _request_sha256(request: web.Request) -> str:
    whole = f"{request.method} {request.path_qs}\n".encode() + await request.read()
    return request.app[SEALS].fingerprint(whole)
