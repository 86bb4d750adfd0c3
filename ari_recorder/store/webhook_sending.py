"""From the outbox to the hooks: what is to be sent, and what came of it.

What has happened is in the outbox in the commit in which it did. `take_out` makes a delivery of it for each
hook in one commit; `due` says which are to be sent now, `done` what came of one. What is sent and not told so
any more, as the program was killed, is sent again, under the same id.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import SQL, fn

from ari_recorder.policies.webhooks import sending
from ari_recorder.policies.webhooks.events import EventType, Happened
from ari_recorder.policies.webhooks.sending import KEPT, WAITING_MAX, Attempt, Health, Stopped
from ari_recorder.store import models, statements
from ari_recorder.store.models import Outbox, Webhook, WebhookAttempt, WebhookDelivery, new_id
from ari_recorder.store.webhooks import DELIVERED, FAILED, WAITING

BATCH = 200
CLAIMED_FOR = timedelta(seconds=60)
"""How long a process that sends to a hook is the only one, unless it says so anew."""
BEFORE = timedelta(minutes=1)
"""What happened so long before there was a hook is told it, too: Asterisk's clock may be behind."""
_IS_WAITING = WebhookDelivery.state == SQL("'waiting'")


@dataclass(frozen=True)
class Sending:
    """An event to be sent to a hook. ``secrets`` are encrypted, the newest first."""

    id: UUID
    hook: UUID
    name: str
    url: str
    secrets: tuple[str, ...]
    event: Happened
    personal: Mapping[str, Any] = field(default_factory=dict)


def take_out(now: datetime, limit: int = BATCH) -> int:
    """Make deliveries of what is in the outbox, for each hook that is told of it; how much was taken out."""
    rows = list(Outbox.select().order_by(Outbox.id).limit(limit))
    if not rows:
        return 0
    hooks = defaultdict(list)
    for hook in Webhook.select().where(Webhook.organisation.in_({row.organisation for row in rows})):
        hooks[hook.organisation_id].append(hook)
    room = {hook.id: WAITING_MAX - _waiting(hook.id) for of in hooks.values() for hook in of}
    for row in sorted(rows, key=lambda one: one.place):
        for hook in hooks[row.organisation]:
            if row.type in hook.events.split() and row.at >= hook.created_at - BEFORE:
                _deliver(hook.id, row, room, now)
    Outbox.delete().where(Outbox.id.in_([row.id for row in rows])).execute()
    return len(rows)


def _deliver(hook: UUID, row: Any, room: dict[UUID, int], now: datetime) -> None:
    if room[hook] <= 0:
        Webhook.update(dropped=Webhook.dropped + 1).where(Webhook.id == hook).execute()
        return
    room[hook] -= statements.insert(
        WebhookDelivery,
        or_ignore=True,
        id=new_id(),
        webhook=hook,
        event=row.id,
        type=row.type,
        subject=row.subject,
        place=row.place,
        at=row.at,
        data=row.data,
        created_at=now,
        state=WAITING,
        next_at=now,
    )


def _waiting(hook: UUID) -> int:
    return int(WebhookDelivery.select().where((WebhookDelivery.webhook == hook) & _IS_WAITING).count())


def is_anything_out() -> bool:
    """Whether there is anything in the outbox."""
    return bool(Outbox.select(SQL("1")).limit(1).exists())


def claim(sender: str, hooks: Collection[UUID], now: datetime) -> dict[UUID, datetime]:
    """Be who sends to these for `CLAIMED_FOR`, but for those that another is; until when, by hook.

    To be called in a write. Who is killed is followed by another after that time, or by itself at once.
    """
    until = now + CLAIMED_FOR
    free = (Webhook.sender == sender) | Webhook.sender_until.is_null() | (Webhook.sender_until <= now)
    Webhook.update(sender=sender, sender_until=until).where(Webhook.id.in_(list(hooks)) & free).execute()
    mine = (Webhook.sender == sender) & (Webhook.sender_until == until)
    return {row.id: until for row in Webhook.select(Webhook.id).where(Webhook.id.in_(list(hooks)) & mine)}


def due(now: datetime, sent_now: Mapping[UUID, Collection[UUID]]) -> list[Sending]:
    """What is to be sent now, besides what is being sent: ``sent_now`` are the deliveries, by hook.

    Of each subject of a hook only the first: the next is sent when that has been taken or given up.
    """
    found = []
    for hook in Webhook.select():
        running = sent_now.get(hook.id, ())
        health = Health(hook.failures, hook.failing_since, hook.rests_until)
        pings = hook.stopped or not health.at_once(now)
        room = sending.AT_ONCE if pings else health.at_once(now)
        rows = _next(hook.id, now, running, max(room - len(running), 0), pings_only=bool(pings))
        found += [_sending(hook, row, now) for row in rows]
    return found


def _next(hook: UUID, now: datetime, running: Collection[UUID], limit: int, *, pings_only: bool) -> list[Any]:
    if not limit:
        return []
    earlier = WebhookDelivery.alias()
    before = earlier.select(SQL("1")).where(
        (earlier.webhook == WebhookDelivery.webhook)
        & (earlier.subject == WebhookDelivery.subject)
        & (earlier.state == SQL("'waiting'"))
        & (earlier.place < WebhookDelivery.place)
    )
    its = (WebhookDelivery.webhook == hook) & _IS_WAITING & (WebhookDelivery.next_at <= now)
    if pings_only:
        its &= WebhookDelivery.type == EventType.PING.value
    query = WebhookDelivery.select().where(its & ~fn.EXISTS(before))
    rows = query.order_by(WebhookDelivery.next_at, WebhookDelivery.id).limit(limit + len(running))
    return [row for row in rows if row.id not in running][:limit]


def _sending(hook: Any, row: Any, now: datetime) -> Sending:
    both = hook.secret_before and hook.before_until is not None and now < hook.before_until
    event = Happened(
        EventType(row.type), hook.organisation_id, row.subject, row.place, row.at, json.loads(row.data)
    )
    return Sending(
        row.id,
        hook.id,
        hook.name,
        hook.url,
        (hook.secret, hook.secret_before) if both else (hook.secret,),
        event,
        _personal(event) if hook.personal else {},
    )


def _personal(event: Happened) -> dict[str, Any]:
    """Names and numbers, as they are now: what has been erased meanwhile is told nobody."""
    table = models.Leg if event.type is EventType.MISSED else models.Recording
    for user, number, name in statements.find(
        table, ("user", "counterpart_number", "counterpart_name"), id=event.subject
    ):
        own = statements.find(models.User, ("number", "name"), id=user)
        told: dict[str, Any] = {"counterpart": {"number": number, "name": name}}
        for number, name in own:
            told["recorded_user"] = {"number": number, "name": name}
        return told
    return {}


def done(one: Sending, attempt: Attempt, now: datetime) -> Stopped | None:
    """Write down how sending went, and what follows; whether the hook is stopped by that, and why."""
    hook = Webhook.get_or_none(Webhook.id == one.hook)
    row = WebhookDelivery.get_or_none(WebhookDelivery.id == one.id)
    if hook is None or row is None:
        return None  # it was removed meanwhile
    _note_attempt(row, attempt)
    is_ping = one.event.type is EventType.PING
    verdict = sending.judge(attempt, sending.ATTEMPTS_MAX if is_ping else row.tries + 1)
    state = DELIVERED if verdict.taken else WAITING if verdict.again_at else FAILED
    WebhookDelivery.update(
        state=state,
        tries=row.tries + 1,
        attempts=row.attempts + 1,
        next_at=verdict.again_at or attempt.at,
        status=attempt.status,
    ).where(WebhookDelivery.id == row.id).execute()
    if is_ping and not attempt.taken:
        return None
    return _note_health(hook, attempt, now)


def _note_attempt(row: Any, attempt: Attempt) -> None:
    WebhookAttempt.create(
        delivery=row.id,
        number=row.attempts + 1,
        at=attempt.at,
        status=attempt.status,
        took_ms=attempt.took_ms,
        error=attempt.error,
        answer=attempt.answer,
    )


def _note_health(hook: Any, attempt: Attempt, now: datetime) -> Stopped | None:
    before = Health(hook.failures, hook.failing_since, hook.rests_until)
    health, stopped = sending.after(before, attempt)
    changes: dict[str, Any] = {}
    if health != before:
        changes = vars(health).copy()
    if attempt.taken:
        changes["delivered_at"] = now
    if stopped is not None and not hook.stopped:
        changes |= {"stopped": stopped.value, "stopped_at": now}
    if changes:
        Webhook.update(**changes).where(Webhook.id == hook.id).execute()
    return stopped if "stopped" in changes else None


def forget_old(now: datetime, limit: int = BATCH) -> int:
    """Take away what has been kept long enough, with how it went; how many there were, at most ``limit``."""
    old = (
        WebhookDelivery.select(WebhookDelivery.id)
        .where(WebhookDelivery.created_at < now - KEPT)
        .order_by(WebhookDelivery.created_at)
        .limit(limit)
    )
    ids = [row.id for row in old]
    if ids:
        WebhookDelivery.delete().where(WebhookDelivery.id.in_(ids)).execute()
    return len(ids)
