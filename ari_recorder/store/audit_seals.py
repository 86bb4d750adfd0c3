"""Signing the audit log: a seal says how far an organisation's log had come, and needs the key to be made.

A seal is kept in the catalogue and told outside it, in the program's log. So what was written before the
newest seal cannot be made anew by who has only the database, and a removal of the newest lines together with
their seals shows as soon as the catalogue is compared with the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from peewee import fn

from ari_recorder.store import signed
from ari_recorder.store.audit import written_at
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.models import AuditHead, AuditLine, AuditSeal
from ari_recorder.store.signed import Signed

LINES = 100
"""After so many lines a seal is due."""
WITHIN = timedelta(minutes=1)
"""So long after a line a seal is due."""
TOLD = re.compile(r"\baudit:(?P<organisation>[0-9a-f-]{36}):(?P<number>\d{1,18}):(?P<sha256>[0-9a-f]{64})\b")
"""A seal, as it is told outside the database; found in a log of any format."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Seal(Signed):
    """A signed head."""

    SIGNED = ("organisation", "number", "sha256", "at", "key_id")

    number: int

    @property
    def told(self) -> str:
        """As it is told outside the database (`TOLD`)."""
        return f"audit:{self.organisation}:{self.number}:{self.sha256}"


@dataclass(frozen=True)
class ToldSeal:
    """A seal as a log outside the database has it."""

    organisation: UUID
    number: int
    sha256: str


def read_told(lines: Iterable[str]) -> list[ToldSeal]:
    """The seals in a log, in any format."""
    found = (match for line in lines for match in TOLD.finditer(line))
    return [ToldSeal(UUID(match[1]), int(match[2]), match[3]) for match in found]


def unsealed(now: datetime | None = None) -> list[UUID]:
    """The organisations whose log is to be sealed: with ``now`` those for which it is time, else all."""
    newest = AuditSeal.select(fn.MAX(AuditSeal.number)).where(
        AuditSeal.organisation == AuditHead.organisation
    )
    sealed = fn.COALESCE(newest, 0).coerce(False)  # one step in the index for each log
    rows = AuditHead.select(AuditHead.organisation, AuditHead.number, sealed).tuples()
    found = [row for row in rows if row[1] > row[2]]
    return [chain for chain, number, last in found if now is None or _is_due(chain, number, last, now)]


def seal(key: SigningKey, chains: Iterable[UUID], now: datetime) -> list[Seal]:
    """Sign how far these logs have come; to be called in a write. Returns what is new, to be told."""
    heads = AuditHead.select().where(AuditHead.organisation.in_(list(chains)) & (AuditHead.number > 0))
    made = [
        signed.sign(
            Seal(
                organisation=str(head.organisation),
                number=head.number,
                sha256=head.sha256,
                at=written_at(now),
            ),
            key,
        )
        for head in heads
    ]
    return [one for one in made if _kept(one, now)]


def tell(seals: Iterable[Seal]) -> None:
    """Say outside the database what has been sealed."""
    for one in seals:
        _log.info("the audit log is sealed", seal=one.told, key=one.key_id)


def as_kept(row: Mapping[str, Any]) -> Seal:
    """From the table's row."""
    values = {name: row[name] for name in ("number", "sha256", "key_id", "signature")}
    return Seal(organisation=str(row["organisation"]), at=written_at(row["at"]), **values)


def _is_due(chain: UUID, number: int, last: int, now: datetime) -> bool:
    if number - last >= LINES:
        return True
    first = AuditLine.select(AuditLine.at).where(
        (AuditLine.organisation == chain) & (AuditLine.number == last + 1)
    )
    row = first.first()
    return row is None or now - row.at >= WITHIN or row.at > now


def _kept(one: Seal, now: datetime) -> bool:
    """Whether it is new: another process may have sealed the same."""
    values = {**asdict(one), "organisation": UUID(one.organisation), "at": now}
    query = AuditSeal.insert(**values).on_conflict_ignore().as_rowcount()
    return bool(query.execute())
