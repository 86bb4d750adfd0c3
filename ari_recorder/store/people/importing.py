"""Users in from a CSV file: thousands at once, while calls go on.

A row is of whom its number names, or without one its login: changed where it differs, or added. An empty cell
leaves what is there. A row is done whole or not at all.

What writes to the catalogue does so one after the other, so a file is taken in steps, each a write of its own
of `STEP_ROWS` rows: what calls have to write goes between them. First every row is tried, and taken back;
with a row that is refused nothing is done at all, unless ``partial``. Then they are done. If the program ends
in the middle of that, the rows of earlier steps are done and the others are not; the audit log then has a
beginning without an end, by which `last_import` tells it, and the same file imported again does the rest.

What one row gives up is not free for another before it is done: that takes two files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ari_recorder.policies.spreadsheet import Row
from ari_recorder.store import audit
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.models import AuditLine
from ari_recorder.store.people.exchange import ImportReport, Outcome, RowReport, There
from ari_recorder.store.people.file_rows import FileRows

STEP_ROWS = 5
"""Rows of one write, some 20 to 50 ms: so long what a call has to write waits at most."""
SUBJECT = Subject("users", "import")
"""What the audit log has of an import as a whole; each user's change has its own line."""

BEGUN, ENDED = "begun", "ended"

Step = Callable[[], None]
Run = Callable[[FileRows, Sequence[Row]], list[RowReport]]


class Phase(StrEnum):
    """How far an import has come."""

    TRYING = "trying"
    DOING = "doing"
    OVER = "over"


@dataclass
class Importing:
    """A file on its way in: `look` is to be run in a read, then each of `steps` in a write of its own."""

    organisation: UUID
    rows: Sequence[Row]
    pbxs: Collection[str]
    actor: Actor
    now: datetime
    dry_run: bool = False
    partial: bool = False
    """The rows that can be are done, though others are refused."""
    phase: Phase = Phase.TRYING
    gone_through: int = 0
    """Rows of this phase that have been."""
    reports: list[RowReport] = field(default_factory=list)

    def look(self) -> None:
        """Read who is there."""
        self._there = There.read(self.organisation)

    def steps(self) -> Iterator[Step]:
        """Everything that is to be written, in its order."""
        if self.dry_run or not self.partial:
            yield from self._phase(Phase.TRYING, self._try)
        if not self.dry_run and (self.partial or not self.refused):
            yield from self._phase(Phase.DOING, self._do)
        self.phase = Phase.OVER

    @property
    def refused(self) -> bool:
        """Whether one of the rows so far is."""
        return any(row.outcome is Outcome.REFUSED for row in self.reports)

    def report(self) -> ImportReport:
        """What became of each row, or would."""
        applied = not self.dry_run and (self.partial or not self.refused)
        return ImportReport(applied, tuple(self.reports))

    def _phase(
        self, phase: Phase, run: Callable[[FileRows, Sequence[Row]], list[RowReport]]
    ) -> Iterator[Step]:
        """A step may be run again, if its write failed: what it learned counts when the next is asked for."""
        self.phase, self.gone_through, self.reports = phase, 0, []
        file = FileRows(self.organisation, self._there, tuple(self.pbxs), self.actor, self.now)
        for begin in range(0, len(self.rows), STEP_ROWS):
            made: list[RowReport] = []
            rows = self.rows[begin : begin + STEP_ROWS]

            def step(rows: Sequence[Row] = rows, made: list[RowReport] = made) -> None:
                file.begin()
                made[:] = run(file, rows)

            yield step
            file.learn()
            self.reports += made
            self.gone_through += len(rows)

    def _try(self, file: FileRows, rows: Sequence[Row]) -> list[RowReport]:
        return [file.tried(row) for row in rows]

    def _do(self, file: FileRows, rows: Sequence[Row]) -> list[RowReport]:
        begins, ends = not self.reports, self.gone_through + len(rows) == len(self.rows)
        if begins and not ends:
            self._write({"state": BEGUN, "rows": len(self.rows)})
        made = [file.done(row) for row in rows]
        file.put_into_groups()
        if ends:
            whole = ImportReport(True, (*self.reports, *made))
            counts = {str(outcome): whole.count(outcome) for outcome in Outcome}
            self._write({"state": ENDED, "rows": len(self.rows), **counts})
        return made

    def _write(self, detail: Mapping[str, Any]) -> None:
        audit.write(
            self.actor, Action.IMPORT, SUBJECT, self.now, organisation=self.organisation, detail=detail
        )


@dataclass(frozen=True)
class LastImport:
    """The last file that was imported, or begun: ``ended`` is False of one that goes on, or broke off."""

    at: datetime
    by: str
    ended: bool
    rows: int
    counts: Mapping[Outcome, int]


def last_import(organisation: UUID) -> LastImport | None:
    """That of an organisation; None if there was none."""
    of = (AuditLine.organisation == organisation) & (AuditLine.subject == SUBJECT.id)
    lines = AuditLine.select().where(of & (AuditLine.action == Action.IMPORT.value))
    row = lines.order_by(AuditLine.number.desc()).first()
    if row is None:
        return None
    detail = json.loads(row.detail)
    counts = {outcome: int(detail.get(str(outcome), 0)) for outcome in Outcome}
    return LastImport(
        row.at, row.actor_name, detail.get("state") == ENDED, int(detail.get("rows", 0)), counts
    )
