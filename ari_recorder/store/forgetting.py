"""That nothing is left in the catalogue's file of what was deleted from it.

SQLite writes zeros over what is deleted (``secure_delete``), with two exceptions. Its index of texts notes
that an entry is gone, and has its parts until it is merged with that note; here it is merged, a step at a
time. And its log has former pages until it is written anew; here it is emptied.

PostgreSQL has what was deleted until it is vacuumed, which it does by itself.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from datetime import datetime, timedelta

from ari_recorder.store.models import Disposal, RetentionClock, database
from ari_recorder.store.sql import on_postgresql

PAGES = 64
"""Of the index, in a step: about 256 KB, a few milliseconds."""
EVERY = timedelta(days=1)
"""How often, at most: all of the index is written anew."""
LOG_WAIT_S = 0.05
"""So long others may have to wait for the log to be emptied; if that is too short, it is emptied another
time.
"""


def is_due(now: datetime) -> bool:
    """Whether anything has gone since it was done, and that is long enough ago."""
    newest = Disposal.select(Disposal.at).order_by(Disposal.id.desc()).first()
    clock = RetentionClock.select(RetentionClock.forgotten_at).first()
    done_at = clock.forgotten_at if clock else None
    if newest is None or on_postgresql():
        return False
    return done_at is None or (newest.at >= done_at and abs(now - done_at) >= EVERY)


def done(at: datetime) -> None:
    """All that had gone by then is forgotten; to be called in a write."""
    RetentionClock.update(forgotten_at=at).execute()


def steps() -> int:
    """How many steps it takes until the index of texts has nothing that is gone, at most; to be called in a
    read.
    """
    if on_postgresql():
        return 0
    (pages,) = database.execute_sql("SELECT count(*) FROM searched_text_data").fetchone()
    return 2 + int(pages) * 3 // (2 * PAGES)


def step() -> bool:
    """Merge a part of the index of texts, in a write; whether there is more to merge."""
    connection = database.connection()
    before = connection.total_changes
    database.execute_sql("INSERT INTO searched_text (searched_text, rank) VALUES ('merge', ?)", (-PAGES,))
    return bool(connection.total_changes - before >= 2)


def empty_log(url: str) -> None:
    """Write SQLite's log into its file, and cut it off, if nobody is using it just then; blocks for a
    moment.
    """
    scheme, _, path = url.partition(":///")
    if scheme == "sqlite":
        with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=LOG_WAIT_S)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
