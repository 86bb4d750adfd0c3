"""Audit logs of several organisations, and what somebody with the database, but not the key, does to them."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ari_recorder.store import audit, audit_lines, audit_seals
from ari_recorder.store.audit import Action, Actor, ActorKind, Subject
from ari_recorder.store.audit_check import Fault, Finding
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.models import AuditHead, AuditLine, AuditSeal, database, new_id

BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
FIELDS = ("at", "actor_kind", "actor", "actor_name", "address", "action", "subject_kind", "subject", "detail")
"""What a line tells."""
OWN_KEY = SigningKey(Ed25519PrivateKey.generate())
"""The attacker's."""
CHAINS = tuple(UUID(int=each) for each in range(3))


class _Undone(Exception):
    """Ends a transaction without keeping anything of it."""


@dataclass(frozen=True)
class Attack:
    """What was done, and what is to be found: the fault, and the line that it is found in."""

    name: str
    chain: UUID
    fault: Fault
    line: int

    def is_named_by(self, findings: tuple[Finding, ...]) -> bool:
        """Whether that, and nothing else, was found."""
        kinds = {finding.fault for finding in findings if finding.organisation == str(self.chain)}
        here = any(one.fault is self.fault and one.first <= self.line <= one.last for one in findings)
        return here and kinds == {self.fault} and len({one.organisation for one in findings}) == 1


def fill(key: SigningKey, lines: int) -> None:
    """Logs of so many lines, sealed now and then and at the end; inside a write."""
    for number in range(1, lines + 1):
        now = BEGIN + timedelta(seconds=number)
        for chain in CHAINS:
            actor = Actor(ActorKind.USER, str(UUID(int=number % 7)), f"user of {chain}", chain, "192.0.2.1")
            subject = Subject("recording", str(UUID(int=number)))
            audit.write(actor, Action.LISTEN, subject, now, detail={"from_ms": 0, "to_ms": number})
        if number % 97 == 0 or number == lines:
            audit_seals.seal(key, CHAINS, now)


def checked(key: SigningKey) -> tuple[Finding, ...]:
    """What a check finds, inside a write."""
    return audit_lines.check(lambda work, *args: work(*args), [key.public]).findings


@contextmanager
def undone() -> Iterator[None]:
    """Nothing that is done in it is kept."""
    try:
        with database.atomic():
            yield
            raise _Undone
    except _Undone:
        pass


def drop_triggers(*tables: str) -> None:
    """As somebody with the rights to do so would, first of all."""
    for table in tables or ("audit_line", "audit_seal"):
        if database.param == "?":
            for event in ("UPDATE", "DELETE"):
                database.execute_sql(f"DROP TRIGGER {table}_{event}")
        else:
            database.execute_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")


# What is done


def row(chain: UUID, number: int) -> dict[str, Any]:
    return dict(AuditLine.select().where(_at(chain, number)).dicts().get())


def change(chain: UUID, which: int, /, **columns: Any) -> None:
    AuditLine.update(**columns).where(_at(chain, which)).execute()


def remove(chain: UUID, first: int, last: int) -> None:
    AuditLine.delete().where(_of(chain) & AuditLine.number.between(first, last)).execute()


def renumber(chain: UUID, first: int, by: int) -> None:
    """Every line from there on."""
    numbers = [
        one.number for one in AuditLine.select(AuditLine.number).where(_of(chain)) if one.number >= first
    ]
    for number in sorted(numbers, reverse=by > 0):
        change(chain, number, number=number + by)


def rehash(chain: UUID, first: int, last: int | None = None) -> None:
    """Make the hashes anew, as anybody can who knows how they are made."""
    before = row(chain, first - 1)["sha256"] if first > 1 else audit.FIRST
    rows = AuditLine.select().where(_of(chain) & (AuditLine.number >= first)).order_by(AuditLine.number)
    for one in list(rows.dicts()):
        if last is not None and one["number"] > last:
            return
        sha256 = _hashed({**one, "before": before})
        change(chain, one["number"], before=before, sha256=sha256)
        before = sha256
    if last is None:
        AuditHead.update(sha256=before).where(AuditHead.organisation == chain).execute()


def _hashed(one: dict[str, Any]) -> str:
    content = {name: one[name] for name in audit_lines.CONTENT}
    return audit.hash_of(
        {**content, "organisation": str(one["organisation"]), "at": audit.written_at(one["at"])}
    )


def put(chain: UUID, number: int, *, before: str, own_hash: bool) -> None:
    """A line that nobody wrote."""
    like = row(chain, 1)
    made = {**like, "id": new_id(), "number": number, "before": before, "actor_name": "nobody"}
    made["sha256"] = _hashed(made) if own_hash else "f" * 64
    AuditLine.insert(**made).execute()


def _of(chain: UUID) -> Any:
    return AuditLine.organisation == chain


def _at(chain: UUID, number: int) -> Any:
    return _of(chain) & (AuditLine.number == number)


# At random


class Attacker:
    """Does one thing after the other to logs of ``lines`` lines each, by ``luck``."""

    def __init__(self, lines: int, luck: random.Random) -> None:
        self.lines = lines
        self.luck = luck

    def attack(self) -> Attack:
        """Do something; inside a write."""
        chain = self.luck.choice(CHAINS)
        kinds: list[Callable[[UUID], Attack]] = [
            self.changes_a_field,
            self.changes_a_hash,
            self.changes_and_hashes_one_anew,
            self.hashes_all_anew,
            self.removes,
            self.removes_and_numbers_anew,
            self.cuts_the_end,
            self.swaps,
            self.moves,
            self.adds_behind,
            self.adds_between,
            self.copies_over,
            self.copies_behind,
            self.forges_a_seal,
            self.sets_the_head_back,
        ]
        return self.luck.choice(kinds)(chain)

    def some(self, first: int = 1, last: int | None = None) -> int:
        return self.luck.randint(first, self.lines if last is None else last)

    def changes_a_field(self, chain: UUID) -> Attack:
        number, name = self.some(), self.luck.choice(FIELDS)
        self._change(chain, number, name)
        return Attack(f"changed {name}", chain, Fault.CHANGED, number)

    def changes_a_hash(self, chain: UUID) -> Attack:
        number, name = self.some(), self.luck.choice(("before", "sha256"))
        change(chain, number, **{name: f"{self.luck.getrandbits(256):064x}"})
        return Attack(f"changed {name}", chain, Fault.CHANGED, number)

    def changes_and_hashes_one_anew(self, chain: UUID) -> Attack:
        number = self.some()
        self._change(chain, number, self.luck.choice(FIELDS))
        rehash(chain, number, number)
        return Attack("changed, hashed anew", chain, Fault.CHANGED, number)

    def hashes_all_anew(self, chain: UUID) -> Attack:
        number = self.some(max(1, self.lines - 150))
        self._change(chain, number, self.luck.choice(FIELDS))
        rehash(chain, number)
        return Attack("changed, all hashed anew", chain, Fault.REWRITTEN, number)

    def removes(self, chain: UUID) -> Attack:
        number = self.some(1, self.lines - 5)
        remove(chain, number, number + self.luck.randint(0, 3))
        return Attack("removed", chain, Fault.MISSING, number)

    def removes_and_numbers_anew(self, chain: UUID) -> Attack:
        number = self.some(1, self.lines - 3)
        remove(chain, number, number)
        renumber(chain, number, -1)
        return Attack("removed, numbered anew", chain, Fault.MISSING, number)

    def cuts_the_end(self, chain: UUID) -> Attack:
        number = self.some(max(1, self.lines - 50))
        remove(chain, number, self.lines)
        if number > 1:
            last = row(chain, number - 1)
            head = {"number": number - 1, "sha256": last["sha256"]}
            AuditHead.update(**head).where(AuditHead.organisation == chain).execute()
        return Attack("cut the end", chain, Fault.MISSING, number)

    def swaps(self, chain: UUID) -> Attack:
        one, other = self.luck.sample(range(1, self.lines + 1), 2)
        change(chain, one, number=-1)
        change(chain, other, number=one)
        change(chain, -1, number=other)
        return Attack("swapped", chain, Fault.ORDER, one)

    def moves(self, chain: UUID) -> Attack:
        number, to = self.some(1, self.lines), self.lines + self.luck.randint(1, 9)
        change(chain, number, number=to)
        return Attack("moved", chain, Fault.MOVED, to)

    def adds_behind(self, chain: UUID) -> Attack:
        number = self.lines + self.luck.choice((1, 1, 4))
        last = row(chain, self.lines)["sha256"]
        put(chain, number, before=last, own_hash=self.luck.random() < 0.7)
        return Attack("added behind", chain, Fault.ADDED, number)

    def adds_between(self, chain: UUID) -> Attack:
        number = self.some(2)
        renumber(chain, number, 1)
        put(chain, number, before=row(chain, number - 1)["sha256"], own_hash=self.luck.random() < 0.7)
        return Attack("added between", chain, Fault.ADDED, number)

    def copies_over(self, chain: UUID) -> Attack:
        number, other = self.some(), self.luck.choice([each for each in CHAINS if each != chain])
        copied = row(other, self.some())
        kept = {name: copied[name] for name in (*FIELDS, "before", "sha256")}
        change(chain, number, **kept)
        return Attack("copied over", chain, Fault.COPIED, number)

    def copies_behind(self, chain: UUID) -> Attack:
        other = self.luck.choice([each for each in CHAINS if each != chain])
        copied = row(other, self.some())
        number = self.lines + self.luck.randint(1, 3)
        more = {"id": new_id(), "organisation": chain, "number": number}
        AuditLine.insert(**{**copied, **more}).execute()
        return Attack("copied behind", chain, Fault.COPIED, number)

    def forges_a_seal(self, chain: UUID) -> Attack:
        seals = list(AuditSeal.select().where(AuditSeal.organisation == chain))
        one = self.luck.choice(seals)
        change_to = self.luck.choice(
            ({"sha256": "e" * 64}, {"signature": "A" * 86 + "=="}, self._own_seal(one))
        )
        AuditSeal.update(**change_to).where(AuditSeal.id == one.id).execute()
        fault = Fault.UNCHECKED if "key_id" in change_to else Fault.FORGED
        return Attack("forged a seal", chain, fault, one.number)

    def sets_the_head_back(self, chain: UUID) -> Attack:
        number = self.some(1, self.lines - 1)
        head = {"number": number, "sha256": row(chain, number)["sha256"]}
        AuditHead.update(**head).where(AuditHead.organisation == chain).execute()
        return Attack("set the head back", chain, Fault.HEAD, number)

    def _own_seal(self, row: Any) -> dict[str, str]:
        """Signed with a key of one's own."""
        seal = audit_seals.as_kept(row.__data__)
        made = replace(seal, key_id=OWN_KEY.public.id)
        return {"key_id": made.key_id, "signature": b64encode(OWN_KEY.sign(made.message)).decode()}

    def _change(self, chain: UUID, number: int, name: str) -> None:
        old = row(chain, number)[name]
        change(chain, number, **{name: old + timedelta(seconds=1) if name == "at" else _other(old, name)})


def _other(old: str, name: str) -> str:
    return {"actor_kind": "token", "action": "download"}.get(name, f"{old[:20]} and more")
