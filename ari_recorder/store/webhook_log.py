"""What hooks were told, and how that went, for who may see it; and telling it again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.errors import NotFound
from ari_recorder.policies.rights import Scope
from ari_recorder.policies.webhooks.sending import Attempt
from ari_recorder.store import audit, paging
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.models import WebhookAttempt, WebhookDelivery
from ari_recorder.store.paging import Page
from ari_recorder.store.webhooks import FAILED, WAITING, find

STATES = ("waiting", "delivered", "failed")


@dataclass(frozen=True)
class DeliveryRow:
    """An event that a hook is told. ``next_at`` is when it is sent again; else when it last was.

    ``attempts`` are those that there were, the newest first.
    """

    id: UUID
    hook: UUID
    event: UUID
    type: str
    subject: UUID
    at: datetime
    created_at: datetime
    state: str
    next_at: datetime
    data: dict[str, Any]
    attempts: tuple[Attempt, ...]


def deliveries(
    asker: Scope,
    hook: UUID,
    *,
    state: str | None = None,
    limit: int = paging.LIMIT,
    cursor: str | None = None,
) -> Page[DeliveryRow]:
    """A page of what that hook is told, the newest first. Raises `NotFound`, `Invalid`."""
    find(asker, hook)
    query = WebhookDelivery.select().where(WebhookDelivery.webhook == hook)
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    return paging.page(
        query,
        WebhookDelivery.created_at,
        WebhookDelivery,
        _rows,
        limit=limit,
        cursor=cursor,
        newest_first=True,
    )


def delivery(asker: Scope, hook: UUID, delivery_id: UUID) -> DeliveryRow:
    """One of them. Raises `NotFound`."""
    find(asker, hook)
    its = (WebhookDelivery.webhook == hook) & (WebhookDelivery.id == delivery_id)
    rows = _rows(list(WebhookDelivery.select().where(its)))
    if not rows:
        raise NotFound(f"No delivery {delivery_id} of that webhook.")
    return rows[0]


def last_attempt(asker: Scope, hook: UUID) -> Attempt | None:
    """How sending to that hook went the last time, of whatever event. Raises `NotFound`."""
    find(asker, hook)
    tried = WebhookAttempt.select().join(WebhookDelivery).where(WebhookDelivery.webhook == hook)
    one = tried.order_by(WebhookAttempt.at.desc(), WebhookAttempt.number.desc()).first()
    return Attempt(one.at, one.status, one.took_ms, one.error, one.answer) if one else None


def send_again(asker: Scope, hook: UUID, delivery_id: UUID, *, actor: Actor, now: datetime) -> DeliveryRow:
    """Have one sent again, whatever came of it; under the same id. Raises `NotFound`."""
    delivery(asker, hook, delivery_id)
    _wait(WebhookDelivery.id == delivery_id, now)
    _audit(asker, hook, {"sent_again": 1}, actor, now)
    return delivery(asker, hook, delivery_id)


def send_failed_again(asker: Scope, hook: UUID, *, actor: Actor, now: datetime) -> int:
    """Have all sent again that were given up; how many. Raises `NotFound`."""
    find(asker, hook)
    count = _wait((WebhookDelivery.webhook == hook) & (WebhookDelivery.state == FAILED), now)
    if count:
        _audit(asker, hook, {"sent_again": count}, actor, now)
    return count


def _wait(which: Any, now: datetime) -> int:
    return int(WebhookDelivery.update(state=WAITING, tries=0, next_at=now).where(which).execute())


def _audit(asker: Scope, hook: UUID, detail: dict[str, Any], actor: Actor, now: datetime) -> None:
    organisation = find(asker, hook).organisation
    subject = Subject("webhook", str(hook))
    audit.write(actor, Action.CHANGE, subject, now, organisation=organisation, detail=detail)


def _rows(rows: Sequence[Any]) -> list[DeliveryRow]:
    attempts = defaultdict(list)
    its = WebhookAttempt.delivery.in_([row.id for row in rows])
    for one in WebhookAttempt.select().where(its).order_by(WebhookAttempt.number.desc()):
        attempts[one.delivery_id].append(Attempt(one.at, one.status, one.took_ms, one.error, one.answer))
    return [
        DeliveryRow(
            id=row.id,
            hook=row.webhook_id,
            event=row.event,
            type=row.type,
            subject=row.subject,
            at=row.at,
            created_at=row.created_at,
            state=row.state,
            next_at=row.next_at,
            data=json.loads(row.data),
            attempts=tuple(attempts[row.id]),
        )
        for row in rows
    ]
