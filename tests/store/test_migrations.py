"""The tables that migrations make are those of the models, and opening is safe whoever does it and when."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from peewee import SqliteDatabase
from playhouse.migrations import Runner

from ari_recorder.errors import StoreError
from ari_recorder.store import database, models
from ari_recorder.store.database import MIGRATIONS, Store

from .build import add_user, reopened

HISTORY = "schema_migration"


def schema() -> dict[str, Any]:
    """Tables, columns, indexes and foreign keys of the open database, in a form that compares."""
    db = models.database.obj
    tables = sorted(set(db.get_tables()) - {HISTORY})
    return {
        table: {
            "columns": sorted(_column(c) for c in db.get_columns(table)),
            "indexes": sorted((tuple(i.columns), i.unique) for i in db.get_indexes(table)),
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
    errors = [process.communicate(timeout=30)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, "\n".join(errors)
    with reopened(store_url) as store:
        assert set(store.read_now(schema)) == {model._meta.table_name for model in models.TABLES}


def test_a_catalogue_of_the_first_version_keeps_what_it_has(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.py").write_text((MIGRATIONS / "0001_first.py").read_text())
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", folder)
        with reopened(store_url) as store:
            store.write_now(_write_first)
    with reopened(store_url) as store:
        (leg,) = store.read_now(lambda: list(models.Leg.select()))
        assert (leg.channel, leg.preferences, leg.note, leg.tag3) == ("1.1", "{}", "", "")
        assert store.read_now(lambda: leg.user.preferences) == "{}"


def _write_first() -> None:
    """As the first version wrote: without the columns that came later."""
    at = models.UtcField().db_value(datetime(2026, 11, 22, tzinfo=UTC))
    ids = [str(models.new_id()) for _ in range(4)]
    binary = isinstance(models.database.obj, SqliteDatabase)
    mark = "?" if binary else "%s"
    keys: list[Any] = [identifier.replace("-", "") if binary else identifier for identifier in ids]

    def insert(table: str, **values: Any) -> None:
        columns = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join([mark] * len(values))
        sql = f'INSERT INTO "{table}" ({columns}) VALUES ({marks})'  # noqa: S608
        models.database.execute_sql(sql, list(values.values()))

    insert("organisation", id=keys[0], name="Acme", timezone="UTC", language="en", internal_numbers="x")
    insert(
        "user", id=keys[1], organisation_id=keys[0], name="Anna", mode="always", role="user", may_listen=True,
        password_is_default=False,
    )  # fmt: skip
    insert("call", id=keys[2], pbx="main", linkedid="1", started_at=at)
    insert(
        "leg", id=keys[3], call_id=keys[2], user_id=keys[1], pbx="main", channel="1.1",
        channel_name="PJSIP/1-1", direction="inbound", counterpart_number="", counterpart_name="",
        created_at=at, mode="always", state="ended", since=at, recordings=0, segments=0, losses=0, armings=0,
    )  # fmt: skip
