"""Pages of API tokens: those there are, a new one, whose secret is shown once, and one revoked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web
from multidict import MultiDictProxy

from ari_recorder.policies.rights import Right
from ari_recorder.policies.text import is_plain, is_seen, tidy
from ari_recorder.store import tokens
from ari_recorder.store.tokens import NAME_MAX, Made, TokenRow
from ari_recorder.web import page, told
from ari_recorder.web.administration import confirming, forms
from ari_recorder.web.administration.confirming import Confirmation
from ari_recorder.web.administration.forms import Form
from ari_recorder.web.context import ACCOUNT, ACTOR, CONTEXT, changed_by, own_organisation, scope
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id
from ari_recorder.web.words import Words

TAKES = (told.PARAMETER,)
SCOPES: dict[Right, tuple[str, str]] = {
    Right.RECORDINGS_READ: (
        N_("See recordings"),
        N_("Who, when, how long, notes and marks: all but the audio."),
    ),
    Right.RECORDINGS_LISTEN: (
        N_("Hear recordings"),
        N_("Listen and download. Each time is in the audit log."),
    ),
    Right.RECORDINGS_DELETE: (
        N_("Remove recordings"),
        N_("For good, but not what is under a legal hold. Each is in the audit log and the disposal log."),
    ),
    Right.RECORDINGS_ANNOTATE: (
        N_("Note and mark"),
        N_("Set note, mark and fields, during calls and afterwards."),
    ),
    Right.CALLS_READ: (N_("See calls"), N_("The calls in progress, and whether they are recorded.")),
    Right.CALLS_COMMAND: (N_("Give commands"), N_("Start, stop, pause and resume the recording of a call.")),
    Right.USERS_READ: (N_("See users"), N_("Names, numbers, modes, plans, telephones.")),
    Right.USERS_WRITE: (
        N_("Change users"),
        N_("Add, change and remove them, and switch recording on and off."),
    ),
    Right.GROUPS_READ: (N_("See groups"), N_("Their members and supervisors.")),
    Right.GROUPS_WRITE: (N_("Change groups"), N_("Decides who may hear whom.")),
    Right.ORGANISATION_READ: (
        N_("See the organisation"),
        N_("Its settings, and what is announced in calls."),
    ),
    Right.ORGANISATION_WRITE: (
        N_("Change the organisation"),
        N_("Its settings, and what is announced in calls."),
    ),
    Right.PROMPTS_READ: (N_("Hear prompts"), N_("What is said and played in calls.")),
    Right.PROMPTS_WRITE: (N_("Replace prompts"), N_("Put other files in their place.")),
    Right.WEBHOOKS_READ: (N_("See webhooks"), N_("Where they are, and how telling them went.")),
    Right.WEBHOOKS_WRITE: (
        N_("Change webhooks"),
        N_("Have others told what happens in everybody's calls."),
    ),
    Right.AUDIT_READ: (N_("Read the audit log"), N_("Who did what.")),
    Right.EVIDENCE_READ: (
        N_("Read the evidence"),
        N_("What every recording was, with the proof of it, and without its audio."),
    ),
    Right.LEDGER_READ: (N_("Read the ledger"), N_("What was due to be recorded, and what came of it.")),
    Right.USAGE_READ: (N_("Read usage"), N_("What is billed for a month.")),
    Right.HOLDS_READ: (N_("See legal holds"), N_("And the reports of erasures.")),
    Right.HOLDS_WRITE: (N_("Place legal holds"), N_("And release them: what they kept can be deleted then.")),
}
"""What a token may do, in words: all of `PROGRAM_RIGHTS`, which administrators have, who alone come here."""
LASTING = {"30": N_("30 days"), "90": N_("90 days"), "365": N_("A year"), "never": N_("Until it is revoked")}
ORGANISATION, PERSON = "organisation", "person"


async def show(request: web.Request) -> web.Response:
    """``GET /tokens``."""
    found = await request.app[CONTEXT].store.read(tokens.listed, scope(request))
    values = {
        "rows": found,
        "now": request.app[CONTEXT].now(),
        "scopes_of": lambda row: _scopes(page.words(request), row),
    }
    return await page.render(request, "administration/tokens.html", values)


async def new(request: web.Request) -> web.Response:
    """``GET /tokens/new``."""
    return await _form(request, Form("token", {"of": ORGANISATION, "lasting": "90"}))


async def add(request: web.Request) -> web.Response:
    """``POST /tokens/new``: make it, and show its secret this once; or the form again."""
    sent = await forms.sent(request)
    form = Form("token", _values(sent))
    with form.noting(page.reader_language(request)):
        made = await _make(request, form.values, sent.getall("scopes", []))
        return await page.render(request, "administration/token_made.html", {"made": made})
    return await _form(request, form)


async def ask(request: web.Request) -> web.Response:
    """``GET /tokens/{id}/revoke``: what revoking it means."""
    token = await request.app[CONTEXT].store.read(tokens.find, scope(request), path_id(request))
    return await confirming.ask(request, _confirmation(request, token))


async def revoke(request: web.Request) -> web.StreamResponse:
    """``POST /tokens/{id}/revoke``."""
    revoked = await request.app[CONTEXT].store.write(
        tokens.revoke, scope(request), token=path_id(request), **changed_by(request)
    )
    raise told.then(
        request, "/tokens", N_("%(name)s was revoked: nothing comes in with it."), name=revoked.name
    )


def _scopes(words: Words, row: TokenRow) -> list[str]:
    """What a token may do, in words, in the order of `SCOPES`."""
    known = [words.language.gettext(name) for right, (name, _) in SCOPES.items() if right in row.scopes]
    return known + [right for right in row.scopes if right not in SCOPES]


def _values(sent: MultiDictProxy[Any]) -> dict[str, str | tuple[str, ...]]:
    named = {name: forms.text(sent, name) for name in ("name", "of", "lasting")}
    return {**named, "scopes": tuple(map(str, sent.getall("scopes", [])))}


async def _make(request: web.Request, values: Mapping[str, Any], scopes: list[str]) -> Made:
    """Raises `Refused`, at the field that it is about."""
    context, asker = request.app[CONTEXT], scope(request)
    now, name = context.now(), tidy(values["name"]).strip()
    if not is_seen(name) or len(name) > NAME_MAX or not is_plain(name):
        raise Refused(422, _NO_NAME, field="name", values={"most": NAME_MAX})
    if not scopes:
        raise Refused(422, N_("choose at least one."), field="scopes")
    wanted = frozenset(Right(one) for one in scopes if one in SCOPES)
    if len(wanted) < len(set(scopes)):
        raise Refused(422, N_("one of them is nothing that you may."), field="scopes")
    user: UUID | None = None if values["of"] == ORGANISATION else asker.user
    return await context.store.write(
        tokens.add, request[ACTOR], own_organisation(request), user, name, wanted, _ends(values, now), now
    )


_OF_ALL = N_(
    "For a program of the organisation. It reaches everybody's recordings and calls, and stays when you"
    " leave."
)
_OF_ONE = N_("For a program of yours. It may never do more than you, and ends when you leave.")
_REFUSED = N_("Every program that comes in with %(hint)s… is turned away from now on.")
_FOR_GOOD = N_("It cannot be taken back: a program that still needs it is given a new one.")
_NO_NAME = N_("say what it is for, in 1 to %(most)s characters.")


def _ends(values: Mapping[str, Any], now: datetime) -> datetime | None:
    if values["lasting"] not in LASTING:
        raise Refused(422, N_("choose one."), field="lasting")
    return None if values["lasting"] == "never" else now + timedelta(days=int(values["lasting"]))


async def _form(request: web.Request, form: Form) -> web.Response:
    say, own = page.words(request).language.gettext, request[ACCOUNT].user
    values = {
        "form": form,
        "name_max": NAME_MAX,
        "owners": [(ORGANISATION, own.organisation_name, say(_OF_ALL)), (PERSON, own.name, say(_OF_ONE))],
        "scopes": [(right, say(name), say(about)) for right, (name, about) in SCOPES.items()],
        "lastings": [(value, say(text)) for value, text in LASTING.items()],
    }
    return await page.render(request, "administration/token_new.html", values, status=form.status)


def _confirmation(request: web.Request, token: TokenRow) -> Confirmation:
    words = page.words(request)
    say = words.language.gettext
    used = (
        say(N_("It was last used %(when)s."), when=f"{words.date(token.seen_at)} {words.time(token.seen_at)}")
        if token.seen_at
        else say(N_("It has never been used."))
    )
    return Confirmation(
        title=say(N_("Revoke %(name)s?"), name=token.name),
        button=say(N_("Revoke it")),
        action=f"/tokens/{token.id}/revoke",
        back="/tokens",
        goes=(say(_REFUSED, hint=token.hint),),
        stays=(say(N_("What was done with it is in the audit log.")),),
        after=f"{used} {say(_FOR_GOOD)}",
    )
