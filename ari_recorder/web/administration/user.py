"""The page of one user: a form for each part of them, and what they were told about being recorded."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import NotFound
from ari_recorder.policies.rights import Right
from ari_recorder.policies.table import is_recorded
from ari_recorder.store import people
from ari_recorder.store.people import UserRow
from ari_recorder.web import page, told
from ari_recorder.web.administration import calling, given
from ari_recorder.web.administration.forms import UNDONE, VERSION, Form, sent, text
from ari_recorder.web.administration.given import SECTIONS, Section, Values
from ari_recorder.web.administration.unknown import among, promised, unknown
from ari_recorder.web.administration.users import NO_PASSWORD, choices, is_without_password, offered
from ari_recorder.web.administration.versions import unchanged, version
from ari_recorder.web.context import ACCOUNT, CONTEXT, changed_by, own_organisation, scope
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id
from ari_recorder.web.signin import prepared
from ari_recorder.web.told import Undo

TAKES = (told.PARAMETER,)
AS_BEFORE = N_("%(name)s is as before.")
_SAME = N_("Nothing was to be changed: %(name)s was so already.")
_CALLS = N_("Saved: it holds from the next call of %(name)s on.")
_ACKNOWLEDGED = N_("Written down: what %(name)s was told.")
_JOINED = N_("%(name)s is in the group %(group)s now.")
_NOBODY = N_("This user is not here, or not any more: the list of users has everybody who is.")


async def show(request: web.Request) -> web.Response:
    """``GET /users/{id}``."""
    return await render(request, await found(request))


async def change_who(request: web.Request) -> web.Response:
    """``POST /users/{id}/who``: name, number and telephones."""
    return await _change(request, SECTIONS["who"])


async def change_recording(request: web.Request) -> web.Response:
    """``POST /users/{id}/recording``: mode, plan, and whether they may listen."""
    return await _change(request, SECTIONS["recording"])


async def change_sign_in(request: web.Request) -> web.Response:
    """``POST /users/{id}/sign-in``: login, role, and a new password if one is typed."""
    return await _change(request, SECTIONS["sign-in"])


async def _change(request: web.Request, section: Section) -> web.Response:
    row, typed = await found(request), await sent(request)
    names = (*section.fields, *given.ACKNOWLEDGEMENT, "password")
    form = Form(section.name, given.typed(typed, names), version=text(typed, VERSION))
    values = given.values(request, form, section.fields)
    acknowledged = None
    if section is SECTIONS["recording"] and given.is_switched_on(row.mode, form.value("mode")):
        acknowledged = given.acknowledgement(request, form)
    if form.problems:
        return await render(request, row, form)
    with form.noting(page.reader_language(request)):
        if section is SECTIONS["sign-in"] and (password := form.value("password")):
            values["password"] = await prepared(request, password)
        after = await request.app[CONTEXT].store.write(
            people.change_user, own_organisation(request), row.id, values, acknowledgement=acknowledged,
            check=unchanged(typed, partial(_shown, request, section)), tries_password=False,
            **changed_by(request),
        )  # fmt: skip
        raise await _saved(request, section, row, after, values, undone=UNDONE in typed)
    return await render(request, await found(request), form)


async def _saved(
    request: web.Request, section: Section, before: UserRow, after: UserRow, values: Values, *, undone: bool
) -> web.HTTPSeeOther:
    """To the page, with how to undo it where that is all that it takes."""
    address = f"/users/{after.id}/{section.name}"
    undo = None
    if _can_be_undone(before, after, values) and not undone:
        fields = {**_shown(request, section, before), VERSION: version(_shown(request, section, after))}
        undo = Undo(address, (*fields.items(), (UNDONE, "yes")))
    same = before == after and "password" not in values
    said: dict[str, Any] = {
        "message": AS_BEFORE if undone else _SAME if same else section.saved,
        "name": after.name,
    }
    if not (undone or same):
        said |= await _promised(request, section, before, after)
    return told.then(request, f"/users/{after.id}#{section.name}", undo=undo, **said)


async def _promised(
    request: web.Request, section: Section, before: UserRow, after: UserRow
) -> dict[str, Any]:
    """What it does not do yet, if anything: record, or let them sign in."""
    if section.asked and is_recorded(after.mode):
        return await promised(request, before, after, section.saved, section.asked)
    if section is SECTIONS["sign-in"] and await is_without_password(request, after):
        say = page.reader_language(request).gettext
        saved = " ".join(say(one, name=after.name) for one in (section.saved, NO_PASSWORD))
        return {"message": "%(said)s", "said": saved, "good": False}
    return {}


def _can_be_undone(before: UserRow, after: UserRow, values: Values) -> bool:
    """Not what began or ended an activation, ended sessions, or took a password."""
    recorded = is_recorded(before.mode), is_recorded(after.mode)
    same_activation = recorded[0] is recorded[1] and before.plan == after.plan
    same_way_in = before.role == after.role and bool(before.login) == bool(after.login)
    return before != after and same_activation and same_way_in and "password" not in values


async def change_calls(request: web.Request) -> web.Response:
    """``POST /users/{id}/calls``: preferences, where they differ from the organisation's."""
    row, typed = await found(request), await sent(request)
    form = Form("calls", given.typed(typed, calling.FIELDS), version=text(typed, VERSION))
    values = calling.values(form, page.reader_language(request))
    if form.problems:
        return await render(request, row, form)
    store, organisation = request.app[CONTEXT].store, own_organisation(request)
    before = calling.form_of_user(await store.read(people.user_preferences, organisation, row.id))
    with form.noting(page.reader_language(request)):
        after = await store.write(
            people.change_user_preferences, organisation, row.id, values,
            check=unchanged(typed, lambda shown: calling.form_of_user(shown).values), **changed_by(request),
        )  # fmt: skip
        undo = calling.undo(f"/users/{row.id}/calls", before, calling.form_of_user(after), typed)
        message = _CALLS if undo else AS_BEFORE
        raise told.then(request, f"/users/{row.id}#calls", message, undo=undo, name=row.name)
    return await render(request, row, form)


async def acknowledge(request: web.Request) -> web.Response:
    """``POST /users/{id}/acknowledgement``: what somebody who is recorded already was told."""
    row, typed = await found(request), await sent(request)
    form = Form("acknowledge", given.typed(typed, given.ACKNOWLEDGEMENT))
    acknowledged = given.acknowledgement(request, form)
    if acknowledged is not None and not form.problems:
        with form.noting(page.reader_language(request)):
            await request.app[CONTEXT].store.write(
                people.change_user, own_organisation(request), row.id, {}, acknowledgement=acknowledged,
                tries_password=False, **changed_by(request),
            )  # fmt: skip
            raise told.then(request, f"/users/{row.id}#recording", _ACKNOWLEDGED, name=row.name)
    return await render(request, row, form)


async def join(request: web.Request) -> web.Response:
    """``POST /users/{id}/groups``: put them into a group."""
    row, typed = await found(request), await sent(request)
    form = Form("groups", given.typed(typed, ("group",)))
    try:
        group = UUID(form.value("group"))
        joined = await request.app[CONTEXT].store.write(
            people.add_members, own_organisation(request), group, [row.id], **changed_by(request)
        )
    except (ValueError, NotFound):
        form.problems["group"] = page.reader_language(request).gettext(N_("Choose one of those in the list."))
        return await render(request, row, form)
    undo = Undo(f"/groups/{group}/members/remove", (("user", str(row.id)), ("back", f"/users/{row.id}")))
    raise told.then(request, f"/users/{row.id}#groups", _JOINED, undo=undo, name=row.name, group=joined.name)


async def found(request: web.Request) -> UserRow:
    """The user of the address. Raises `Refused` (404) if there is none, or none any more."""
    try:
        return await request.app[CONTEXT].store.read(people.user, own_organisation(request), path_id(request))
    except NotFound as error:
        raise Refused(404, N_("There is no such user here."), explanation=_NOBODY) from error


async def render(request: web.Request, row: UserRow, form: Form | None = None) -> web.Response:
    """The page; with a form that was not saved in its place."""
    store, organisation = request.app[CONTEXT].store, own_organisation(request)
    preferences = await store.read(people.user_preferences, organisation, row.id)
    activations = await store.read(people.activations_of, organisation, row.id)
    forms = _forms(request, row, await offered(request)) | {"calls": calling.form_of_user(preferences)}
    stale = form is not None and form.stale
    if form is not None:
        forms[form.name] = form.beside(forms[form.name])
    values = {
        "user": row,
        "places_holds": Right.HOLDS_WRITE in scope(request).rights,
        "forms": forms,
        "by": await store.read(people.last_changed_by, organisation, row.id) if stale else "",
        "activations": activations,
        "running": activations[0] if activations and activations[0].ended_at is None else None,
        "first_activation": not activations,
        "own": await store.read(people.organisation, organisation),
        "without_password": await is_without_password(request, row),
        "unknown": among(row.endpoints, await unknown(request)),
        "is_self": request[ACCOUNT].user.id == row.id,
        "member_of": (await store.read(people.groups_of, [row.id])).get(row.id, []),
        "supervises": await store.read(people.supervised_by, row.id),
        "groups": await store.read(people.group_names, scope(request)),
        **choices(request, preferences.preferences, row.role),
        **calling.choices(request, preferences),
    }
    status = form.status if form else 200
    return await page.render(request, "administration/user.html", values, status=status)


def _forms(request: web.Request, row: UserRow, offered: str) -> dict[str, Form]:
    at_first = given.offered_acknowledgement(request, offered)
    forms = {"acknowledge": Form("acknowledge", at_first), "groups": Form("groups")}
    for name, section in SECTIONS.items():
        fields = _shown(request, section, row)
        more = at_first if name == "recording" else {}
        forms[name] = Form(name, {**fields, **more}, version=version(fields))
    return forms


def _shown(request: web.Request, section: Section, row: UserRow) -> dict[str, str]:
    return given.shown(row, section.fields, request.app[CONTEXT].pbxs)
