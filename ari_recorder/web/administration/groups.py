"""Groups: whose recordings a supervisor has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ari_recorder.errors import NotFound
from ari_recorder.policies.fields import NAME_MAX
from ari_recorder.policies.text import is_plain, tidy
from ari_recorder.store import people, retention
from ari_recorder.store.people import GroupDetail
from ari_recorder.web import page, told
from ari_recorder.web.administration.confirming import Confirmation, ask
from ari_recorder.web.administration.forms import UNDONE, VERSION, Form, sent, text
from ari_recorder.web.administration.versions import unchanged, version
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation, scope
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id
from ari_recorder.web.told import Undo

TAKES = ("cursor", told.PARAMETER)
GROUP_TAKES = ("q", told.PARAMETER)
FOUND_MAX = 20
"""Users that a search for members shows."""
Q_MAX = 200
_ADDED = N_("The group %(group)s was added.")
_RENAMED = N_("The group is called %(group)s now.")
_REMOVED = N_("The group %(group)s was removed. Its members and their recordings stay.")
_ACCESS = N_("The access of %(who)s to their recordings, from the next click")
_NO_GROUP = N_("This group is not here, or not any more: the list of groups has all there are.")
_CHANGED = N_("The group was changed meanwhile. Nothing was done: look again at what goes and what stays.")
SO_ALREADY = N_("That was so already: somebody else was faster.")
MAY = ("may_listen", "may_annotate")
"""What a supervisor may be allowed."""


async def show(request: web.Request) -> web.Response:
    """``GET /groups``."""
    return await _list(request, Form("new"))


async def add(request: web.Request) -> web.Response:
    """``POST /groups``: a new one, and to its page."""
    typed = await sent(request)
    form = Form("new", {"name": text(typed, "name")})
    with form.noting(page.reader_language(request)):
        made = await request.app[CONTEXT].store.write(
            people.add_group, own_organisation(request), form.value("name"), **changed_by(request)
        )
        raise told.then(request, f"/groups/{made.id}", _ADDED, group=made.name)
    return await _list(request, form)


async def _list(request: web.Request, form: Form) -> web.Response:
    cursor = request.query.get("cursor")
    found = await request.app[CONTEXT].store.read(people.groups_page, scope(request), cursor=cursor)
    values = {
        "groups": found.rows,
        "form": form,
        "name_max": NAME_MAX,
        "first": "/groups" if cursor else "",
        "next": f"/groups?cursor={found.next_cursor}" if found.next_cursor else "",
    }
    return await page.render(request, "administration/groups.html", values, status=form.status)


async def show_one(request: web.Request) -> web.Response:
    """``GET /groups/{id}``: its members and supervisors; ``q`` looks for more."""
    return await render(request, await found(request))


async def rename(request: web.Request) -> web.Response:
    """``POST /groups/{id}/name``."""
    group, typed = await found(request), await sent(request)
    form = Form("name", {"name": text(typed, "name")}, version=text(typed, VERSION))
    with form.noting(page.reader_language(request)):
        after = await request.app[CONTEXT].store.write(
            people.rename_group, own_organisation(request), group.id, form.value("name"),
            check=unchanged(typed, _shown), **changed_by(request),
        )  # fmt: skip
        back = (("name", group.name), (VERSION, version(_shown(after))), (UNDONE, "yes"))
        undo = None if UNDONE in typed else Undo(f"/groups/{group.id}/name", back)
        raise told.then(request, f"/groups/{group.id}", _RENAMED, undo=undo, group=after.name)
    return await render(request, await found(request), form)


async def confirm_removal(request: web.Request) -> web.Response:
    """``GET /groups/{id}/remove``: what would go, and what would stay."""
    return await ask(request, _asked(request, await found(request)))


async def remove(request: web.Request) -> web.Response:
    """``POST /groups/{id}/remove``."""
    group, typed = await found(request), await sent(request)
    try:
        gone = await request.app[CONTEXT].store.write(
            people.remove_group, own_organisation(request), group.id, check=unchanged(typed, vars),
            **changed_by(request),
        )  # fmt: skip
    except NotFound:
        raise told.then(request, "/groups", SO_ALREADY, good=False) from None
    except Refused:
        problem = page.reader_language(request).gettext(_CHANGED)
        return await ask(request, _asked(request, await found(request)), problem, 412)
    raise told.then(request, "/groups", _REMOVED, group=gone.name)


def _asked(request: web.Request, group: GroupDetail) -> Confirmation:
    words = page.reader_language(request)
    say = words.gettext
    supervisors = ", ".join(one.name for one in group.supervisors)
    goes = [words.ngettext("The group of %(n)s member", "The group of %(n)s members", len(group.members))]
    if supervisors:
        goes.append(
            say(N_("The access of %(who)s to their recordings, from the next click"), who=supervisors)
        )
    return Confirmation(
        title=say(N_("Remove the group %(group)s?"), group=group.name),
        button=say(N_("Remove the group")),
        action=f"/groups/{group.id}/remove",
        back=f"/groups/{group.id}",
        goes=tuple(goes),
        stays=(say(N_("Its members, how they are recorded, and their recordings")),),
        after=say(N_("It cannot be undone: a new group of that name begins empty.")),
        fields=((VERSION, version(vars(group))),),
    )


async def found(request: web.Request) -> GroupDetail:
    """The group of the address. Raises `Refused` (404) if there is none, or none any more."""
    try:
        return await request.app[CONTEXT].store.read(people.group, scope(request), path_id(request))
    except NotFound as error:
        raise Refused(404, N_("There is no such group here."), explanation=_NO_GROUP) from error


async def render(request: web.Request, group: GroupDetail, form: Form | None = None) -> web.Response:
    """The page; with a form that was not saved in its place."""
    store, organisation = request.app[CONTEXT].store, own_organisation(request)
    q = tidy(request.query.get("q", "")).strip() if request.method != "POST" else ""
    if len(q) > Q_MAX or not is_plain(q):
        raise Refused(400, N_("The address asks for something that there is not."))
    candidates = await store.read(
        people.users_page, organisation, q=q or None, outside=group.id, limit=FOUND_MAX
    )
    forms = {
        "name": Form("name", _shown(group), version=version(_shown(group))),
        "members": Form("members"),
        "supervisors": Form("supervisors", dict.fromkeys(MAY, "yes")),
        "retention": Form("retention", _kept(group), version=version(_kept(group))),
    }
    if form is not None:
        forms[form.name] = form.beside(forms[form.name])
    values: Mapping[str, Any] = {
        "group": group,
        "forms": forms,
        "by": await store.read(people.last_changed_by, organisation, group.id) if form and form.stale else "",
        "q": q,
        "candidates": candidates.rows,
        "more": candidates.next_cursor is not None,
        "may_supervise": await store.read(people.may_supervise, organisation),
        "supervising": {one.user for one in group.supervisors},
        "name_max": NAME_MAX,
        "organisation_days": await store.read(retention.days_of, organisation),
        "most_days": await store.read(retention.most, organisation),
    }
    status = form.status if form else 200
    return await page.render(request, "administration/group.html", values, status=status)


def _kept(group: GroupDetail) -> dict[str, str]:
    days = group.retention_days
    return {"retention_days": "" if days is None else str(days)}


def _shown(group: GroupDetail) -> dict[str, str]:
    return {"name": group.name}
