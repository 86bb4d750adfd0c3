"""The organisation: its time zone and language, what its calls sound like, and who needs a second factor."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any
from zoneinfo import available_timezones

from aiohttp import web

from ari_recorder.policies import fields
from ari_recorder.policies.rights import Role
from ari_recorder.store import people, retention
from ari_recorder.store.people import OrganisationRow
from ari_recorder.web import page, told
from ari_recorder.web.administration import calling, terms
from ari_recorder.web.administration.forms import UNDONE, VERSION, Form, sent, text
from ari_recorder.web.administration.versions import unchanged, version
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation
from ari_recorder.web.language import N_
from ari_recorder.web.told import Undo
from ari_recorder.web.words import ROLES

TAKES = (told.PARAMETER,)
ADDRESS = "/organisation"
PLACE = ("timezone", "country", "language")
SECOND_FACTOR = "second_factor"
LEAVERS = "leavers"
_SAVED_FIELDS = N_("Saved. They are called so from the next click on.")
_SAVED_LEAVERS = N_("Saved: it holds for who is removed from now on.")
_SAVED = N_("Saved. Times and pages are so from the next click on.")
_SAVED_CALLS = N_("Saved: it holds from the next call on, for all who have nothing of their own.")
_SAVED_FACTOR = N_("Saved: it holds from the next time that somebody signs in.")
_AS_BEFORE = N_("It is as before.")


async def show(request: web.Request) -> web.Response:
    """``GET /organisation``."""
    return await render(request)


async def change_place(request: web.Request) -> web.Response:
    """``POST /organisation/place``: time zone, country and language."""
    typed = await sent(request)
    form = Form("place", {name: text(typed, name).strip() for name in PLACE}, version=text(typed, VERSION))
    return await _change(request, form, dict(form.values), _place, _SAVED, typed)


async def change_second_factor(request: web.Request) -> web.Response:
    """``POST /organisation/second-factor``: the roles that need one."""
    typed = await sent(request)
    roles = tuple(str(one) for one in typed.getall(SECOND_FACTOR, []))
    form = Form("second-factor", {SECOND_FACTOR: roles}, version=text(typed, VERSION))
    return await _change(request, form, {SECOND_FACTOR: roles}, _second_factor, _SAVED_FACTOR, typed)


async def change_leavers(request: web.Request) -> web.Response:
    """``POST /organisation/leavers``: what recordings of removed users bear."""
    typed = await sent(request)
    form = Form("leavers", {LEAVERS: text(typed, LEAVERS)}, version=text(typed, VERSION))
    return await _change(request, form, dict(form.values), _leavers, _SAVED_LEAVERS, typed)


async def change_fields(request: web.Request) -> web.Response:
    """``POST /organisation/fields``: what the three fields of calls are called."""
    typed = await sent(request)
    values = {name: text(typed, name).strip() for name in fields.TAG_NAMES}
    form = Form("fields", values, version=text(typed, VERSION))
    return await _change(request, form, dict(form.values), _tag_names, _SAVED_FIELDS, typed)


async def change_calls(request: web.Request) -> web.Response:
    """``POST /organisation/calls``: preferences of everybody who has set nothing else."""
    typed, words = await sent(request), page.reader_language(request)
    form = Form("calls", {name: text(typed, name) for name in calling.FIELDS}, version=text(typed, VERSION))
    values = calling.values(form, words)
    if form.problems:
        return await render(request, form)
    store, organisation = request.app[CONTEXT].store, own_organisation(request)
    before = calling.form_of_organisation(await store.read(people.organisation_preferences, organisation))
    with form.noting(words):
        after = await store.write(
            people.change_organisation_preferences, organisation, values,
            check=unchanged(typed, lambda shown: calling.form_of_organisation(shown).values),
            **changed_by(request),
        )  # fmt: skip
        undo = calling.undo(f"{ADDRESS}/calls", before, calling.form_of_organisation(after), typed)
        message = _SAVED_CALLS if undo else _AS_BEFORE
        raise told.then(request, f"{ADDRESS}#calls", message, undo=undo)
    return await render(request, form)


async def _change(
    request: web.Request,
    form: Form,
    values: dict[str, Any],
    shown: Callable[[OrganisationRow], dict[str, Any]],
    saved: str,
    typed: Any,
) -> web.Response:
    """Change what a form names of the organisation itself."""
    words, organisation = page.reader_language(request), own_organisation(request)
    form.check(words, *(partial(fields.organisation, {name: value}) for name, value in values.items()))
    if form.problems:
        return await render(request, form)
    before = await request.app[CONTEXT].store.read(people.organisation, organisation)
    with form.noting(words):
        after = await request.app[CONTEXT].store.write(
            people.change_organisation, organisation, values, check=unchanged(typed, shown),
            **changed_by(request),
        )  # fmt: skip
        back = (*_fields(shown(before)), (VERSION, version(shown(after))), (UNDONE, "yes"))
        undo = None if UNDONE in typed or before == after else Undo(f"{ADDRESS}/{form.name}", back)
        message = _AS_BEFORE if UNDONE in typed else saved
        raise told.then(request, f"{ADDRESS}#{form.name}", message, undo=undo)
    return await render(request, form)


def _fields(shown: dict[str, Any]) -> list[tuple[str, str]]:
    """As a form sends them: a field that has several values is there several times."""
    several = {name: (value,) if isinstance(value, str) else value for name, value in shown.items()}
    return [(name, one) for name, values in several.items() for one in values]


def _place(row: OrganisationRow) -> dict[str, Any]:
    return {"timezone": row.timezone, "country": row.country, "language": row.language}


def _retention(row: OrganisationRow) -> dict[str, str]:
    return {"retention_days": str(row.retention_days)}


def _second_factor(row: OrganisationRow) -> dict[str, Any]:
    return {SECOND_FACTOR: tuple(str(role) for role in row.second_factor)}


def _leavers(row: OrganisationRow) -> dict[str, Any]:
    return {LEAVERS: row.leavers}


def _tag_names(row: OrganisationRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in fields.TAG_NAMES}


async def render(request: web.Request, form: Form | None = None) -> web.Response:
    """The page; with a form that was not saved in its place."""
    store, organisation = request.app[CONTEXT].store, own_organisation(request)
    row = await store.read(people.organisation, organisation)
    shown = await store.read(people.organisation_preferences, organisation)
    forms = {
        "place": Form("place", _place(row), version=version(_place(row))),
        "second-factor": Form("second-factor", _second_factor(row), version=version(_second_factor(row))),
        "leavers": Form("leavers", _leavers(row), version=version(_leavers(row))),
        "fields": Form("fields", _tag_names(row), version=version(_tag_names(row))),
        "calls": calling.form_of_organisation(shown),
        "retention": Form("retention", _retention(row), version=version(_retention(row))),
    }
    if form is not None:
        forms[form.name] = form.beside(forms[form.name])
    words = page.reader_language(request)
    values = {
        "own": row,
        "forms": forms,
        "by": await store.read(people.last_changed_by, organisation, organisation)
        if form and form.stale
        else "",
        "coming": await store.read(retention.coming, organisation, request.app[CONTEXT].now()),
        "most_days": await store.read(retention.most, organisation),
        "clock": await store.read(retention.clock),
        "zones": _zones(),
        "languages_offered": terms.languages(words),
        "countries": [("", words.gettext("Not said")), *terms.countries(words)],
        "roles": [(role, words.gettext(ROLES[role])) for role in Role if role is not Role.OPERATOR],
        **calling.choices(request, shown),
    }
    status = form.status if form else 200
    return await page.render(request, "administration/organisation.html", values, status=status)


@cache
def _zones() -> list[str]:
    """Places of the tz database, to be offered while one types."""
    return sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
