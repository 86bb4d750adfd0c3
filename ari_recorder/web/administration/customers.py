"""The operator's pages of organisations: every one with its usage, a new one, and one changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from ari_recorder.errors import Invalid
from ari_recorder.policies.passwords import least
from ari_recorder.policies.rights import Role
from ari_recorder.policies.usage import RETENTION_DAYS, STORAGE_MB, Month
from ari_recorder.store import people, usage
from ari_recorder.store.audit import By
from ari_recorder.store.people import OrganisationRow
from ari_recorder.store.usage import Report
from ari_recorder.web import page, told
from ari_recorder.web.administration import billing, forms
from ari_recorder.web.administration.forms import Form
from ari_recorder.web.context import CONTEXT, changed_by
from ari_recorder.web.language import LANGUAGES, N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id

LIST_TAKES = ("month", "cursor", told.PARAMETER)
ONE_TAKES = ("month", told.PARAMETER)
PAGE_ROWS = 50
MONTHS = 24
"""How many months the list offers; an older one has its address."""
_FIELDS = ("name", "timezone", "language", "endpoints", "storage_mb", "retention_days")
_NUMBERS = ("storage_mb", "retention_days")
_FIRST = ("admin_name", "admin_login", "admin_password")
_NO_NUMBER = N_("a whole number, such as 30.")


async def show(request: web.Request) -> web.Response:
    """``GET /organisations``: what each has used in a month, by name, fifty at a time."""
    context, query = request.app[CONTEXT], request.query
    try:
        found = await context.store.read(
            usage.reports, query.get("month") or None, context.now(),
            limit=PAGE_ROWS, cursor=query.get("cursor"),
        )  # fmt: skip
    except Invalid as error:
        raise Refused(422, error.message, explanation=billing.NO_MONTH, values=error.values) from error
    latest = Month(context.now().year, context.now().month)
    values = {
        "rows": found.rows,
        "month": found.rows[0].usage.span.month if found.rows else latest,
        "months": list(_back(latest)),
        "latest": latest,
        "older": found.next_cursor,
        "first": "cursor" not in query,
    }
    return await page.render(request, "administration/organisations.html", values)


async def new(request: web.Request) -> web.Response:
    """``GET /organisations/new``."""
    values = {
        "timezone": "UTC",
        "language": "en",
        "storage_mb": str(STORAGE_MB),
        "retention_days": str(RETENTION_DAYS),
    }
    return await _new(request, Form("organisation", values))


async def add(request: web.Request) -> web.StreamResponse:
    """``POST /organisations/new``: add it with its first administrator; or the form again."""
    form = await _sent(request, (*_FIELDS, *_FIRST))
    words, by = page.reader_language(request), changed_by(request)
    with form.noting(words):
        columns = _columns(form)
        made = await request.app[CONTEXT].store.write(_added, columns, form.values, by)
        raise told.then(request, "/organisations", N_("%(name)s was added."), name=made.name)
    form.problems = {_FIELD_OF.get(name, name): text for name, text in form.problems.items()}
    return await _new(request, form)


async def one(request: web.Request) -> web.Response:
    """``GET /organisations/{id}``: its usage of a month, and what the provider decides of it."""
    found = await billing.read(request, path_id(request))
    return await _one(request, found, Form("organisation", _shown(found.organisation)))


async def change(request: web.Request) -> web.StreamResponse:
    """``POST /organisations/{id}``: or the form again, with what was wrong."""
    which, form = path_id(request), await _sent(request, _FIELDS)
    with form.noting(page.reader_language(request)):
        changed = await request.app[CONTEXT].store.write(
            people.change_organisation, which, _columns(form), **changed_by(request)
        )
        raise told.then(request, f"/organisations/{which}", N_("%(name)s was saved."), name=changed.name)
    return await _one(request, await billing.read(request, which), form)


_FIELD_OF = {"login": "admin_login", "password": "admin_password"}
"""Of the first administrator's fields, which are called otherwise in the store."""


def _added(columns: Mapping[str, Any], first: Mapping[str, Any], by: By) -> OrganisationRow:
    made = people.add_organisation(columns, **by)
    people.add_user(
        organisation=made.id, name=first["admin_name"] or first["admin_login"], number=None,
        role=Role.ADMINISTRATOR, login=first["admin_login"], password=first["admin_password"], **by,
    )  # fmt: skip
    return made


def _columns(form: Form) -> dict[str, Any]:
    """What the form says of an organisation. Raises `Refused`, at the field that it is about."""
    columns: dict[str, Any] = {name: form.value(name) for name in _FIELDS if name not in _NUMBERS}
    columns["endpoints"] = columns["endpoints"].split()
    for name in _NUMBERS:
        text = form.value(name).strip()
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise Refused(422, _NO_NUMBER, field=name)
        columns[name] = int(text)
    return columns


async def _sent(request: web.Request, names: tuple[str, ...]) -> Form:
    sent = await forms.sent(request)
    return Form("organisation", {name: forms.text(sent, name) for name in names})


def _shown(row: OrganisationRow) -> dict[str, str]:
    return {
        "name": row.name,
        "timezone": row.timezone,
        "language": row.language,
        "endpoints": "\n".join(row.endpoints),
        "storage_mb": str(row.storage_mb),
        "retention_days": str(row.retention_days),
    }


async def _new(request: web.Request, form: Form) -> web.Response:
    values = {"form": form, "tongues": _languages(request), "least": least(Role.ADMINISTRATOR)}
    return await page.render(request, "administration/organisation_new.html", values, status=form.status)


async def _one(request: web.Request, found: Report, form: Form) -> web.Response:
    values = {
        **billing.figures(found),
        "form": form,
        "months": billing.months(found),
        "tongues": _languages(request),
        "here_to": f"/organisations/{found.organisation.id}",
    }
    return await page.render(request, "administration/organisation_one.html", values, status=form.status)


def _languages(request: web.Request) -> list[tuple[str, str]]:
    locale = page.reader_language(request).locale
    return [(code, locale.languages[code].capitalize()) for code in LANGUAGES]


def _back(month: Month) -> Iterator[Month]:
    for _ in range(MONTHS):
        yield month
        month = month.before
