"""Calls that the bridge way connects, written down before Asterisk is asked for anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ari_recorder.store import models, statements


@dataclass(frozen=True)
class BridgedRow:
    """A caller's channel, and whom it is to be connected with."""

    id: UUID
    pbx: str
    caller: str
    endpoint: str
    dial_s: int
    planned_at: datetime

    def bridge(self, app: str) -> str:
        """Asterisk's id of its bridge."""
        return f"{app}-bridge-{self.id.hex}"

    def called(self, app: str) -> str:
        """Asterisk's id of the called channel."""
        return f"{self.bridge(app)}-out"


def begin(row: BridgedRow) -> None:
    """Write a call for the first time."""
    statements.insert(
        models.BridgedCall,
        id=row.id,
        pbx=row.pbx,
        caller=row.caller,
        endpoint=row.endpoint,
        dial_s=row.dial_s,
        planned_at=row.planned_at,
    )


def end(row: UUID, now: datetime) -> None:
    """Nothing of it is left in Asterisk."""
    statements.update(models.BridgedCall, row, over_at=now)


def open_calls(pbx: str) -> list[BridgedRow]:
    """Those of that Asterisk that may be going on."""
    table = models.BridgedCall
    rows = table.select().where((table.pbx == pbx) & table.over_at.is_null()).order_by(table.planned_at)
    return [BridgedRow(r.id, r.pbx, r.caller, r.endpoint, r.dial_s, r.planned_at) for r in rows]
