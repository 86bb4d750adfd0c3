"""What keeping costs with a million recordings: each deed timed, and how long calls could wait meanwhile.

    python -m bench year

The catalogue of `bench.catalogued`, in the search, on both databases. ``longest_ms`` is the longest
transaction that the deed made: the catalogue has one writer, and a call's commit could wait for so long.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from ari_recorder.policies import erasing
from ari_recorder.policies.holds import Kind
from ari_recorder.policies.retention import Rule
from ari_recorder.policies.rights import Role, scope
from ari_recorder.store import disposal, hold_about, holding, holds, models, search_index, usage
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.database import Store
from ari_recorder.store.deliveries import view
from ari_recorder.store.deliveries.view import Terms
from ari_recorder.store.disposal import Why
from ari_recorder.store.erasing import asking, working
from ari_recorder.store.erasing.asking import Target
from ari_recorder.store.hold_about import About
from bench import catalogued
from bench.catalogued import LAST_AT, People
from bench.results import Result, Row
from lab.postgresql import postgresql

ROWS = 1_000_000
STEP = 2_000
"""Recordings that come into the search in a transaction, to begin with."""
DISPOSED = 20
"""In a transaction, as the delivery process does."""
LISTED = 500
BY = Actor(ActorKind.COMMAND_LINE, "root", "root")
NOW = LAST_AT + timedelta(days=1)

P = ParamSpec("P")
T = TypeVar("T")


async def run() -> Result:
    """Measure."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="ari-recorder-bench-") as folder:
        rows += await asyncio.to_thread(_measure, f"sqlite:///{folder}/catalogue.db", "sqlite")
    with postgresql() as server:
        rows += await asyncio.to_thread(_measure, server.new_database(), "postgresql")
    return Result(f"Keeping {ROWS} recordings", rows)


def _measure(url: str, engine: str) -> list[Row]:
    store = Store(url)
    try:
        who = catalogued.people(store)
        catalogued.fill(store, who, ROWS)
        while store.write_now(search_index.take_in, STEP):
            pass
        found = []
        for what, deed in DEEDS.items():
            watch = Watch(store)
            began_s = time.perf_counter()
            count = deed(watch, who)
            seconds = time.perf_counter() - began_s
            row = {"engine": engine, "rows": ROWS, "what": what, "recordings": count}
            found.append(
                {**row, "seconds": round(seconds, 2), "longest_ms": round(watch.longest_s * 1000, 1)}
            )
        return found
    finally:
        store.close()


class Watch:
    """A store whose transactions are timed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.read = store.read_now
        self.longest_s = 0.0
        """Of the writes."""

    def write(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `Store.write_now`."""
        began_s = time.perf_counter()
        found = self._store.write_now(work, *args, **kwargs)
        self.longest_s = max(self.longest_s, time.perf_counter() - began_s)
        return found


def _of_day(begins: datetime) -> list[Any]:
    within = (models.Recording.started_at >= begins) & (
        models.Recording.started_at < begins + timedelta(days=1)
    )
    return [row.id for row in models.Recording.select(models.Recording.id).where(within)]


def _dispose(watch: Watch, who: People) -> int:
    """A day's recordings; their files in the vault are not of this measurement."""
    ids = watch.read(_of_day, LAST_AT - timedelta(minutes=ROWS) + timedelta(days=1))
    for some in _in_parts(ids, DISPOSED):
        watch.write(disposal.begin, some, Why(Rule.RETENTION, {"days": 180}), NOW)
        watch.write(disposal.complete, some, NOW)
    return len(ids)


def _hold(watch: Watch, who: People) -> int:
    """By a number that many recordings have: placed, counted, and asked of a batch that is to be deleted."""
    asker = scope(who.organisation, who.administrator, Role.ADMINISTRATOR, may_listen=True)
    about = About(Kind.NUMBER, number=_common_number(watch))
    watch.write(holding.place, asker, who.organisation, about, reason="Case 1", actor=BY, now=NOW)
    watch.read(holds.held, watch.read(_of_day, LAST_AT - timedelta(days=2))[:DISPOSED])
    return watch.read(hold_about.found_by, who.organisation, about)


def _erase(watch: Watch, who: People) -> int:
    target = Target(erasing.Kind.COUNTERPART, number=_common_number(watch, 1))
    watch.read(asking.preview, who.organisation, target)
    draw = secrets.token_bytes(erasing.CODE_LENGTH)
    watch.write(asking.begin, who.organisation, target, "DSR 1", draw, actor=BY, now=NOW)
    while (batch := watch.read(working.look)) is not None:
        if not watch.write(working.do, batch, NOW):
            break
    return int(watch.read(lambda: models.Disposing.select().count()))


def _usage(watch: Watch, who: People) -> int:
    watch.read(usage.report, who.organisation, f"{LAST_AT - timedelta(days=100):%Y-%m}", NOW)
    return 0


def _list(watch: Watch, who: People) -> int:
    """A day's folder, as SFTP shows it: opus as it is kept."""
    asker = scope(who.organisation, who.administrator, Role.ADMINISTRATOR, may_listen=True)
    terms, begins, count = Terms(asker, "Europe/Stockholm", "", False), LAST_AT - timedelta(days=2), 0
    after = None
    while part := watch.read(view.part, terms, begins, begins + timedelta(days=1), "", after, LISTED):
        count, after = count + len(part), (part[-1].row.started_at, part[-1].row.id)
    return count


def _common_number(watch: Watch, place: int = 0) -> str:
    newest = models.Recording.select(models.Recording.counterpart_number).order_by(models.Recording.id.desc())
    return str(watch.read(lambda: [row.counterpart_number for row in newest.limit(place + 1)])[place])


def _in_parts(ids: list[Any], most: int) -> Iterator[list[Any]]:
    for first in range(0, len(ids), most):
        yield ids[first : first + most]


DEEDS: dict[str, Callable[[Watch, People], int]] = {
    "list a day (SFTP)": _list,
    "usage of a past month": _usage,
    "place a hold": _hold,
    "dispose of a day": _dispose,
    "erase a person": _erase,
}
