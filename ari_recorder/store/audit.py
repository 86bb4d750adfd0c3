"""The audit log: who did what, and who tried, as a chain of lines for each organisation (row A8).

A line is written in the transaction of what it tells of, or before the first byte of audio goes out. Each has
the hash of the one before, so that a line that is changed, moved, added or taken away is found
(`store.audit_check`); now and then the newest is signed (`store.audit_seals`), so that nobody without the key
can make the hashes anew. The database itself refuses to change or delete a line (migration 0006).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypedDict
from uuid import UUID

from ari_recorder.store import models
from ari_recorder.store.models import AuditHead, AuditLine

PROVIDER = UUID(int=0)
"""In place of an organisation: what concerns none, or all of them."""
FIRST = "0" * 64
"""The hash before the first line."""
LOCK = 0x41554449
"""PostgreSQL's advisory lock of who adds lines."""


class ActorKind(StrEnum):
    """What did it."""

    USER = "user"
    TOKEN = "token"  # noqa: S105 - a word, no secret
    COMMAND_LINE = "command_line"
    SFTP = "sftp"
    """An account of the SFTP service: by a key, or the organisation's by its password."""
    PUSH = "push"
    """What pushes recordings to where an organisation wants them."""
    NOBODY = "nobody"
    """Not signed in."""
    RECORDER = "recorder"
    """The recorder by itself, as was set: nobody asked for it just then."""


@dataclass(frozen=True)
class Actor:
    """Who does something: ``id`` of the user or token, or the login on the machine, and its name."""

    kind: ActorKind
    id: str
    name: str
    organisation: UUID = PROVIDER
    address: str = ""


class By(TypedDict):
    """Who makes a change, and when: what every function of the store that changes something takes."""

    actor: Actor
    now: datetime


class Action(StrEnum):
    """What was done."""

    SIGN_IN = "sign_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_OUT = "sign_out"
    LISTEN = "listen"
    DOWNLOAD = "download"
    READ = "read"
    """Lists of recordings on the command line: who they are of and with whom, not their audio."""
    EXPORT = "export"
    IMPORT = "import"
    """Of a file as a whole: what it changes has lines of its own."""
    ANNOTATE = "annotate"
    COMMAND = "command"
    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    DENIED = "denied"


@dataclass(frozen=True)
class Subject:
    """What it was done to: ``user``, ``group``, ``recording``, ``token`` …, and which."""

    kind: str
    id: str = ""


def write(
    actor: Actor,
    action: Action,
    subject: Subject,
    now: datetime,
    *,
    organisation: UUID | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to the log of ``organisation``, the actor's own if none is named; to be called in a write.

    ``detail`` is JSON: ``before`` and ``after`` of a change, ``from_ms`` and ``to_ms`` of a stretch heard.
    """
    chain = actor.organisation if organisation is None else organisation
    number, before = _head(chain)
    line = {
        "organisation": str(chain),
        "number": number + 1,
        "at": written_at(now),
        "actor_kind": actor.kind.value,
        "actor": _kept(actor.id, 64),
        "actor_name": _kept(actor.name, 200),
        "address": _kept(actor.address, 64),
        "action": action.value,
        "subject_kind": _kept(subject.kind, 32),
        "subject": _kept(subject.id, 200),
        "detail": _kept(json.dumps(detail or {}, ensure_ascii=False, sort_keys=True, default=str)),
        "before": before,
    }
    sha256 = hash_of(line)
    AuditLine.create(**{**line, "organisation": chain, "at": now, "sha256": sha256})
    AuditHead.update(number=number + 1, sha256=sha256).where(AuditHead.organisation == chain).execute()


def hash_of(line: Mapping[str, Any]) -> str:
    """SHA-256 of a line: of its members but the hash, as JSON with sorted names and no spaces."""
    return hashlib.sha256(_CANONICAL.encode(line).encode()).hexdigest()


def written_at(at: datetime) -> str:
    """A time as a line's hash is made of it: UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _kept(text: str, longest: int | None = None) -> str:
    """What every database takes: no NUL, no half of a character."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")[:longest]


def lock() -> None:
    """Nobody else adds a line until this transaction ends; nor does what else has to be done one after the
    other.

    On PostgreSQL one lock for all, so that no two processes wait for each other; SQLite has one writer
    anyway.
    """
    if models.database.for_update:
        models.database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (LOCK,))


def _head(chain: UUID) -> tuple[int, str]:
    """The last line's number and hash. Nobody else adds to any chain until the transaction ends."""
    lock()
    head = AuditHead.get_or_none(AuditHead.organisation == chain)
    if head is None:
        AuditHead.create(organisation=chain, number=0, sha256=FIRST)
        return 0, FIRST
    return head.number, head.sha256
