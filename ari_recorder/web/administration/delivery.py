"""The page of delivery: what is handed over, who fetches it, where it is pushed to, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from aiohttp import web

from ari_recorder.errors import NotFound
from ari_recorder.policies import fields, targets
from ari_recorder.policies.delivery import STAYS_DAYS
from ari_recorder.policies.passwords import least
from ari_recorder.policies.rights import Role
from ari_recorder.policies.targets import SFTP_PORT, SftpTarget
from ari_recorder.store import people
from ari_recorder.store.deliveries import accounts, pushing, secrets
from ari_recorder.store.deliveries.accounts import DeliveryRow, KeyRow
from ari_recorder.store.deliveries.pushing import DayRow, TargetRow
from ari_recorder.web import delivery as api
from ari_recorder.web import page, told
from ari_recorder.web.administration import confirming, forms, push_words
from ari_recorder.web.administration.confirming import Confirmation
from ari_recorder.web.administration.forms import VERSION, Form, sent, text
from ari_recorder.web.administration.versions import unchanged, version
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation, scope
from ari_recorder.web.language import N_
from ari_recorder.web.routing import path_id

TAKES = (told.PARAMETER,)
ADDRESS = "/delivery"
SOME, ALL = "some", "all"
PLACE = (
    "host",
    "port",
    "login",
    "folder",
    "host_key",
    "endpoint",
    "region",
    "bucket",
    "prefix",
    "access_key",
)
FORMS = {
    "": (N_("As they are kept"), N_("The very files: their hashes are those of the evidence.")),
    "wav": ("WAV", N_("Played by everything, and ten times as large.")),
    "flac": ("FLAC", N_("Without loss, and half as large as WAV.")),
    "opus": ("Opus", N_("The smallest: 0.19 MB a minute.")),
}
TESTED_WITHIN_S = 4.0
LOOKS_EVERY_S = 0.25
_SAVED = N_("Saved: it holds from the next time that somebody looks.")


async def show(request: web.Request) -> web.Response:
    """``GET /delivery``."""
    return await _render(request)


async def change_what(request: web.Request) -> web.Response:
    """``POST /delivery/what``: in which format, and whose recordings."""
    typed = await sent(request)
    chosen = tuple(map(str, typed.getall("groups", [])))
    form = Form(
        "what",
        {"form": text(typed, "form"), "whose": text(typed, "whose"), "groups": chosen},
        version=text(typed, VERSION),
    )
    everybody = text(typed, "whose") != SOME
    known = await _groups(request)
    groups = [group for group, _ in known if str(group) in chosen]
    values = {"form": text(typed, "form"), "everybody": everybody, "groups": [] if everybody else groups}
    return await _change(request, form, values, _what, typed)


async def change_account(request: web.Request) -> web.Response:
    """``POST /delivery/account``: the login, its password, and whether files are taken out of the view."""
    typed = await sent(request)
    names = ("login", "password", "password_is")
    form = Form(
        "account",
        {name: text(typed, name) for name in names} | {"acknowledges": text(typed, "acknowledges")},
        version=text(typed, VERSION),
    )
    values: dict[str, Any] = {
        "login": text(typed, "login").strip(),
        "acknowledges": text(typed, "acknowledges") == "yes",
    }
    if text(typed, "password"):
        values["password"] = text(typed, "password")
    elif text(typed, "password_is") == "none":
        values["password"] = None
    return await _change(request, form, values, _account, typed)


async def add_key(request: web.Request) -> web.Response:
    """``POST /delivery/keys``."""
    typed = await sent(request)
    form = Form("keys", {"key": text(typed, "key").strip(), "name": text(typed, "name").strip()})
    with form.noting(page.reader_language(request)):
        made = await request.app[CONTEXT].store.write(
            accounts.add_key, own_organisation(request), form.value("name"), form.value("key"),
            **changed_by(request),
        )  # fmt: skip
        raise told.then(
            request, f"{ADDRESS}#keys", N_("Who has the key %(name)s comes in now."), name=made.name
        )
    return await _render(request, form)


async def ask_key(request: web.Request) -> web.Response:
    """``GET /delivery/keys/{id}/remove``: what removing it means."""
    store, organisation = request.app[CONTEXT].store, own_organisation(request)
    key = await store.read(accounts.find_key, organisation, path_id(request))
    row = await store.read(accounts.find, organisation)
    return await confirming.ask(request, _of_key(request, key, row))


async def remove_key(request: web.Request) -> web.StreamResponse:
    """``POST /delivery/keys/{id}/remove``."""
    removed = await request.app[CONTEXT].store.write(
        accounts.remove_key, own_organisation(request), path_id(request), **changed_by(request)
    )
    raise told.then(
        request, f"{ADDRESS}#keys", N_("Nobody comes in with the key %(name)s any more."), name=removed.name
    )


async def set_target(request: web.Request) -> web.Response:
    """``POST /delivery/target``: where recordings are pushed to."""
    typed = await sent(request)
    names = (*PLACE, "kind", "by", "enabled")
    form = Form("target", {name: text(typed, name) for name in names}, version=text(typed, VERSION))
    values = {name: text(typed, name) for name in PLACE}
    with form.noting(page.reader_language(request)):
        await api.put_target(
            request, form.value("kind"), values, text(typed, "secret"), form.value("by") or secrets.KEY,
            form.value("enabled") == "yes", unchanged(typed, lambda row: _target(row).values),
        )  # fmt: skip
        raise told.then(request, f"{ADDRESS}#target", N_("Saved. Try it out: it is tested from here."))
    return await _render(request, form)


async def test(request: web.Request) -> web.StreamResponse:
    """``POST /delivery/target/test``: have it tried, and wait a moment for what comes of it."""
    context, organisation = request.app[CONTEXT], own_organisation(request)
    await forms.sent(request)
    row = await context.store.write(pushing.ask_for_test, organisation, context.now())
    until_s = asyncio.get_running_loop().time() + TESTED_WITHIN_S
    while row.is_being_tested and asyncio.get_running_loop().time() < until_s:
        await asyncio.sleep(LOOKS_EVERY_S)
        found = await context.store.read(pushing.find, organisation)
        if found is None:
            raise NotFound("Nothing is pushed anywhere here.")
        row = found
    if row.is_being_tested:
        message = N_("It is still being tested: load the page again in a moment.")
        raise told.then(request, f"{ADDRESS}#target", message, good=False)
    if row.test_problem:
        message = N_("The test failed: %(problem)s")
        problem = push_words.why(page.reader_language(request), row.test_problem)
        raise told.then(request, f"{ADDRESS}#target", message, good=False, problem=problem)
    raise told.then(
        request, f"{ADDRESS}#target", N_("It works: a file was written there, and removed again.")
    )


async def ask_target(request: web.Request) -> web.Response:
    """``GET /delivery/target/remove``: what no longer pushing means."""
    row = await request.app[CONTEXT].store.read(pushing.find, own_organisation(request))
    if row is None:
        raise NotFound("Nothing is pushed anywhere here.")
    return await confirming.ask(request, _of_target(request, row))


async def remove_target(request: web.Request) -> web.StreamResponse:
    """``POST /delivery/target/remove``."""
    await request.app[CONTEXT].store.write(
        pushing.remove_target, own_organisation(request), **changed_by(request)
    )
    raise told.then(request, f"{ADDRESS}#target", N_("Nothing is pushed any more."))


async def _change(
    request: web.Request, form: Form, values: dict[str, Any], shown: Any, typed: Mapping[str, Any]
) -> web.Response:
    words = page.reader_language(request)
    if "login" in values:
        form.check(words, lambda: fields.login("login", values["login"]))
    if form.problems:
        return await _render(request, form)
    with form.noting(words):
        await api.change(request, values, unchanged(typed, lambda row: shown(row).values))
        raise told.then(request, f"{ADDRESS}#{form.name}", _SAVED)
    return await _render(request, form)


def _what(row: DeliveryRow) -> Form:
    groups = tuple(str(group) for group, _ in row.groups)
    values: dict[str, str | tuple[str, ...]] = {
        "form": row.form, "whose": ALL if row.everybody else SOME, "groups": groups,
    }  # fmt: skip
    return Form("what", values, version=version(values))


def _account(row: DeliveryRow) -> Form:
    values = {
        "login": row.login or "",
        "password_is": "set" if row.has_password else "none",
        "acknowledges": "yes" if row.acknowledges else "",
    }
    return Form("account", values, version=version(values))


def _target(row: TargetRow | None) -> Form:
    place = {} if row is None else targets.fields_of(row.place)
    values = {name: str(place.get(name, "")) for name in PLACE}
    values["port"] = values["port"] or str(SFTP_PORT)
    is_key = row is None or not isinstance(row.place, SftpTarget) or bool(row.place.public_key)
    values |= {
        "kind": row.place.kind if row else targets.SFTP,
        "by": secrets.KEY if is_key else secrets.PASSWORD,
        "enabled": "yes" if row is None or row.enabled else "",
    }
    return Form("target", values, version=version(values))


async def _render(request: web.Request, form: Form | None = None) -> web.Response:
    context, organisation = request.app[CONTEXT], own_organisation(request)
    row = await context.store.read(accounts.find, organisation)
    target = await context.store.read(pushing.find, organisation)
    days = await context.store.read(pushing.report, organisation)
    fetched = await context.store.read(pushing.fetched, organisation, context.now() - api.FETCHED_WITHIN)
    shown = {"what": _what(row), "account": _account(row), "keys": Form("keys"), "target": _target(target)}
    if form is not None:
        shown[form.name] = form.beside(shown[form.name])
    words = page.reader_language(request)
    values = {
        "forms": shown,
        "row": row,
        "target": target,
        "days": [_day(request, one) for one in days],
        "fetched": fetched,
        "by": await context.store.read(people.last_changed_by, organisation, organisation)
        if form and form.stale
        else "",
        "formats": [
            (value, words.gettext(name), words.gettext(about)) for value, (name, about) in FORMS.items()
        ],
        "groups": await _groups(request),
        "service": context.sftp,
        "host": request.url.host or "",
        "fingerprint": await asyncio.to_thread(api.host_fingerprint, context.sftp),
        "least": least(Role.ADMINISTRATOR),
        "stays": STAYS_DAYS,
        "why": partial(push_words.why, words),
    }
    return await page.render(
        request, "administration/delivery.html", values, status=form.status if form else 200
    )


async def _groups(request: web.Request) -> list[tuple[Any, str]]:
    found = await request.app[CONTEXT].store.read(people.group_names, scope(request))
    return list(found.items())


def _day(request: web.Request, row: DayRow) -> dict[str, Any]:
    """A line of the report."""
    at = datetime.combine(date.fromisoformat(row.day), datetime.min.time(), UTC)
    return {"at": at, "row": row, "is_open": row.due_at is not None}


def _of_key(request: web.Request, key: KeyRow, row: DeliveryRow) -> Confirmation:
    say = page.words(request).language.gettext
    goes = [say(N_("Who has only this key cannot fetch recordings any more; open sessions end."))]
    if len(row.keys) == 1 and not row.has_password:
        goes.append(say(N_("It is the last: nobody can fetch recordings by SFTP until another is added.")))
    return Confirmation(
        title=say(N_("Remove the key %(name)s?"), name=key.name),
        button=say(N_("Remove it")),
        action=f"{ADDRESS}/keys/{key.id}/remove",
        back=f"{ADDRESS}#keys",
        goes=tuple(goes),
        stays=(say(N_("What was fetched with it is in the audit log.")),),
        after=say(N_("The same key can be added again.")),
    )


def _of_target(request: web.Request, row: TargetRow) -> Confirmation:
    say = page.words(request).language.gettext
    goes = [
        say(
            N_(
                "Nothing is pushed to %(place)s any more.",
            ),
            place=str(row.place),
        )
    ]
    goes.append(
        say(N_("The recorder's key for it is forgotten: another one is made the next time."))
        if isinstance(row.place, SftpTarget) and row.place.public_key
        else say(N_("The password or secret key for it is forgotten."))
    )
    return Confirmation(
        title=say(N_("Push no longer?")),
        button=say(N_("Push no longer")),
        action=f"{ADDRESS}/target/remove",
        back=f"{ADDRESS}#target",
        goes=tuple(goes),
        stays=(
            say(N_("What was pushed stays where it is.")),
            say(N_("What is fetched by SFTP stays as it is.")),
        ),
    )
