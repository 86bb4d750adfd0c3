"""Reading the audit log: searched page by page, and exported in whole stretches."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import fn

from ari_recorder.errors import NotFound
from ari_recorder.policies.rights import Scope
from ari_recorder.store.audit import Action
from ari_recorder.store.audit_check import Line
from ari_recorder.store.audit_lines import Read, lines_after, seals_between
from ari_recorder.store.audit_seals import Seal
from ari_recorder.store.models import AuditLine, Group, Leg, Organisation, Recording, Token, User, Webhook
from ari_recorder.store.scope import audited

LIMIT_MAX = 500
_THINGS = (
    ("recording", Recording),
    ("call", Leg),
    ("user", User),
    ("group", Group),
    ("token", Token),
    ("webhook", Webhook),
    ("organisation", Organisation),
)
_NAMED = (("user", User), ("group", Group), ("token", Token), ("webhook", Webhook))
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HEARD = (Action.LISTEN, Action.DOWNLOAD)


@dataclass(frozen=True)
class AuditRow:
    """A line as shown. ``detail`` is what its JSON says."""

    number: int
    at: datetime
    actor_kind: str
    actor: str
    actor_name: str
    address: str
    action: str
    subject_kind: str
    subject: str
    detail: dict[str, Any]
    sha256: str
    named: str = ""
    """What the subject is called now; empty where it has no name, or is gone."""


@dataclass(frozen=True)
class Filter:
    """Which lines; None and empty do not narrow. ``began`` is included, ``ended`` is not.

    ``actor`` is an id or a part of a name; ``q`` is a part of anything that a line tells.
    """

    began: datetime | None = None
    ended: datetime | None = None
    actor: str = ""
    action: str = ""
    subject_kind: str = ""
    subject: str = ""
    q: str = ""


@dataclass(frozen=True)
class Page:
    """Lines, newest first, and the cursor of the next page, if there is one."""

    lines: tuple[AuditRow, ...]
    next_cursor: str | None


def page(asker: Scope, wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Page:
    """A page of what ``asker`` may read. Raises `NotFound` for a cursor that is none."""
    query = AuditLine.select().where(audited(asker) & _condition(wanted))
    if cursor:
        query = query.where(AuditLine.number < _read_cursor(cursor))
    limit = max(1, min(limit, LIMIT_MAX))
    rows = list(query.order_by(AuditLine.organisation, AuditLine.number.desc()).limit(limit + 1))
    shown = _named(asker, map(_row, rows[:limit]))
    return Page(shown, _cursor(shown[-1].number) if len(rows) > limit else None)


def _named(asker: Scope, rows: Iterable[AuditRow]) -> tuple[AuditRow, ...]:
    """With the names of what is of the asker's organisation: a denied attempt can be at another's."""
    shown, names = tuple(rows), dict[tuple[str, str], str]()
    for kind, model in _NAMED:
        ids = {UUID(row.subject) for row in shown if row.subject_kind == kind and _ID.fullmatch(row.subject)}
        own = (model.organisation == asker.organisation) & model.id.in_(ids)
        for row in model.select(model.id, model.name).where(own) if ids else ():
            names[kind, str(row.id)] = row.name
    return tuple(replace(row, named=names.get((row.subject_kind, row.subject), "")) for row in shown)


def listens(asker: Scope, recording: UUID, *, limit: int = LIMIT_MAX) -> tuple[AuditRow, ...]:
    """Who has listened to a recording or kept a copy, newest first, at most so many times."""
    rows = (
        AuditLine.select()
        .where(
            audited(asker)
            & (AuditLine.subject_kind == "recording")
            & (AuditLine.subject == str(recording))
            & AuditLine.action.in_(HEARD)
        )
        .order_by(AuditLine.number.desc())
        .limit(limit)
    )
    return tuple(map(_row, rows))


def stretch(asker: Scope, began: datetime | None, ended: datetime | None) -> tuple[int, int]:
    """The first and last line of all that happened then, for an export: nothing in between is left out."""
    wanted = Filter(began, ended)
    first, last = (
        AuditLine.select(fn.MIN(AuditLine.number), fn.MAX(AuditLine.number))
        .where(audited(asker) & _condition(wanted))
        .tuples()
        .get()
    )
    return first or 1, last or 0


def export(read: Read, organisation: UUID, after: int, last: int) -> Iterator[Line | Seal]:
    """All of an export: what is behind one line, up to another."""
    while part := read(exported, organisation, after, last):
        yield from part
        after = number_of(part[-1])


def number_of(one: Line | Seal) -> int:
    """Which line it is, or which the seal is of."""
    return one.number if isinstance(one, Seal) else int(one.content["number"])


def exported(organisation: UUID, after: int, last: int) -> list[Line | Seal]:
    """The next page of an export behind that line: lines, and the seals that belong to them."""
    lines = lines_after(organisation, after, last)
    if not lines:
        return []
    seals = seals_between(organisation, after + 1, lines[-1].content["number"])
    return list(_together(lines, seals))


def exists(thing: UUID) -> str:
    """Which kind of thing has that id, in whatever organisation; empty if none has."""
    for kind, model in _THINGS:
        if model.select(model.id).where(model.id == thing).exists():
            return kind
    return ""


def _together(lines: list[Line], seals: list[Seal]) -> Iterator[Line | Seal]:
    sealed = {seal.number: seal for seal in seals}
    for line in lines:
        yield line
        if seal := sealed.get(line.content["number"]):
            yield seal


def _condition(wanted: Filter) -> Any:
    condition = AuditLine.number > 0
    if wanted.began:
        condition &= AuditLine.at >= wanted.began
    if wanted.ended:
        condition &= AuditLine.at < wanted.ended
    for name in ("action", "subject_kind", "subject"):
        if value := getattr(wanted, name):
            condition &= getattr(AuditLine, name) == value
    if wanted.actor:
        condition &= (AuditLine.actor == wanted.actor) | AuditLine.actor_name.contains(wanted.actor)
    if wanted.q:
        texts = (AuditLine.actor_name, AuditLine.address, AuditLine.subject, AuditLine.detail)
        anywhere = AuditLine.actor == wanted.q
        for column in texts:
            anywhere |= column.contains(wanted.q)
        condition &= anywhere
    return condition


def _row(row: Any) -> AuditRow:
    values = {name: getattr(row, name) for name in AuditRow.__dataclass_fields__ if name != "named"}
    try:
        detail = json.loads(row.detail)
    except ValueError:
        detail = None
    return AuditRow(**{**values, "detail": detail if isinstance(detail, dict) else {"text": row.detail}})


def _cursor(number: int) -> str:
    return base64.urlsafe_b64encode(str(number).encode()).decode()


def _read_cursor(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise ValueError(text)
    except (ValueError, binascii.Error) as error:
        raise NotFound("That page does not exist; start again from the newest.") from error
    return int(text)
