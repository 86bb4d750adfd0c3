"""What recordings are found by, in step with what it is made of.

Triggers note each recording of which something has changed that it is found by, whoever changes it, in
the same transaction (`models.Unsearched`). Before a commit the writer calls `settle`, which makes their
texts anew (`policies.search`): so none is committed that does not fit. If that fails, the recording is
committed nevertheless, the note stays, and it is tried again; `ari-recorder verify` tells of it.

What was there before there was a search comes into it in batches, while nothing else is to be written
(`take_in`): each is a transaction with the note of how far it has come, so it goes on where it was left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from ari_recorder.policies import search
from ari_recorder.policies.ledger import SHOWN
from ari_recorder.policies.search import Document
from ari_recorder.store import models
from ari_recorder.store.models import Counterpart, Recording, SearchBacklog, database
from ari_recorder.store.sql import Sql, among, on_postgresql, rows, run, sql

BATCH = 200
"""Recordings that come into the search at a time."""
AT_ONCE = 1_000
"""Recordings that are made anew by one statement."""
ANALYSED = 400
"""Rows of each index that SQLite looks at to see how alike its keys are."""
_INDEX_BEFORE = "searched_text"
"""What PostgreSQL had until there was `models.TEXTS_INDEXED`."""
_TIES = 16
"""Recordings of one organisation or several that may have the same place, and are then put behind it."""


@dataclass(frozen=True)
class Entry:
    """What a recording is found by, and where it is in the order of time."""

    id: int
    organisation: UUID
    user: UUID
    document: Document

    def is_at(self, place: int) -> bool:
        """Whether its place is that, or one behind it that was free."""
        return 0 <= self.id - place < _TIES


@dataclass(frozen=True)
class Looked:
    """What a recording has to be found by, if it is shown, and what it is found by, if it is at all."""

    recording: UUID
    wanted: Entry | None
    there: Entry | None

    @property
    def fits(self) -> bool:
        """Whether both are the same."""
        if self.wanted is None or self.there is None:
            return self.wanted is self.there
        same = (self.wanted.organisation, self.wanted.user, self.wanted.document) == (
            self.there.organisation, self.there.user, self.there.document,
        )  # fmt: skip
        return same and self.there.is_at(self.wanted.id)


def settle() -> None:
    """Make anew what this transaction has changed, and what one before could not."""
    noted = [
        _uuid(one) for (one,) in database.execute_sql('DELETE FROM "unsearched" RETURNING "id"').fetchall()
    ]
    for first in range(0, len(noted), AT_ONCE):  # SQLite takes 32,766 values in a statement, Debian's 250,000
        write(noted[first : first + AT_ONCE])


def write(recordings: Sequence[UUID]) -> None:
    """What these are found by, as they are now; nothing of one that lists do not show."""
    if on_postgresql():  # another process may be changing them
        run(sql("SELECT id FROM recording WHERE {} ORDER BY id FOR NO KEY UPDATE", among("id", recordings)))
    for one in looked(recordings):
        if not one.fits:
            if one.there:
                run(sql("DELETE FROM searched WHERE id = {}", one.there.id))
            if one.wanted:
                _insert(one.recording, one.wanted)


def looked(recordings: Sequence[UUID], *, every: bool = False) -> Iterator[Looked]:
    """What is and what is to be of each of these that there is; ``every``: also of those not shown."""
    found = rows(sql(_MADE_OF + " WHERE {} ORDER BY r.id, c.joined_at", among("r.id", recordings)))
    for _, same in groupby(found, key=lambda row: row[0]):
        yield _look(list(same), every)


def take_in(limit: int = BATCH) -> bool:
    """A step of what is to be done with what was there before; whether there may be more.

    An index that is missing, because there were many recordings, or a batch of these.
    """
    for name in models.LISTED:
        if not _has_index(name):
            database.execute_sql(models.listed(name).replace("INDEX", "INDEX IF NOT EXISTS", 1))
            return True
    if on_postgresql() and _index_texts():
        return True
    row = _backlog()
    if row is None:
        return _analyse()
    next_ = sql("SELECT id FROM recording WHERE id < {} ORDER BY id DESC LIMIT {}", row.below, limit)
    ids = [_uuid(one) for (one,) in rows(next_)]
    if not ids:
        SearchBacklog.delete().where(SearchBacklog.id == row.id).execute()
        return _analyse()
    write(ids)
    SearchBacklog.update(below=ids[-1]).where(SearchBacklog.id == row.id).execute()
    return True


def _index_texts() -> bool:
    """A step towards PostgreSQL's index of texts instead of the one before it; whether there was one."""
    if not _has_index(models.TEXTS_INDEXED) and _has_extensions():
        database.execute_sql(models.TEXTS_INDEX)
    elif _has_index(models.TEXTS_INDEXED) and _has_index(_INDEX_BEFORE):
        database.execute_sql(f"DROP INDEX {_INDEX_BEFORE}")
    else:
        return False
    return True


def _has_extensions() -> bool:
    there = sql("SELECT count(*) FROM pg_extension WHERE {}", among("extname", models.TEXTS_EXTENSIONS))
    return bool(rows(there)[0][0] == len(models.TEXTS_EXTENSIONS))


def _analyse() -> bool:
    """The last step: SQLite sees how much there is.

    Otherwise it takes an organisation for what few recordings have, and looks through all of them for one.
    """
    if not on_postgresql():
        database.execute_sql(f"PRAGMA analysis_limit = {ANALYSED}")
        for table in ("call", "leg", "recording", "segment", "announcement"):
            database.execute_sql(f"ANALYZE {table}")
    return False


def backlog() -> UUID | None:
    """Recordings of lesser ids have not come into the search yet; None if all have."""
    row = SearchBacklog.select().first()
    return None if row is None else row.below


def is_whole() -> bool:
    """Whether texts are looked for in an index at all: PostgreSQL needs extensions for it."""
    return not on_postgresql() or _has_index(models.TEXTS_INDEXED) or _has_index(_INDEX_BEFORE)


def _backlog() -> Any:
    query = SearchBacklog.select()
    if on_postgresql():  # one process does it
        query = query.for_update("FOR UPDATE SKIP LOCKED")
    return query.first()


def _has_index(name: str) -> bool:
    asked = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = {}"
    return bool(rows(sql("SELECT 1 WHERE to_regclass({}) IS NOT NULL" if on_postgresql() else asked, name)))


_MADE_OF = """SELECT r.id, r.state, r.organisation_id, r.user_id, r.started_at, r.ended_at,
    r.note, r.tag1, r.tag2, r.tag3, r.counterpart_number, r.counterpart_name,
    s.id, s.organisation, s."user", s.numbers, s.note, s.words, c.number, c.name, c.joined_at, c.left_at
    FROM recording r LEFT JOIN searched s ON s.recording_id = r.id
    LEFT JOIN counterpart c ON c.leg_id = r.leg_id"""
_INSERTED = """INSERT INTO searched (id, recording_id, organisation, "user", who, numbers, note, words)
    VALUES ({}, {}, {}, {}, {}, {}, {}, {}) ON CONFLICT (id) DO NOTHING"""


def _look(found: list[Any], every: bool) -> Looked:
    (recording, state, organisation, user, started_at, ended_at, note, tag1, tag2, tag3, number, name,
     place, its_organisation, its_user, *texts) = found[0][:18]  # fmt: skip
    recording = _uuid(recording)
    began_at, over_at = _time(started_at), _time(ended_at)
    met = [row[18:20] for row in found if row[18] is not None and _overlap(row[20:], began_at, over_at)]
    document = search.document(
        numbers=[number, *(one for one, _ in met)], names=[name, *(one for _, one in met)],
        tags=[tag1, tag2, tag3], note=note,
    )  # fmt: skip
    wanted = Entry(search.place(began_at, recording), _uuid(organisation), _uuid(user), document)
    there = place is not None and Entry(place, _uuid(its_organisation), _uuid(its_user), Document(*texts))
    return Looked(recording, wanted if every or state in SHOWN else None, there or None)


def _overlap(met: Sequence[Any], began_at: datetime, over_at: datetime | None) -> bool:
    joined_at, left_at = _time(met[0]), _time(met[1])
    return (over_at is None or joined_at < over_at) and (left_at is None or left_at > began_at)


def _insert(recording: UUID, entry: Entry) -> None:
    who = search.who(entry.organisation) + search.who(entry.user)
    texts = (entry.document.numbers, entry.document.note, entry.document.words)
    for place in range(entry.id, entry.id + _TIES):
        values = (place, recording, entry.organisation, entry.user, who, *texts)
        if run(Sql(_INSERTED, values)).rowcount:
            return
    raise AssertionError(f"{_TIES} recordings began in the same microsecond as {recording}")


_uuid: Callable[[Any], UUID] = Recording.id.python_value
_time: Callable[[Any], Any] = Counterpart.joined_at.python_value
