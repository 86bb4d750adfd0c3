"""The check behind ``ari-recorder verify``: catalogue, vault and ledger against one another.

Every stored recording has its file, byte for byte; every file has its recording; every due call is accounted
for. It reads page by page, so that it takes little memory however much there is, and can run beside a
working recorder: each judgement rests on a single query, and what is still on its way is told apart from
damage.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, groupby, islice
from pathlib import PurePosixPath
from typing import Any, TypeVar
from uuid import UUID

from peewee import JOIN, fn

from ari_recorder.errors import KeyMissing, VaultError
from ari_recorder.policies import finishing as waits
from ari_recorder.policies import ledger
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.table import Mode, State, is_recorded
from ari_recorder.store import (
    agreed_check,
    audit_lines,
    deeds_check,
    disposal_check,
    disposals,
    evidence_check,
    finishing,
    notes_check,
    search_check,
    search_index,
    settings_check,
    vault_rows,
)
from ari_recorder.store.audit_check import Fault
from ari_recorder.store.audit_check import Finding as AuditFinding
from ari_recorder.store.audit_key import PublicKey
from ari_recorder.store.audit_seals import ToldSeal
from ari_recorder.store.database import Store
from ari_recorder.store.models import Disposing, LedgerLine, Leg, Recording
from ari_recorder.store.places import COLUMNS, kept
from ari_recorder.store.safe import Kept, Safe
from ari_recorder.store.sealing.streaming import NotAsKept
from ari_recorder.store.timestamps import check as stamp_check
from ari_recorder.store.timestamps.authorities import Authorities
from ari_recorder.store.timestamps.rows import ToldStamp
from ari_recorder.store.tree_heads import ToldHead
from ari_recorder.store.vault import FIRST, Vault

PAGE = 500
"""Rows held in memory at once."""
OVERDUE = timedelta(hours=1)
"""What waits longer to be finished is wrong, and not on its way."""

Progress = Callable[[int, int], None]
T = TypeVar("T")


class Kind(StrEnum):
    """What is wrong, or still on its way."""

    CHANGED = "changed"
    """A file differs from what was sealed."""
    MISSING = "missing"
    """A stored recording's file is not there or cannot be read."""
    LOCKED = "locked"
    """The key that opens a recording's file is not there."""
    STRAY = "stray"
    """A file in the vault belongs to no recording."""
    UNSEALED = "unsealed"
    """A file in the vault whose recording is about to be sealed."""
    MOVING = "moving"
    """A file whose recording is being moved to another vault: it may lie in both."""
    AWAY = "away"
    """A vault that recordings lie in cannot be looked at."""
    LINE_OPEN = "line_open"
    """A ledger line without an end."""
    LINE_MISSING = "line_missing"
    """A due call without a ledger line."""
    LINE_WRONG = "line_wrong"
    """A ledger line says something else than the recordings."""
    UNFINISHED = "unfinished"
    """A call is over, but a recording of it is not stored, destroyed or found empty."""
    UNCLEARED = "uncleared"
    """A finished recording's files are still in Asterisk's recording folder, as far as is known."""
    UNFOUND = "unfound"
    """What a recording is found by is not what its row says."""
    UNSEARCHED = "unsearched"
    """Recordings of before there was a search have not come into it yet."""
    UNACCOUNTED = "unaccounted"
    """The disposal log has a line of it that the audit log knows nothing of."""
    GROUNDLESS = "groundless"
    """A recording was disposed of by a rule that did not hold for it, or that a legal hold did not let."""
    UNTOLD = "untold"
    """Something that the audit log tells each change of is not what it tells."""
    NOT_GONE = "not_gone"
    """The disposal log says that it is gone, and something of it is there."""
    DISPOSING = "disposing"
    """It is being disposed of, and something of it is left."""


@dataclass(frozen=True)
class Finding:
    """One thing found: ``subject`` is the recording, vault key, leg or line; ``text`` a sentence."""

    kind: Kind | Fault | evidence_check.Fault | stamp_check.Fault
    subject: str
    text: str


@dataclass
class Report:
    """What was looked at and found: ``damage`` is wrong, ``open`` is on its way."""

    recordings: int = 0
    files: int = 0
    lines: int = 0
    waiting: int = 0
    """Recordings that wait to be finished."""
    oldest_waits_s: float = 0.0
    audit_lines: int = 0
    audit_seals: int = 0
    manifests: int = 0
    heads: int = 0
    """Signed heads of the trees that the manifests are in."""
    stamps: int = 0
    """Time stamps of these."""
    disposed: int = 0
    """Recordings that are gone, by the disposal log."""
    damage: list[Finding] = field(default_factory=list)
    open: list[Finding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damage


def verify(
    store: Store, safe: Safe, *, now: datetime, settled: bool = False, progress: Progress | None = None
) -> Report:
    """Check everything. Takes as long as reading the vault does; writes nothing.

    ``settled`` says that no call is going on and the recorder has finished, so that what is open counts as
    damage. ``progress`` is told how many recordings of how many are done. Raises `StoreError`, and
    `VaultError` if the vault cannot be listed.
    """
    report = Report()
    _check_recordings(store, safe, report, progress)
    _check_files(store, safe, report)
    _check_lines(store, report, now)
    _check_waiting(store, report, now)
    _check_disposed(store, report, now)
    _check_search(store, report)
    if settled:
        report.damage, report.open = [*report.damage, *report.open], []
    return report


def verify_audit(
    store: Store,
    report: Report,
    keys: Collection[PublicKey],
    told: Iterable[ToldSeal] = (),
    progress: Callable[[int], None] | None = None,
) -> None:
    """Check the audit log of every organisation, too. ``told`` are seals from outside the catalogue."""
    checked = audit_lines.check(store.read_now, keys, told, progress)
    report.audit_lines, report.audit_seals = checked.lines, checked.seals
    report.damage.extend(map(audit_finding, checked.findings))


def verify_evidence(
    store: Store,
    report: Report,
    keys: Collection[PublicKey],
    told: Collection[ToldHead] = (),
    progress: Callable[[int], None] | None = None,
) -> None:
    """Check what is written down of recordings, too. ``told`` are heads from outside the catalogue."""
    checked = evidence_check.check(store.read_now, keys, told, progress)
    report.manifests, report.heads = checked.manifests, checked.heads
    report.damage.extend(Finding(one.fault, one.subject, one.text) for one in checked.findings)


def verify_stamps(
    store: Store, report: Report, trusted: Callable[[], Authorities], told: Collection[ToldStamp] = ()
) -> None:
    """Check the time stamps of the heads, too. ``told`` are stamps from outside the catalogue."""
    checked = stamp_check.check(store.read_now, trusted, told)
    report.stamps = checked.stamps
    report.damage.extend(Finding(one.fault, one.subject, one.text) for one in checked.findings)


def audit_finding(found: AuditFinding) -> Finding:
    """A fault of the audit log, as this check tells of it."""
    return Finding(found.fault, f"audit log of {found.organisation}, {found.lines}", found.text)


# Every stored recording has its file


@dataclass(frozen=True)
class _Row:
    id: UUID
    sealed: Kept | None


def _check_recordings(store: Store, safe: Safe, report: Report, progress: Progress | None) -> None:
    total = store.read_now(Recording.select().where(Recording.state == RecordingState.STORED).count)
    for row in _paged(store, _stored_after):
        found = list(_compare(safe, row))
        if found and (now := store.read_now(_stored, row.id)) != row:  # it was moved or disposed of meanwhile
            found = list(_compare(safe, now)) if now else []
        report.damage.extend(found)
        report.recordings += 1
        if progress:
            progress(report.recordings, max(total, report.recordings))


def _stored_after(last: UUID) -> list[_Row]:
    rows = (
        Recording.select(*COLUMNS)
        .where((Recording.state == RecordingState.STORED) & (Recording.id > last))
        .order_by(Recording.id)
        .limit(PAGE)
    )
    return [_Row(row.id, kept(row)) for row in rows]


def _stored(recording: UUID) -> _Row | None:
    which = (Recording.state == RecordingState.STORED) & (Recording.id == recording)
    return next((_Row(row.id, kept(row)) for row in Recording.select(*COLUMNS).where(which)), None)


def _compare(safe: Safe, row: _Row) -> Iterator[Finding]:
    if row.sealed is None:
        yield Finding(Kind.MISSING, str(row.id), "The catalogue says that it is stored, but not where.")
        return
    key = row.sealed.place.key
    try:
        found = safe.look(row.sealed.place)
    except KeyMissing as error:
        yield Finding(Kind.LOCKED, str(row.id), f"{key}: {error}")
    except NotAsKept as error:
        yield Finding(Kind.CHANGED, str(row.id), f"{key}: {error}")
    except VaultError as error:
        yield Finding(Kind.MISSING, str(row.id), str(error))
    else:
        for what, one, sealed in (
            ("the file", found.stored, row.sealed.stored),
            ("the audio in it", found.content, row.sealed.content),
        ):
            if one != sealed:
                yield Finding(
                    Kind.CHANGED,
                    str(row.id),
                    f"{key}: {what} has {one.size_bytes} bytes and SHA-256 {one.sha256};"
                    f" sealed were {sealed.size_bytes} and {sealed.sha256}.",
                )
                return


# Every file has its recording


def _check_files(store: Store, safe: Safe, report: Report) -> None:
    for number, vault in safe.vaults.used():
        try:
            _check_files_in(store, number, vault, report)
        except VaultError as error:
            if number == safe.vaults.current_id():
                raise
            report.damage.append(Finding(Kind.AWAY, vault.address, str(error)))


def _check_files_in(store: Store, number: UUID, vault: Vault, report: Report) -> None:
    keys = vault.keys()
    while batch := list(islice(keys, PAGE)):
        report.files += len(batch)
        owned, awaited, moves, gone = store.read_now(_owners, number, batch)
        for key in batch:
            if key in moves:
                text = (
                    f"It is being moved, and lies in {vault.address} as well as where it came from or goes."
                )
                report.open.append(Finding(Kind.MOVING, key, text))
            elif key in owned:
                continue
            elif _recording_of(key) in awaited:
                report.open.append(Finding(Kind.UNSEALED, key, "Its recording is about to be sealed."))
            elif _is_there(vault, key) and _recording_of(key) in gone:
                text = "Its recording was disposed of, and this file is still there."
                report.damage.append(Finding(Kind.NOT_GONE, key, text))
            elif _is_there(vault, key):
                report.damage.append(Finding(Kind.STRAY, key, "No recording in the catalogue has this file."))


def _is_there(vault: Vault, key: str) -> bool:
    """Whether it is there still: it may have been moved, or disposed of, since it was listed."""
    try:
        next(vault.read(key, 0, 1), b"")
    except VaultError:
        return False
    return True


_HAS_FILE = (RecordingState.STORED, RecordingState.DISPOSING)
"""Of the latter it is told elsewhere."""


def _owners(vault: UUID, keys: list[str]) -> tuple[set[str], set[UUID], set[str], set[UUID]]:
    """Of ``keys`` in that vault: those that a recording has there, recordings that are yet to get one of
    them, those that lie there because they are being moved, and recordings that are gone.
    """
    named = [recording for recording in map(_recording_of, keys) if recording]
    rows = list(
        Recording.select(Recording.id, Recording.vault, Recording.vault_key, Recording.state).where(
            Recording.vault_key.in_(keys) | Recording.id.in_(named)
        )
    )
    there = [row for row in rows if row.state in _HAS_FILE]
    owned = {row.vault_key for row in there if (row.vault_id or FIRST) == vault}
    moves = {key for key, move in vault_rows.moves_of(keys).items() if vault in (move.source, move.target)}
    awaited = {row.id for row in rows if row.state == RecordingState.CLOSING}
    return owned, awaited, moves - owned, disposals.among(named)


def _recording_of(key: str) -> UUID | None:
    try:
        return UUID(PurePosixPath(key).name.partition(".")[0])
    except ValueError:
        return None


# Every due call is accounted for


@dataclass(frozen=True)
class _Account:
    """A leg, its ledger line and its recordings, as one query saw them."""

    id: UUID
    channel: str
    due: bool
    mode: Mode
    over: bool
    line: UUID | None
    outcome: str | None
    recordings: tuple[tuple[RecordingState, str], ...]
    waits_since: datetime | None


def _check_lines(store: Store, report: Report, now: datetime) -> None:
    for account in _paged(store, _accounts_after):
        report.lines += account.line is not None
        for is_damage, kind, text in _judge(account, now):
            finding = Finding(kind, str(account.id), f"{account.channel}: {text}")
            (report.damage if is_damage else report.open).append(finding)


def _judge(account: _Account, now: datetime) -> Iterator[tuple[bool, Kind, str]]:
    if account.line is None:
        if account.due:
            yield (
                True,
                Kind.LINE_MISSING,
                "the call was answered and is due, but the ledger has no line of it.",
            )
    elif not account.due:
        yield True, Kind.LINE_WRONG, "the ledger has a line of a call that is not due."
    elif not account.over:
        if account.outcome:
            yield True, Kind.LINE_WRONG, f"the line ends as {account.outcome}, but the call goes on."
        else:
            yield False, Kind.LINE_OPEN, "the call goes on."
    else:
        yield from _judge_end(account, now)


def _judge_end(account: _Account, now: datetime) -> Iterator[tuple[bool, Kind, str]]:
    expected = ledger.close(account.mode, account.recordings)
    outcome = expected.outcome if expected else None
    if RecordingState.OPEN in dict(account.recordings):
        yield True, Kind.UNFINISHED, "the call is over, but a recording of it was never closed."
    elif expected is None and account.outcome is None:
        waited = now - (account.waits_since or now)
        age = waits.age(waited.total_seconds())
        yield waited > OVERDUE, Kind.UNFINISHED, f"a recording of it waits to be finished, for {age}."
    elif account.outcome is None:
        yield True, Kind.LINE_OPEN, f"everything is finished, but the line was never closed as {outcome}."
    elif account.outcome != outcome:
        yield (
            True,
            Kind.LINE_WRONG,
            f"the line ends as {account.outcome}, the recordings as {outcome or 'open'}.",
        )


def _accounts_after(last: UUID) -> list[_Account]:
    page = Leg.select(Leg.id).where(Leg.id > last).order_by(Leg.id).limit(PAGE)
    rows = (
        Leg.select(
            Leg.id,
            Leg.channel_name,
            Leg.mode,
            Leg.state,
            Leg.answered_at,
            LedgerLine.id,
            LedgerLine.outcome,
            fn.COALESCE(Disposing.was, Recording.state),
            Recording.problems,
            Recording.ended_at,
        )
        .join(LedgerLine, JOIN.LEFT_OUTER, on=(LedgerLine.leg == Leg.id))
        .join(Recording, JOIN.LEFT_OUTER, on=(Recording.leg == Leg.id))
        .join(Disposing, JOIN.LEFT_OUTER, on=(Disposing.recording == Recording.id))
        .where(Leg.id.in_(page))
        .order_by(Leg.id)
        .tuples()
    )
    found = [list(same) for _, same in groupby(rows, key=lambda row: row[0])]
    gone = disposal_check.states([legs[0][0] for legs in found])
    return [_account(legs, gone.get(legs[0][0], ())) for legs in found]


def _account(rows: list[Any], gone: Iterable[RecordingState]) -> _Account:
    """``gone`` is what recordings of it had become that were disposed of."""
    leg, channel, mode, state, answered_at, line, outcome, *_ = rows[0]
    there = [(RecordingState(row[-3]), row[-2]) for row in rows if row[-3]]
    return _Account(
        id=leg,
        channel=channel,
        due=answered_at is not None and is_recorded(mode),
        mode=Mode(mode),
        over=state == State.ENDED,
        line=line,
        outcome=outcome,
        recordings=(*there, *((state, "") for state in gone)),
        waits_since=min((row[-1] for row in rows if row[-3] in finishing.UNFINISHED), default=None),
    )


def _check_waiting(store: Store, report: Report, now: datetime) -> None:
    """How much waits to be finished; and a page of what is finished but for files in the recording folder."""
    waiting = store.read_now(finishing.waiting)
    report.waiting = waiting.count
    report.oldest_waits_s = (now - (waiting.since or now)).total_seconds()
    for finished in store.read_now(finishing.uncleared, limit=PAGE):
        names = ", ".join(name for segment in finished.segments for name in segment.files)
        text = f"It is {finished.state}, but its files are still to be deleted on {finished.pbx}: {names}."
        report.open.append(Finding(Kind.UNCLEARED, str(finished.id), text))


_TOLD_OF = (deeds_check, agreed_check, settings_check)


def _check_disposed(store: Store, report: Report, now: datetime) -> None:
    report.disposed = store.read_now(disposal_check.count)
    for recording in disposal_check.still_there(store):
        text = "The disposal log says that it is gone, and it is in the catalogue."
        report.damage.append(Finding(Kind.NOT_GONE, str(recording), text))
    for recording in disposal_check.unaccounted(store):
        text = "The disposal log says that it was disposed of, and the audit log tells of no such deed."
        report.damage.append(Finding(Kind.UNACCOUNTED, str(recording), text))
    for recording, text in disposal_check.groundless(store):
        report.damage.append(Finding(Kind.GROUNDLESS, str(recording), text))
    for recording in disposal_check.held(store):
        text = "It was disposed of while a legal hold kept it."
        report.damage.append(Finding(Kind.GROUNDLESS, str(recording), text))
    for which, text in chain.from_iterable(check.unlike(store) for check in _TOLD_OF):
        report.damage.append(Finding(Kind.UNTOLD, which, text))
    for call, text in notes_check.unlike(store):
        report.damage.append(Finding(Kind.UNTOLD, f"call {call}", text))
    for one in disposal_check.waiting(store, now):
        finding = Finding(Kind.DISPOSING, str(one.recording), one.text)
        (report.damage if now - one.since > OVERDUE else report.open).append(finding)


def _check_search(store: Store, report: Report) -> None:
    for recording, text in search_check.unfit(store):
        report.damage.append(Finding(Kind.UNFOUND, str(recording), text))
    if lost := search_check.lost(store):
        text = f"{lost} entries are of no recording, or missing."
        report.damage.append(Finding(Kind.UNFOUND, "index of texts", text))
    if store.read_now(search_index.backlog) is not None:
        text = "Recordings of before the upgrade come into the search while the recorder runs."
        report.open.append(Finding(Kind.UNSEARCHED, "search", text))


def _paged(store: Store, after: Callable[[UUID], Iterable[T]]) -> Iterator[T]:
    """Every row, a page at a time: ``after`` reads those behind the last one's id."""
    last = UUID(int=0)
    while page := list(store.read_now(after, last)):
        yield from page
        last = page[-1].id  # type: ignore[attr-defined]
