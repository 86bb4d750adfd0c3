"""Who is in a group, and who supervises it: a click each, with undo."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import Conflict, NotFound
from ari_recorder.store import people
from ari_recorder.store.people import GroupDetail
from ari_recorder.store.people.groups import Supervisor
from ari_recorder.web import page, told
from ari_recorder.web.administration.forms import Form, sent, text
from ari_recorder.web.administration.groups import MAY, SO_ALREADY, found, render
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation
from ari_recorder.web.language import N_
from ari_recorder.web.told import Undo

_IN = N_("In %(group)s now: %(who)s.")
_OUT = N_("Not in %(group)s any more: %(who)s.")
_SUPERVISES = N_("%(who)s supervises %(group)s: it holds from their next click on.")
_SUPERVISES_NOT = N_("%(who)s does not supervise %(group)s any more, as from their next click.")
_NOBODY_CHOSEN = N_("Tick somebody first.")
_NO_USER = N_("There is no such user here, or not any more.")
NAMED_MAX = 5


async def add_members(request: web.Request) -> web.Response:
    """``POST /groups/{id}/members``: put in who is ticked, all of them or none."""
    group, typed = await found(request), await sent(request)
    try:
        users = [UUID(str(one)) for one in typed.getall("user", [])]
        after = await request.app[CONTEXT].store.write(
            people.add_members, own_organisation(request), group.id, users, **changed_by(request)
        )
    except (ValueError, NotFound):
        return await _refused(request, "members", "", _NO_USER)
    if not users:
        return await _refused(request, "members", "", _NOBODY_CHOSEN)
    new = {one.user for one in after.members if one.user in users} - {one.user for one in group.members}
    if not new:
        raise told.then(request, _back(typed, group), SO_ALREADY, good=False)
    undo = Undo(f"/groups/{group.id}/members/remove", (*_users(new), *_way(typed)))
    who = _named([one.name for one in after.members if one.user in new])
    raise told.then(request, _back(typed, group), _IN, undo=undo, who=who, group=group.name)


async def remove_members(request: web.Request) -> web.Response:
    """``POST /groups/{id}/members/remove``: take users out, all at once; who is not in it is not missed."""
    group, typed = await found(request), await sent(request)
    chosen = {str(one) for one in typed.getall("user", [])}
    out = [one for one in group.members if str(one.user) in chosen]
    if not out:
        raise told.then(request, _back(typed, group), SO_ALREADY, good=False)
    users = [one.user for one in out]
    await request.app[CONTEXT].store.write(
        people.remove_members, own_organisation(request), group.id, users, **changed_by(request)
    )
    undo = Undo(f"/groups/{group.id}/members", (*_users(users), *_way(typed)))
    who = _named([one.name for one in out])
    raise told.then(request, _back(typed, group), _OUT, undo=undo, who=who, group=group.name)


async def set_supervisor(request: web.Request) -> web.Response:
    """``POST /groups/{id}/supervisors``: make somebody supervisor, or say anew what they may."""
    group, typed = await found(request), await sent(request)
    form = Form("supervisors", {name: text(typed, name) for name in ("user", *MAY)})
    may = {name: form.has(name, "yes") for name in MAY}
    before = _supervisor(group, form.value("user"))
    try:
        after = await request.app[CONTEXT].store.write(
            people.set_supervisor, own_organisation(request), group.id, UUID(form.value("user")), **may,
            **changed_by(request),
        )  # fmt: skip
    except Conflict as fault:
        return await _refused(request, "supervisors", "user", fault.message, fault.values)
    except (ValueError, NotFound):
        return await _refused(request, "supervisors", "user", _NO_USER)
    now = _supervisor(after, form.value("user"))
    assert now is not None
    address = f"/groups/{group.id}/supervisors"
    undo = Undo(f"{address}/remove", _users([now.user])) if before is None else Undo(address, _may(before))
    raise told.then(
        request, f"/groups/{group.id}#supervisors", _SUPERVISES, undo=undo, who=now.name, group=group.name
    )


async def remove_supervisor(request: web.Request) -> web.Response:
    """``POST /groups/{id}/supervisors/remove``."""
    group, typed = await found(request), await sent(request)
    page_of = f"/groups/{group.id}#supervisors"
    was = _supervisor(group, text(typed, "user"))
    if was is None:
        raise told.then(request, page_of, SO_ALREADY, good=False)
    await request.app[CONTEXT].store.write(
        people.remove_supervisor, own_organisation(request), group.id, was.user, **changed_by(request)
    )
    undo = Undo(f"/groups/{group.id}/supervisors", _may(was))
    raise told.then(request, page_of, _SUPERVISES_NOT, undo=undo, who=was.name, group=group.name)


async def _refused(
    request: web.Request, form: str, field: str, message: str, values: Mapping[str, object] | None = None
) -> web.Response:
    words = page.reader_language(request)
    refused = Form(form, dict.fromkeys(MAY, "yes"), {field: words.gettext(message, **(values or {}))})
    return await render(request, await found(request), refused)


def _supervisor(group: GroupDetail, user: str) -> Supervisor | None:
    return next((one for one in group.supervisors if str(one.user) == user), None)


def _may(one: Supervisor) -> tuple[tuple[str, str], ...]:
    """The fields of a form that makes them supervisor as they are."""
    return (*_users([one.user]), *((name, "yes") for name in MAY if getattr(one, name)))


def _users(users: Iterable[UUID]) -> tuple[tuple[str, str], ...]:
    return tuple(("user", str(user)) for user in users)


def _named(names: Sequence[str]) -> str:
    more = f" + {len(names) - NAMED_MAX}" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


def _way(typed: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    back = text(typed, "back")
    return (("back", back),) if back else ()


def _back(typed: Mapping[str, Any], group: GroupDetail) -> str:
    """Where the form says that it stood: on the page of a user, or on the group's own."""
    back = text(typed, "back").removeprefix("/users/")
    return f"/users/{back}#groups" if _USER.fullmatch(back) else f"/groups/{group.id}#members"


_USER = re.compile(r"[0-9a-f-]{36}", re.ASCII)
