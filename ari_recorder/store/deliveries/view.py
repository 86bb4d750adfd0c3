"""What there is of a day to be handed over, always for an organisation's scope (`scope_of_delivery`)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import fn

from ari_recorder.errors import NotAllowed
from ari_recorder.policies.ledger import SHOWN, RecordingState
from ari_recorder.policies.rights import Scope
from ari_recorder.store import audit, catalogue
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.deliveries.accounts import KIND, find
from ari_recorder.store.models import Annotation, ConvertedSize, DeliveryDay, Handed, Organisation, Recording
from ari_recorder.store.scope import audible, scope_of_delivery

FETCHED, PUSHED = "sftp", "push"
"""The ways on which something is handed over."""
AGAIN_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class Terms:
    """Whose recordings are handed over, in which time zone a day is one, and what files are made into."""

    scope: Scope
    zone: str
    form: str
    acknowledges: bool


@dataclass(frozen=True)
class Made:
    """What a recording becomes in another format; ``size_bytes`` is None if it cannot be made."""

    size_bytes: int | None
    sha256: str
    problem: str


@dataclass(frozen=True)
class Item:
    """A recording of a day. ``made`` is None while it is not known what it becomes, or it stays as it is.

    ``noted_at`` is when its note, mark or tags were last changed.
    """

    row: RecordingRow
    made: Made | None
    acknowledged: bool
    noted_at: datetime | None


def terms(organisation: UUID) -> Terms | None:
    """What holds for an organisation now; None where nothing is handed over (any more)."""
    scope = scope_of_delivery(organisation)
    if scope is None:
        return None
    zone = Organisation.get_by_id(organisation).timezone
    row = find(organisation)
    return Terms(scope, zone, row.form, row.acknowledges)


def part(
    of: Terms,
    begins: datetime,
    ends: datetime,
    made_by: str,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Item]:
    """The next recordings that began in that time, in its order, behind that one.

    Also those that are not ready; ``made_by`` is what makes files into other formats here.
    """
    condition = audible(of.scope) & Recording.state.in_(SHOWN) & (Recording.started_at < ends)
    condition &= Recording.started_at >= (after[0] if after else begins)
    if after is not None:
        condition &= (Recording.started_at > after[0]) | (Recording.id > after[1])
    rows = catalogue.rows_where(condition, order=(Recording.started_at, Recording.id), limit=limit)
    ids = [row.id for row in rows]
    made = _made(ids, of.form, made_by) if of.form else {}
    gone = _acknowledged(ids) if of.acknowledges else frozenset[UUID]()
    noted = _noted(ids)
    return [Item(row, made.get(row.id), row.id in gone, noted.get(row.id)) for row in rows]


def unmade(
    of: Terms, begins: datetime, ends: datetime, made_by: str, but: Collection[str], now: datetime, limit: int
) -> list[UUID]:
    """Stored recordings of that time of which it is not known what they become, ``but`` those media types.

    One that could not be made is tried again after an hour.
    """
    made = ConvertedSize.size_bytes.is_null(False) | (ConvertedSize.at > now - AGAIN_AFTER)
    known = ConvertedSize.select(ConvertedSize.id).where(
        (ConvertedSize.recording == Recording.id)
        & (ConvertedSize.form == of.form)
        & (ConvertedSize.made_by == made_by)
        & made
    )
    stored = (Recording.state == RecordingState.STORED.value) & ~fn.EXISTS(known)
    stored &= Recording.media_type.not_in(list(but))
    within = (Recording.started_at >= begins) & (Recording.started_at < ends)
    rows = Recording.select(Recording.id).where(audible(of.scope) & within & stored)
    return [row.id for row in rows.order_by(Recording.started_at, Recording.id).limit(limit)]


def keep_made(recording: UUID, form: str, made_by: str, made: Made, now: datetime) -> None:
    """Note what a recording becomes; one that was disposed of meanwhile becomes nothing."""
    if not Recording.select().where(Recording.id == recording).exists():
        return
    forget_made(recording, form)
    ConvertedSize.create(
        recording=recording, form=form, made_by=made_by, size_bytes=made.size_bytes, sha256=made.sha256,
        problem=made.problem, at=now,
    )  # fmt: skip


def forget_made(recording: UUID, form: str) -> None:
    """It turned out to become something else: it is made once more to know it."""
    of = (ConvertedSize.recording == recording) & (ConvertedSize.form == form)
    ConvertedSize.delete().where(of).execute()


def has_made_before(at: datetime) -> bool:
    """Whether there is anything to be forgotten."""
    return bool(ConvertedSize.select(ConvertedSize.id).where(ConvertedSize.at < at).exists())


def forget_made_before(at: datetime, most: int) -> int:
    """Remove what was made so long ago that it is in no view any more; returns how many, at most so many."""
    old = ConvertedSize.select(ConvertedSize.id).where(ConvertedSize.at < at).limit(most)
    return int(ConvertedSize.delete().where(ConvertedSize.id.in_(old)).execute())


def handed(organisation: UUID, recording: UUID, way: str, size_bytes: int, now: datetime) -> None:
    """All of it was fetched, or lies where it was pushed to."""
    _note(organisation, recording, way, done_at=now, size_bytes=size_bytes, problem="")


def not_handed(organisation: UUID, recording: UUID, way: str, problem: str) -> None:
    """It could not be handed over just now."""
    _note(organisation, recording, way, problem=problem)


def acknowledge(organisation: UUID, recording: UUID, day: str, actor: Actor, now: datetime) -> None:
    """Take it out of the SFTP view, for good; what is kept stays as it is.

    Raises `NotAllowed` for one that was not fetched.
    """
    fetched = (Handed.recording == recording) & (Handed.way == FETCHED) & Handed.done_at.is_null(False)
    if not Handed.select().where(fetched).exists():
        raise NotAllowed("it was not fetched yet: all of it has to be read first")
    _note(organisation, recording, FETCHED, acknowledged_at=now)
    audit.write(
        actor, Action.REMOVE, Subject(KIND, str(recording)), now, organisation=organisation,
        detail={"day": day},
    )  # fmt: skip


def acknowledge_manifest(organisation: UUID, day: str, sha256: str) -> None:
    """Take that manifest out of the SFTP view: one with something else in it is there again."""
    row, _ = DeliveryDay.get_or_create(organisation=organisation, day=day)
    DeliveryDay.update(acknowledged_sha256=sha256).where(DeliveryDay.id == row.id).execute()


def acknowledged_manifests(organisation: UUID, days: Collection[str]) -> dict[str, str]:
    """What was taken out of the view, by day."""
    rows = DeliveryDay.select().where(
        (DeliveryDay.organisation == organisation) & DeliveryDay.day.in_(list(days))
    )
    return {row.day: row.acknowledged_sha256 for row in rows}


def _note(organisation: UUID, recording: UUID, way: str, **columns: Any) -> None:
    if not Recording.select().where(Recording.id == recording).exists():
        return  # disposed of meanwhile
    row, _ = Handed.get_or_create(recording=recording, way=way, defaults={"organisation": organisation})
    Handed.update(**columns).where(Handed.id == row.id).execute()


def _made(ids: Collection[UUID], form: str, made_by: str) -> dict[UUID, Made]:
    rows = ConvertedSize.select().where(
        ConvertedSize.recording.in_(list(ids))
        & (ConvertedSize.form == form)
        & (ConvertedSize.made_by == made_by)
    )
    return {row.recording_id: Made(row.size_bytes, row.sha256, row.problem) for row in rows} if ids else {}


def _acknowledged(ids: Collection[UUID]) -> frozenset[UUID]:
    rows = Handed.select(Handed.recording).where(
        Handed.recording.in_(list(ids)) & (Handed.way == FETCHED) & Handed.acknowledged_at.is_null(False)
    )
    return frozenset(row.recording_id for row in rows) if ids else frozenset()


def _noted(ids: Collection[UUID]) -> dict[UUID, datetime]:
    rows = (
        Annotation.select(Recording.id, fn.MAX(Annotation.at))
        .join(Recording, on=(Recording.leg == Annotation.leg))
        .where(Recording.id.in_(list(ids)))
        .group_by(Recording.id)
    )
    return dict(rows.tuples()) if ids else {}
