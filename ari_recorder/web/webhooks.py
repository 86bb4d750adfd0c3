"""The API of webhooks: who is told what happens in an organisation's calls, and how telling went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from ari_recorder.delivery.signing import new_secret
from ari_recorder.policies.rights import Right
from ari_recorder.policies.webhooks.events import EventType
from ari_recorder.policies.webhooks.sending import Attempt, Stopped
from ari_recorder.store import webhook_log, webhooks
from ari_recorder.store.webhook_log import DeliveryRow
from ari_recorder.store.webhooks import HookRow
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation, scope
from ari_recorder.web.editing import create, guard
from ari_recorder.web.lists import Cursor, Limit
from ari_recorder.web.routing import Route, operation, path_id
from ari_recorder.web.seals import SEALS, Purpose
from ari_recorder.web.shapes import Id, Time, time, time_or_none

_HOOKS = "/api/v1/webhooks"
_HOOK = _HOOKS + "/{id}"
_DELIVERIES = _HOOK + "/deliveries"
Events = Annotated[list[str], Meta(max_length=len(EventType), description="Which events it is told.")]
Url = Annotated[str, Meta(description="Where they are posted: `https://`, and not an address inside.")]


class NewWebhook(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A webhook to be made."""

    name: Annotated[str, Meta(description="What it is for.")]
    url: Url
    events: Events
    personal: Annotated[
        bool, Meta(description="Whether it is told names and numbers of users and counterparts.")
    ] = False


class WebhookChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to be changed of a webhook."""

    name: str | UnsetType = UNSET
    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    personal: bool | UnsetType = UNSET


class Webhook(msgspec.Struct):
    """An address that is told what happens. Its secret is not shown."""

    id: Id
    name: str
    url: str
    events: list[str]
    personal: bool
    stopped: Annotated[
        Stopped | None,
        Meta(
            description="Why nothing is sent: `person` (paused), `gone` (it answered 410), `failing` (it took"
            " nothing for three days); null while something is."
        ),
    ]
    stopped_at: Time | None
    failures: Annotated[int, Meta(description="In a row, without one that was taken.")]
    failing_since: Time | None
    delivered_at: Annotated[str, Meta(description="When it last took an event.")] | None
    waiting: Annotated[int, Meta(description="Events that wait to be sent.")]
    failed: Annotated[int, Meta(description="Events that were given up.")]
    dropped: Annotated[int, Meta(description="Events that were not kept for it, as 10,000 waited.")]
    secret_before_until: (
        Annotated[str, Meta(description="Until then it is signed with the secret before, too.")] | None
    )
    created_at: Time
    created_by: str


class FreshWebhook(Webhook):
    """A webhook with its secret, which is shown this once."""

    secret: Annotated[str, Meta(description="Not in an answer that is given again.")] | UnsetType = UNSET


class Webhooks(msgspec.Struct):
    """Webhooks, by name."""

    webhooks: list[Webhook]


class DeliveryAttempt(msgspec.Struct):
    """How sending an event went, once."""

    at: Time
    status: Annotated[int, Meta(description="Of the answer; 0 if there was none.")]
    took_ms: int
    error: Annotated[str, Meta(description="Why there was no answer that counts, in a sentence.")]
    answer: Annotated[str, Meta(description="How the answer began, 500 characters at most.")]


class Delivery(msgspec.Struct):
    """An event that a webhook is told."""

    id: Id
    event: Annotated[str, Meta(description="Its `webhook-id`, and `id` in what is sent.")]
    type: str
    subject: Annotated[str, Meta(description="Id of the recording, the call's leg, or the organisation.")]
    at: Annotated[str, Meta(description="When it happened.")]
    state: Literal["waiting", "delivered", "failed"]
    next_at: Annotated[str, Meta(description="When it is sent again, if it waits.")] | None
    attempts: Annotated[list[DeliveryAttempt], Meta(description="The newest first.")]


class Deliveries(msgspec.Struct):
    """A page of what a webhook is told, the newest first."""

    deliveries: list[Delivery]
    next_cursor: str | None


class DeliveryQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which of them."""

    state: Literal["waiting", "delivered", "failed"] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class SentAgain(msgspec.Struct):
    """How many are sent again."""

    sent_again: int


@operation("GET", _HOOKS, need=Right.WEBHOOKS_READ)
async def list_webhooks(request: web.Request) -> Webhooks:
    """The webhooks of the organisation, by name."""
    found = await request.app[CONTEXT].store.read(webhooks.listed, scope(request))
    return Webhooks([shown(row) for row in found])


@operation("POST", _HOOKS, need=Right.WEBHOOKS_WRITE, answer=FreshWebhook, problems=(409, 422), creates=True)
async def add_webhook(request: web.Request, body: NewWebhook) -> web.Response:
    """Make a webhook; the answer has its secret, which is shown this once."""
    organisation, by, secret = own_organisation(request), changed_by(request), new_secret()
    values, sealed = checked(request, msgspec.to_builtins(body)), sealed_secret(request, secret)
    return await create(
        request,
        lambda: webhooks.add(organisation, values, sealed, **by),
        shown,
        lambda row: f"{_HOOKS}/{row.id}",
        shown_once=lambda row: _fresh(row, secret),
    )


@operation("GET", _HOOK, need=Right.WEBHOOKS_READ, problems=(404,))
async def one_webhook(request: web.Request) -> Webhook:
    """One of them."""
    return shown(await request.app[CONTEXT].store.read(webhooks.find, scope(request), path_id(request)))


@operation("PATCH", _HOOK, need=Right.WEBHOOKS_WRITE, problems=(404, 412, 422), guarded=True)
async def change_webhook(request: web.Request, body: WebhookChange) -> Webhook:
    """Change what is named. With another address it begins anew, and is sent what has waited."""
    values = checked(request, msgspec.to_builtins(body))
    return shown(
        await request.app[CONTEXT].store.write(
            webhooks.change, scope(request), path_id(request), values, unchanged=guard(request, shown),
            **changed_by(request),
        )
    )  # fmt: skip


@operation("DELETE", _HOOK, need=Right.WEBHOOKS_WRITE, problems=(404, 412), guarded=True)
async def remove_webhook(request: web.Request) -> None:
    """Remove it, with what waits for it and what is known of what it was told."""
    await request.app[CONTEXT].store.write(
        webhooks.remove, scope(request), path_id(request), unchanged=guard(request, shown),
        **changed_by(request),
    )  # fmt: skip


@operation("POST", _HOOK + "/pause", need=Right.WEBHOOKS_WRITE, problems=(404,))
async def pause_webhook(request: web.Request) -> Webhook:
    """Send nothing until it is resumed; what happens waits, 30 days and 10,000 events at most."""
    return await _changed(request, webhooks.pause)


@operation("POST", _HOOK + "/resume", need=Right.WEBHOOKS_WRITE, problems=(404,))
async def resume_webhook(request: web.Request) -> Webhook:
    """Send again, first what has waited, whyever nothing was sent."""
    return await _changed(request, webhooks.resume)


@operation("POST", _HOOK + "/secret", need=Right.WEBHOOKS_WRITE, problems=(404,))
async def renew_webhook_secret(request: web.Request) -> FreshWebhook:
    """Another secret, shown this once. For 24 hours it is signed with the one before, too."""
    secret = new_secret()
    row = await request.app[CONTEXT].store.write(
        webhooks.rotate, scope(request), path_id(request), sealed_secret(request, secret),
        **changed_by(request),
    )  # fmt: skip
    return _fresh(row, secret)


@operation("POST", _HOOK + "/ping", need=Right.WEBHOOKS_WRITE, problems=(404,), answer=Delivery, status=202)
async def ping_webhook(request: web.Request) -> web.Response:
    """Send a test event, `ping`, once, also if it is paused. The delivery tells what came of it."""
    store, asker, hook = request.app[CONTEXT].store, scope(request), path_id(request)
    made = await store.write(webhooks.ping, asker, hook, **changed_by(request))
    row = await store.read(webhook_log.delivery, asker, hook, made)
    return web.Response(
        status=202,
        body=msgspec.json.encode(delivery_shown(row)),
        content_type="application/json",
        headers={"Location": f"{_HOOKS}/{hook}/deliveries/{made}"},
    )


@operation("GET", _DELIVERIES, need=Right.WEBHOOKS_READ, problems=(404, 422))
async def webhook_deliveries(request: web.Request, query: DeliveryQuery) -> Deliveries:
    """What it was told in the last 30 days and is to be told, the newest first, with every attempt."""
    found = await request.app[CONTEXT].store.read(
        webhook_log.deliveries, scope(request), path_id(request), state=query.state, limit=query.limit,
        cursor=query.cursor,
    )  # fmt: skip
    return Deliveries([delivery_shown(row) for row in found.rows], found.next_cursor)


@operation("GET", _DELIVERIES + "/{delivery}", need=Right.WEBHOOKS_READ, problems=(404,))
async def webhook_delivery(request: web.Request) -> Delivery:
    """One of them."""
    return delivery_shown(
        await request.app[CONTEXT].store.read(
            webhook_log.delivery, scope(request), path_id(request), path_id(request, "delivery")
        )
    )


@operation("POST", _DELIVERIES + "/{delivery}/send", need=Right.WEBHOOKS_WRITE, problems=(404,))
async def send_delivery_again(request: web.Request) -> Delivery:
    """Send it again, whatever came of it, under the same `webhook-id`."""
    return delivery_shown(
        await request.app[CONTEXT].store.write(
            webhook_log.send_again, scope(request), path_id(request), path_id(request, "delivery"),
            **changed_by(request),
        )
    )  # fmt: skip


@operation("POST", _DELIVERIES + "/send-failed", need=Right.WEBHOOKS_WRITE, problems=(404,))
async def send_failed_deliveries(request: web.Request) -> SentAgain:
    """Send all again that were given up."""
    return SentAgain(
        await request.app[CONTEXT].store.write(
            webhook_log.send_failed_again, scope(request), path_id(request), **changed_by(request)
        )
    )


OPERATIONS: tuple[Route, ...] = (
    list_webhooks,
    add_webhook,
    one_webhook,
    change_webhook,
    remove_webhook,
    pause_webhook,
    resume_webhook,
    renew_webhook_secret,
    ping_webhook,
    webhook_deliveries,
    send_failed_deliveries,
    webhook_delivery,
    send_delivery_again,
)
"""Their addresses."""


def checked(request: web.Request, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, as it is kept. Raises `Invalid`."""
    settings = request.app[CONTEXT].webhooks
    return webhooks.checked(given, unencrypted=settings.allow_http, allowed=settings.allow_inside)


def sealed_secret(request: web.Request, secret: str) -> str:
    """As it is kept in the catalogue."""
    return request.app[SEALS].seal(Purpose.WEBHOOK, secret, request.app[CONTEXT].now())


def shown(row: HookRow) -> Webhook:
    """A webhook as the API shows it."""
    return Webhook(**_members(row))


def delivery_shown(row: DeliveryRow) -> Delivery:
    """A delivery as the API shows it."""
    return Delivery(
        id=str(row.id),
        event=str(row.event),
        type=row.type,
        subject=str(row.subject),
        at=time(row.at),
        state=row.state,  # type: ignore[arg-type]
        next_at=time(row.next_at) if row.state == webhooks.WAITING else None,
        attempts=list(_attempts(row.attempts)),
    )


def _attempts(attempts: Iterable[Attempt]) -> Iterable[DeliveryAttempt]:
    for one in attempts:
        yield DeliveryAttempt(time(one.at), one.status, one.took_ms, one.error, one.answer)


def _fresh(row: HookRow, secret: str) -> FreshWebhook:
    return FreshWebhook(**_members(row), secret=secret)


def _members(row: HookRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "url": row.url,
        "events": list(row.events),
        "personal": row.personal,
        "stopped": row.stopped,
        "stopped_at": time_or_none(row.stopped_at),
        "failures": row.failures,
        "failing_since": time_or_none(row.failing_since),
        "delivered_at": time_or_none(row.delivered_at),
        "waiting": row.waiting,
        "failed": row.failed,
        "dropped": row.dropped,
        "secret_before_until": time_or_none(row.before_until),
        "created_at": time(row.created_at),
        "created_by": row.created_by,
    }


async def _changed(request: web.Request, work: Any) -> Webhook:
    by = changed_by(request)
    return shown(await request.app[CONTEXT].store.write(lambda: work(scope(request), path_id(request), **by)))
