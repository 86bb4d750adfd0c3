"""The manifests of recordings, in a tree for each organisation: what is proved, and the proofs."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any
from uuid import UUID

from ari_recorder.errors import NotFound
from ari_recorder.policies import manifest, merkle
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.manifest import ClockReading, SourceFile, Texts
from ari_recorder.policies.rights import Scope
from ari_recorder.store import catalogue, models, scope, statements
from ari_recorder.store.models import Manifest, Recording, Tree, TreeHead, TreeNode
from ari_recorder.store.timestamps import rows as stamp_rows
from ari_recorder.store.timestamps.rows import KeptStamp
from ari_recorder.store.tree_heads import Head, as_kept

SALT_BYTES = 16
STAMPS_SHOWN = 24
"""So many of the last time stamps are told of, however many heads came after them."""

_RECORDING = (
    "organisation", "leg", "user", "ordinal", "mode", "direction", "internal", "answered_at", "started_at",
    "ended_at", "problems", "sha256", "size_bytes", "media_type", "duration_ms", "sample_rate_hz",
)  # fmt: skip
_LEG = ("call", "pbx", "channel", "channel_name")
_SEGMENT = (
    "ordinal", "name", "format", "continues", "began_at", "ended_at", "file_began_at", "file_ended_at",
    "outward_late_ms", "offset_ms", "duration_ms",
)  # fmt: skip
_ANNOUNCEMENT = (
    "id", "kind", "sound", "language", "text", "sha256", "heard_by", "planned_at", "began_at", "ended_at",
    "outcome",
)  # fmt: skip
_COUNTERPART = ("number", "name", "joined_at", "left_at")
_AUDIO = ("sha256", "size_bytes", "media_type", "duration_ms", "sample_rate_hz")


@dataclass(frozen=True)
class Proof:
    """That a recording's manifest is a leaf of the tree whose ``head`` is signed.

    ``path`` are the hashes that lead from leaf ``number`` to the root; ``stamp`` is the head's time stamp.
    """

    texts: Texts
    number: int
    path: Sequence[bytes]
    head: Head
    key_pem: str
    stamp: KeptStamp | None = None


def append(
    recording: UUID, sources: Iterable[SourceFile], now: datetime, clock: ClockReading | None = None
) -> None:
    """Write down what a recording is, that is stored; once, and to be called in a write."""
    if statements.find(Manifest, ("id",), recording=recording):
        return
    facts, people = known(recording)
    written = manifest.texts(
        facts,
        people,
        sources=list(sources),
        clock=clock,
        software=_software(),
        sealed_at=now,
        salt=secrets.token_hex(SALT_BYTES),
    )
    organisation = facts["organisation"]
    number = _take_number(organisation)
    leaf = merkle.leaf_hash(written.manifest.encode())
    statements.insert(
        Manifest,
        organisation=organisation,
        number=number,
        recording=recording,
        text=written.manifest,
        personal=written.personal,
        sha256=leaf.hex(),
    )
    for level, at, found in merkle.completed(number, leaf, node_of(organisation)):
        statements.insert(TreeNode, organisation=organisation, level=level, number=at, sha256=found.hex())


def known(recording: UUID) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the catalogue's rows say of a recording: facts, and the people in it."""
    (row,) = _found(Recording, _RECORDING, id=recording)
    (leg,) = _found(models.Leg, _LEG, id=row["leg"])
    (call,) = _found(models.Call, ("linkedid",), id=leg["call"])
    (user,) = _found(models.User, ("number", "name"), id=row["user"])
    segments = _found(models.Segment, _SEGMENT, recording=recording)
    announcements = _found(models.Announcement, _ANNOUNCEMENT, recording=recording)
    met = _found(models.Counterpart, _COUNTERPART, leg=row["leg"])
    audio = {name: row.pop(name) for name in _AUDIO}
    facts = {
        **row,
        **leg,
        **call,
        "recording": recording,
        "audio": audio,
        "problems": row["problems"].splitlines(),
        "segments": sorted(segments, key=lambda one: one["ordinal"]),
        "announcements": sorted((one for one in announcements if one["outcome"]), key=lambda one: one["id"]),
    }
    during = [one for one in met if _during(row, one)]
    people = {"user": user, "counterparts": sorted(during, key=lambda one: (one["joined_at"], one["number"]))}
    return facts, people


def unproved(limit: int) -> list[UUID]:
    """Stored recordings without a manifest: those of before there were any."""
    rows = (
        Recording.select(Recording.id)
        .left_outer_join(Manifest, on=(Manifest.recording == Recording.id))
        .where((Recording.state == RecordingState.STORED) & Manifest.id.is_null())
        .order_by(Recording.id)
        .limit(limit)
    )
    return [row.id for row in rows]


def proof(asker: Scope, recording: UUID) -> Proof | None:
    """The proof of a recording that ``asker`` may hear; None while no head with it is signed.

    By the oldest head that has a time stamp, which says the most; until there is one by the newest head.

    Raises `NotFound` if there is no recording that they may hear.
    """
    catalogue.heard(asker, recording)
    return _proof(Manifest.get_or_none(Manifest.recording == recording))


def certified(asker: Scope, recording: UUID) -> Proof | None:
    """As `proof`, for who may see the evidence of every recording, and need not hear it."""
    row = Manifest.get_or_none(scope.proved(asker) & (Manifest.recording == recording))
    its = scope.certified(asker) & (Recording.id == recording)
    if row is None and not Recording.select().where(its).exists():
        raise NotFound(f"No evidence of a recording {recording}.")
    return _proof(row)


def heads(asker: Scope, limit: int) -> list[tuple[Head, KeptStamp | None]]:
    """The newest signed heads with their time stamps, and the last that have one; the newest first."""
    rows = TreeHead.select().where(scope.heads_of(asker)).order_by(TreeHead.size.desc())
    found = {row["size"]: as_kept(row) for row in rows.limit(limit).dicts()}
    stamps = stamp_rows.of_heads(asker, found) | stamp_rows.newest(asker, STAMPS_SHOWN)
    others = stamps.keys() - found.keys()
    found |= {row["size"]: as_kept(row) for row in rows.where(TreeHead.size.in_(others)).dicts()}
    return [(found[size], stamps.get(size)) for size in sorted(found, reverse=True)]


def _proof(row: Any) -> Proof | None:
    if row is None:
        return None
    stamp = stamp_rows.first_with(row.organisation, row.number)
    with_it = (TreeHead.organisation == row.organisation) & (TreeHead.size > row.number)
    heads = TreeHead.select().where(with_it).order_by(TreeHead.size.desc()).dicts()
    found = heads.where(TreeHead.size == stamp.size).first() if stamp else None
    if found is None:
        stamp, found = None, heads.first()
    if found is None:
        return None
    head = as_kept(found)
    path = merkle.inclusion(row.number, head.size, node_of(row.organisation))
    key = models.SigningKey.get_or_none(models.SigningKey.key_id == head.key_id)
    return Proof(Texts(row.text, row.personal), row.number, path, head, key.pem if key else "", stamp)


def node_of(organisation: UUID) -> merkle.Node:
    """The complete nodes of that organisation's tree, read one by one."""

    def node(level: int, number: int) -> bytes:
        where = {"organisation": organisation, "number": number}
        if level:
            ((text,),) = statements.find(TreeNode, ("sha256",), level=level, **where)
        else:
            ((text,),) = statements.find(Manifest, ("sha256",), **where)
        return bytes.fromhex(text)

    return node


def _take_number(organisation: UUID) -> int:
    """The next leaf's; whoever adds another to the same tree waits until this transaction ends."""
    grown = Tree.update(size=Tree.size + 1).where(Tree.organisation == organisation)
    if not grown.execute():
        Tree.insert(organisation=organisation, size=0).on_conflict_ignore().execute()
        grown.execute()
    return int(Tree.get(Tree.organisation == organisation).size) - 1


def _found(model: Any, names: tuple[str, ...], **where: Any) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in statements.find(model, names, **where)]


def _during(row: dict[str, Any], met: dict[str, Any]) -> bool:
    begun = row["ended_at"] is None or met["joined_at"] < row["ended_at"]
    return begun and (met["left_at"] is None or met["left_at"] > row["started_at"])


@cache
def _software() -> dict[str, str]:
    names = ("ari_recorder", "av", "soundfile", "cryptography")
    return {**{name: version(name) for name in names}, "python": platform.python_version()}
