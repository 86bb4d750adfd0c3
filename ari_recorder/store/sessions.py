"""Sessions: who is signed in, where, since when. The cookie has a secret, the row its hash.

A session ends with its row: by signing out, by its time, or when password, role or user is no more what it
was. A copy of the cookie is then worth nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ari_recorder.errors import NotFound
from ari_recorder.store import audit, paging, statements
from ari_recorder.store.access import end_all, end_others, end_sessions
from ari_recorder.store.accounts import Account, account
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.models import SecondFactor, Session, User
from ari_recorder.store.paging import Page

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session was last used."""
HALFWAY = timedelta(minutes=10)
"""How long the second factor may take."""
MOST_EACH = 50
"""Sessions of one user; one more ends the oldest."""
FACTORS = ("totp", "passkey")
"""Kinds of second factor that are enough by themselves; recovery codes stand in for one."""
_OPENED = ("id", "user", "form_token", "created_at", "seen_at", "second_factor_at")


@dataclass(frozen=True)
class Limits:
    """How long a session lasts: at most, and without being used."""

    most: timedelta
    idle: timedelta


@dataclass(frozen=True)
class Opened:
    """A session that is good now.

    ``halfway`` says that the password was given and the second factor was not; ``factors``, which kinds of it
    the user has, and ``required``, that their role needs one.
    """

    id: UUID
    account: Account
    form_token: str
    seen_at: datetime
    halfway: bool
    factors: frozenset[str]
    required: bool


@dataclass(frozen=True)
class SessionRow:
    """A session as its owner sees it."""

    id: UUID
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True)
class TheirSession(SessionRow):
    """A session as an administrator sees it."""

    user: UUID
    name: str
    login: str


@dataclass(frozen=True)
class Begun:
    """What a new session is made of: the cookie's secret, the forms' token, and from where."""

    secret: str
    form_token: str
    address: str
    agent: str


def begin(
    user: UUID,
    begun: Begun,
    limits: Limits,
    actor: Actor,
    now: datetime,
    *,
    whole: bool,
    factor: str = "",
    replaces: UUID | None = None,
) -> UUID:
    """A new session; ``whole`` when nothing is still to be given, ``factor`` the kind of second factor that
    was.

    Those that are over are removed, and the one that it ``replaces``.
    """
    Session.delete().where(_over(limits, now) | (Session.id == replaces)).execute()
    _make_room(user)
    row = Session.create(
        user=user,
        secret_sha256=digest(begun.secret),
        form_token=begun.form_token,
        created_at=now,
        seen_at=now,
        address=begun.address[:64],
        agent=begun.agent[:200],
        second_factor_at=now if factor else None,
    )
    if whole:
        audit.write(actor, Action.SIGN_IN, Subject("user", str(user)), now, detail={"second_factor": factor})
    return UUID(str(row.id))


def needs_factor(user: UUID) -> bool:
    """Whether a second factor is to be given, or first to be added, after the password."""
    row = User.get_or_none(User.id == user)
    return row is not None and (bool(factors_of(user)) or _is_required(row))


def digest(secret: str) -> str:
    """What is kept of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find(secret: str, limits: Limits, now: datetime) -> Opened | None:
    """The session with that secret and whose it is; None when there is none, or it is over."""
    for row, user, form_token, created_at, seen_at, factor_at in statements.find(
        Session, _OPENED, secret_sha256=digest(secret)
    ):
        who = account(user)
        if who is None or created_at <= now - limits.most or seen_at <= now - limits.idle:
            return None
        factors, required = factors_of(user), who.factor_is_required
        halfway = factor_at is None and bool(factors or required)
        if halfway and now - created_at >= HALFWAY:
            return None
        return Opened(row, who, form_token, seen_at, halfway, factors, required)
    return None


def factors_of(user: UUID) -> frozenset[str]:
    """The kinds of second factor that somebody has."""
    rows = statements.find(SecondFactor, ("kind",), user=user)
    return frozenset(kind for (kind,) in rows) & frozenset(FACTORS)


def seen(session: UUID, now: datetime) -> None:
    """Note that a session is being used."""
    Session.update(seen_at=now).where((Session.id == session) & (Session.seen_at < now)).execute()


def list_of(user: UUID, limits: Limits, now: datetime) -> list[SessionRow]:
    """Somebody's sessions, the one last used first."""
    rows = (
        Session.select().where((Session.user == user) & ~_over(limits, now)).order_by(Session.seen_at.desc())
    )
    return [SessionRow(row.id, row.address, row.agent, row.created_at, row.seen_at) for row in rows]


def of_organisation(
    organisation: UUID, limits: Limits, now: datetime, *, limit: int = paging.LIMIT, cursor: str | None = None
) -> Page[TheirSession]:
    """A page of the sessions of an organisation's users, the one last used first.

    Raises `Invalid` for a cursor that is none.
    """
    query = Session.select(Session, User).join(User)
    query = query.where((User.organisation == organisation) & ~_over(limits, now))
    return paging.page(
        query, Session.seen_at, Session, _theirs, limit=limit, cursor=cursor, newest_first=True
    )


def end_of_organisation(organisation: UUID, session: UUID, actor: Actor, now: datetime) -> TheirSession:
    """End a session of one of the organisation's users, as somebody else. Raises `NotFound`."""
    query = Session.select(Session, User).join(User)
    row = query.where((User.organisation == organisation) & (Session.id == session)).first()
    if row is None:
        raise NotFound("There is no such session, or it is over.")
    end_sessions(Session.id == session)
    detail = {"user": str(row.user_id), "name": row.user.name}
    subject = Subject("session", str(session))
    audit.write(actor, Action.SIGN_OUT, subject, now, organisation=organisation, detail=detail)
    return _theirs([row])[0]


def sign_out(user: UUID, session: UUID, actor: Actor, now: datetime) -> bool:
    """End one of somebody's sessions; False when there is none (any more)."""
    ended = end_sessions((Session.user == user) & (Session.id == session))
    if ended:
        audit.write(actor, Action.SIGN_OUT, Subject("session", str(session)), now)
    return bool(ended)


def sign_out_others(user: UUID, keep: UUID, actor: Actor, now: datetime) -> int:
    """End all of somebody's sessions but one; how many there were."""
    ended = end_others(user, keep)
    if ended:
        audit.write(actor, Action.SIGN_OUT, Subject("user", str(user)), now, detail={"others": ended})
    return ended


def sign_out_everywhere(user: UUID, organisation: UUID, actor: Actor, now: datetime) -> int:
    """End all of somebody's sessions, as somebody else; how many there were."""
    ended = end_all(user)
    detail = {"sessions": ended}
    audit.write(
        actor, Action.SIGN_OUT, Subject("user", str(user)), now, organisation=organisation, detail=detail
    )
    return ended


def _is_required(user: Any) -> bool:
    return user.role in user.organisation.second_factor.split()


def _over(limits: Limits, now: datetime) -> Any:
    return (Session.created_at <= now - limits.most) | (Session.seen_at <= now - limits.idle)


def _theirs(rows: Sequence[Any]) -> list[TheirSession]:
    return [
        TheirSession(
            row.id, row.address, row.agent, row.created_at, row.seen_at,
            row.user_id, row.user.name, row.user.login or "",
        )
        for row in rows
    ]  # fmt: skip


def _make_room(user: UUID) -> None:
    kept = (
        Session.select(Session.id)
        .where(Session.user == user)
        .order_by(Session.created_at.desc(), Session.id.desc())
    )
    surplus = [row.id for row in kept.offset(MOST_EACH - 1).limit(1000)]
    Session.delete().where(Session.id.in_(surplus)).execute()
