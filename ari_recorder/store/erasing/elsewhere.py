"""Where a person is named besides their calls: what is small is gone through at once, the audit log
counted."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from ari_recorder.policies.erasing import LISTED_MAX, Counts, Person
from ari_recorder.store import audit_lines
from ari_recorder.store.models import (
    Activation,
    Annotation,
    Answered,
    Delivery,
    DeliveryDay,
    DeliveryKey,
    Handed,
    Hold,
    SavedSearch,
    Token,
    User,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
)

DELIVERIES_MAX = 2_000
"""Of each kind, so many lines that name somebody are changed: they are kept for some weeks."""


def rename_author(user: UUID, pseudonym: str, limit: int) -> bool:
    """What a user wrote bears a pseudonym, a batch of it; whether there may be more."""
    mine = Annotation.select(Annotation.id).where((Annotation.user == user) & (Annotation.by != pseudonym))
    ids = [row.id for row in mine.limit(limit)]
    if ids:
        Annotation.update(by=pseudonym).where(Annotation.id.in_(ids)).execute()
    return len(ids) == limit


def clear(row: Any, who: Person, counts: Counts) -> Counts:
    """Saved searches for them are removed; other texts bear the pseudonym. Each has a bounded number of
    rows."""
    users = User.select(User.id).where(User.organisation == row.organisation_id)
    searches = [
        one.id
        for one in SavedSearch.select().where(SavedSearch.user.in_(users))
        if _names(who, one.query) or who.is_in(one.name)
    ]
    if searches:
        SavedSearch.delete().where(SavedSearch.id.in_(searches)).execute()
    others = _holds(row, who) + _answers(row, who) + _activations(row, who) + _named(row, who)
    others += _deliveries(row, who)
    return replace(counts, searches=counts.searches + len(searches), others=counts.others + others)


def count_audit(who: Person, organisation: UUID, counts: Counts) -> Counts:
    """Count the next page of the audit log's lines that name them; as it was when there are none behind."""
    found, numbers, behind = counts.audit_lines, list(counts.audit_first), counts.audit_behind
    for line in audit_lines.lines_after(organisation, behind or None):
        behind = line.content["number"]
        if who.is_in(line.content["detail"]) or who.is_in(line.content["actor_name"]):
            found += 1
            numbers.append(behind)
    return replace(counts, audit_lines=found, audit_first=tuple(numbers[:LISTED_MAX]), audit_behind=behind)


def _names(who: Person, query: str) -> bool:
    """Whether a search as in an address looks for them."""
    fields = dict(parse_qsl(query))
    return who.is_party(fields.get("number", ""), "") or who.is_in("\n".join(fields.values()))


def _holds(row: Any, who: Person) -> int:
    """Holds that are over. One that holds and names them keeps the erasure waiting (`ending`)."""
    over = (Hold.organisation == row.organisation_id) & Hold.over_at.is_null(False)
    changed = 0
    for one in Hold.select().where(over):
        new = _without(one, who, row.pseudonym, ("reason", "people", "over_why"))
        if one.number and who.is_party(one.number, ""):
            new |= {"number": row.pseudonym}
        if one.query and _names(who, one.query):
            new |= {"query": urlencode({"q": row.pseudonym}), "wanted": json.dumps({"text": row.pseudonym})}
        changed += _change(Hold, one, new)
    return changed


def _answers(row: Any, who: Person) -> int:
    """Answers to requests with an idempotency key, kept for a day."""
    named = (one for one in Answered.select() if who.is_in(one.body))
    found = [one.id for one in named if _is_of(one.asker, row.organisation_id)]
    return int(Answered.delete().where(Answered.id.in_(found)).execute()) if found else 0


def _is_of(asker: str, organisation: UUID) -> bool:
    """Whether who asked, ``user:ID`` or ``token:ID``, is of that organisation."""
    kind, _, asker_id = asker.partition(":")
    model = {"user": User, "token": Token}.get(kind)
    if model is None:
        return False
    return bool(model.select().where((model.id == asker_id) & (model.organisation == organisation)).exists())


def _activations(row: Any, who: Person) -> int:
    changed = 0
    for one in Activation.select().where(Activation.organisation == row.organisation_id):
        new = _without(one, who, row.pseudonym, ("acknowledgement",))
        new |= _same(one, row, who, ("began_by", "acknowledged_by", "ended_by"))
        changed += _change(Activation, one, new)
    return changed


def _named(row: Any, who: Person) -> int:
    """Tokens, webhooks and keys of the SFTP service: what they are called, and who made them."""
    of = row.organisation_id
    keys = DeliveryKey.select().join(Delivery).where(Delivery.organisation == of)
    hooks = Webhook.select().where(Webhook.organisation == of)
    changed = 0
    for one in (*Token.select().where(Token.organisation == of), *keys, *hooks):
        new = _same(one, row, who, ("created_by",)) | _without(one, who, row.pseudonym, ("name",))
        changed += _change(type(one), one, new)
    return changed


def _deliveries(row: Any, who: Person) -> int:
    """What became of deliveries: files are named after numbers, and who was told may have said anything."""
    of = row.organisation_id
    longest = max(row.name.split(), key=len, default="")
    # What the databases find in any case of letters is ASCII; the rest is looked for as it may be written.
    sought = {*who.long_numbers, longest, longest.lower(), longest.upper()} - {""}
    told = WebhookDelivery.select(WebhookDelivery.id).join(Webhook).where(Webhook.organisation == of)
    changed = 0
    for model, own, names in (
        (WebhookAttempt, WebhookAttempt.delivery.in_(told), ("answer", "error")),
        (DeliveryDay, DeliveryDay.organisation == of, ("problem",)),
        (Handed, Handed.organisation == of, ("problem",)),
    ):
        having = [getattr(model, name).contains(one) for name in names for one in sorted(sought)]
        if having:
            found = model.select().where(own & reduce(or_, having)).limit(DELIVERIES_MAX)
            changed += sum(_change(model, one, _without(one, who, row.pseudonym, names)) for one in found)
    return changed


def cut(model: Any, name: str, text: str) -> str:
    """As much of a text as the column takes: a pseudonym may be longer than what it stands for."""
    most: int | None = getattr(getattr(model, name), "max_length", None)
    return text[:most]


def _without(one: Any, who: Person, pseudonym: str, names: tuple[str, ...]) -> dict[str, str]:
    return {
        name: cut(type(one), name, who.without(text, pseudonym))
        for name in names
        if who.is_in(text := getattr(one, name))
    }


def _same(one: Any, row: Any, who: Person, names: tuple[str, ...]) -> dict[str, str]:
    """Columns that have a user's name alone."""
    if row.user is None:
        return {}
    return {name: row.pseudonym for name in names if row.name and getattr(one, name) == row.name}


def _change(model: Any, one: Any, new: dict[str, str]) -> int:
    if new:
        model.update(**new).where(model.id == one.id).execute()
    return int(bool(new))
