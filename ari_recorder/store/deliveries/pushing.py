"""What is pushed: where to, which days are due, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ari_recorder.errors import NotFound
from ari_recorder.policies import targets
from ari_recorder.policies.delivery import STAYS_DAYS
from ari_recorder.policies.targets import Target
from ari_recorder.store import audit
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.deliveries.view import FETCHED, PUSHED
from ari_recorder.store.fitting import fit
from ari_recorder.store.models import Delivery, DeliveryDay, DeliveryTarget, Handed, Organisation
from ari_recorder.store.people.organisations import difference, found

KIND = "delivery_target"
REPORT_DAYS = 31
IN_VIEW = timedelta(days=STAYS_DAYS + 2)
"""What was pushed longer ago is in no view any more, whatever the clocks did."""


@dataclass(frozen=True)
class TargetRow:
    """Where an organisation's recordings are pushed to, without the secret."""

    organisation: UUID
    place: Target
    has_secret: bool
    enabled: bool
    test_asked_at: datetime | None
    tested_at: datetime | None
    test_problem: str

    @property
    def is_being_tested(self) -> bool:
        """Whether a test was asked for that has not come to its end."""
        return self.test_asked_at is not None and (
            self.tested_at is None or self.tested_at < self.test_asked_at
        )


@dataclass(frozen=True)
class Due:
    """A day that is to be pushed; ``attempts`` failed before."""

    organisation: UUID
    day: str
    attempts: int
    manifest_sha256: str


@dataclass(frozen=True)
class DayRow:
    """What came of a day: files there were, pushed and fetched, and why not all, if so."""

    day: str
    files: int
    sent: int
    sent_at: datetime | None
    attempts: int
    problem: str
    due_at: datetime | None


def find(organisation: UUID) -> TargetRow | None:
    """Where an organisation's recordings are pushed to; None if nowhere."""
    row = DeliveryTarget.get_or_none(DeliveryTarget.organisation == organisation)
    return None if row is None else _row(row)


def secret_of(organisation: UUID) -> str:
    """The secret of its target, as it was sealed."""
    row = DeliveryTarget.get_or_none(DeliveryTarget.organisation == organisation)
    return str(row.secret) if row else ""


def set_target(
    organisation: UUID,
    kind: str,
    values: Mapping[str, Any],
    sealed: str | None,
    *,
    enabled: bool,
    check: Callable[[TargetRow | None], None] = lambda _: None,
    actor: Actor,
    now: datetime,
) -> TargetRow:
    """Push to there from now on. ``sealed`` is the secret, encrypted; with None the one that there is stays.

    ``check`` is called with what it is before. Raises `Invalid`, `NotFound`.
    """
    found(organisation)
    before = find(organisation)
    check(before)
    with fit():
        place = targets.target(kind, values)
    columns: dict[str, Any] = {
        "kind": kind,
        "place": json.dumps(targets.fields_of(place)),
        "enabled": enabled,
        "test_asked_at": None,
        "tested_at": None,
        "test_problem": "",
    }
    if sealed is not None:
        columns["secret"] = sealed
    Delivery.get_or_create(organisation=organisation)
    row, _ = DeliveryTarget.get_or_create(
        organisation=organisation, defaults={**columns, "secret": sealed or ""}
    )
    DeliveryTarget.update(**columns).where(DeliveryTarget.id == row.id).execute()
    if before is not None and before.place != place:
        _begin_anew(organisation, now)
    waiting = (DeliveryDay.organisation == organisation) & DeliveryDay.due_at.is_null(False)
    DeliveryDay.update(due_at=now, attempts=0).where(waiting).execute()  # it may go well as it is now
    after = find(organisation)
    assert after is not None
    detail = difference(_told(before), _told(after)) | ({"secret": "set"} if sealed else {})
    action = Action.CHANGE if before else Action.CREATE
    audit.write(
        actor, action, Subject(KIND, str(organisation)), now, organisation=organisation, detail=detail
    )
    return after


def remove_target(
    organisation: UUID,
    *,
    check: Callable[[TargetRow], None] = lambda _: None,
    actor: Actor,
    now: datetime,
) -> TargetRow:
    """Push nothing any more, and forget where to, and the secret. Raises `NotFound`."""
    before = find(organisation)
    if before is None:
        raise NotFound("Nothing is pushed anywhere here.")
    check(before)
    DeliveryTarget.delete().where(DeliveryTarget.organisation == organisation).execute()
    DeliveryDay.update(due_at=None).where(DeliveryDay.organisation == organisation).execute()
    audit.write(
        actor, Action.REMOVE, Subject(KIND, str(organisation)), now, organisation=organisation,
        detail={"before": _told(before)},
    )  # fmt: skip
    return before


def ask_for_test(organisation: UUID, now: datetime) -> TargetRow:
    """Have it tried whether what is pushed gets there. Raises `NotFound`."""
    of = DeliveryTarget.organisation == organisation
    if not DeliveryTarget.update(test_asked_at=now).where(of).execute():
        raise NotFound("Nothing is pushed anywhere here.")
    after = find(organisation)
    assert after is not None
    return after


def to_test() -> list[UUID]:
    """Organisations that have asked for a test."""
    asked = DeliveryTarget.test_asked_at.is_null(False)
    undone = DeliveryTarget.tested_at.is_null() | (DeliveryTarget.tested_at < DeliveryTarget.test_asked_at)
    rows = DeliveryTarget.select(DeliveryTarget.organisation).where(asked & undone)
    return [row.organisation_id for row in rows.order_by(DeliveryTarget.test_asked_at)]


def tested(organisation: UUID, asked_at: datetime, problem: str, now: datetime) -> None:
    """What came of a test; one that was asked for with another place meanwhile is still to be made."""
    same = (DeliveryTarget.organisation == organisation) & (DeliveryTarget.test_asked_at == asked_at)
    DeliveryTarget.update(tested_at=max(now, asked_at), test_problem=problem).where(same).execute()


def pushing() -> list[tuple[UUID, str]]:
    """Organisations whose recordings are pushed: id and time zone."""
    rows = (
        DeliveryTarget.select(DeliveryTarget.organisation, Organisation.timezone)
        .join(Organisation)
        .where(DeliveryTarget.enabled)
        .order_by(DeliveryTarget.organisation)
        .tuples()
    )
    return list(rows)


def are_new(organisation: UUID, days: Collection[str]) -> bool:
    """Whether `open_days` would change something."""
    of = (DeliveryDay.organisation == organisation) & DeliveryDay.due_at.is_null(False)
    planned = {row.day for row in DeliveryDay.select(DeliveryDay.day).where(of)}
    return planned != set(days)


def open_days(organisation: UUID, days: Collection[str], now: datetime) -> None:
    """These days are to be pushed, and none of before them any more; those that are there stay so."""
    of = DeliveryDay.organisation == organisation
    over = of & DeliveryDay.due_at.is_null(False) & DeliveryDay.day.not_in(list(days))
    DeliveryDay.update(due_at=None).where(over).execute()
    there = {row.day for row in DeliveryDay.select().where(of & DeliveryDay.day.in_(list(days)))}
    for day in days:
        if day not in there:
            DeliveryDay.create(organisation=organisation, day=day, due_at=now)
    unplanned = of & DeliveryDay.day.in_(list(days)) & DeliveryDay.due_at.is_null()
    DeliveryDay.update(due_at=now).where(unplanned).execute()


def due(now: datetime, limit: int) -> list[Due]:
    """What is to be pushed by now, what has waited longest first."""
    rows = (
        DeliveryDay.select()
        .join(DeliveryTarget, on=(DeliveryTarget.organisation == DeliveryDay.organisation))
        .where(DeliveryTarget.enabled & (DeliveryDay.due_at <= now))
        .order_by(DeliveryDay.due_at, DeliveryDay.day)
        .limit(limit)
    )
    return [Due(row.organisation_id, row.day, row.attempts, row.manifest_sha256) for row in rows]


def went(
    of: Due, files: int, sent: int, manifest_sha256: str, again_at: datetime, now: datetime | None
) -> None:
    """It went well; ``now`` is when everything was there, None if something is not ready yet."""
    columns: dict[str, Any] = {"files": files, "sent": sent, "manifest_sha256": manifest_sha256}
    columns |= {"attempts": 0, "problem": "", "due_at": again_at, "sent_at": now}
    _day(of, **columns)


def failed(of: Due, files: int | None, sent: int | None, problem: str, again_at: datetime) -> None:
    """It did not; why, and when it is tried again. None: as many as before."""
    known = {} if files is None or sent is None else {"files": files, "sent": sent, "sent_at": None}
    _day(of, **known, attempts=of.attempts + 1, problem=problem, due_at=again_at)


def pushed(recordings: Collection[UUID]) -> frozenset[UUID]:
    """Those of these that lie complete where they were pushed to."""
    if not recordings:
        return frozenset()
    rows = Handed.select(Handed.recording).where(
        Handed.recording.in_(list(recordings)) & (Handed.way == PUSHED) & Handed.done_at.is_null(False)
    )
    return frozenset(row.recording_id for row in rows)


def report(organisation: UUID, days: int = REPORT_DAYS) -> list[DayRow]:
    """What came of the last days that were pushed, the newest first."""
    rows = (
        DeliveryDay.select()
        .where(DeliveryDay.organisation == organisation)
        .order_by(DeliveryDay.day.desc())
        .limit(days)
    )
    return [
        DayRow(row.day, row.files, row.sent, row.sent_at, row.attempts, row.problem, row.due_at)
        for row in rows
    ]


def fetched(organisation: UUID, since: datetime) -> tuple[int, int, datetime | None]:
    """How many recordings were fetched by SFTP since then, how many taken out of the view, and when last."""
    of = (Handed.organisation == organisation) & (Handed.way == FETCHED) & (Handed.done_at >= since)
    rows = list(Handed.select(Handed.done_at, Handed.acknowledged_at).where(of))
    return (
        len(rows),
        sum(row.acknowledged_at is not None for row in rows),
        max((row.done_at for row in rows), default=None),
    )


def forget_before(day: str) -> int:
    """Remove what is told of days before that; returns how many."""
    return int(DeliveryDay.delete().where(DeliveryDay.day < day).execute())


def _begin_anew(organisation: UUID, now: datetime) -> None:
    """What is in the view now is pushed to another place, too."""
    of = (Handed.organisation == organisation) & (Handed.way == PUSHED)
    Handed.delete().where(of & ((Handed.done_at > now - IN_VIEW) | Handed.done_at.is_null())).execute()
    of_it = DeliveryDay.organisation == organisation
    DeliveryDay.update(manifest_sha256="").where(of_it).execute()
    DeliveryDay.update(sent=0, sent_at=None, problem="").where(
        of_it & DeliveryDay.due_at.is_null(False)
    ).execute()


def _day(of: Due, **columns: Any) -> None:
    one = (DeliveryDay.organisation == of.organisation) & (DeliveryDay.day == of.day)
    DeliveryDay.update(**columns).where(one).execute()


def _row(row: Any) -> TargetRow:
    place = targets.target(row.kind, json.loads(row.place))
    return TargetRow(
        row.organisation_id, place, bool(row.secret), row.enabled, row.test_asked_at, row.tested_at,
        row.test_problem,
    )  # fmt: skip


def _told(row: TargetRow | None) -> dict[str, Any]:
    """For the audit log: never the secret."""
    if row is None:
        return {}
    return {"kind": row.place.kind, "enabled": row.enabled, **targets.fields_of(row.place)}
