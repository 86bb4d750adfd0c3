"""The keys of organisations and of recordings: made, kept wrapped in the catalogue, opened, changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import fn

from ari_recorder.errors import KeyMissing
from ari_recorder.store import audit
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.database import Store
from ari_recorder.store.models import OrganisationKey, Recording, new_id
from ari_recorder.store.sealing.master import Key, Source, new_secret

BATCH = 500
"""Recordings whose keys are wrapped anew in one commit."""


@dataclass(frozen=True)
class Lock:
    """What opens a recording's file: its key, ``wrapped`` by one of its organisation's."""

    organisation_key: UUID
    wrapped: str


@dataclass(frozen=True)
class _Row:
    id: UUID
    organisation: UUID
    wrapped: str
    master: str


@dataclass(frozen=True)
class Told:
    """The master keys that are ``there``, the current one first, ``where``, and those that are ``needed``."""

    where: str
    there: list[str]
    needed: list[str]


class Keyring:
    """Opens and makes keys. Its methods block: they read the catalogue, and may run a command.

    What was opened once is kept, so that the master key's source is asked once, and again only for a key of
    which it was not known.
    """

    def __init__(self, store: Store, source: Source, now: Callable[[], datetime]) -> None:
        self._store = store
        self._source = source
        self._now = now
        self._masters: dict[str, Key] = {}
        self._opened: dict[UUID, Key] = {}
        self._lock = threading.Lock()

    def probe(self) -> None:
        """Raise `KeyMissing` unless new recordings can be encrypted, and the newest can be opened."""
        with self._lock:
            newest = self._store.read_now(_newest, None)
            if newest:
                self._open(newest)
            else:
                self._read_masters(make=True)

    def new(self, organisation: UUID, recording: UUID) -> tuple[bytes, Lock]:
        """A key for a recording. Raises `KeyMissing`, `StoreError`."""
        with self._lock:
            row = self._store.read_now(_newest, organisation) or self._make(organisation)
            secret = new_secret()
            return secret, Lock(row.id, self._open(row).wrap(secret, _recording(recording)))

    def open(self, lock: Lock, recording: UUID) -> bytes:
        """The key of a recording. Raises `KeyMissing`, `StoreError`; `NotAsKept` if its row was changed."""
        with self._lock:
            key = self._opened.get(lock.organisation_key)
            if key is None:
                row = self._store.read_now(_one, lock.organisation_key)
                if row is None:
                    raise KeyMissing(f"The catalogue has no key {lock.organisation_key} of an organisation.")
                key = self._open(row)
            return key.unwrap(lock.wrapped, _recording(recording))

    def told(self) -> Told:
        """Which keys there are. Raises `KeyMissing` for a source that cannot be read."""
        with self._lock:
            needed = {row.master for row in self._store.read_now(_all)}
            return Told(str(self._source), [key.id for key in self._source.read()], sorted(needed))

    def needed(self) -> list[str]:
        """The master keys that the catalogue's keys are wrapped by."""
        with self._lock:
            return sorted({row.master for row in self._store.read_now(_all)})

    # Changing keys

    def change_master(self, actor: Actor) -> int:
        """Wrap every organisation's key by the first master key, in a file by a new one; returns how many.

        Those before stay where they are, so that it may be interrupted, and done again, anywhere.
        """
        with self._lock:
            known, rows = self._read_masters(), self._store.read_now(_all)
            opened = {row: self._open(row) for row in rows}  # before anything is changed
            if not self._source.text and not self._source.command:
                known = self._keep_masters(self._source.add(known))
            changed = {row.id: known[0].wrap(key.secret, _organisation(row)) for row, key in opened.items()}
            self._store.write_now(_wrap_anew, changed, known[0].id, actor, self._now())
            return len(changed)

    def forget_masters(self) -> int:
        """Remove the master keys of before from the file; returns how many. Raises `KeyMissing` if needed."""
        with self._lock:
            known = self._read_masters()
            needed = {row.master for row in self._store.read_now(_all)} - {known[0].id}
            if needed:
                raise KeyMissing("The former master keys are still needed: change the master key first.")
            self._source.forget(known)
            return len(known) - 1

    def change_organisation(
        self, organisation: UUID, actor: Actor, progress: Callable[[int], None] = lambda _: None
    ) -> int:
        """Make a new key of the organisation, and wrap its recordings' keys by it; returns how many.

        In batches, each of which is whole: interrupted, the others stay openable, and are done the next time.
        """
        with self._lock:
            new, done = self._make(organisation), 0
            key = self._open(new)
        while batch := self._store.read_now(_wrapped_by_others, organisation, new.id):
            anew = {
                recording: (lock.wrapped, key.wrap(self.open(lock, recording), _recording(recording)))
                for recording, lock in batch
            }
            self._store.write_now(_wrap_recordings_anew, new.id, anew)
            done += len(batch)
            progress(done)
        self._store.write_now(_remove_unused, organisation, new.id, actor, self._now())
        return done

    # How each is opened

    def _make(self, organisation: UUID) -> _Row:
        known = self._read_masters(make=True)
        for other in self._store.read_now(_all):
            self._master(other.master)  # a master key that opens nothing of what is there is the wrong one
        row = _Row(new_id(), organisation, "", known[0].id)
        key = Key(new_secret())
        row = _Row(row.id, organisation, known[0].wrap(key.secret, _organisation(row)), known[0].id)
        self._store.write_now(_insert, row, self._now())
        return row

    def _open(self, row: _Row) -> Key:
        if row.id not in self._opened:
            self._opened[row.id] = Key(self._master(row.master).unwrap(row.wrapped, _organisation(row)))
        return self._opened[row.id]

    def _master(self, key: str) -> Key:
        if key not in self._masters:
            self._read_masters()
        master = self._masters.get(key)
        if master is None:
            raise KeyMissing(
                f"The master key {key} is needed, and is not {self._source}; there is"
                f" {', '.join(self._masters) or 'none'}. Restore it from its backup."
            )
        return master

    def _read_masters(self, *, make: bool = False) -> list[Key]:
        """As they are now. One that is missing is made only where it would not have to open what is there."""
        make = make and not self._store.read_now(_all)
        return self._keep_masters(self._source.made() if make else self._source.read())

    def _keep_masters(self, keys: list[Key]) -> list[Key]:
        if not keys:
            raise KeyMissing(f"There is no master key {self._source}. Restore it from its backup.")
        self._masters = {key.id: key for key in keys}
        return keys


def _organisation(row: _Row) -> str:
    return f"organisation {row.organisation}, key {row.id}"


def _recording(recording: UUID) -> str:
    return f"recording {recording}"


def _newest(organisation: UUID | None) -> _Row | None:
    rows = OrganisationKey.select().order_by(OrganisationKey.id.desc())
    if organisation is not None:
        rows = rows.where(OrganisationKey.organisation == organisation)
    return next(map(_row, rows.limit(1)), None)


def _one(key: UUID) -> _Row | None:
    return next(map(_row, OrganisationKey.select().where(OrganisationKey.id == key)), None)


def _all() -> list[_Row]:
    return [_row(row) for row in OrganisationKey.select().order_by(OrganisationKey.id)]


def _row(row: Any) -> _Row:
    return _Row(row.id, row.organisation_id, row.wrapped, row.master)


def _insert(row: _Row, now: datetime) -> None:
    OrganisationKey.insert(
        id=row.id, organisation=row.organisation, wrapped=row.wrapped, master=row.master, created_at=now
    ).execute()


def _wrap_anew(changed: dict[UUID, str], master: str, actor: Actor, now: datetime) -> None:
    for key, wrapped in changed.items():
        OrganisationKey.update(wrapped=wrapped, master=master).where(OrganisationKey.id == key).execute()
    detail = {"after": {"master_key": master}, "keys": len(changed)}
    audit.write(actor, Action.CHANGE, Subject("master_key", master), now, detail=detail)


def _wrapped_by_others(organisation: UUID, key: UUID) -> list[tuple[UUID, Lock]]:
    rows = (
        Recording.select(Recording.id, Recording.organisation_key, Recording.wrapped_key)
        .where((Recording.organisation == organisation) & (Recording.organisation_key != key))
        .order_by(Recording.id)
        .limit(BATCH)
        .tuples()
    )
    return [(recording, Lock(by, wrapped)) for recording, by, wrapped in rows]


def _wrap_recordings_anew(key: UUID, anew: dict[UUID, tuple[str, str]]) -> None:
    """Where it is as it was read: what was wrapped otherwise meanwhile is looked at again."""
    for recording, (before, wrapped) in anew.items():
        unchanged = (Recording.id == recording) & (Recording.wrapped_key == before)
        Recording.update(organisation_key=key, wrapped_key=wrapped).where(unchanged).execute()


def _remove_unused(organisation: UUID, newest: UUID, actor: Actor, now: datetime) -> None:
    used = fn.EXISTS(Recording.select(Recording.id).where(Recording.organisation_key == OrganisationKey.id))
    others = (OrganisationKey.organisation == organisation) & (OrganisationKey.id < newest)
    OrganisationKey.delete().where(others & ~used).execute()
    subject = Subject("organisation_key", str(newest))
    audit.write(actor, Action.CHANGE, subject, now, organisation=organisation)
