"""Pages of erasures: those there are, whom one would take out and what that means, its progress and its
report."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import Invalid, NotFound
from ari_recorder.policies.erasing import CODE_LENGTH, NAME_MAX, REFERENCE_MAX, Kind, State
from ari_recorder.policies.parties import NUMBER_MAX
from ari_recorder.policies.rights import Right
from ari_recorder.store.erasing import asking
from ari_recorder.store.erasing.asking import ErasureRow, Preview, Target
from ari_recorder.web import page, told
from ari_recorder.web.administration.forms import VERSION, Form, sent, text
from ari_recorder.web.administration.versions import version
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation, scope
from ari_recorder.web.language import N_
from ari_recorder.web.lists import NO_CURSOR
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id
from ari_recorder.web.tags import is_unchanged

ADDRESS = "/erasures"
NEW = ADDRESS + "/new"
TAKES = ("cursor", told.PARAMETER)
ONE_TAKES = (told.PARAMETER,)
_FIELDS = ("kind", "number", "name", "user", "reference")
_BEGUN = N_("The erasure has begun. It goes on by itself; this page shows how far it is.")
_NONE = N_("This erasure is not here: the list has all there are.")
_CHANGED = N_("What would be erased has changed meanwhile. Nothing was done: look again.")
FACTS = {
    "recordings_disposed_of": N_("Recordings disposed of"),
    "recordings_with_pseudonym": N_("Recordings in which a pseudonym stands now"),
    "calls_with_pseudonym": N_("Calls without a recording in which a pseudonym stands now"),
    "texts_changed": N_("Notes, fields and lines of their history that were changed"),
    "manifests_without_names": N_("Manifests of which names and numbers were taken away"),
    "saved_searches_removed": N_("Saved searches removed"),
    "other_places_changed": N_("Other places changed"),
    "recordings_on_hold": N_("Recordings under a legal hold"),
    "recordings_going_on": N_("Recordings whose call goes on, or that are being prepared"),
    "audit_lines": N_("Lines of the audit log that name the person, and stay as they are"),
}
"""What a report counts, in words."""
KINDS = {
    Kind.COUNTERPART: N_("A counterpart"),
    Kind.USER: N_("A user who was removed"),
    Kind.LEAVER: N_("A user who has left: a pseudonym"),
}
STATES = {
    State.RUNNING: N_("Goes on"),
    State.WAITING: N_("Waits for a legal hold, or a call"),
    State.DONE: N_("Done"),
}


async def show(request: web.Request) -> web.Response:
    """``GET /erasures``: the newest first."""
    cursor, asker = request.query.get("cursor"), scope(request)
    try:
        found = await request.app[CONTEXT].store.read(asking.listed, asker, cursor=cursor)
    except Invalid as error:
        raise Refused(400, NO_CURSOR, field="cursor") from error
    values = {
        "rows": found.rows,
        "erases": Right.ERASURE in asker.rights,
        "first": ADDRESS if cursor else "",
        "next": f"{ADDRESS}?cursor={found.next_cursor}" if found.next_cursor else "",
        **_words(request),
    }
    return await page.render(request, "administration/erasures.html", values)


async def new(request: web.Request) -> web.Response:
    """``GET /erasures/new``: whom."""
    return await _form(request, Form("erasure", {"kind": Kind.COUNTERPART.value}))


async def preview(request: web.Request) -> web.Response:
    """``POST /erasures/new``: what it would mean, and nothing is done; or the form again."""
    typed = await sent(request)
    form = Form("erasure", {name: text(typed, name) for name in _FIELDS})
    with form.noting(page.reader_language(request)):
        return await _confirm(request, form, await _target(request, form))
    return await _form(request, form)


async def begin(request: web.Request) -> web.Response:
    """``POST /erasures``: begin it, if it would still mean what was shown."""
    typed = await sent(request)
    form = Form("erasure", {name: text(typed, name) for name in _FIELDS})
    words, store = page.reader_language(request), request.app[CONTEXT].store
    with form.noting(words):
        target = await _target(request, form)
        found = await store.read(asking.preview, own_organisation(request), target)
        if not is_unchanged(text(typed, VERSION), version(vars(found))):
            return await _confirm(request, form, target, words.gettext(_CHANGED), 412)
        made = await store.write(
            asking.begin, own_organisation(request), target, form.value("reference"),
            secrets.token_bytes(CODE_LENGTH), **changed_by(request),
        )  # fmt: skip
        raise told.then(request, f"{ADDRESS}/{made.id}", _BEGUN)
    return await _form(request, form)


async def show_one(request: web.Request) -> web.Response:
    """``GET /erasures/{id}``: how far it is, or the report."""
    row = await found(request)
    facts = json.loads(row.report) if row.report else None
    values = {
        "row": row,
        "facts": facts,
        "counted_now": row.counts,
        "fact_words": page.words(request).each(FACTS),
        "opens": Right.RECORDINGS_READ in scope(request).rights,
        **_words(request),
    }
    return await page.render(request, "administration/erasure.html", values)


async def found(request: web.Request) -> ErasureRow:
    """The erasure of the address. Raises `Refused` (404) if there is none."""
    try:
        return await request.app[CONTEXT].store.read(asking.one, scope(request), path_id(request))
    except NotFound as error:
        raise Refused(404, N_("There is no such erasure here."), explanation=_NONE) from error


async def _target(request: web.Request, form: Form) -> Target:
    """Whom the form means, as they are. Raises what `Form.noting` says at the field, and `Refused`."""
    if form.value("kind") not in (Kind.COUNTERPART, Kind.USER):
        raise Refused(422, N_("choose one."), field="kind")
    kind = Kind(form.value("kind"))
    target = Target(kind, number=form.value("number"), name=form.value("name"))
    if kind is Kind.USER:
        try:
            target = Target(kind, UUID(form.value("user")))
        except ValueError as error:
            raise Refused(422, N_("choose one."), field="user") from error
    try:
        return await request.app[CONTEXT].store.read(asking.checked, own_organisation(request), target)
    except NotFound as error:
        raise Refused(422, N_("choose one."), field="user") from error


async def _form(request: web.Request, form: Form) -> web.Response:
    gone = await request.app[CONTEXT].store.read(asking.gone_users, own_organisation(request))
    values = {"form": form, "gone": gone, **_limits()}
    return await page.render(request, "administration/erasure_new.html", values, status=form.status)


async def _confirm(
    request: web.Request, form: Form, target: Target, problem: str = "", status: int = 200
) -> web.Response:
    store, organisation = request.app[CONTEXT].store, own_organisation(request)
    await store.read(asking.check_reference, organisation, target, form.value("reference"))
    found: Preview = await store.read(asking.preview, organisation, target)
    values: Mapping[str, Any] = {
        "form": form,
        "target": target,
        "preview": found,
        "looked_at": asking.LOOKED_AT_MAX,
        "version": version(vars(found)),
        "problem": problem,
        **_limits(),
    }
    return await page.render(request, "administration/erasure_confirm.html", values, status=status)


def _limits() -> dict[str, int]:
    return {"number_max": NUMBER_MAX, "name_max": NAME_MAX, "reference_max": REFERENCE_MAX}


def _words(request: web.Request) -> dict[str, Any]:
    words = page.words(request)
    return {"kinds": words.each(KINDS), "states": words.each(STATES)}
