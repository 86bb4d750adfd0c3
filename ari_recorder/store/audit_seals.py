"""Signing the audit log: a seal says how far an organisation's log had come, and needs the key to be made.

A seal is kept in the catalogue and told outside it, in the program's log. So what was written before the
newest seal cannot be made anew by who has only the database, and a removal of the newest lines together with
their seals shows as soon as the catalogue is compared with the log.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from peewee import JOIN, fn

from ari_recorder.store.audit import written_at
from ari_recorder.store.audit_key import PublicKey, SigningKey
from ari_recorder.store.models import AuditHead, AuditLine, AuditSeal

LINES = 100
"""After so many lines a seal is due."""
WITHIN = timedelta(minutes=1)
"""So long after a line a seal is due."""
SIGNED = ("organisation", "number", "sha256", "at", "key_id")
"""What a signature is of."""
TOLD = re.compile(r"\baudit:(?P<organisation>[0-9a-f-]{36}):(?P<number>\d{1,18}):(?P<sha256>[0-9a-f]{64})\b")
"""A seal, as it is told outside the database; found in a log of any format."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Seal:
    """A signed head. ``organisation`` and ``at`` are written as in a line; ``signature`` is base64."""

    organisation: str
    number: int
    sha256: str
    at: str
    key_id: str
    signature: str = ""

    @property
    def message(self) -> bytes:
        """What is signed: its other members as JSON, with sorted names and no spaces."""
        members = {name: getattr(self, name) for name in SIGNED}
        return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def told(self) -> str:
        """As it is told outside the database (`TOLD`)."""
        return f"audit:{self.organisation}:{self.number}:{self.sha256}"

    def is_signed_with(self, key: PublicKey) -> bool:
        """Whether the signature is that key's."""
        try:
            signature = base64.b64decode(self.signature, validate=True)
        except (binascii.Error, ValueError):
            return False
        if base64.b64encode(signature).decode() != self.signature:
            return False  # changed in the bits of base64 that say nothing
        return key.verifies(signature, self.message)


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
    sealed = AuditSeal.select(AuditSeal.organisation, fn.MAX(AuditSeal.number).alias("number"))
    sealed = sealed.group_by(AuditSeal.organisation).alias("sealed")
    rows = (
        AuditHead.select(AuditHead.organisation, AuditHead.number, sealed.c.number)
        .join(sealed, JOIN.LEFT_OUTER, on=(AuditHead.organisation == sealed.c.organisation))
        .where(AuditHead.number > fn.COALESCE(sealed.c.number, 0))
        .tuples()
    )
    return [chain for chain, number, last in rows if now is None or _is_due(chain, number, last or 0, now)]


def seal(key: SigningKey, chains: Iterable[UUID], now: datetime) -> list[Seal]:
    """Sign how far these logs have come; to be called in a write. Returns what is new, to be told."""
    heads = AuditHead.select().where(AuditHead.organisation.in_(list(chains)) & (AuditHead.number > 0))
    made = [_signed(key, head, now) for head in heads]
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


def _signed(key: SigningKey, head: Any, now: datetime) -> Seal:
    one = Seal(str(head.organisation), head.number, head.sha256, written_at(now), key.public.id)
    signature = base64.b64encode(key.sign(one.message)).decode()
    return Seal(**{**asdict(one), "signature": signature})


def _kept(one: Seal, now: datetime) -> bool:
    """Whether it is new: another process may have sealed the same."""
    values = {**asdict(one), "organisation": UUID(one.organisation), "at": now}
    query = AuditSeal.insert(**values).on_conflict_ignore().as_rowcount()
    return bool(query.execute())
