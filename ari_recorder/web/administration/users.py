"""The list of users, with search, and a new one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from ari_recorder.policies.fields import LOGIN_MAX, NAME_MAX, NUMBER_MAX
from ari_recorder.policies.passwords import least
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.rights import Role
from ari_recorder.policies.table import Mode, is_recorded
from ari_recorder.policies.text import is_plain, tidy
from ari_recorder.store import passwords, people
from ari_recorder.store.people import UserRow, Which
from ari_recorder.web import page, told
from ari_recorder.web.administration import given, terms
from ari_recorder.web.administration.forms import Form, sent
from ari_recorder.web.administration.unknown import promised
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation, scope
from ari_recorder.web.language import N_
from ari_recorder.web.language import language as language_named
from ari_recorder.web.problems import Refused
from ari_recorder.web.signin import prepared
from ari_recorder.web.words import MODES

FILTERS = ("q", "mode", "which", "group")
TAKES = (*FILTERS, "cursor", told.PARAMETER)
ADD_TAKES = (told.PARAMETER,)
ADD = "/users/add"
Q_MAX = 200
_ADDED = N_("%(name)s was added, and is recorded from the next call on, once Asterisk knows the telephone.")
_ADDED_ONLY = N_("%(name)s was added, and is not recorded.")
NO_PASSWORD = N_(
    "%(name)s cannot sign in yet, as they have no password: give them one under Signing in, on their page."
)
_NEW = (*given.WHO, *given.RECORDING, *given.SIGNING_IN, "password")


async def show(request: web.Request) -> web.Response:
    """``GET /users``."""
    asked = {name: value for name in FILTERS if (value := request.query.get(name, "").strip())}
    wanted = _wanted(asked)
    store, organisation = request.app[CONTEXT].store, own_organisation(request)
    cursor = request.query.get("cursor")
    found = await store.read(people.users_page, organisation, cursor=cursor, **wanted)
    values = {
        "users": found.rows,
        "count": await store.read(people.count_users, organisation, **wanted),
        "groups_of": await store.read(people.groups_of, [row.id for row in found.rows]),
        "telephones": lambda row: given.telephones(row, request.app[CONTEXT].pbxs),
        "asked": dict.fromkeys(FILTERS, "") | asked,
        "searched": bool(asked),
        "modes": terms.named(page.reader_language(request), MODES),
        "which": terms.named(page.reader_language(request), terms.WHICH),
        "groups": await store.read(people.group_names, scope(request)),
        "first": f"/users?{urlencode(asked)}" if cursor else "",
        "next": f"/users?{urlencode({**asked, 'cursor': found.next_cursor})}" if found.next_cursor else "",
    }
    return await page.render(request, "administration/users.html", values)


def _wanted(asked: dict[str, str]) -> dict[str, Any]:
    """The filters as the store takes them. Raises `Refused` (400) for an address that nobody was given."""
    try:
        found: dict[str, Any] = {
            "mode": Mode(asked["mode"]) if "mode" in asked else None,
            "which": Which(asked["which"]) if "which" in asked else None,
            "group": UUID(asked["group"]) if "group" in asked else None,
        }
    except ValueError as error:
        raise Refused(400, N_("The address asks for something that there is not.")) from error
    words = tidy(asked.get("q", ""))
    if len(words) > Q_MAX or not is_plain(words):
        raise Refused(400, N_("The address asks for something that there is not."))
    return {**found, "q": words or None}


async def add_form(request: web.Request) -> web.Response:
    """``GET /users/add``."""
    at_first = {"mode": Mode.NEVER.value, "plan": Plan.BASIC.value, "role": Role.USER.value}
    at_first |= {"may_listen": "yes", **given.offered_acknowledgement(request, await offered(request))}
    return await _add_page(request, Form("new", at_first))


async def add(request: web.Request) -> web.Response:
    """``POST /users/add``: to the new user's page, or the form again with what was wrong."""
    found = await sent(request)
    form = Form("new", given.typed(found, (*_NEW, *given.ACKNOWLEDGEMENT)))
    values = given.values(request, form, [name for name in _NEW if name != "password"])
    acknowledged = None
    if given.is_switched_on(None, form.value("mode")):
        acknowledged = given.acknowledgement(request, form)
    if form.problems:
        return await _add_page(request, form)
    words = page.reader_language(request)
    with form.noting(words):
        if password := form.value("password"):
            values["password"] = await prepared(request, password)
        made = await request.app[CONTEXT].store.write(
            lambda: people.add_user(
                organisation=own_organisation(request), acknowledgement=acknowledged, **values,
                **changed_by(request),
            )
        )  # fmt: skip
        raise await _added(request, made, another="another" in found)
    return await _add_page(request, form)


async def _added(request: web.Request, made: UserRow, *, another: bool) -> web.HTTPSeeOther:
    say = page.reader_language(request).gettext
    said: dict[str, Any] = {"message": _ADDED_ONLY, "name": made.name}
    if is_recorded(made.mode):
        said = await promised(request, None, made, _ADDED, _ADDED)
    sentences, good = [say(said.pop("message"), **said)], said.get("good", True)
    if await is_without_password(request, made):
        sentences.append(say(NO_PASSWORD, name=made.name))
        good = False
    address = ADD if another else f"/users/{made.id}"
    return told.then(request, address, "%(said)s", said=" ".join(sentences), good=good)


async def is_without_password(request: web.Request, row: UserRow) -> bool:
    """Whether they have a login, and cannot sign in with it."""
    return bool(row.login) and not await request.app[CONTEXT].store.read(passwords.stored_of_user, row.id)


async def _add_page(request: web.Request, form: Form) -> web.Response:
    store, organisation = request.app[CONTEXT].store, own_organisation(request)
    shown = await store.read(people.organisation_preferences, organisation)
    values = {
        "form": form,
        "first_activation": True,
        **choices(request, shown.preferences, Role.USER),
        "own": await store.read(people.organisation, organisation),
    }
    return await page.render(request, "administration/user_add.html", values, status=form.status)


def choices(request: web.Request, preferences: Preferences, role: str) -> dict[str, Any]:
    """What the forms of a user offer."""
    words = page.reader_language(request)
    return {
        "modes": terms.modes(words, preferences.codes),
        "roles": terms.roles(words, role),
        "plans": terms.named(words, terms.PLANS),
        "plan_names": terms.PLANS,
        "pbxs": request.app[CONTEXT].pbxs,
        "today": request.app[CONTEXT].now(),
        "longest": {"name": NAME_MAX, "number": NUMBER_MAX, "login": LOGIN_MAX},
        "least": {"user": least(Role.USER), "administrator": least(Role.ADMINISTRATOR)},
    }


async def offered(request: web.Request) -> str:
    """The text that is offered as what users were told, in the language of their organisation."""
    found = await request.app[CONTEXT].store.read(people.organisation, own_organisation(request))
    return language_named(found.language).gettext(terms.ACKNOWLEDGEMENT)
