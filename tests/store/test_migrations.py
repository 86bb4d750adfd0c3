"""The tables that migrations make are those of the models, and opening is safe whoever does it and when."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from peewee import SqliteDatabase
from playhouse.migrations import Runner
from structlog.testing import capture_logs

from ari_recorder.errors import StoreError
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store import address, calls, database, finishing, models, people, turn
from ari_recorder.store.database import MIGRATIONS, Store

from .build import add_user, reopened, ringing, sealed

HISTORY = "schema_migration"
TEXTS = "searched_text"
"""SQLite's index of texts: a table of its own, with others in it."""


def schema() -> dict[str, Any]:
    """Tables, columns, indexes and foreign keys of the open database, in a form that compares."""
    db = models.database.obj
    tables = sorted(name for name in db.get_tables() if name != HISTORY and not name.startswith(TEXTS))
    return {
        table: {
            "columns": sorted(_column(c) for c in db.get_columns(table)),
            "indexes": sorted(
                (tuple(map(str, i.columns)), i.unique)
                for i in db.get_indexes(table)
                if i.name != models.TEXTS_INDEXED
            ),
            "foreign": sorted((f.column, f.dest_table, f.dest_column) for f in db.get_foreign_keys(table)),
            "details": _details(db, table),
        }
        for table in tables
    }


def _column(column: Any) -> tuple[Any, ...]:
    return column.name, column.data_type, column.null, column.primary_key


def _details(db: Any, table: str) -> Any:
    """What the portable description leaves out: lengths, and what happens to rows that others refer to."""
    if isinstance(db, SqliteDatabase):
        rules = sorted(row[2:] for row in db.execute_sql(f'PRAGMA foreign_key_list("{table}")').fetchall())
        types = sorted(row[1:3] for row in db.execute_sql(f'PRAGMA table_info("{table}")').fetchall())
        return rules, types
    lengths = db.execute_sql(
        "SELECT column_name, character_maximum_length FROM information_schema.columns"
        " WHERE table_name = %s ORDER BY column_name",
        (table,),
    ).fetchall()
    rules = db.execute_sql(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass ORDER BY 1",
        (f'"{table}"',),
    ).fetchall()
    return rules, lengths


def remake() -> None:
    """Drop what the migrations made and make the tables anew from the models."""
    models.database.drop_tables(list(models.TABLES), safe=False)
    models.database.create_tables(list(models.TABLES), safe=False)


def test_the_migrations_make_the_tables_of_the_models(store_url: str) -> None:
    with reopened(store_url) as store:
        migrated = store.read_now(schema)
        store.write_now(remake)
        from_models = store.read_now(schema)
    assert set(migrated) == {model._meta.table_name for model in models.TABLES}
    for table in migrated:
        assert migrated[table] == from_models[table], table


def test_every_model_is_in_the_list_of_tables() -> None:
    assert set(models.TABLES) == set(models.Table.__subclasses__())


def test_opening_again_changes_nothing(store_url: str) -> None:
    with reopened(store_url) as store:
        user = add_user(store)
        before = store.read_now(schema)
    with reopened(store_url) as store:
        assert store.read_now(schema) == before
        assert [row.id for row in store.read_now(_users)] == [user.id]


def _users() -> list[Any]:
    return list(models.User.select())


def test_a_catalogue_of_a_newer_version_is_refused_with_the_remedy(store_url: str) -> None:
    with reopened(store_url) as store:
        store.write_now(_note_migration, "0999_from_the_future")
    with pytest.raises(StoreError, match=r"newer version.*0999_from_the_future.*upgrade"):
        Store(store_url)


def _note_migration(name: str) -> None:
    Runner(models.database.obj, str(MIGRATIONS)).History.create(name=name)


def test_a_migration_that_fails_leaves_the_catalogue_as_it_was(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reopened(store_url) as store:
        before = store.read_now(schema)
    folder = tmp_path / "migrations"
    folder.mkdir()
    for source in MIGRATIONS.glob("[0-9]*.py"):
        (folder / source.name).write_text(source.read_text())
    (folder / "0900_broken.py").write_text(
        "def up(migrator, db):\n"
        "    db.execute_sql('CREATE TABLE half (id INTEGER)')\n"
        "    db.execute_sql('SELECT nonsense')\n"
    )
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", folder)
        with pytest.raises(StoreError, match="cannot be opened"):
            Store(store_url)
    with reopened(store_url) as store:
        assert store.read_now(schema) == before


OPEN_WHEN_TOLD = """
import sys
from ari_recorder.store.database import Store
print("ready", flush=True)
sys.stdin.readline()
Store(sys.argv[1]).close()
"""


def test_several_processes_may_migrate_at_once(store_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_WHEN_TOLD, store_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=180)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, "\n".join(errors)
    with reopened(store_url) as store:
        assert set(store.read_now(schema)) == {model._meta.table_name for model in models.TABLES}


@dataclass
class Other:
    """Another program that makes the catalogue at ``url``, until it is asked to end."""

    url: str
    connection: Any
    end: str

    def ends(self) -> None:
        if self.connection is not None:
            self.connection.execute(self.end)
            self.connection.close()
        self.connection = None


@pytest.fixture(params=["file", "lock", "postgresql"])
def other(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Other]:
    """In SQLite it has the new file, or the lock of who upgrades it."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
        connection = psycopg.connect(url, autocommit=True)
        connection.execute("SELECT pg_advisory_lock(%s)", (turn._KEY,))
        found = Other(url, connection, f"SELECT pg_advisory_unlock({turn._KEY})")
    else:
        monkeypatch.setattr(address, "SqliteDatabase", partial(SqliteDatabase, timeout=0.01))
        monkeypatch.setitem(address.SQLITE_PRAGMAS, "busy_timeout", 10)
        file = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
        file.execute(f"PRAGMA journal_mode = {'delete' if request.param == 'file' else 'wal'}")
        file.execute("CREATE TABLE other (id INTEGER)")
        file.execute("BEGIN EXCLUSIVE")
        file.execute("DROP TABLE other")
        found = Other(f"sqlite:///{tmp_path}/catalogue.db", file, "COMMIT")
    yield found
    found.ends()


def test_who_comes_while_another_makes_it_waits_and_says_so(
    other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn.time, "sleep", lambda _: other.ends())
    with capture_logs() as said, reopened(other.url) as store:
        assert set(store.read_now(schema)) == {model._meta.table_name for model in models.TABLES}
    assert [line["event"] for line in said] == ["another program makes or upgrades the catalogue: waiting"]


def test_whoever_makes_it_is_not_waited_for_without_end(
    other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "WITHIN_S", 0.0)
    with pytest.raises(StoreError, match="has been locked by another program for 0 s"):
        Store(other.url)


@contextmanager
def version(url: str, last: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The catalogue as the version left it whose last migration began with ``last``."""
    folder.mkdir()
    for source in sorted(MIGRATIONS.glob("[0-9]*.py")):
        if source.name[:4] <= last:
            (folder / source.name).write_text(source.read_text())
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", folder)
        with reopened(url) as store:
            yield store


AT = datetime(2026, 11, 22, 10, 0, 0, 500_000, tzinfo=UTC)
LATER = AT + timedelta(seconds=5)


class Old:
    """Rows as an earlier version wrote them: by name, without the columns that came later."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ids: dict[str, UUID] = {}
        self.sqlite = store.url.startswith("sqlite")

    def insert(self, table: str, key: str, /, **values: Any) -> UUID:
        """``*_id`` are names of rows that were written before."""
        row = {name: self.ids[value] if name.endswith("_id") else value for name, value in values.items()}
        row["id"] = self.ids[key] = models.new_id()
        columns = ", ".join(f'"{column}"' for column in row)
        marks = ", ".join(["?" if self.sqlite else "%s"] * len(row))
        sql = f'INSERT INTO "{table}" ({columns}) VALUES ({marks})'  # noqa: S608
        bound = [self._bound(value) for value in row.values()]
        self.store.write_now(lambda: models.database.execute_sql(sql, bound))
        return self.ids[key]

    def people(self) -> None:
        self.insert("organisation", "acme", name="Acme", timezone="UTC", language="en", internal_numbers="x")
        self.insert(
            "user", "anna", organisation_id="acme", name="Anna", mode="always", role="user", may_listen=True,
            password_is_default=False,
        )  # fmt: skip

    def leg(self, name: str, state: str, **more: Any) -> None:
        self.insert("call", f"call of {name}", pbx="main", linkedid=name, started_at=AT)
        self.insert(
            "leg", name, call_id=f"call of {name}", user_id="anna", pbx="main", channel=name,
            channel_name="PJSIP/1-1", direction="inbound", counterpart_number="", counterpart_name="",
            created_at=AT, mode="always", state=state, since=AT, recordings=0, segments=0, losses=0,
            armings=1, **more,
        )  # fmt: skip

    def line(self, leg: str, **more: Any) -> None:
        values = {"leg_id": leg, "organisation_id": "acme", "opened_at": AT, "reason": ""}
        self.insert("ledger_line", f"line of {leg}", **values, **more)

    def recording(self, name: str, leg: str, state: str, **more: Any) -> None:
        values = {
            "organisation_id": "acme", "user_id": "anna", "leg_id": leg, "ordinal": 1, "state": state,
            "mode": "always", "kept": True, "direction": "inbound", "internal": False,
            "counterpart_number": "", "counterpart_name": "", "answered_at": AT, "started_at": AT,
            "problems": "", "note": "", "mark": "", "tag1": "", "tag2": "", "tag3": "",
        }  # fmt: skip
        self.insert("recording", name, **(values | more))

    def segment(self, name: str, recording: str, ordinal: int = 1, **more: Any) -> None:
        self.insert(
            "segment", name, recording_id=recording, ordinal=ordinal, name=name, format="wav",
            continues=False, began_at=AT, outward_late_ms=0.0, cleared=False, **more,
        )  # fmt: skip

    def row(self, model: Any, name: str) -> Any:
        """As it is in the opened catalogue."""
        with reopened(self.store.url) as store:
            return store.read_now(model.get_by_id, self.ids[name])

    def _bound(self, value: Any) -> Any:
        if isinstance(value, UUID):
            return value.hex if self.sqlite else str(value)
        return models.UtcField().db_value(value) if isinstance(value, datetime) else value


def test_a_catalogue_of_the_first_version_keeps_what_it_has(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with version(store_url, "0001", tmp_path / "migrations", monkeypatch) as store:
        old = Old(store)
        old.people()
        old.leg("1.1", "ended")
    leg = old.row(models.Leg, "1.1")
    assert (leg.channel, leg.created_at, leg.ended_at) == ("1.1", AT, None)
    assert (leg.machine, leg.note, leg.tag3) == ("", "", "")
    assert old.row(models.User, "anna").preferences == "{}"


@pytest.fixture
def upgraded(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Old:
    """A catalogue of the version before the leg's machine, with calls going on and over, upgraded."""
    with version(store_url, "0003", tmp_path / "migrations", monkeypatch) as store:
        old = Old(store)
        old.people()
        old.leg("ringing", "ringing", preferences="{}")
        old.insert("intent", "snoop", leg_id="ringing", kind="snoop", resource="app-x-s1-in", planned_at=AT)
        old.leg("recording", "recording", answered_at=AT, note="Hej")
        old.line("recording")
        old.recording("going on", "recording", "open")
        old.segment("ended", "going on", ended_at=LATER)
        old.segment("growing", "going on", 2)
        old.leg("provisional", "provisional", answered_at=AT)
        old.line("provisional")
        old.recording("to be destroyed", "provisional", "open", kept=False, problems="It broke off.")
        old.leg("idle", "idle", answered_at=AT)
        old.line("idle")
        for name, outcome in (("stored", "stored"), ("destroyed", "discarded"), ("nothing", "empty")):
            old.leg(f"idle, {name}", "idle", answered_at=AT)
            old.line(f"idle, {name}")
            old.recording(name, f"idle, {name}", outcome, ended_at=LATER)
        old.leg("over", "ended", answered_at=AT, ended_at=LATER)
        old.line("over")
        old.recording("waiting", "over", "closing", ended_at=LATER)
        old.segment("closed", "waiting", ended_at=LATER)
        old.leg("long over", "ended", answered_at=AT, ended_at=LATER)
        old.line("long over", closed_at=LATER, outcome="recorded")
        for leg in ("recording", "over"):
            left_at = LATER if leg == "over" else None
            old.insert("counterpart", f"with {leg}", leg_id=leg, number="1", name="", joined_at=AT,
                       left_at=left_at)  # fmt: skip
        said = {"kind": "start", "sound": "beep", "language": "en", "text": "", "sha256": "",
                "heard_by": "both", "planned_at": AT}  # fmt: skip
        old.insert("announcement", "playing", leg_id="recording", outcome="", **said)
        old.insert("announcement", "played", leg_id="recording", outcome="played", ended_at=LATER, **said)
    return old


def test_calls_that_go_on_during_the_upgrade_are_over_for_what_was_written_of_them(upgraded: Old) -> None:
    with reopened(upgraded.store.url) as store:
        assert store.read_now(calls.open_legs, "main") == []
    for leg in ("ringing", "recording", "provisional", "idle"):
        row = upgraded.row(models.Leg, leg)
        assert row.state == "ended"
        assert row.ended_at > AT
    assert upgraded.row(models.Leg, "recording").note == "Hej"
    assert upgraded.row(models.Leg, "over").ended_at == LATER


def test_their_recordings_are_due_and_say_why_they_end(upgraded: Old) -> None:
    with reopened(upgraded.store.url) as store:
        due = {found.id: found for found in store.read_now(finishing.due)}
    assert set(due) == {upgraded.ids[name] for name in ("going on", "to be destroyed", "waiting")}
    going_on = upgraded.row(models.Recording, "going on")
    assert (going_on.state, going_on.problems) == (
        "closing",
        "The recorder was upgraded during the call, and began anew as the mode of its user says.",
    )
    assert [segment.ordinal for segment in due[going_on.id].segments] == [1, 2]
    assert due[going_on.id].segments[0].ended_at == LATER
    assert due[going_on.id].segments[1].ended_at == going_on.ended_at
    assert going_on.ended_at > AT
    destroyed = upgraded.row(models.Recording, "to be destroyed")
    assert destroyed.state == "discarding"
    assert destroyed.problems.splitlines()[0] == "It broke off."
    assert (
        upgraded.row(models.Recording, "waiting").state,
        due[upgraded.ids["waiting"]].segments[0].name,
    ) == (
        "closing",
        "closed",
    )


def test_a_line_in_the_ledger_is_closed_unless_a_recording_is_still_to_be_finished(upgraded: Old) -> None:
    upgrade = "The recorder was upgraded during the call."
    expected = {
        "recording": (None, ""),
        "provisional": (None, ""),
        "over": (None, ""),
        "idle": ("not_recorded", upgrade),
        "idle, stored": ("recorded", upgrade),
        "idle, destroyed": ("discarded", upgrade),
        "idle, nothing": ("not_recorded", upgrade),
        "long over": ("recorded", ""),
    }
    lines = {leg: upgraded.row(models.LedgerLine, f"line of {leg}") for leg in expected}
    assert {leg: (line.outcome, line.reason) for leg, line in lines.items()} == expected
    assert all((line.closed_at is None) == (line.outcome is None) for line in lines.values())


def test_what_is_due_after_the_upgrade_closes_its_line_when_it_is_finished(upgraded: Old) -> None:
    with reopened(upgraded.store.url) as store:
        for found in store.read_now(finishing.due):
            if found.state == "closing":
                store.write_now(finishing.seal, found, sealed(found), LATER)
            else:
                store.write_now(finishing.end_without_file, found, RecordingState.DISCARDED, "", LATER)
    outcomes = [
        upgraded.row(models.LedgerLine, f"line of {leg}").outcome
        for leg in ("recording", "provisional", "over")
    ]
    assert outcomes == ["recorded", "discarded", "recorded"]


def test_who_was_there_has_left_and_what_was_playing_was_cut_off(upgraded: Old) -> None:
    assert upgraded.row(models.Counterpart, "with recording").left_at > AT
    assert upgraded.row(models.Counterpart, "with over").left_at == LATER
    assert upgraded.row(models.Announcement, "playing").outcome == "cut"
    played = upgraded.row(models.Announcement, "played")
    assert (played.outcome, played.ended_at) == ("played", LATER)


def test_an_upgraded_catalogue_has_the_tables_of_the_models(upgraded: Old) -> None:
    with reopened(upgraded.store.url) as store:
        migrated = store.read_now(schema)
        store.write_now(remake)
        assert migrated == store.read_now(schema)


def test_who_is_recorded_already_is_activated_at_the_upgrade(upgraded: Old) -> None:
    def activations() -> list[Any]:
        return list(models.Activation.select())

    with reopened(upgraded.store.url) as store:
        (row,) = store.read_now(activations)
    assert (row.user_id, row.organisation_id) == (upgraded.ids["anna"], upgraded.ids["acme"])
    assert (row.plan, row.began_by, row.start_fee, row.ended_at) == ("basic", "upgrade", False, None)
    assert (row.acknowledgement, row.acknowledged_at) == ("", None)
    assert row.began_at > AT


def test_the_call_that_goes_on_is_followed_anew_under_its_old_name(upgraded: Old) -> None:
    """The next leg of the same channel is in the same conversation."""
    with reopened(upgraded.store.url) as store:
        anna = store.read_now(people.user_by_id, upgraded.ids["anna"])
        assert anna is not None
        leg = replace(ringing(anna, channel="recording"), linkedid="recording")
        store.write_now(calls.save, leg, None, AT)
        assert [found.id for found in store.read_now(calls.open_legs, "main")] == [leg.id]
    assert upgraded.row(models.Leg, "recording").call_id == upgraded.ids["call of recording"]
    with reopened(upgraded.store.url) as store:
        assert store.read_now(models.Leg.get_by_id, leg.id).call_id == upgraded.ids["call of recording"]
