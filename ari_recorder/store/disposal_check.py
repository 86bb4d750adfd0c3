"""That what was disposed of is gone, and what waits for it is told: part of ``ari-recorder verify``."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from ari_recorder.policies import finishing as waits
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.retention import Rule
from ari_recorder.policies.usage import RETENTION_DAYS
from ari_recorder.store.audit import Action, ActorKind
from ari_recorder.store.database import Store
from ari_recorder.store.disposal import hash_of
from ari_recorder.store.models import (
    AuditLine,
    Disposal,
    Disposing,
    Erasure,
    HeldRecording,
    Hold,
    Leg,
    Recording,
)
from ari_recorder.store.retention import FIELD

PAGE = 500
_AT_ONCE = timedelta(minutes=1)
"""So far apart the times of two deeds may be that waited for each other."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Place = tuple[UUID, datetime, UUID]
"""In the order of organisation, time and id."""


@dataclass(frozen=True)
class WaitingLong:
    """A recording of which something is left, since when, in a sentence."""

    recording: UUID
    since: datetime
    text: str


def still_there(store: Store) -> Iterator[UUID]:
    """Recordings that the disposal log says are gone, and that are in the catalogue."""
    last = UUID(int=0)
    while page := store.read_now(_lines_after, last):
        last = page[-1][0]
        yield from store.read_now(_rows_of, [recording for _, recording in page])


def unaccounted(store: Store) -> Iterator[UUID]:
    """Recordings whose line in the disposal log is not one that the audit log tells of.

    Who can write in the catalogue could delete a recording and add a line; but not a line of the audit log,
    which is signed.
    """
    for (organisation, at), lines in groupby(_in_order(store), lambda line: (line.organisation, line.at)):
        for (rule, kind), some in groupby(sorted(lines, key=_by_whom), _by_whom):
            gone = [line.recording for line in some]
            if kind != ActorKind.RECORDER:
                yield from store.read_now(_not_asked_for, organisation, gone)
            elif not store.read_now(_is_told, organisation, at, rule, gone):
                yield from gone


def groundless(store: Store) -> Iterator[tuple[UUID, str]]:
    """Recordings that a rule disposed of which did not hold for them, and why not.

    Who can write in the catalogue could have the recorder itself dispose of a recording before its time, and
    tell of it as of any other. But when it was made is in its id.
    """
    set_by: dict[UUID, frozenset[int]] = {}
    for line in _in_order(store):
        if line.actor_kind != ActorKind.RECORDER:
            continue
        if line.organisation not in set_by:
            set_by[line.organisation] = store.read_now(_days_told, line.organisation)
        try:
            if text := _no_ground(store, line, json.loads(line.detail), set_by[line.organisation]):
                yield line.recording, text
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            yield line.recording, "The disposal log does not say for which reason it went."


def _no_ground(store: Store, line: Any, detail: dict[str, Any], told_days: Collection[int]) -> str:
    if detail.get("restored"):
        told = store.read_now(_was_restored, line.asked_at)
        return "" if told else "The disposal log says that a restore disposed of it, and there was none then."
    if line.rule == Rule.ERASURE:
        known = store.read_now(_is_erasure, line.organisation, UUID(detail.get("erasure", "")))
        return "" if known else "The disposal log says that an erasure disposed of it, and there is no such."
    if line.rule != Rule.RETENTION:
        return "The disposal log says that somebody asked for it, and not who."
    made_at = _EPOCH + timedelta(milliseconds=line.recording.int >> 80)  # a UUIDv7 (RFC 9562)
    if line.asked_at - made_at < timedelta(days=detail["days"]):
        return f"It was disposed of as kept for {detail['days']} days, and was younger."
    if detail["days"] not in told_days:
        return f"It was kept for {detail['days']} days, and the audit log tells of nobody who set so many."
    return ""


def _days_told(organisation: UUID) -> frozenset[int]:
    """For how many days recordings were to be kept at any time, as the audit log has it of settings and
    groups."""
    lines = AuditLine.select(AuditLine.detail).where(
        (AuditLine.organisation == organisation)
        & AuditLine.subject_kind.in_(["organisation", "group"])
        & AuditLine.detail.contains(f'"{FIELD}"')
    )
    details = [json.loads(line.detail) for line in lines]
    told = (detail.get(when, {}).get(FIELD) for detail in details for when in ("before", "after"))
    return frozenset({RETENTION_DAYS, *told} - {None})


def held(store: Store) -> Iterator[UUID]:
    """Recordings that were disposed of while a legal hold kept them, which the recorder does not do.

    What is known of them still: who had them, and that they were named or noted.
    """
    found = set()
    for recording, at, detail, begun_at, over_at in store.read_now(_kept_by_holds):
        within = begun_at < at - _AT_ONCE and (over_at is None or over_at > at + _AT_ONCE)
        if within and "restored" not in detail:  # of a restore: the hold may have come after
            found.add(recording)
    yield from sorted(found)


def _kept_by_holds() -> list[tuple[UUID, datetime, str, datetime, datetime | None]]:
    columns = (Disposal.recording, Disposal.asked_at, Disposal.detail, Hold.begun_at, Hold.over_at)
    there = Disposal.select(*columns)
    named = there.join(Hold, on=(Hold.recording == Disposal.recording))
    noted = there.join(HeldRecording, on=(HeldRecording.recording == Disposal.recording)).join(Hold)
    owned = there.join(Leg, on=(Leg.id == Disposal.leg)).join(Hold, on=(Hold.user == Leg.user))
    return [row for query in (named, noted, owned) for row in query.tuples()]


def _was_restored(at: datetime) -> bool:
    subject = (AuditLine.subject_kind == "catalogue") & (AuditLine.subject == "restored")
    return bool(AuditLine.select().where(subject & (AuditLine.at == at)).exists())


def _is_erasure(organisation: UUID, erasure: UUID) -> bool:
    its = (Erasure.id == erasure) & (Erasure.organisation == organisation)
    return bool(Erasure.select().where(its).exists())


def _in_order(store: Store) -> Iterator[Any]:
    last: _Place = (UUID(int=0), datetime.min.replace(tzinfo=UTC), UUID(int=0))
    while page := store.read_now(_ordered_after, last):
        last = (page[-1].organisation, page[-1].at, page[-1].id)
        yield from page


def _by_whom(line: Any) -> tuple[str, str]:
    return line.rule, line.actor_kind


def waiting(store: Store, now: datetime) -> Iterator[WaitingLong]:
    """What waits until it is gone."""
    last = UUID(int=0)
    while page := store.read_now(_waiting_after, last):
        for id_, recording, since in page:
            last = id_
            age = waits.age((now - since).total_seconds())
            text = (
                f"It is being disposed of, for {age}: its file, or what else there is of it, is still to go."
            )
            yield WaitingLong(recording, since, text)


def count() -> int:
    """Lines of the disposal log."""
    return int(Disposal.select().count())


def states(legs: Collection[UUID]) -> dict[UUID, list[RecordingState]]:
    """What the recordings of these legs had become that are gone."""
    found = defaultdict[UUID, list[RecordingState]](list)
    for leg, was in Disposal.select(Disposal.leg, Disposal.was).where(Disposal.leg.in_(list(legs))).tuples():
        found[leg].append(RecordingState(was))
    return dict(found)


def _ordered_after(last: _Place) -> list[Any]:
    organisation, at, id_ = last
    same = Disposal.organisation == organisation
    behind = (Disposal.at > at) | ((Disposal.at == at) & (Disposal.id > id_))
    query = Disposal.select().where((Disposal.organisation > organisation) | (same & behind))
    return list(query.order_by(Disposal.organisation, Disposal.at, Disposal.id).limit(PAGE))


def _not_asked_for(organisation: UUID, gone: Collection[UUID]) -> list[UUID]:
    told = AuditLine.select(AuditLine.subject).where(
        (AuditLine.organisation == organisation)
        & (AuditLine.action == Action.REMOVE.value)
        & AuditLine.subject.in_([str(one) for one in gone])
    )
    known = {line.subject for line in told}
    return [one for one in gone if str(one) not in known]


def _is_told(organisation: UUID, at: datetime, rule: str, gone: Collection[UUID]) -> bool:
    """Whether the audit log tells of these that went by a rule: how many, and a hash of which."""
    lines = AuditLine.select(AuditLine.detail).where(
        (AuditLine.organisation == organisation)
        & (AuditLine.at == at)
        & (AuditLine.action == Action.REMOVE.value)
        & (AuditLine.subject_kind == "recordings")
    )
    told = [detail for line in lines if (detail := json.loads(line.detail)).get("rule") == rule]
    same = len(told) != 1 or told[0]["sha256"] == hash_of(sorted(map(str, gone)))
    return bool(same and sum(detail["recordings"] for detail in told) == len(gone))


def _lines_after(last: UUID) -> list[tuple[UUID, UUID]]:
    query = Disposal.select(Disposal.id, Disposal.recording).where(Disposal.id > last)
    return list(query.order_by(Disposal.id).limit(PAGE).tuples())


def _rows_of(recordings: list[UUID]) -> list[UUID]:
    return [row.id for row in Recording.select(Recording.id).where(Recording.id.in_(recordings))]


def _waiting_after(last: UUID) -> list[tuple[UUID, UUID, datetime]]:
    query = Disposing.select(Disposing.id, Disposing.recording, Disposing.asked_at).where(Disposing.id > last)
    return list(query.order_by(Disposing.id).limit(PAGE).tuples())
