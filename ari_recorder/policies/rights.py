"""Who may do what, and with whose calls: roles, rights, and the scope that follows from them.

A scope is made once for each request (`store.scope.scope_of`). The catalogue's conditions and the live feed's
predicate are both made of it, and of nothing else. Deny by default: what no line here gives, nobody has.

Source: rows A4-A6 and A8 of the requirements.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What somebody is in their organisation."""

    USER = "user"
    """Is recorded; has their own calls, and their own recordings if they may listen."""
    SUPERVISOR = "supervisor"
    """As a user, and has the recordings of the groups that they supervise."""
    ADMINISTRATOR = "administrator"
    """Has everything of the organisation."""
    AUDITOR = "auditor"
    """Reads the audit log, the ledger, the evidence and the legal holds, and hears nothing."""
    OPERATOR = "operator"
    """Of the provider: organisations, plans and usage. Hears nothing."""


class Right(StrEnum):
    """What a request may need. A token's scopes are these, by name."""

    RECORDINGS_READ = "recordings:read"
    """See that there is a recording, and everything but its audio."""
    RECORDINGS_LISTEN = "recordings:listen"
    RECORDINGS_ANNOTATE = "recordings:annotate"
    """Set note, mark and tags, of a recording or of the call while it goes on."""
    RECORDINGS_DELETE = "recordings:delete"
    """Dispose of a recording before its time: administrators, and tokens that were given it."""
    CALLS_READ = "calls:read"
    CALLS_COMMAND = "calls:command"
    """Start, stop, pause and resume: the recorded user alone, and a token of the organisation."""
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    GROUPS_READ = "groups:read"
    GROUPS_WRITE = "groups:write"
    ORGANISATION_READ = "organisation:read"
    ORGANISATION_WRITE = "organisation:write"
    PROMPTS_READ = "prompts:read"
    PROMPTS_WRITE = "prompts:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    """Have others told what happens in everybody's calls."""
    TOKENS = "tokens"
    """The organisation's tokens, and where its recordings are handed over. One's own tokens need no right."""
    AUDIT_READ = "audit:read"
    LEDGER_READ = "ledger:read"
    EVIDENCE_READ = "evidence:read"
    """See what every recording was, with the proof of it, but not hear it."""
    USAGE_READ = "usage:read"
    HOLDS_READ = "holds:read"
    """See legal holds, and what came of erasures."""
    HOLDS_WRITE = "holds:write"
    """Place legal holds, and release them."""
    ERASURE = "erasure"
    """Take a person out of everything: no token does."""
    ORGANISATIONS = "organisations"
    """Every organisation of the provider."""
    HEALTH_READ = "health:read"
    """The counters and the details of readiness, which are of every organisation together."""


_OWN = frozenset(
    {
        Right.RECORDINGS_READ,
        Right.RECORDINGS_LISTEN,
        Right.RECORDINGS_ANNOTATE,
        Right.CALLS_READ,
        Right.CALLS_COMMAND,
    }
)

RIGHTS: dict[Role, frozenset[Right]] = {
    Role.USER: _OWN,
    Role.SUPERVISOR: _OWN | {Right.GROUPS_READ},
    Role.ADMINISTRATOR: frozenset(Right) - {Right.ORGANISATIONS, Right.HEALTH_READ},
    Role.AUDITOR: frozenset({Right.AUDIT_READ, Right.LEDGER_READ, Right.EVIDENCE_READ, Right.HOLDS_READ}),
    Role.OPERATOR: frozenset({Right.ORGANISATIONS, Right.USAGE_READ, Right.HEALTH_READ}),
}
"""The rights of each role. With whose calls they are had is for `Scope` to say."""
TOKEN_RIGHTS = frozenset(Right) - {Right.TOKENS, Right.ORGANISATIONS, Right.ERASURE}
"""What a token may be given: no token makes tokens or organisations, or erases people."""
PROGRAM_RIGHTS = RIGHTS[Role.ADMINISTRATOR] & TOKEN_RIGHTS
"""What a token of an organisation may be given."""


@dataclass(frozen=True)
class People:
    """Some users of the scope's organisation: everybody, or these."""

    users: frozenset[UUID] = frozenset()
    everybody: bool = False

    def __contains__(self, user: object) -> bool:
        return self.everybody or user in self.users

    def __bool__(self) -> bool:
        return self.everybody or bool(self.users)


EVERYBODY = People(everybody=True)
NOBODY = People()


@dataclass(frozen=True)
class Supervised:
    """Members of the groups that somebody supervises: all, and whom that lets them hear and annotate."""

    members: frozenset[UUID] = frozenset()
    heard: frozenset[UUID] = frozenset()
    annotated: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class Scope:
    """What somebody may do, and with whose calls.

    ``organisation`` is None for the command line alone, which sees every one's. ``user`` is who asks, None
    for a program. ``reads``, ``hears``, ``annotates`` and ``deletes`` are whose recordings, ``follows`` and
    ``commands`` whose calls in progress. ``every_group`` is whether groups that they do not supervise are
    shown, too.
    """

    organisation: UUID | None
    user: UUID | None
    rights: frozenset[Right] = frozenset()
    reads: People = NOBODY
    hears: People = NOBODY
    annotates: People = NOBODY
    deletes: People = NOBODY
    follows: People = NOBODY
    commands: People = NOBODY
    every_group: bool = False

    def sees_call_of(self, organisation: UUID, user: UUID) -> bool:
        """Whether that user's calls in progress are shown."""
        return self._within(organisation) and user in self.follows

    def commands_call_of(self, organisation: UUID, user: UUID) -> bool:
        """Whether commands may be given in that user's calls (row C2: only by the recorded user)."""
        return self._within(organisation) and user in self.commands

    def hears_recording_of(self, organisation: UUID, user: UUID) -> bool:
        """Whether that user's recordings may be listened to."""
        return self._within(organisation) and user in self.hears

    def annotates_call_of(self, organisation: UUID, user: UUID) -> bool:
        """Whether note, mark and tags of that user's calls may be set."""
        return self._within(organisation) and user in self.annotates

    def _within(self, organisation: UUID) -> bool:
        return self.organisation in (None, organisation)


COMMAND_LINE = Scope(
    None, None, frozenset(Right), EVERYBODY, EVERYBODY, EVERYBODY, EVERYBODY, EVERYBODY, NOBODY, True
)
"""Who runs the program on its own machine, and so can read its files anyway."""


def scope(
    organisation: UUID,
    user: UUID,
    role: Role,
    *,
    may_listen: bool,
    supervised: Supervised = Supervised(),
    scopes: Iterable[Right] | None = None,
) -> Scope:
    """The scope of a person; ``scopes`` are those of their token, if they come by one."""
    rights = RIGHTS[role] if scopes is None else RIGHTS[role] & TOKEN_RIGHTS & frozenset(scopes)
    own = frozenset({user})
    listened = own if may_listen else frozenset[UUID]()
    if role is Role.ADMINISTRATOR:
        everything = _limited(organisation, user, rights, EVERYBODY, EVERYBODY, EVERYBODY, People(own))
        return replace(everything, every_group=True)
    if role is Role.SUPERVISOR:
        reads, hears = People(listened | supervised.members), People(listened | supervised.heard)
        annotates = People(own | supervised.annotated)
        return _limited(
            organisation, user, rights, reads, hears, annotates, People(own), People(own | supervised.members)
        )
    return _limited(organisation, user, rights, People(listened), People(listened), People(own), People(own))


def program(organisation: UUID, scopes: Iterable[Right]) -> Scope:
    """The scope of a token of the organisation itself: everybody's calls, for what its scopes name."""
    rights = PROGRAM_RIGHTS & frozenset(scopes)
    everything = _limited(organisation, None, rights, EVERYBODY, EVERYBODY, EVERYBODY, EVERYBODY)
    return replace(everything, every_group=True)


def delivery(organisation: UUID, users: Iterable[UUID] | None) -> Scope:
    """The scope in which recordings are handed over: those of ``users``, or with None everybody's."""
    people = EVERYBODY if users is None else People(frozenset(users))
    rights = frozenset({Right.RECORDINGS_READ, Right.RECORDINGS_LISTEN})
    return _limited(organisation, None, rights, people, people, NOBODY, NOBODY)


def _limited(
    organisation: UUID,
    user: UUID | None,
    rights: frozenset[Right],
    reads: People,
    hears: People,
    annotates: People,
    commands: People,
    follows: People | None = None,
) -> Scope:
    """People count only for rights that are had."""

    def had(right: Right, people: People) -> People:
        return people if right in rights else NOBODY

    return Scope(
        organisation,
        user,
        rights,
        reads=had(Right.RECORDINGS_READ, reads),
        hears=had(Right.RECORDINGS_LISTEN, hears),
        annotates=had(Right.RECORDINGS_ANNOTATE, annotates),
        deletes=had(Right.RECORDINGS_DELETE, EVERYBODY),
        follows=had(Right.CALLS_READ, annotates if follows is None else follows),
        commands=had(Right.CALLS_COMMAND, commands),
    )
