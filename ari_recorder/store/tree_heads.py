"""Signing the trees of manifests: a head says how many recordings there were, and which.

As the seals of the audit log are, it is kept in the catalogue and told outside it.
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

from ari_recorder.policies import merkle
from ari_recorder.store import happenings, models, signed
from ari_recorder.store.audit import written_at
from ari_recorder.store.audit_key import PublicKey, SigningKey
from ari_recorder.store.models import Tree, TreeHead
from ari_recorder.store.signed import Signed

WITHIN = timedelta(minutes=1)
"""So long after the last head the next one is signed, if there is anything new."""
TOLD = re.compile(r"\bevidence:(?P<organisation>[0-9a-f-]{36}):(?P<size>\d{1,18}):(?P<sha256>[0-9a-f]{64})\b")
"""A head, as it is told outside the database; found in a log of any format."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Head(Signed):
    """A signed head: ``sha256`` is the root of the first ``size`` leaves."""

    SIGNED = ("organisation", "size", "sha256", "at", "key_id")

    size: int

    @property
    def told(self) -> str:
        """As it is told outside the database (`TOLD`)."""
        return f"evidence:{self.organisation}:{self.size}:{self.sha256}"


@dataclass(frozen=True)
class ToldHead:
    """A head as a log outside the database has it."""

    organisation: UUID
    size: int
    sha256: str


def read_told(lines: Iterable[str]) -> list[ToldHead]:
    """The heads in a log, in any format."""
    found = (match for line in lines for match in TOLD.finditer(line))
    return [ToldHead(UUID(match[1]), int(match[2]), match[3]) for match in found]


def grown(now: datetime | None = None) -> list[tuple[UUID, int]]:
    """Organisations, with the size of their tree, for which a head is due: with ``now`` then, else any."""
    newest = TreeHead.select(fn.MAX(TreeHead.size)).where(TreeHead.organisation == Tree.organisation)
    last = fn.COALESCE(newest, 0).coerce(False)  # one step in the index for each tree
    rows = Tree.select(Tree.organisation, Tree.size, last).tuples()
    found = [row for row in rows if row[1] > row[2]]
    return [(tree, size) for tree, size, last in found if now is None or _is_due(tree, last, now)]


def _is_due(organisation: UUID, last: int, now: datetime) -> bool:
    its = (TreeHead.organisation == organisation) & (TreeHead.size == last)
    head = TreeHead.select(TreeHead.at).where(its).first()
    return head is None or now - head.at >= WITHIN or head.at > now  # the clock was put back


def sign(key: SigningKey, trees: Iterable[tuple[UUID, int]], node_of: Any, now: datetime) -> list[Head]:
    """Sign these trees as they are; to be called in a write. Returns what is new, to be told."""
    made = []
    for organisation, size in trees:
        root = merkle.root(size, node_of(organisation)).hex()
        head = signed.sign(
            Head(organisation=str(organisation), size=size, sha256=root, at=written_at(now)), key
        )
        values = {**asdict(head), "organisation": organisation, "at": now}
        if TreeHead.insert(**values).on_conflict_ignore().as_rowcount().execute():
            made.append(head)
            happenings.head(organisation, size, asdict(head), now)
    return made


def tell(heads: Iterable[Head]) -> None:
    """Say outside the database what has been signed."""
    for head in heads:
        _log.info("the evidence is signed", head=head.told, key=head.key_id)


def publish(key: PublicKey, now: datetime) -> None:
    """Keep the public half of the key that signs now; to be called in a write."""
    values = {"key_id": key.id, "pem": key.pem, "since": now}
    models.SigningKey.insert(**values).on_conflict_ignore().execute()


def published() -> list[tuple[str, str, datetime]]:
    """Every key that has signed, oldest first: its id, its text (PEM), since when."""
    rows = models.SigningKey.select().order_by(models.SigningKey.since)
    return [(row.key_id, row.pem, row.since) for row in rows]


def as_kept(row: Mapping[str, Any]) -> Head:
    """From the table's row."""
    values = {name: row[name] for name in ("size", "sha256", "key_id", "signature")}
    return Head(organisation=str(row["organisation"]), at=written_at(row["at"]), **values)
