"""The time stamps that there are: which heads are due, what is kept of a stamp, and those of some heads."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import fn

from ari_recorder.policies.rights import Scope
from ari_recorder.store import happenings, scope
from ari_recorder.store.audit import written_at
from ari_recorder.store.models import HeadStamp, Tree, TreeHead
from ari_recorder.store.timestamps.response import Stamp
from ari_recorder.store.tree_heads import Head, as_kept

TOLD = re.compile(r"\bstamp:(?P<organisation>[0-9a-f-]{36}):(?P<size>\d{1,18}):(?P<sha256>[0-9a-f]{64})\b")
"""A stamp, as it is told outside the database; found in a log of any format."""


@dataclass(frozen=True)
class KeptStamp:
    """A stamp as the catalogue has it: of the head of that ``size``, the ``response`` with it, and so on.

    ``sha256`` is said to be the response's, ``stamped_sha256`` that of what was stamped.
    """

    organisation: UUID
    number: int
    size: int
    at: datetime
    authority: str
    serial: str
    stamped_sha256: str
    sha256: str
    response_base64: str
    anchors: str
    """The certificates that it was verified by when it came (PEM)."""

    @property
    def response(self) -> bytes:
        """What the authority answered; empty where what is kept is no base64."""
        try:
            return base64.b64decode(self.response_base64, validate=True)
        except (binascii.Error, ValueError):
            return b""

    @property
    def told(self) -> str:
        """As it is told outside the database (`TOLD`)."""
        return f"stamp:{self.organisation}:{self.size}:{self.sha256}"


@dataclass(frozen=True)
class ToldStamp:
    """A stamp as a log outside the database has it."""

    organisation: UUID
    size: int
    sha256: str


def read_told(lines: Iterable[str]) -> list[ToldStamp]:
    """The stamps in a log, in any format."""
    found = (match for line in lines for match in TOLD.finditer(line))
    return [ToldStamp(UUID(match[1]), int(match[2]), match[3]) for match in found]


def due(now: datetime, every: timedelta) -> list[Head]:
    """Of each organisation the newest head, if it has no stamp, and the last stamp is long enough ago."""
    newest = TreeHead.select(fn.MAX(TreeHead.size)).where(TreeHead.organisation == Tree.organisation)
    last = HeadStamp.select(fn.MAX(HeadStamp.size)).where(HeadStamp.organisation == Tree.organisation)
    sizes = (fn.COALESCE(one, 0).coerce(False) for one in (newest, last))
    rows = Tree.select(Tree.organisation, *sizes).tuples()
    found = [row for row in rows if row[1] > row[2]]
    return [_head(tree, size) for tree, size, last in found if _is_due(tree, last, now, every)]


def _is_due(organisation: UUID, last: int, now: datetime, every: timedelta) -> bool:
    its = (HeadStamp.organisation == organisation) & (HeadStamp.size == last)
    stamp = HeadStamp.select(HeadStamp.kept_at).where(its).first()
    return stamp is None or now - stamp.kept_at >= every or stamp.kept_at > now  # the clock was put back


def _head(organisation: UUID, size: int) -> Head:
    its = (TreeHead.organisation == organisation) & (TreeHead.size == size)
    return as_kept(TreeHead.select().where(its).dicts().get())


def keep(head: Head, stamp: Stamp, response: bytes, anchors: str, now: datetime) -> KeptStamp | None:
    """Keep a stamp; to be called in a write. None if there is one of that head already."""
    organisation = UUID(head.organisation)
    its = HeadStamp.organisation == organisation
    number = HeadStamp.select(fn.COALESCE(fn.MAX(HeadStamp.number), 0)).where(its).scalar() + 1
    values = {
        "organisation": organisation,
        "number": number,
        "size": head.size,
        "stamped_sha256": stamp.sha256,
        "at": stamp.at,
        "authority": stamp.authority,
        "serial": stamp.serial,
        "response": base64.b64encode(response).decode("ascii"),
        "sha256": hashlib.sha256(response).hexdigest(),
        "anchors": anchors,
    }
    if not HeadStamp.insert(**values, kept_at=now).on_conflict_ignore().as_rowcount().execute():
        return None
    kept = _kept(values)
    happenings.stamp(organisation, head.size, {**asdict(head), **_as_told(kept)}, now)
    return kept


def _as_told(stamp: KeptStamp) -> dict[str, Any]:
    """What a webhook is told of it, beside its head."""
    said = {name: getattr(stamp, name) for name in ("authority", "serial", "stamped_sha256")}
    return {"stamped_at": written_at(stamp.at), **said, "response": stamp.response_base64}


def of_heads(asker: Scope, sizes: Iterable[int]) -> dict[int, KeptStamp]:
    """The stamps of heads of these sizes, of the organisation of ``asker``."""
    rows = HeadStamp.select().where(scope.stamps_of(asker) & HeadStamp.size.in_(list(sizes))).dicts()
    return {row["size"]: _kept(row) for row in rows}


def newest(asker: Scope, limit: int) -> dict[int, KeptStamp]:
    """The last stamps of the organisation of ``asker``, by the sizes of their heads."""
    rows = HeadStamp.select().where(scope.stamps_of(asker)).order_by(HeadStamp.number.desc())
    return {row["size"]: _kept(row) for row in rows.limit(limit).dicts()}


def first_with(organisation: UUID, number: int) -> KeptStamp | None:
    """The oldest stamp of a head with that leaf in it."""
    its = (HeadStamp.organisation == organisation) & (HeadStamp.size > number)
    row = HeadStamp.select().where(its).order_by(HeadStamp.size).dicts().first()
    return _kept(row) if row else None


def after(organisation: UUID, number: int, limit: int) -> list[tuple[KeptStamp, Head | None]]:
    """The organisation's next stamps behind that number, each with its head, if that is there."""
    its = (HeadStamp.organisation == organisation) & (HeadStamp.number > number)
    stamps = [
        _kept(row) for row in HeadStamp.select().where(its).order_by(HeadStamp.number).limit(limit).dicts()
    ]
    sizes = [one.size for one in stamps]
    there = (TreeHead.organisation == organisation) & TreeHead.size.in_(sizes)
    heads = {row["size"]: as_kept(row) for row in TreeHead.select().where(there).dicts()}
    return [(one, heads.get(one.size)) for one in stamps]


def organisations() -> set[UUID]:
    """Those with stamps."""
    return {row.organisation for row in HeadStamp.select(HeadStamp.organisation).distinct()}


def _kept(row: dict[str, Any]) -> KeptStamp:
    same = (
        "organisation",
        "number",
        "size",
        "at",
        "authority",
        "serial",
        "stamped_sha256",
        "sha256",
        "anchors",
    )
    return KeptStamp(**{name: row[name] for name in same}, response_base64=row["response"])
