"""What somebody has besides their password: an authenticator app (TOTP), passkeys, recovery codes.

Nothing is taken twice: of an app the time step that was used is kept, of a passkey its counter, and a
recovery code is gone once it was given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ari_recorder.store import access, audit, sessions
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.models import SecondFactor, Session, User

TOTP = "totp"
PASSKEY = "passkey"
RECOVERY = "recovery"
PASSKEYS_EACH = 20


@dataclass(frozen=True)
class Factor:
    """One of them; ``secret`` is of TOTP encrypted, of a passkey its public part as JSON."""

    id: UUID
    kind: str
    name: str
    secret: str
    used: int
    created_at: datetime
    seen_at: datetime | None


def list_of(user: UUID) -> list[Factor]:
    """What somebody has, the oldest first; recovery codes are only counted (`recovery_left`)."""
    rows = (
        SecondFactor.select()
        .where((SecondFactor.user == user) & SecondFactor.kind.in_(sessions.FACTORS))
        .order_by(SecondFactor.created_at, SecondFactor.id)
    )
    return [Factor(r.id, r.kind, r.name, r.secret, r.used, r.created_at, r.seen_at) for r in rows]


def recovery_left(user: UUID) -> int:
    """How many recovery codes somebody has not used."""
    mine = (SecondFactor.user == user) & (SecondFactor.kind == RECOVERY)
    return int(SecondFactor.select().where(mine).count())


def add(user: UUID, keep: UUID, made: Factor, codes: Iterable[str], actor: Actor, now: datetime) -> bool:
    """A new factor, with new recovery ``codes`` if any are given; ends other sessions than ``keep``.

    An app takes the place of the one before. False when there are too many passkeys.
    """
    mine = (SecondFactor.user == user) & (SecondFactor.kind == made.kind)
    if made.kind == TOTP:
        SecondFactor.delete().where(mine).execute()
    elif SecondFactor.select().where(mine).count() >= PASSKEYS_EACH:
        return False
    SecondFactor.create(
        id=made.id,
        user=user,
        kind=made.kind,
        name=made.name,
        secret=made.secret,
        used=made.used,
        created_at=now,
    )
    _set_codes(user, codes, now)
    Session.update(second_factor_at=now).where(Session.id == keep).execute()
    access.end_others(user, keep)
    audit.write(actor, Action.CREATE, Subject("second_factor", str(made.id)), now, detail={"kind": made.kind})
    return True


def use(factor: UUID, used: int, now: datetime, *, counts: bool = True) -> bool:
    """Note that a factor was given, with its time step or counter; False when that one was used before.

    ``counts`` is False for passkeys whose counter is always zero (synchronised ones): their challenge is new
    each time.
    """
    condition = SecondFactor.id == factor
    if counts:
        condition &= SecondFactor.used < used
    return bool(SecondFactor.update(used=used, seen_at=now).where(condition).execute())


def use_code(user: UUID, code: str) -> bool:
    """Take a recovery code; False when there is no such one (any more)."""
    condition = (
        (SecondFactor.user == user) & (SecondFactor.kind == RECOVERY) & (SecondFactor.secret == digest(code))
    )
    return bool(SecondFactor.delete().where(condition).execute())


def new_codes(user: UUID, codes: Iterable[str], actor: Actor, now: datetime) -> None:
    """Other recovery codes in place of those before."""
    _set_codes(user, codes, now)
    audit.write(actor, Action.CHANGE, Subject("second_factor", str(user)), now, detail={"kind": RECOVERY})


def remove(user: UUID, factor: UUID, keep: UUID, actor: Actor, now: datetime) -> bool:
    """Take one away, with the last one its recovery codes too, and end other sessions than ``keep``."""
    row = SecondFactor.get_or_none(
        (SecondFactor.id == factor) & (SecondFactor.user == user) & SecondFactor.kind.in_(sessions.FACTORS)
    )
    if row is None:
        return False
    row.delete_instance()
    if not sessions.factors_of(user):
        SecondFactor.delete().where(SecondFactor.user == user).execute()
    access.end_others(user, keep)
    audit.write(actor, Action.REMOVE, Subject("second_factor", str(factor)), now, detail={"kind": row.kind})
    return True


def remove_all(user: UUID, actor: Actor, now: datetime) -> int:
    """Take everything away and end every session: somebody has lost theirs. How many there were."""
    removed = len(list_of(user))
    SecondFactor.delete().where(SecondFactor.user == user).execute()
    access.end_all(user)
    audit.write(
        actor,
        Action.REMOVE,
        Subject("second_factor", str(user)),
        now,
        organisation=User.get_by_id(user).organisation_id,
        detail={"removed": removed},
    )
    return removed


def digest(code: str) -> str:
    """What is kept of a recovery code of 120 random bits; dashes, spaces and capitals do not count."""
    plain = "".join(code.lower().replace("-", " ").split())
    return hashlib.sha256(plain.encode()).hexdigest()


def _set_codes(user: UUID, codes: Iterable[str], now: datetime) -> None:
    made = [
        {"user": user, "kind": RECOVERY, "name": "", "secret": digest(code), "created_at": now}
        for code in codes
    ]
    if made:
        SecondFactor.delete().where((SecondFactor.user == user) & (SecondFactor.kind == RECOVERY)).execute()
    for row in made:
        SecondFactor.create(**row)
