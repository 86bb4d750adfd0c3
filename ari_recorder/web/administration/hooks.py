"""Pages of webhooks: those there are, a new one, one with what it was told and how that went."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from aiohttp import web

from ari_recorder.delivery.signing import new_secret
from ari_recorder.errors import Invalid, NotFound
from ari_recorder.policies.webhooks.events import CHOSEN, EventType
from ari_recorder.policies.webhooks.fields import NAME_MAX, URL_MAX
from ari_recorder.policies.webhooks.sending import Stopped
from ari_recorder.store import webhook_log, webhooks
from ari_recorder.store.webhook_log import DeliveryRow
from ari_recorder.store.webhooks import HookRow
from ari_recorder.web import page, told
from ari_recorder.web.administration import confirming
from ari_recorder.web.administration.confirming import Confirmation
from ari_recorder.web.administration.forms import VERSION, Form, sent, text
from ari_recorder.web.administration.versions import unchanged, version
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation, scope
from ari_recorder.web.language import N_, Language
from ari_recorder.web.lists import NO_CURSOR
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id
from ari_recorder.web.webhooks import checked, sealed_secret

TAKES = (told.PARAMETER,)
ONE_TAKES = (told.PARAMETER, "state", "cursor")
PAGE_ROWS = 25
PING_WITHIN_S = 5.0
"""How long the answer to the button waits for what came of the ping."""
PING_LOOKED_S = 0.1
EVENTS: dict[str, tuple[str, str]] = {
    EventType.STARTED: (N_("Recording began"), N_("A recording that is to be kept has begun.")),
    EventType.PAUSED: (N_("Paused"), N_("The user has paused it: nothing is kept until it goes on.")),
    EventType.RESUMED: (N_("Resumed"), N_("It goes on after a pause.")),
    EventType.READY: (N_("Ready"), N_("The call is over, and the recording can be heard and fetched.")),
    EventType.FAILED: (N_("Failed"), N_("It broke off, or there is nothing of it.")),
    EventType.DISPOSED: (N_("Removed"), N_("By retention, by an erasure, or by somebody.")),
    EventType.MISSED: (N_("Call not recorded"), N_("A call that was to be recorded was not.")),
    EventType.HEAD: (N_("Evidence signed"), N_("A signed head of all recordings, to be kept elsewhere.")),
    EventType.STAMP: (
        N_("Evidence time-stamped"),
        N_("By an authority outside: the stamp, to be kept elsewhere."),
    ),
}
"""What a hook can be told, in words."""
PING = N_("Test")
STATES = {
    "waiting": N_("Waiting"),
    "delivered": N_("Delivered"),
    "failed": N_("Given up"),
}
STOPPED = {
    Stopped.PERSON: N_("Paused"),
    Stopped.GONE: N_("Stopped: it answered that it is gone"),
    Stopped.FAILING: N_("Stopped: it took nothing for three days"),
}
ERRORS = (
    N_("no answer within"),
    N_("its certificate is not accepted"),
    N_("its name is not found"),
    N_("no encrypted connection"),
    N_("it cannot be connected to"),
    N_("it closed the connection without an answer."),
    N_("no answer that can be read"),
    N_("it points elsewhere, which is not followed"),
    N_("its secret cannot be opened: web.key_file is another than when it was made. Renew the secret."),
    N_("plain HTTP is not used unless webhooks.allow_http says so."),
    N_("It is an address of the inside network, where nothing is sent unless webhooks.allow_inside names it"),
)
"""How an attempt without an answer is told of, before what the network says of it (`delivery.posting`)."""
_SAVED = N_("Saved.")
_REMOVED = N_("%(name)s was removed: it is told nothing any more.")
_PAUSED = N_("%(name)s is paused: what happens waits for it.")
_RESUMED = N_("%(name)s is told again, first what has waited.")
_AGAIN = N_("%(n)s is sent again.")
_ALL_AGAIN = N_("%(n)s are sent again.")
_NONE_AGAIN = N_("Nothing was given up: there is nothing to send again.")
_PINGED = N_("It has taken the test: it answered %(status)s after %(ms)s ms.")
_NOT_PINGED = N_("It has not taken the test: %(why)s")
_ON_ITS_WAY = N_("The test is on its way; what comes of it is below.")
_NO_HOOK = N_("This webhook is not here, or not any more: the list has all there are.")


async def show(request: web.Request) -> web.Response:
    """``GET /webhooks``."""
    found = await request.app[CONTEXT].store.read(webhooks.listed, scope(request))
    values = {"rows": found, "stopped": page.words(request).each(STOPPED), "event_name": _namer(request)}
    return await page.render(request, "administration/webhooks.html", values)


async def new(request: web.Request) -> web.Response:
    """``GET /webhooks/new``."""
    everything = tuple(str(one) for one in CHOSEN if one not in (EventType.HEAD, EventType.STAMP))
    return await _form(request, Form("hook", {"events": everything}))


async def add(request: web.Request) -> web.Response:
    """``POST /webhooks/new``: make it, and show its secret this once; or the form again."""
    typed = await sent(request)
    form = Form("hook", _typed(typed))
    with form.noting(page.reader_language(request)):
        secret = new_secret()
        made = await request.app[CONTEXT].store.write(
            webhooks.add, own_organisation(request), checked(request, _given(form)),
            sealed_secret(request, secret), **changed_by(request),
        )  # fmt: skip
        return await _secret(request, made, secret, fresh=True)
    return await _form(request, form)


async def show_one(request: web.Request) -> web.Response:
    """``GET /webhooks/{id}``: what it is told, and how that went."""
    return await _one(request, await _found(request))


async def change(request: web.Request) -> web.Response:
    """``POST /webhooks/{id}``."""
    hook, typed = await _found(request), await sent(request)
    form = Form("hook", _typed(typed), version=text(typed, VERSION))
    with form.noting(page.reader_language(request)):
        await request.app[CONTEXT].store.write(
            webhooks.change, scope(request), hook.id, checked(request, _given(form)),
            unchanged=unchanged(typed, _shown), **changed_by(request),
        )  # fmt: skip
        raise told.then(request, f"/webhooks/{hook.id}", _SAVED)
    return await _one(request, await _found(request), form)


async def pause(request: web.Request) -> web.Response:
    """``POST /webhooks/{id}/pause``."""
    hook = await _found(request)
    await request.app[CONTEXT].store.write(webhooks.pause, scope(request), hook.id, **changed_by(request))
    undo = told.Undo(f"/webhooks/{hook.id}/resume")
    raise told.then(request, f"/webhooks/{hook.id}", _PAUSED, undo=undo, name=hook.name)


async def resume(request: web.Request) -> web.Response:
    """``POST /webhooks/{id}/resume``."""
    hook = await _found(request)
    await request.app[CONTEXT].store.write(webhooks.resume, scope(request), hook.id, **changed_by(request))
    raise told.then(request, f"/webhooks/{hook.id}", _RESUMED, name=hook.name)


async def ping(request: web.Request) -> web.Response:
    """``POST /webhooks/{id}/ping``: send a test, and tell what came of it, if it comes soon."""
    hook, store = await _found(request), request.app[CONTEXT].store
    made = await store.write(webhooks.ping, scope(request), hook.id, **changed_by(request))
    row = await _tried(request, hook.id, made)
    address = f"/webhooks/{hook.id}"
    if not row.attempts:
        raise told.then(request, address, _ON_ITS_WAY)
    last = row.attempts[0]
    if last.taken:
        raise told.then(request, address, _PINGED, status=last.status, ms=last.took_ms)
    why = explained(page.reader_language(request), last.error) or last.status
    raise told.then(request, address, _NOT_PINGED, good=False, why=why)


async def _tried(request: web.Request, hook: UUID, made: UUID) -> DeliveryRow:
    """The ping, as soon as it has been tried, or after a while as it is."""
    store, loop = request.app[CONTEXT].store, asyncio.get_running_loop()
    until_s = loop.time() + PING_WITHIN_S
    while True:
        row = await store.read(webhook_log.delivery, scope(request), hook, made)
        if row.attempts or loop.time() >= until_s:
            return row
        await asyncio.sleep(PING_LOOKED_S)


async def send_again(request: web.Request) -> web.Response:
    """``POST /webhooks/{id}/again``: one delivery, or all that were given up."""
    hook, typed, store = await _found(request), await sent(request), request.app[CONTEXT].store
    address = f"/webhooks/{hook.id}#log"
    one = text(typed, "delivery")
    if one:
        try:
            delivery = UUID(one)
        except ValueError as error:
            raise Refused(400, N_("What was sent is not a form in UTF-8.")) from error
        row = await store.write(
            webhook_log.send_again, scope(request), hook.id, delivery, **changed_by(request)
        )
        raise told.then(request, address, _AGAIN, n=_name(page.reader_language(request), row.type))
    count = await store.write(webhook_log.send_failed_again, scope(request), hook.id, **changed_by(request))
    raise told.then(request, address, _ALL_AGAIN if count else _NONE_AGAIN, good=bool(count), n=count)


async def ask_renewal(request: web.Request) -> web.Response:
    """``GET /webhooks/{id}/secret``: what another secret means."""
    hook = await _found(request)
    say = page.reader_language(request).gettext
    asked = Confirmation(
        title=say(N_("Renew the secret of %(name)s?"), name=hook.name),
        button=say(N_("Renew it")),
        action=f"/webhooks/{hook.id}/secret",
        back=f"/webhooks/{hook.id}",
        goes=(say(N_("The secret of before, 24 hours from now: give the receiver the new one until then.")),),
        stays=(say(N_("What is sent until then is signed with both.")),),
    )
    return await confirming.ask(request, asked)


async def renew(request: web.Request) -> web.Response:
    """``POST /webhooks/{id}/secret``: shown this once."""
    hook, secret = await _found(request), new_secret()
    row = await request.app[CONTEXT].store.write(
        webhooks.rotate, scope(request), hook.id, sealed_secret(request, secret), **changed_by(request)
    )
    return await _secret(request, row, secret, fresh=False)


async def ask_removal(request: web.Request) -> web.Response:
    """``GET /webhooks/{id}/remove``: what would go."""
    hook = await _found(request)
    words = page.reader_language(request)
    say = words.gettext
    goes = [say(N_("Its address, its secret, and what is known of what it was told"))]
    if hook.waiting:
        goes.append(words.ngettext("%(n)s event that waits", "%(n)s events that wait", hook.waiting))
    asked = Confirmation(
        title=say(N_("Remove %(name)s?"), name=hook.name),
        button=say(N_("Remove it")),
        action=f"/webhooks/{hook.id}/remove",
        back=f"/webhooks/{hook.id}",
        goes=tuple(goes),
        stays=(say(N_("The recordings themselves")),),
        after=say(N_("It cannot be undone: a new one has another secret, and is told what happens then.")),
    )
    return await confirming.ask(request, asked)


async def remove(request: web.Request) -> web.Response:
    """``POST /webhooks/{id}/remove``."""
    hook = await _found(request)
    await request.app[CONTEXT].store.write(webhooks.remove, scope(request), hook.id, **changed_by(request))
    raise told.then(request, "/webhooks", _REMOVED, name=hook.name)


async def _found(request: web.Request) -> HookRow:
    try:
        return await request.app[CONTEXT].store.read(webhooks.find, scope(request), path_id(request))
    except NotFound as error:
        raise Refused(404, N_("There is no such webhook here."), explanation=_NO_HOOK) from error


async def _one(request: web.Request, hook: HookRow, form: Form | None = None) -> web.Response:
    state, cursor = request.query.get("state") or None, request.query.get("cursor") or None
    if state not in (None, *STATES):
        raise Refused(400, N_("The address asks for something that there is not."))
    try:
        found = await request.app[CONTEXT].store.read(
            webhook_log.deliveries, scope(request), hook.id, state=state, limit=PAGE_ROWS, cursor=cursor
        )
    except Invalid as error:
        raise Refused(400, NO_CURSOR, field="cursor") from error
    present = Form("hook", _shown(hook), version=version(_shown(hook)))
    words, read = page.words(request), request.app[CONTEXT].store.read
    values = {
        **_choices(request),
        "hook": hook,
        "last": await read(webhook_log.last_attempt, scope(request), hook.id) if hook.failing_since else None,
        "form": form.beside(present) if form else present,
        "rows": found.rows,
        "older": found.next_cursor,
        "first": cursor is None,
        "state": state or "",
        "states": words.each(STATES),
        "stopped": words.each(STOPPED),
        "event_name": _namer(request),
        "why": partial(explained, words.language),
        "now": request.app[CONTEXT].now(),
    }
    status = form.status if form else 200
    return await page.render(request, "administration/webhook.html", values, status=status)


async def _form(request: web.Request, form: Form) -> web.Response:
    values = {"form": form, **_choices(request)}
    return await page.render(request, "administration/webhook_new.html", values, status=form.status)


async def _secret(request: web.Request, hook: HookRow, secret: str, *, fresh: bool) -> web.Response:
    values = {"hook": hook, "secret": secret, "fresh": fresh}
    return await page.render(request, "administration/webhook_secret.html", values)


def _choices(request: web.Request) -> dict[str, Any]:
    say = page.reader_language(request).gettext
    return {
        "choices": [(str(one), say(EVENTS[one][0]), say(EVENTS[one][1])) for one in CHOSEN],
        "name_max": NAME_MAX,
        "url_max": URL_MAX,
    }


def _namer(request: web.Request) -> Any:
    words = page.reader_language(request)
    return lambda event: _name(words, event)


def _name(words: Language, event: str) -> str:
    if event == EventType.PING:
        return words.gettext(PING)
    return words.gettext(EVENTS[event][0]) if event in EVENTS else event


def explained(words: Language, text: str) -> str:
    """Why there was no answer, in the reader's language as far as it is ours."""
    for known in ERRORS:
        if text.startswith(known):
            return words.gettext(known) + text[len(known) :]
    return text


def _typed(typed: Any) -> dict[str, str | tuple[str, ...]]:
    named = {name: text(typed, name) for name in ("name", "url", "personal")}
    return {**named, "events": tuple(map(str, typed.getall("events", [])))}


def _given(form: Form) -> Mapping[str, Any]:
    return {
        "name": form.value("name"),
        "url": form.value("url"),
        "events": form.values.get("events", ()),
        "personal": form.has("personal", "yes"),
    }


def _shown(hook: HookRow) -> dict[str, str | tuple[str, ...]]:
    return {
        "name": hook.name,
        "url": hook.url,
        "personal": "yes" if hook.personal else "",
        "events": hook.events,
    }
