"""Pages of legal holds: those there are, a new one with what it would keep, another end, and release."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import Conflict, Invalid, NotFound
from ari_recorder.policies.holds import GRACE, PEOPLE_MAX, REASON_MAX, Kind
from ari_recorder.policies.parties import NUMBER_MAX
from ari_recorder.policies.rights import Right
from ari_recorder.store import catalogue, hold_about, holding, people
from ari_recorder.store.erasing.asking import waiting
from ari_recorder.store.hold_about import About
from ari_recorder.store.holding import HoldRow
from ari_recorder.web import find_values, page, told
from ari_recorder.web.administration import hold_words
from ari_recorder.web.administration.forms import VERSION, Form, sent, text
from ari_recorder.web.administration.versions import unchanged, version
from ari_recorder.web.bulk import CHOSEN, from_text
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation, scope
from ari_recorder.web.holds import searching
from ari_recorder.web.language import N_
from ari_recorder.web.lists import NO_CURSOR
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id
from ari_recorder.web.words import Words

ADDRESS = "/holds"
NEW = ADDRESS + "/new"
TAKES = ("over", "cursor", told.PARAMETER)
NEW_TAKES = ("recording", "user", "number", "query", CHOSEN)
ONE_TAKES = (told.PARAMETER,)
_FIELDS = ("reason", "people", "ends")
_PLACED = N_("The legal hold is placed.")
_RELEASED = N_("The legal hold is released.")
_ENDS = N_("The legal hold has another end.")
_SAME = N_("Nothing was changed.")
_OVER = N_("It is over already: somebody else was faster, or its end came.")
_NO_HOLD = N_("This legal hold is not here: the list has all there are.")
_CHANGED = N_("The hold was changed meanwhile. Nothing was done: look again at what a release would mean.")
_NO_DAY = N_("Write a day as 2026-03-02.")


async def show(request: web.Request) -> web.Response:
    """``GET /holds``: those that hold, or with ``over`` those that are over, the newest first."""
    over, cursor = "over" in request.query, request.query.get("cursor")
    store, asker = request.app[CONTEXT].store, scope(request)
    try:
        found = await store.read(holding.listed, asker, over=over, cursor=cursor)
    except Invalid as error:
        raise Refused(400, NO_CURSOR, field="cursor") from error
    here = f"{ADDRESS}?over=1" if over else ADDRESS
    values = {
        "rows": found.rows,
        "about": {row.id: await hold_words.about(request, row) for row in found.rows},
        "over": over,
        "places": Right.HOLDS_WRITE in asker.rights,
        "first": here if cursor else "",
        "next": f"{ADDRESS}?{urlencode({'over': '1'} if over else {})}&cursor={found.next_cursor}"
        if found.next_cursor
        else "",
    }
    return await page.render(request, "administration/holds.html", values)


async def new(request: web.Request) -> web.Response:
    """``GET /holds/new``: of a recording, a user, a number or a search, with what it would keep now."""
    given = {name: request.query[name] for name in NEW_TAKES if request.query.get(name, "").strip()}
    if len(given) > 1:
        raise Refused(400, N_("give one of recording, user, number and query."))
    return await _new(request, Form("hold", given))


async def place(request: web.Request) -> web.Response:
    """``POST /holds/new``: place it, and to its page; or the form again."""
    typed = await sent(request)
    form = Form("hold", {name: text(typed, name) for name in (*NEW_TAKES, *_FIELDS)})
    words = page.words(request)
    with form.noting(words.language):
        about = await _asked(request, form)
        if about is None:
            raise Refused(422, N_("write a telephone number."), field="number")
        done = await request.app[CONTEXT].store.write(
            holding.place_and_tell, scope(request), own_organisation(request), about,
            reason=form.value("reason"), people=form.value("people"), ends_at=_end(form, words),
            **changed_by(request),
        )  # fmt: skip
        if about.kind is not Kind.SELECTION:
            raise told.then(request, f"{ADDRESS}/{done.row.id}", _PLACED)
        said = hold_words.placed(done, words)
        raise told.then(request, f"{ADDRESS}/{done.row.id}", "%(said)s", said=said)
    _rename(form, "ends_at", "ends")
    return await _new(request, form)


async def show_one(request: web.Request) -> web.Response:
    """``GET /holds/{id}``."""
    return await _one(request, await found(request))


async def change_end(request: web.Request) -> web.Response:
    """``POST /holds/{id}/end``: another end, or none."""
    row, typed = await found(request), await sent(request)
    form = Form("end", {"ends": text(typed, "ends")}, version=text(typed, VERSION))
    words = page.words(request)
    with form.noting(words.language):
        after = await request.app[CONTEXT].store.write(
            holding.change_end, scope(request), row.id, _end(form, words),
            check=unchanged(typed, lambda one: _ends(one, words)), **changed_by(request),
        )  # fmt: skip
        same = after.ends_at == row.ends_at
        raise told.then(request, f"{ADDRESS}/{row.id}", _SAME if same else _ENDS)
    _rename(form, "ends_at", "ends")
    return await _one(request, await found(request), form)


async def ask_release(request: web.Request) -> web.Response:
    """``GET /holds/{id}/release``: what could be deleted then, and what another hold keeps."""
    row = await found(request)
    if row.over_at is not None:
        raise told.then(request, f"{ADDRESS}/{row.id}", _OVER, good=False)
    return await _release(request, row, Form("release", version=version(vars(row))))


async def release(request: web.Request) -> web.Response:
    """``POST /holds/{id}/release``."""
    row, typed = await found(request), await sent(request)
    form = Form("release", {"why": text(typed, "why")}, version=version(vars(row)))
    try:
        with form.noting(page.reader_language(request)):
            await request.app[CONTEXT].store.write(
                holding.release, scope(request), row.id, form.value("why"),
                check=unchanged(typed, vars), **changed_by(request),
            )  # fmt: skip
            raise told.then(request, f"{ADDRESS}/{row.id}", _RELEASED)
    except Conflict:
        raise told.then(request, f"{ADDRESS}/{row.id}", _OVER, good=False) from None
    if form.stale:
        form.problems[""] = page.reader_language(request).gettext(_CHANGED)
    return await _release(request, row, form)


async def found(request: web.Request) -> HoldRow:
    """The hold of the address. Raises `Refused` (404) if there is none."""
    try:
        return await request.app[CONTEXT].store.read(holding.one, scope(request), path_id(request))
    except NotFound as error:
        raise Refused(404, N_("There is no such legal hold here."), explanation=_NO_HOLD) from error


# Forms


async def _asked(request: web.Request, form: Form) -> About | None:
    """What the form is about; None for a number that is still to be written. Raises `Refused`, `NotFound`."""
    if form.value("query"):
        return await searching(request, form.value("query"))
    if chosen := form.value(CHOSEN):
        return About(Kind.SELECTION, recordings=tuple(from_text(chosen)))
    try:
        if recording := form.value("recording"):
            return About(Kind.RECORDING, recording=UUID(recording))
        if user := form.value("user"):
            return About(Kind.USER, user=UUID(user))
    except ValueError as error:
        raise Refused(404, N_("There is no such recording or user here.")) from error
    number = form.value("number").strip()
    return About(Kind.NUMBER, number=number) if number else None


async def _new(request: web.Request, form: Form) -> web.Response:
    store, words = request.app[CONTEXT].store, page.words(request)
    about, count = None, None
    try:
        about = await _asked(request, form)
        if about is not None and about.kind in (Kind.RECORDING, Kind.USER, Kind.SELECTION):
            await store.read(hold_about.check, scope(request), own_organisation(request), about)
    except NotFound as error:
        raise Refused(404, N_("There is no such recording or user here.")) from error
    except Refused as error:
        if error.status in (400, 404):
            raise
        form.refuse(error, words.language)
    selected = None
    if about is not None and about.kind is Kind.SELECTION:
        selected = await store.read(
            hold_about.selected, scope(request), own_organisation(request), about.recordings
        )
        about = replace(about, recordings=tuple(row.id for row in selected.there))
    if about is not None:
        count = await store.read(hold_about.found_by, own_organisation(request), about)
    values = {
        "form": form,
        "held": len(selected.held) if selected else 0,
        "left": hold_words.left(len(selected.left), words) if selected and selected.left else "",
        "each": hold_words.named(selected.there, words) if selected else [],
        "about": await hold_words.about(request, about) if about else None,
        "one_writing": await _has_one_writing(request, about),
        "count": count,
        "counted": catalogue.COUNTED_MAX,
        "hidden": [(name, form.value(name)) for name in NEW_TAKES if name != "number" and form.value(name)],
        "with_number": about is None or about.kind is Kind.NUMBER,
        "back": hold_words.back(about, ADDRESS),
        "today": request.app[CONTEXT].now().astimezone(words.zone).date().isoformat(),
        **_LIMITS,
    }
    return await page.render(request, "administration/hold_new.html", values, status=form.status)


async def _has_one_writing(request: web.Request, about: About | HoldRow | None) -> bool:
    """Whether it is, or may be, of a number that is found only as it is written."""
    if about is not None and about.kind != Kind.NUMBER:
        return False
    own = await request.app[CONTEXT].store.read(people.organisation, own_organisation(request))
    return not own.country


async def _one(request: web.Request, row: HoldRow, form: Form | None = None) -> web.Response:
    store, words = request.app[CONTEXT].store, page.words(request)
    shown = _ends(row, words)
    present = Form("end", shown, version=version(shown))
    values = {
        "hold": row,
        "about": await hold_words.about(request, row),
        "one_writing": await _has_one_writing(request, row),
        "each": await hold_words.each(request, row.recordings),
        "count": await store.read(_count, row) if row.over_at is None else None,
        "counted": catalogue.COUNTED_MAX,
        "form": form.beside(present) if form else present,
        "by": "",
        "places": Right.HOLDS_WRITE in scope(request).rights,
        "last": words.date(row.ends_at - _MOMENT) if row.ends_at else "",
        "grace_days": GRACE.days,
        "today": request.app[CONTEXT].now().astimezone(words.zone).date().isoformat(),
    }
    return await page.render(request, "administration/hold.html", values, status=form.status if form else 200)


async def _release(request: web.Request, row: HoldRow, form: Form) -> web.Response:
    store = request.app[CONTEXT].store
    freed = await store.read(holding.freed_by, scope(request), row.id)
    values = {
        "hold": row,
        "about": await hold_words.about(request, row),
        "each": await hold_words.each(request, row.recordings),
        "freed": freed,
        "freed_max": holding.FREED_MAX,
        "erasures": await store.read(waiting, row.organisation),
        "days": (await store.read(people.organisation, row.organisation)).retention_days,
        "form": form,
        **_LIMITS,
    }
    return await page.render(request, "administration/hold_release.html", values, status=form.status)


_LIMITS = {"reason_max": REASON_MAX, "people_max": PEOPLE_MAX, "number_max": NUMBER_MAX}
_MOMENT = timedelta(microseconds=1)


def _count(row: HoldRow) -> int:
    return hold_about.found_by(row.organisation, holding.about_of(row))


def _end(form: Form, words: Words) -> datetime | None:
    """When the day that was written is over there; None without one. Raises `Refused` (422)."""
    written = form.value("ends").strip()
    if not written:
        return None
    try:
        return find_values.midnight(date.fromisoformat(written) + timedelta(days=1), words.zone)
    except (ValueError, OverflowError) as error:
        raise Refused(422, _NO_DAY, field="ends") from error


def _ends(row: HoldRow, words: Words) -> dict[str, str]:
    last = (row.ends_at - _MOMENT).astimezone(words.zone).date().isoformat() if row.ends_at else ""
    return {"ends": last}


def _rename(form: Form, name: str, shown: str) -> None:
    form.problems = {shown if one == name else one: text for one, text in form.problems.items()}
