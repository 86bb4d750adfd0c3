"""That recordings are found by what they are found by: each as its row has it, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from ari_recorder.store import search_index
from ari_recorder.store.database import Store
from ari_recorder.store.finding import grams
from ari_recorder.store.models import Recording
from ari_recorder.store.search_index import Looked
from ari_recorder.store.sql import Sql, on_postgresql, rows, sql

PAGE = 500
EVERY = UUID(int=0)


def unfit(store: Store) -> Iterator[tuple[UUID, str]]:
    """Recordings that are not found as they should be, and why; without those whose turn is yet to come."""
    last = store.read_now(search_index.backlog) or EVERY
    while page := store.read_now(_page_from, last):
        for recording, fault in page:
            last = recording
            if fault:
                yield recording, fault


def lost(store: Store) -> int:
    """How many entries the index of texts has that no recording has, or the other way round."""
    return store.read_now(_difference)


def _page_from(last: UUID) -> list[tuple[UUID, str]]:
    query = Recording.select(Recording.id).where(Recording.id > last).order_by(Recording.id).limit(PAGE)
    ids = [row.id for row in query]
    return [(one.recording, _fault(one)) for one in search_index.looked(ids)] if ids else []


def _fault(one: Looked) -> str:
    if not one.fits:
        return "It is not found by what its row says now." if one.wanted else "It is found, and is not shown."
    if one.there is None or on_postgresql() or _is_indexed(one):
        return ""
    return "The index of texts has something else of it."


def _is_indexed(one: Looked) -> bool:
    """Whether the beginning of each of its texts is in SQLite's index, at its place."""
    assert one.there is not None
    texts = vars(one.there.document)
    parts = [f"{name} : {grams.quoted(text[: grams.LENGTH])}" for name, text in texts.items() if text]
    if not parts:
        return True
    found = "SELECT 1 FROM searched_text WHERE searched_text MATCH {} AND rowid = {}"
    return bool(rows(sql(found, " AND ".join(parts), one.there.id)))


def _difference() -> int:
    if on_postgresql():  # its index has what its table has
        return 0
    query = "SELECT (SELECT count(*) FROM searched_text_docsize) - (SELECT count(*) FROM searched)"
    return abs(int(rows(Sql(query))[0][0]))
