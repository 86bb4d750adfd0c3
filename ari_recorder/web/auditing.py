"""What is written to the audit log besides the work: commands, and attempts that were denied."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from ari_recorder.errors import NotAllowed, NotFound, StoreError
from ari_recorder.store import audit, audit_log
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.web.context import ACTOR, CONTEXT, SCOPE
from ari_recorder.web.problems import NoRight, NotOwnPage

NOTED_WITHIN_S = 0.25
"""How long an answer waits for its line; what has been done is not undone for one that cannot be written."""
DENIED_PER_MINUTE = 10
"""Most lines a minute of one asker's denied attempts: nobody fills the disk with them."""
ASKERS_MAX = 10_000
_MINUTE = timedelta(minutes=1)

_log = structlog.get_logger(__name__)


class Why(StrEnum):
    """Why an attempt was denied."""

    ROLE = "role"
    """Who asks does not have the right."""
    NOT_THEIRS = "not_theirs"
    """It exists, but is not theirs to see."""
    FORM = "form"
    """It did not come from a page of their session."""


@dataclass
class _Counted:
    since: datetime
    written: int = 0
    unwritten: int = 0


class Denials:
    """Counts the denied attempts of everybody."""

    def __init__(self) -> None:
        self._askers: OrderedDict[tuple[str, str], _Counted] = OrderedDict()

    def take(self, actor: Actor, now: datetime) -> int | None:
        """Whether one more is written: how many were not since the last that was, or None if it is not."""
        key = (actor.kind.value, actor.id or actor.address)
        found = self._askers.setdefault(key, _Counted(now))
        self._askers.move_to_end(key)
        if len(self._askers) > ASKERS_MAX:
            self._askers.popitem(last=False)
        if not timedelta() <= now - found.since < _MINUTE:
            found.since, found.written = now, 0
        if found.written >= DENIED_PER_MINUTE:
            found.unwritten += 1
            return None
        before, found.unwritten = found.unwritten, 0
        found.written += 1
        return before


DENIALS = web.AppKey("denials", Denials)


async def note(
    request: web.Request,
    action: Action,
    subject: Subject,
    detail: Mapping[str, Any],
    organisation: UUID | None = None,
) -> None:
    """Write a line of who asks. Never fails, and never takes long: what cannot be written is logged."""
    context = request.app[CONTEXT]
    work = context.store.write(
        audit.write, request[ACTOR], action, subject, context.now(), organisation=organisation, detail=detail
    )
    writing = asyncio.ensure_future(work)
    writing.add_done_callback(lambda done: _tell_failure(done, action, subject))
    await asyncio.wait([writing], timeout=NOTED_WITHIN_S)


@web.middleware
async def denials(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write down what somebody who is signed in was denied: by their role, or as it is not theirs to see."""
    try:
        return await handler(request)
    except (NotAllowed, NoRight):
        await _denied(request, _address(request), Why.ROLE)
        raise
    except NotOwnPage:
        await _denied(request, _address(request), Why.FORM)
        raise
    except NotFound:
        if subject := await _of_others(request):
            await _denied(request, subject, Why.NOT_THEIRS)
        raise


async def _denied(request: web.Request, subject: Subject, why: Why) -> None:
    if SCOPE not in request:
        return
    unwritten = request.app[DENIALS].take(request[ACTOR], request.app[CONTEXT].now())
    if unwritten is None:
        return
    detail = {"method": request.method, "path": request.path[:200], "reason": why}
    await note(request, Action.DENIED, subject, {**detail, **({"unwritten": unwritten} if unwritten else {})})


def _address(request: web.Request) -> Subject:
    return Subject("address", request.path)


async def _of_others(request: web.Request) -> Subject | None:
    """The thing in the address, if there is one that who asks may not see."""
    try:
        thing = UUID(request.match_info.get("id", ""))
        kind = await request.app[CONTEXT].store.read(audit_log.exists, thing)
    except (ValueError, StoreError):
        return None
    return Subject(kind, str(thing)) if kind else None


def _tell_failure(done: asyncio.Future[None], action: Action, subject: Subject) -> None:
    if not done.cancelled() and (error := done.exception()):
        _log.error("not written to the audit log", what=action.value, subject=subject.id, error=str(error))
