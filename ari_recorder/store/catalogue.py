"""Reading recordings, always for somebody: every query carries `scope.visible(asker)` or `audible`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from ari_recorder.errors import NotFound
from ari_recorder.policies.ledger import SHOWN, RecordingState
from ari_recorder.policies.rights import Scope
from ari_recorder.store import finding, models
from ari_recorder.store.filters import Wanted
from ari_recorder.store.models import Announcement, Leg, Recording, Segment, User
from ari_recorder.store.order import Sort, cursor_at, place_of
from ari_recorder.store.places import place
from ari_recorder.store.safe import Place
from ari_recorder.store.scope import audible, visible, within

LIMIT_MAX = 500
EVERYTHING = Wanted()
LIMIT_MAX = 500
EVERYTHING = Wanted()
COUNTED_MAX = 10_000
"""How far is counted: more is told as more, and not looked through."""


@dataclass(frozen=True)
class CounterpartSpan:
    """Somebody whom the user talked to, and when; ``left_at`` is None while they talk."""

    number: str
    name: str
    joined_at: datetime
    left_at: datetime | None


@dataclass(frozen=True)
class RecordingRow:
    """A recording as shown. Times are UTC; ``problems`` are sentences.

    ``counterpart_number`` and ``counterpart_name`` are the last of ``counterparts``, which are in the order
    of time.
    """

    id: UUID
    organisation: UUID
    state: RecordingState
    mode: str
    kept: bool
    user: UUID
    user_number: str | None
    user_name: str
    direction: str
    internal: bool
    counterpart_number: str
    counterpart_name: str
    counterparts: tuple[CounterpartSpan, ...]
    answered_at: datetime
    started_at: datetime
    ended_at: datetime | None
    duration_ms: int | None
    problems: tuple[str, ...]
    place: Place | None
    media_type: str | None
    sample_rate_hz: int | None
    size_bytes: int | None
    sha256: str | None
    left_dbfs: float | None
    right_dbfs: float | None
    stored_at: datetime | None
    note: str
    mark: str
    tags: tuple[str, str, str]
    pbx: str
    call: UUID
    leg: UUID


@dataclass(frozen=True)
class SegmentSpan:
    """A segment of a finished recording: when it was spoken, and where it is in the file (ms)."""

    ordinal: int
    began_at: datetime
    ended_at: datetime | None
    offset_ms: int | None
    duration_ms: int | None


@dataclass(frozen=True)
class Held:
    """A time in which the user had put the other on hold; ``ended_at`` is None while it lasts."""

    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Played:
    """A prompt that was played during a recording: the evidence of it.

    ``kind`` is what it was for, ``text`` what it says (nothing for a tone); ``heard_by`` is ``both``,
    ``user`` or ``counterpart``; ``began_at`` is None if it was not played at all; ``outcome`` is ``played``,
    ``cut``, ``failed``, or empty while it is being played.
    """

    kind: str
    sound: str
    language: str
    text: str
    sha256: str
    heard_by: str
    began_at: datetime | None
    ended_at: datetime | None
    outcome: str


@dataclass(frozen=True)
class Page:
    """Recordings in their order, and the cursor of the next page, if there is one."""

    recordings: tuple[RecordingRow, ...]
    next_cursor: str | None


def recordings(
    asker: Scope,
    *,
    limit: int = 50,
    cursor: str | None = None,
    wanted: Wanted = EVERYTHING,
    sort: Sort = Sort.NEWEST,
) -> Page:
    """A page of what ``asker`` may see. Raises `NotFound` for a cursor that is none, or of another order."""
    limit = max(1, min(limit, LIMIT_MAX))
    behind = place_of(cursor, sort) if cursor else None
    ids = finding.page(asker, wanted, sort, behind, limit + 1)
    shown = _rows(_in_order(asker, ids[:limit]))
    return Page(shown, cursor_at(shown[-1], sort) if shown and len(ids) > limit else None)


def chosen(asker: Scope, ids: Iterable[UUID]) -> tuple[RecordingRow, ...]:
    """Those of these recordings that ``asker`` may see, the newest first."""
    rows = [row for row in _in_order(asker, list(ids)) if row.state in SHOWN]
    return _rows(sorted(rows, key=attrgetter("started_at", "id"), reverse=True))


def count(asker: Scope, wanted: Wanted = EVERYTHING, most: int = COUNTED_MAX) -> int:
    """How many `recordings` finds, up to ``most``; one more than that says that there are more."""
    return finding.count(asker, wanted, most)


def recording(asker: Scope, recording_id: UUID) -> RecordingRow:
    """One recording. Raises `NotFound` if there is none that ``asker`` may see."""
    return _one(visible(asker), recording_id)


def heard(asker: Scope, recording_id: UUID) -> RecordingRow:
    """One recording, to be listened to. Raises `NotFound` if there is none that ``asker`` may hear."""
    return _one(audible(asker), recording_id)


def may_hear(asker: Scope, recording_id: UUID) -> bool:
    """Whether ``asker`` may listen to it: who may see a recording may not always."""
    return bool(Recording.select().where(audible(asker) & (Recording.id == recording_id)).exists())


def peaks(asker: Scope, recording_id: UUID) -> bytes:
    """The waveform of one recording, as `media.stitch` made it; empty while there is none."""
    row = Recording.select(Recording.peaks).where(audible(asker) & (Recording.id == recording_id)).first()
    if row is None:
        raise NotFound(f"No recording {recording_id}.")
    return bytes(row.peaks or b"")


def timeline(asker: Scope, recording_id: UUID) -> tuple[SegmentSpan, ...]:
    """The segments of one recording, in order."""
    recording(asker, recording_id)
    rows = Segment.select().where(Segment.recording == recording_id).order_by(Segment.ordinal)
    return tuple(
        SegmentSpan(row.ordinal, row.began_at, row.ended_at, row.offset_ms, row.duration_ms) for row in rows
    )


def on_hold(asker: Scope, recording_id: UUID) -> tuple[Held, ...]:
    """When the other was on hold during one recording, in order."""
    row = recording(asker, recording_id)
    leg = Recording.select(Recording.leg).where(Recording.id == recording_id)
    its = models.OnHold.leg == leg
    if row.ended_at is not None:
        its &= models.OnHold.began_at < row.ended_at
    its &= models.OnHold.ended_at.is_null() | (models.OnHold.ended_at > row.started_at)
    rows = models.OnHold.select().where(its).order_by(models.OnHold.began_at)
    return tuple(Held(one.began_at, one.ended_at) for one in rows)


def played(asker: Scope, recording_id: UUID) -> tuple[Played, ...]:
    """What was played to the parties of one recording, and before its call was connected, in order."""
    recording(asker, recording_id)
    leg = Recording.select(Recording.leg).where(Recording.id == recording_id)
    before = (Announcement.leg == leg) & (Announcement.planned_at < Leg.answered_at)
    columns = [getattr(Announcement, name) for name in Played.__dataclass_fields__]
    rows = (
        Announcement.select(*columns)
        .join(Leg)
        .where((Announcement.recording == recording_id) | before)
        .order_by(Announcement.planned_at, Announcement.id)
    )
    return tuple(Played(**row) for row in rows.dicts())


def rows_where(condition: Any, *, order: Sequence[Any], limit: int) -> tuple[RecordingRow, ...]:
    """Recordings as shown. ``condition`` has to be narrowed by `scope.visible` of who asks."""
    return _rows(list(_select().where(condition).order_by(*order).limit(limit)))


def _in_order(asker: Scope, ids: Sequence[UUID]) -> list[Any]:
    """Their rows. By their ids alone: SQLite would look through all of an organisation that is named, too."""
    whose = within(asker)
    found = {row.id: row for row in _select().where(Recording.id.in_(ids))} if ids else {}
    rows = (found[one] for one in ids if one in found)
    return [row for row in rows if whose is not None and whose.has(row.organisation_id, row.user_id)]


def _one(allowed: Any, recording_id: UUID) -> RecordingRow:
    row = _select().where(allowed & (Recording.id == recording_id)).first()
    if row is None:
        raise NotFound(f"No recording {recording_id}.")
    return _rows([row])[0]


def _select() -> Any:
    columns = [field for field in Recording._meta.sorted_fields if field is not Recording.peaks]
    columns += [User.id, User.number, User.name, Leg.id, Leg.pbx, Leg.call]
    return Recording.select(*columns).join(User).switch(Recording).join(Leg)


def _rows(rows: Sequence[Any]) -> tuple[RecordingRow, ...]:
    """As shown, with all their counterparts in one more query."""
    met = defaultdict(list)
    legs = {row.leg_id for row in rows}
    for one in models.Counterpart.select().where(models.Counterpart.leg.in_(legs)) if legs else ():
        met[one.leg_id].append(CounterpartSpan(one.number, one.name, one.joined_at, one.left_at))
    return tuple(_row(row, met[row.leg_id]) for row in rows)


def _row(row: Any, met: Iterable[CounterpartSpan]) -> RecordingRow:
    during = (one for one in met if _overlap(row, one))
    return RecordingRow(
        id=row.id,
        organisation=row.organisation_id,
        state=RecordingState(row.state),
        mode=row.mode,
        kept=row.kept,
        user=row.user_id,
        user_number=row.user.number,
        user_name=row.user.name,
        direction=row.direction,
        internal=row.internal,
        counterpart_number=row.counterpart_number,
        counterpart_name=row.counterpart_name,
        counterparts=tuple(sorted(during, key=attrgetter("joined_at"))),
        answered_at=row.answered_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        duration_ms=row.duration_ms,
        problems=tuple(row.problems.splitlines()),
        place=place(row),
        media_type=row.media_type,
        sample_rate_hz=row.sample_rate_hz,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        left_dbfs=row.left_dbfs,
        right_dbfs=row.right_dbfs,
        stored_at=row.stored_at,
        note=row.note,
        mark=row.mark,
        tags=(row.tag1, row.tag2, row.tag3),
        pbx=row.leg.pbx,
        call=row.leg.call_id,
        leg=row.leg_id,
    )


def _overlap(row: Any, one: CounterpartSpan) -> bool:
    begun = row.ended_at is None or one.joined_at < row.ended_at
    return begun and (one.left_at is None or one.left_at > row.started_at)
