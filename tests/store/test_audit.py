"""The audit log's chain: nobody changes it, every process adds to the same one, and it is signed."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ari_recorder.errors import SettingsError
from ari_recorder.store import audit, audit_key, audit_lines, audit_seals
from ari_recorder.store.audit import Action, Actor, ActorKind, Subject
from ari_recorder.store.audit_check import Fault, Finding
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.database import Store
from ari_recorder.store.models import AuditHead, AuditLine, AuditSeal, database

from . import attacks
from .attacks import BEGIN, CHAINS, drop_triggers
from .build import reopened

CHAIN = CHAINS[1]
ACTOR = Actor(ActorKind.USER, "1", "Anna", CHAIN, "192.0.2.1")
PROCESSES = 3
EACH = 60
WRITER = """
import asyncio, random, sys
from datetime import UTC, datetime
from uuid import UUID
from ari_recorder.store import audit
from ari_recorder.store.audit import Action, Actor, ActorKind, Subject
from ari_recorder.store.database import Store

async def write(store, luck):
    for _ in range(int(sys.argv[2])):
        await asyncio.gather(*(one(store, number) for number in luck.sample((1, 2, 3), 3)))

async def one(store, number):
    actor = Actor(ActorKind.COMMAND_LINE, sys.argv[3], "somebody", UUID(int=number))
    await store.write(audit.write, actor, Action.CHANGE, Subject("user"), datetime.now(UTC))

store = Store(sys.argv[1])
asyncio.run(write(store, random.Random(sys.argv[3])))
store.close()
"""


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return audit_key.made(tmp_path_factory.mktemp("key") / "audit.key")


def add(number: int = 1, **detail: Any) -> None:
    for each in range(number):
        now = BEGIN + timedelta(seconds=each)
        audit.write(ACTOR, Action.CHANGE, Subject("user", "2"), now, detail=detail)


def check(store: Store, key: SigningKey, log: list[str] | None = None) -> tuple[Finding, ...]:
    told = audit_seals.read_told(log or [])
    return audit_lines.check(store.read_now, [key.public], told).findings


@pytest.mark.parametrize("table", ["audit_line", "audit_seal"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET sha256 = ''", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_refuses_to_change_it(store: Store, key: SigningKey, table: str, statement: str) -> None:
    if statement.startswith("TRUNCATE") and store.url.startswith("sqlite"):
        return  # it has none: DELETE is all there is
    store.write_now(add)
    store.write_now(audit_seals.seal, key, [CHAIN], BEGIN)
    with pytest.raises(Exception, match=f"{table} is append-only"):
        store.write_now(lambda: database.execute_sql(statement.format(table)))
    assert store.read_now(AuditLine.select().count) == store.read_now(AuditSeal.select().count) == 1


def test_several_processes_add_to_the_same_chains(store_url: str, key: SigningKey) -> None:
    """In any order, several lines a commit: what PostgreSQL ends as a deadlock is tried again."""
    Store(store_url).close()
    command = [sys.executable, "-c", WRITER, store_url, str(EACH)]
    writers = [
        subprocess.Popen([*command, str(number)], stderr=subprocess.PIPE) for number in range(PROCESSES)
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0, said.decode()
    with reopened(store_url) as store:
        heads = store.read_now(lambda: {head.organisation: head.number for head in AuditHead.select()})
        assert heads == {UUID(int=number): PROCESSES * EACH for number in (1, 2, 3)}
        assert check(store, key) == ()


@pytest.mark.parametrize(
    "text", ["a\0b", "half \ud83d of it", "x" * 5000, "ålder 😀 \u202e \x1b[31m", "\r\n"]
)
def test_any_text_is_kept_as_every_database_takes_it(store: Store, key: SigningKey, text: str) -> None:
    actor = Actor(ActorKind.NOBODY, text, text, CHAIN, text)
    detail = {"login": text}
    store.write_now(audit.write, actor, Action.SIGN_IN_FAILED, Subject(text, text), BEGIN, detail=detail)
    assert check(store, key) == ()


def test_a_seal_is_due_after_a_minute_or_a_hundred_lines(store: Store, key: SigningKey) -> None:
    def due(after_s: float) -> list[UUID]:
        return store.read_now(audit_seals.unsealed, BEGIN + timedelta(seconds=after_s))

    assert due(0) == []
    store.write_now(add)
    assert (due(59), due(60)) == ([], [CHAIN])
    (seal,) = store.write_now(audit_seals.seal, key, due(60), BEGIN)
    assert (seal.number, seal.is_signed_with(key.public)) == (1, True)
    assert (due(9999), store.write_now(audit_seals.seal, key, [CHAIN], BEGIN)) == ([], [])
    store.write_now(add, 99)
    assert due(0) == []
    store.write_now(add)
    assert due(0) == [CHAIN]


def test_newest_lines_and_their_seals_gone_show_by_what_was_told(store: Store, key: SigningKey) -> None:
    """The head is set back, too: only what was told outside the database knows of them."""
    store.write_now(add, 5)
    store.write_now(audit_seals.seal, key, [CHAIN], BEGIN)
    store.write_now(add, 3)
    (told,) = store.write_now(audit_seals.seal, key, [CHAIN], BEGIN)
    log = [
        "2026-03-02 [info ] event socket connected",
        f"[info] the audit log is sealed seal={told.told} key=x",
    ]
    assert check(store, key, log) == ()

    def cut() -> None:
        drop_triggers()
        attacks.remove(CHAIN, 6, 8)
        AuditSeal.delete().where(AuditSeal.number == 8).execute()
        head = {"number": 5, "sha256": attacks.row(CHAIN, 5)["sha256"]}
        AuditHead.update(**head).where(AuditHead.organisation == CHAIN).execute()

    store.write_now(cut)
    assert check(store, key) == ()
    (finding,) = check(store, key, log)
    assert (finding.fault, finding.first, finding.last) == (Fault.MISSING, 6, 8)


def test_all_made_anew_with_new_seals_shows_by_what_was_told(store: Store, key: SigningKey) -> None:
    store.write_now(add, 5)
    (told,) = store.write_now(audit_seals.seal, key, [CHAIN], BEGIN)

    def forge() -> None:
        drop_triggers()
        attacks.change(CHAIN, 2, subject="3")
        attacks.rehash(CHAIN, 2)
        AuditSeal.delete().execute()

    store.write_now(forge)
    assert check(store, key) == ()
    (finding,) = check(store, key, [told.told])
    assert (finding.fault, finding.first, finding.last) == (Fault.REWRITTEN, 1, 5)


def test_without_the_key_seals_are_not_believed(store: Store, key: SigningKey) -> None:
    store.write_now(add)
    store.write_now(audit_seals.seal, key, [CHAIN], BEGIN)
    (finding,) = audit_lines.check(store.read_now, []).findings
    assert finding.fault is Fault.UNCHECKED
    assert key.public.id in finding.text


# The key


def test_the_key_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "audit.key"
    made = audit_key.made(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert audit_key.made(path).public.id == made.public.id
    assert [each.name for each in path.parent.iterdir()] == ["audit.key"]
    public = tmp_path / "audit.pub"
    public.write_text(made.public.pem)
    assert [one.id for one in audit_key.read_public(public)] == [made.public.id]
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [{"id": "x", "pem": made.public.pem}] * 2}))
    assert [one.id for one in audit_key.read_public(keys)] == [made.public.id] * 2
    for wrong in ("{}", "{", '{"keys": [1]}', '{"keys": [{"pem": ""}]}'):
        keys.write_text(wrong)
        with pytest.raises(SettingsError, match="holds no public Ed25519 key"):
            audit_key.read_public(keys)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    assert audit_key.existing(path) is None
    path.write_text("no key")
    for read in (audit_key.made, audit_key.existing, audit_key.read_public):
        with pytest.raises(SettingsError, match=r"audit\.key"):
            read(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        audit_key.read_public(tmp_path / "nosuch")
    with pytest.raises(SettingsError, match="cannot be made"):
        audit_key.made(path / "below")


def test_a_write_that_lost_a_deadlock_is_tried_again(postgresql: Any, shared_url: str) -> None:
    """Another process waits for what we hold, and we for what it holds: PostgreSQL ends ours."""
    tries: list[int] = []
    holding = threading.Event()

    def write() -> int:
        tries.append(1)
        database.execute_sql("SELECT pg_advisory_xact_lock(1)")
        holding.set()
        database.execute_sql("SELECT pg_advisory_xact_lock(2)")
        return 7

    with reopened(shared_url) as store, psycopg.connect(shared_url) as other:
        other.execute("SET deadlock_timeout = '60s'")  # it is not the one that is ended
        other.execute("SELECT pg_advisory_xact_lock(2)")
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(store.write_now, write)
            assert holding.wait(10)
            other.execute("SELECT pg_advisory_xact_lock(1)")
            other.commit()
            assert writing.result(10) == 7
    assert len(tries) == 2


def test_a_check_beside_a_working_recorder_gives_no_false_alarm(
    store: Store, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, of which there are many here, while lines and seals are added."""
    monkeypatch.setattr(audit_lines, "PAGE", 5)
    store.write_now(add, 50)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(_write_on, store, key)
        while not writing.done():
            assert check(store, key) == ()
        writing.result()
    assert check(store, key) == ()


def _write_on(store: Store, key: SigningKey) -> None:
    for each in range(60):
        store.write_now(add, 2)
        if each % 5 == 0:
            store.write_now(audit_seals.seal, key, [CHAIN], BEGIN)
