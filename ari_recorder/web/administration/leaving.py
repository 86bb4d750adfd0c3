"""Removing a user: what goes and what stays is said first, and it cannot be undone."""

from __future__ import annotations

from aiohttp import web

from ari_recorder.errors import Invalid, NotAllowed, NotFound
from ari_recorder.policies.erasing import Leavers
from ari_recorder.store import people
from ari_recorder.store.people import ActivationRow, Removal, UserRow
from ari_recorder.web import page, told
from ari_recorder.web.administration.confirming import Confirmation, ask, impossible
from ari_recorder.web.administration.forms import VERSION, sent
from ari_recorder.web.administration.forms import told as said
from ari_recorder.web.administration.user import found
from ari_recorder.web.administration.versions import unchanged, version
from ari_recorder.web.context import ACTOR, CONTEXT, changed_by, own_organisation
from ari_recorder.web.language import N_, Language
from ari_recorder.web.problems import Refused

_IMPOSSIBLE = N_("%(name)s cannot be removed")
_REMOVED = N_("%(name)s was removed. Their recordings stay.")
_CHANGED = N_("This user was changed meanwhile. Nothing was done: look again at what goes and what stays.")
_BILLED = N_("Recording, from the next call on; billing ends today, %(day)s")
_SIGNING_IN = N_("Signing in as %(login)s, with second factors and tokens")
_GONE = N_("This user was removed already, by somebody else.")


async def confirm(request: web.Request) -> web.Response:
    """``GET /users/{id}/remove``: what would go, and what would stay; or why it cannot be."""
    user, store = await found(request), request.app[CONTEXT].store
    try:
        await store.read(people.check_removable, own_organisation(request), user.id, request[ACTOR])
    except (Invalid, NotAllowed) as fault:
        return await _impossible(request, user, fault)
    return await ask(request, await _asked(request))


async def remove(request: web.Request) -> web.Response:
    """``POST /users/{id}/remove``."""
    user, typed, words = await found(request), await sent(request), page.reader_language(request)
    try:
        gone = await request.app[CONTEXT].store.write(
            people.remove_user, own_organisation(request), user.id,
            check=unchanged(typed, vars), **changed_by(request),
        )  # fmt: skip
    except NotFound:
        raise told.then(request, "/users", _GONE, good=False) from None
    except Refused:
        return await ask(request, await _asked(request), words.gettext(_CHANGED), 412)
    except (Invalid, NotAllowed) as fault:
        return await _impossible(request, user, fault, 409)
    raise told.then(request, "/users", _REMOVED, name=gone.user.name)


async def _impossible(
    request: web.Request, user: UserRow, fault: Exception, status: int = 200
) -> web.Response:
    words = page.reader_language(request)
    asked = impossible(words.gettext(_IMPOSSIBLE, name=user.name), f"/users/{user.id}")
    return await ask(request, asked, said(fault, words)[1], status)


async def _asked(request: web.Request) -> Confirmation:
    user, store, organisation = await found(request), request.app[CONTEXT].store, own_organisation(request)
    meant = await store.read(people.removal, organisation, user.id)
    going = await store.read(people.running, user.id)
    own = await store.read(people.organisation, organisation)
    words = page.reader_language(request)
    say = words.gettext
    stays = _under_pseudonym if own.leavers == Leavers.PSEUDONYM else _under_name
    return Confirmation(
        title=say(N_("Remove %(name)s?"), name=user.name),
        button=say(N_("Remove %(name)s"), name=user.name),
        action=f"/users/{user.id}/remove",
        back=f"/users/{user.id}",
        goes=_goes(request, meant, going),
        stays=(
            stays(words, meant.recordings),
            say(N_("What was done by them and to them, in the audit log")),
        ),
        after=say(
            N_("It cannot be undone. Somebody who is added later with the same number is another user.")
        ),
        fields=((VERSION, version(vars(meant.user))),),
    )


def _under_name(words: Language, n: int) -> str:
    return words.ngettext(
        "%(n)s recording, under this name and number", "%(n)s recordings, under this name and number", n
    )


def _under_pseudonym(words: Language, n: int) -> str:
    return words.ngettext(
        "%(n)s recording, under a pseudonym: the name is taken out of it",
        "%(n)s recordings, under a pseudonym: the name is taken out of them",
        n,
    )


def _goes(request: web.Request, meant: Removal, going: ActivationRow | None) -> tuple[str, ...]:
    words = page.words(request)
    say, today = words.language.gettext, request.app[CONTEXT].now()
    goes = []
    if going is not None:
        goes.append(say(_BILLED, day=words.date(today)))
    if meant.endpoints:
        goes.append(words.language.ngettext("%(n)s telephone", "%(n)s telephones", meant.endpoints))
    if meant.groups:
        goes.append(
            words.language.ngettext("The place in %(n)s group", "The places in %(n)s groups", meant.groups)
        )
    if meant.user.login:
        goes.append(say(_SIGNING_IN, login=meant.user.login))
    return tuple(goes) or (say(N_("The user, from every list")),)
