"""Finding recordings: the ids of a page, and how many there are.

With what is known of a recording alone by the indexes that lists are read from (`listing`); with texts by the
index of these, which SQLite reads in the order of time (`lite`), and PostgreSQL in none (`pg`).
"""

from __future__ import annotations

from uuid import UUID

from ari_recorder.policies.rights import Scope
from ari_recorder.store.filters import Wanted
from ari_recorder.store.finding import lengths, listing, lite, pg
from ari_recorder.store.finding.asked import asked
from ari_recorder.store.finding.order import Order
from ari_recorder.store.models import Recording
from ari_recorder.store.order import Place, Sort
from ari_recorder.store.sql import on_postgresql


def page(asker: Scope, wanted: Wanted, sort: Sort, behind: Place | None, limit: int) -> list[UUID]:
    """The first ``limit`` in that order, behind a place."""
    what = asked(asker, wanted)
    if what is None:
        return []
    order = Order(sort, behind)
    if not what.needles:
        found = listing.page(what, order, limit)
    elif order.by_length or listing.few(what):
        found = lengths.page(what, order, limit)
    else:
        found = pg.page(what, order, limit) if on_postgresql() else lite.page(what, order, limit)
    return [Recording.id.python_value(row[0]) for row in found]


def count(asker: Scope, wanted: Wanted, most: int) -> int:
    """How many there are, up to ``most``; one more than that says that there are more."""
    what = asked(asker, wanted)
    if what is None:
        return 0
    if not what.needles:
        return listing.count(what, most + 1)
    return pg.count(what, most + 1) if on_postgresql() else lite.count(what, most + 1)
