"""Webhooks: which there are, and what they are told of. Secrets come in and are kept encrypted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import SQL

from ari_recorder.errors import Conflict, NotFound
from ari_recorder.policies.proxies import Networks
from ari_recorder.policies.rights import Scope
from ari_recorder.policies.webhooks import fields
from ari_recorder.policies.webhooks.events import EventType, Happened
from ari_recorder.policies.webhooks.fields import HOOKS_MAX
from ari_recorder.policies.webhooks.sending import OVERLAP, Stopped
from ari_recorder.store import audit, happenings
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.fitting import fit
from ari_recorder.store.models import Organisation, Webhook, WebhookDelivery, new_id
from ari_recorder.store.scope import hooked

WAITING, DELIVERED, FAILED = "waiting", "delivered", "failed"
CHANGEABLE = ("name", "url", "events", "personal")


@dataclass(frozen=True)
class HookRow:
    """A webhook as listed: all of it but its secrets.

    ``stopped`` says why nothing is sent, if nothing is. ``waiting`` and ``failed`` count events,
    ``delivered_at`` is when it last took one. The secret before counts until ``before_until``.
    """

    id: UUID
    organisation: UUID
    organisation_name: str
    name: str
    url: str
    events: tuple[str, ...]
    personal: bool
    created_at: datetime
    created_by: str
    stopped: Stopped | None
    stopped_at: datetime | None
    failures: int
    failing_since: datetime | None
    dropped: int
    before_until: datetime | None
    delivered_at: datetime | None
    waiting: int
    failed: int


Unchanged = Callable[[HookRow], None]
"""Called with the row as it is before it is changed; may raise to stop that."""


def _anyway(_: HookRow) -> None:
    """Whatever it is now."""


def listed(asker: Scope) -> list[HookRow]:
    """The webhooks that ``asker`` may see, by name."""
    return _rows(_select().where(hooked(asker)).order_by(Webhook.name, Webhook.id))


def find(asker: Scope, hook: UUID) -> HookRow:
    """One of them. Raises `NotFound`."""
    found = _rows(_select().where(hooked(asker) & (Webhook.id == hook)))
    if not found:
        raise NotFound(f"No webhook {hook}. See: ari-recorder webhooks list")
    return found[0]


def checked(values: Mapping[str, Any], *, unencrypted: bool, allowed: Networks) -> dict[str, Any]:
    """Values of `CHANGEABLE`, as they are kept. Raises `Invalid`.

    ``unencrypted``: plain HTTP may be used; ``allowed`` are networks of the inside that may be reached.
    """
    found = dict(values)
    with fit():
        if "name" in found:
            found["name"] = fields.name(found["name"])
        if "url" in found:
            found["url"] = fields.url(found["url"], unencrypted=unencrypted, allowed=allowed)
        if "events" in found:
            found["events"] = fields.events(found["events"])
    return found


def add(
    organisation: UUID, values: Mapping[str, Any], secret: str, *, actor: Actor, now: datetime
) -> HookRow:
    """A new webhook of an organisation; ``values`` are those of `CHANGEABLE`. Raises `Conflict`."""
    if Webhook.select().where(Webhook.organisation == organisation).count() >= HOOKS_MAX:
        raise Conflict(
            "", "there are %(most)s already, as many as there may be: remove one first.", most=HOOKS_MAX
        )
    row = Webhook.create(
        organisation=organisation,
        **_columns(values),
        secret=secret,
        created_at=now,
        created_by=actor.name[:200],
    )
    happenings.look_again()
    made = _rows(_select().where(Webhook.id == row.id))[0]
    _audit(Action.CREATE, made, {"after": _told(made)}, actor, now)
    return made


def change(
    asker: Scope,
    hook: UUID,
    values: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
    unchanged: Unchanged = _anyway,
) -> HookRow:
    """Change what is in ``values``. With another address it begins anew. Raises `NotFound`."""
    before = _before(asker, hook, unchanged)
    if columns := _columns(values):
        Webhook.update(**columns).where(Webhook.id == hook).execute()
    after = find(asker, hook)
    if after.url != before.url:
        _begin_anew(hook, now)
    if _told(before) != _told(after):
        _audit(Action.CHANGE, after, {"before": _told(before), "after": _told(after)}, actor, now)
    return find(asker, hook)


def remove(
    asker: Scope, hook: UUID, *, actor: Actor, now: datetime, unchanged: Unchanged = _anyway
) -> HookRow:
    """Take it away, with what waits for it and what was told it. Raises `NotFound`."""
    before = _before(asker, hook, unchanged)
    Webhook.delete().where(Webhook.id == hook).execute()
    happenings.look_again()
    _audit(Action.REMOVE, before, {"before": _told(before)}, actor, now)
    return before


def pause(asker: Scope, hook: UUID, *, actor: Actor, now: datetime) -> HookRow:
    """Nothing is sent until `resume`; what happens waits. Once more does no harm. Raises `NotFound`."""
    before = find(asker, hook)
    if before.stopped is None:
        Webhook.update(stopped=Stopped.PERSON, stopped_at=now).where(Webhook.id == hook).execute()
        _audit(Action.CHANGE, before, _stopping(None, Stopped.PERSON), actor, now)
    return find(asker, hook)


def resume(asker: Scope, hook: UUID, *, actor: Actor, now: datetime) -> HookRow:
    """Send again, first what has waited, whyever nothing was sent. Raises `NotFound`."""
    before = find(asker, hook)
    _begin_anew(hook, now)
    if before.stopped is not None:
        _audit(Action.CHANGE, before, _stopping(before.stopped, None), actor, now)
    return find(asker, hook)


def rotate(asker: Scope, hook: UUID, secret: str, *, actor: Actor, now: datetime) -> HookRow:
    """Another secret; what is sent is signed with the one before, too, for `OVERLAP`. Raises `NotFound`."""
    before = find(asker, hook)
    Webhook.update(secret_before=Webhook.secret, secret=secret, before_until=now + OVERLAP).where(
        Webhook.id == hook
    ).execute()
    _audit(Action.CHANGE, before, {"secret": "renewed"}, actor, now)
    return find(asker, hook)


def ping(asker: Scope, hook: UUID, *, actor: Actor, now: datetime) -> UUID:
    """Have a ping sent, also to one that is stopped; the id of its delivery. Raises `NotFound`."""
    row = find(asker, hook)
    told = Happened(EventType.PING, row.organisation, new_id(), 0, now, {"webhook": str(hook)})
    made = WebhookDelivery.create(
        webhook=hook,
        event=told.id,
        type=told.type,
        subject=told.subject,
        place=told.place,
        at=now,
        data=happenings.encoded(told.data),
        created_at=now,
        state=WAITING,
        next_at=now,
    )
    _audit(Action.CHANGE, row, {"tested": True}, actor, now)
    return UUID(str(made.id))


def _before(asker: Scope, hook: UUID, unchanged: Unchanged) -> HookRow:
    before = find(asker, hook)
    unchanged(before)
    return before


def _begin_anew(hook: UUID, now: datetime) -> None:
    Webhook.update(
        stopped="", stopped_at=None, failures=0, failing_since=None, rests_until=None, dropped=0
    ).where(Webhook.id == hook).execute()
    its = (WebhookDelivery.webhook == hook) & (WebhookDelivery.state == SQL("'waiting'"))
    WebhookDelivery.update(next_at=now, tries=0).where(its).execute()


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    columns = {name: values[name] for name in CHANGEABLE if name in values}
    if "events" in columns:
        columns["events"] = " ".join(columns["events"])
    return columns


def _select() -> Any:
    return Webhook.select(Webhook, Organisation.id, Organisation.name).join(Organisation)


def _rows(query: Any) -> list[HookRow]:
    return [_row(row) for row in query]


def _count(hook: UUID, state: str) -> int:
    its = (WebhookDelivery.webhook == hook) & (WebhookDelivery.state == SQL(f"'{state}'"))
    return int(WebhookDelivery.select().where(its).count())


def _row(row: Any) -> HookRow:
    return HookRow(
        id=row.id,
        organisation=row.organisation_id,
        organisation_name=row.organisation.name,
        name=row.name,
        url=row.url,
        events=tuple(row.events.split()),
        personal=row.personal,
        created_at=row.created_at,
        created_by=row.created_by,
        stopped=Stopped(row.stopped) if row.stopped else None,
        stopped_at=row.stopped_at,
        failures=row.failures,
        failing_since=row.failing_since,
        dropped=row.dropped,
        before_until=row.before_until,
        delivered_at=row.delivered_at,
        waiting=_count(row.id, WAITING),
        failed=_count(row.id, FAILED),
    )


def _told(row: HookRow) -> dict[str, Any]:
    """For the audit log: never a secret."""
    return {"name": row.name, "url": row.url, "events": list(row.events), "personal": row.personal}


def _stopping(before: Stopped | None, after: Stopped | None) -> dict[str, Any]:
    return {"before": {"stopped": before or ""}, "after": {"stopped": after or ""}}


def _audit(action: Action, row: HookRow, detail: Mapping[str, Any], actor: Actor, now: datetime) -> None:
    audit.write(
        actor, action, Subject("webhook", str(row.id)), now, organisation=row.organisation, detail=detail
    )
