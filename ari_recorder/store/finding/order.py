"""An order as part of a statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ari_recorder.policies import search
from ari_recorder.store import order
from ari_recorder.store.order import Place, Sort
from ari_recorder.store.sql import Sql, rows, sql

LENGTH = "coalesce(r.duration_ms, -1)"


@dataclass(frozen=True)
class Order:
    """A list's order, from the first on or behind a place."""

    sort: Sort
    place: Place | None

    @property
    def by_length(self) -> bool:
        """Whether it is by length, and not by time."""
        return order.by_length(self.sort)

    @property
    def way(self) -> str:
        """Behind what it is in each column."""
        return "DESC" if order.descending(self.sort) else "ASC"

    @property
    def key(self) -> str:
        """The column, of ``r``, before the id."""
        return LENGTH if self.by_length else "r.started_at"

    def behind(self) -> list[Sql]:
        """On ``r``, that it is behind the place."""
        if self.place is None:
            return []
        return [sql(f"({self.key}, r.id) {self._then} ({{}}, {{}})", self.place.key, self.place.recording)]

    def searched_behind(self) -> list[tuple[str, int]]:
        """As `behind`, by time and on ``s.id``: how that is to compare with what."""
        if self.place is None or not isinstance(self.place.key, datetime):
            return []
        there = rows(sql("SELECT id FROM searched WHERE recording_id = {}", self.place.recording))
        return [(self._then, there[0][0] if there else search.place(self.place.key, self.place.recording))]

    @property
    def _then(self) -> str:
        return "<" if order.descending(self.sort) else ">"
