"""For how long recordings are kept: of the organisation, and of a group. Who makes it less is told first how
many recordings go earlier, and when; until then it can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from aiohttp import web

from ari_recorder.policies import fields
from ari_recorder.policies.retention import WARNING_DAYS
from ari_recorder.store import people, retention
from ari_recorder.store.people import GroupDetail, OrganisationRow
from ari_recorder.store.retention import Coming, Settings
from ari_recorder.web import page, told
from ari_recorder.web.administration import groups, organisation
from ari_recorder.web.administration.confirming import Confirmation, ask
from ari_recorder.web.administration.forms import UNDONE, VERSION, Form, sent, text
from ari_recorder.web.administration.versions import unchanged, version
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.told import Undo

FIELD = "retention_days"
CONFIRMED = "confirmed"
_SAVED = N_("Saved: recordings are kept for %(days)s.")
_SAVED_GROUP = N_("Saved: recordings of members of %(group)s are kept for %(days)s.")
_AS_ALL = N_("Saved: recordings of members of %(group)s are kept as long as the organisation's.")
_NO_NUMBER = N_("a whole number of days, such as 180.")


async def change(request: web.Request) -> web.StreamResponse:
    """``POST /organisation/retention``: more days at once; fewer only if it is confirmed."""
    typed, which, words = await sent(request), own_organisation(request), page.reader_language(request)
    form = Form("retention", {FIELD: text(typed, FIELD).strip()}, version=text(typed, VERSION))
    store, by = request.app[CONTEXT].store, changed_by(request)
    with form.noting(words):
        days = await _checked(request, form, optional=False)
        assert days is not None
        before = await store.read(people.organisation, which)
        coming = await _coming(request, Settings(organisation=days))
        if coming and days < before.retention_days and CONFIRMED not in typed:
            return await ask(request, _asked(request, "/organisation", form, coming))
        check = unchanged(typed, shown)

        def write() -> OrganisationRow:
            retention.check_own(which, days)
            return people.change_organisation(which, {FIELD: days}, check=check, **by)

        after = await store.write(write)
        back = _back(str(before.retention_days), version(shown(after)))
        undo = None if UNDONE in typed or before == after else Undo("/organisation/retention", back)
        raise told.then(
            request, "/organisation#retention", _SAVED, undo=undo, days=page.words(request).days(days)
        )
    return await organisation.render(request, form)


async def change_group(request: web.Request) -> web.StreamResponse:
    """``POST /groups/{id}/retention``: the same of a group; with nothing as long as the organisation's."""
    group, typed, words = await groups.found(request), await sent(request), page.reader_language(request)
    form = Form("retention", {FIELD: text(typed, FIELD).strip()}, version=text(typed, VERSION))
    which, by, store = own_organisation(request), changed_by(request), request.app[CONTEXT].store
    with form.noting(words):
        days = await _checked(request, form, optional=True)
        coming = await _coming(request, Settings(groups={group.id: days}))
        known = await _coming(request)
        if coming != known and CONFIRMED not in typed and UNDONE not in typed:
            return await ask(request, _asked(request, f"/groups/{group.id}", form, coming))
        check = unchanged(typed, shown_of_group)

        def write() -> GroupDetail:
            retention.check_own(which, days)
            return people.set_group_retention(which, group.id, days, check=check, **by)

        after = await store.write(write)
        back = _back(_text(group.retention_days), version(shown_of_group(after)))
        undo = None if UNDONE in typed or group == after else Undo(f"/groups/{group.id}/retention", back)
        message = _AS_ALL if days is None else _SAVED_GROUP
        raise told.then(
            request, f"/groups/{group.id}#retention", message, undo=undo,
            days=page.words(request).days(days or 0), group=group.name,
        )  # fmt: skip
    return await groups.render(request, await groups.found(request), form)


async def coming_of(request: web.Request) -> list[Coming]:
    """What is warned about now."""
    return await _coming(request)


def shown(row: OrganisationRow) -> dict[str, str]:
    """What the organisation's form holds."""
    return {FIELD: str(row.retention_days)}


def shown_of_group(group: GroupDetail) -> dict[str, str]:
    """What a group's form holds."""
    return {FIELD: _text(group.retention_days)}


async def _coming(request: web.Request, changes: Settings = retention.NO_CHANGE) -> list[Coming]:
    context = request.app[CONTEXT]
    return await context.store.read(retention.coming, own_organisation(request), context.now(), changes)


def _asked(request: web.Request, back: str, form: Form, coming: Sequence[Coming]) -> Confirmation:
    words = page.words(request)
    say, days = words.language.gettext, form.value(FIELD)
    goes = tuple(going(words, one) for one in coming)
    if days:
        title = say(N_("Keep recordings for %(days)s only?"), days=words.days(int(days)))
        button = say(N_("Keep them for %(days)s"), days=words.days(int(days)))
    else:
        title = say(N_("Keep recordings only as long as the organisation's?"))
        button = say(N_("Keep them as long as the organisation's"))
    return Confirmation(
        title=title,
        button=button,
        action=f"{back}/retention",
        back=f"{back}#retention",
        goes=goes,
        stays=(
            say(N_("Recordings under a legal hold")),
            say(N_("That there was each of them, in the ledger and the disposal log")),
        ),
        after=say(
            N_("Until then, for %(days)s, it can be taken back, and nothing is removed because of it."),
            days=words.days(WARNING_DAYS),
        ),
        fields=((FIELD, days), (VERSION, form.version), (CONFIRMED, "yes")),
    )


def going(words: Any, one: Coming) -> str:
    """That recordings go, how many and when, in a sentence."""
    text: str = words.language.ngettext(
        "From %(day)s on: %(n)s recording that is older than %(days)s then",
        "From %(day)s on: %(n)s recordings that are older than %(days)s then",
        one.recordings,
        day=words.date(one.at),
        days=words.days(one.days),
    )
    return text


async def _checked(request: web.Request, form: Form, *, optional: bool) -> int | None:
    """The days that were typed: whatever cannot be is refused before anything is asked."""
    days = _days(form.value(FIELD), optional=optional)
    if days is not None:
        fields.organisation({FIELD: days})
        await request.app[CONTEXT].store.read(retention.check_own, own_organisation(request), days)
    return days


def _days(typed: str, *, optional: bool) -> int | None:
    """Raises `Refused` for what is no number of days."""
    if optional and not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and 0 < len(typed) < 7):
        raise Refused(422, _NO_NUMBER, field=FIELD)
    return int(typed)


def _text(days: int | None) -> str:
    return "" if days is None else str(days)


def _back(before: str, after_version: str) -> tuple[tuple[str, str], ...]:
    return (FIELD, before), (VERSION, after_version), (UNDONE, "yes"), (CONFIRMED, "yes")


async def most(request: web.Request, organisation_id: UUID) -> int:
    """The most days that may be set here."""
    return await request.app[CONTEXT].store.read(retention.most, organisation_id)
