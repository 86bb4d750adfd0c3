"""A command that only looks makes no catalogue, upgrades none, and says so with an exit code of its own."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ari_recorder.policies.fields import TAG_NAMES
from ari_recorder.store.database import MIGRATIONS, Store

from ..conftest import PostgreSQL
from .conftest import Command

NONE = 66
LOOKING = [
    ("user", "list"),
    ("user", "show", "101"),
    ("user", "set", "101", "--mode", "never"),
    ("user", "remove", "101", "--yes"),
    ("user", "export", "users.csv"),
    ("group", "list"),
    ("group", "set", "Sales", "--name", "North"),
    ("group", "remove", "Sales", "--yes"),
    ("group", "member", "Sales", "101"),
    ("group", "supervisor", "Sales", "101"),
    ("organisation", "list"),
    ("organisation", "set", "Default", "--language", "sv"),
    ("preferences", "show"),
    ("prompt", "list"),
    ("prompt", "export", "beep", "out.wav"),
    ("prompt", "reset", "beep"),
    ("recordings", "list"),
    ("verify",),
    ("audit", "export", "audit.jsonl"),
    ("token", "add", "backup", "--scope", "recordings:read", "--organisation", "Default"),
    ("token", "list"),
    ("token", "revoke", "0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b"),
    ("user", "sessions", "end", "anna"),
    ("user", "second-factor", "remove", "anna"),
]


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture(params=LOOKING, ids=" ".join)
def looking(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return tuple(request.param)


def test_where_there_is_none_it_says_so_and_makes_none(command: Command, looking: tuple[str, ...]) -> None:
    line = command.refused(*looking, code=NONE)
    assert f"There is no catalogue at {command.store_url}" in line
    assert "ari-recorder user add" in line
    assert everything(command.folder) == []


def test_one_of_an_older_version_is_not_upgraded(
    command: Command, looking: tuple[str, ...], empty_sqlite: Path
) -> None:
    path = older(command, empty_sqlite)
    before = path.read_bytes()
    line = command.refused(*looking, code=NONE)
    assert "is of an older version" in line
    assert "ari-recorder run" in line
    assert path.read_bytes() == before
    assert applied(path) == len(list(MIGRATIONS.glob("0*.py"))) - 1


def test_what_adds_the_first_makes_it_and_upgrades_it(command: Command, empty_sqlite: Path) -> None:
    assert command("user", "add", "101", "--name", "Anna").code == 0
    assert command("user", "list").code == 0
    path = Path(command.store_url.removeprefix("sqlite:///"))
    for file in path.parent.glob("catalogue.db*"):
        file.unlink()
    older(command, empty_sqlite)
    assert command("user", "add", "102", "--name", "Bo").code == 0
    assert applied(path) == len(list(MIGRATIONS.glob("0*.py")))


def test_the_doctor_neither(command: Command, empty_sqlite: Path) -> None:
    said = command("doctor")
    assert "There is no catalogue" in said.out
    assert everything(command.folder) == []
    path = older(command, empty_sqlite)
    before = path.read_bytes()
    assert "older version" in command("doctor").out
    assert path.read_bytes() == before


def older(command: Command, empty: Path) -> Path:
    """A catalogue of before fields of calls had names."""
    path = Path(command.store_url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(empty.read_bytes())
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM schema_migration WHERE name >= '0021'")
        for name in TAG_NAMES:
            database.execute(f"ALTER TABLE organisation DROP COLUMN {name}")
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


def applied(path: Path) -> int:
    database = sqlite3.connect(path)
    (count,) = database.execute("SELECT count(*) FROM schema_migration").fetchone()
    database.close()
    return int(count)


def test_another_programs_database_is_left_as_it_is(command: Command) -> None:
    path = Path(command.store_url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    before = path.read_bytes()
    assert "There is no catalogue" in command.refused("verify", code=NONE)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["catalogue.db"]


def test_on_postgresql(command: Command, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgresql.url("nothing_of_that_name")
    monkeypatch.setenv("ARI_RECORDER_STORE__URL", url)
    line = command.refused("verify", code=NONE)
    assert "There is no catalogue" in line
    assert postgresql.password not in line
    url = postgresql.new_database()
    monkeypatch.setenv("ARI_RECORDER_STORE__URL", url)
    assert "There is no catalogue" in command.refused("verify", code=NONE)
    Store(url).close()
    assert command("verify").code == 0
    postgresql.drop(url)


@pytest.mark.parametrize("words", [["user", "list"], ["run"]], ids=" ".join)
def test_a_driver_that_is_missing_is_named(words: list[str]) -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        f"from ari_recorder.cli import main; sys.exit(main({words}))"
    )
    url = {"ARI_RECORDER_STORE__URL": "postgresql://u:secret@127.0.0.1:1/name"}
    said = subprocess.run([sys.executable, "-c", program], env=url, capture_output=True, text=True)
    assert said.returncode == 69
    assert "pip install 'ari-recorder[postgresql]'" in said.stderr
    assert said.stderr.count("\n") == 1
    assert "secret" not in said.stderr


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[None]:
    """Somebody without rights: root may read everything."""
    for folder in tmp_path.parents:
        if not folder.stat().st_mode & 0o001 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


@pytest.mark.parametrize(("what", "words"), [("catalogue.db", ("user", "list")), ("vault", ("verify",))])
def test_a_folder_that_may_not_be_read(
    command: Command, what: str, words: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    command("user", "add", "101", "--name", "Anna")
    place = command.folder / "var/lib/ari_recorder"
    command.folder.chmod(0o755)
    if what == "vault":
        (place / "vault").mkdir()
        for path in (place.parent.parent, place.parent, place):
            path.chmod(0o777)
        for path in place.glob("catalogue.db*"):
            path.chmod(0o666)
        (place / "vault").chmod(0o700)
    request.getfixturevalue("nobody")
    said = command(*words)
    assert said.code in (69, 74)
    assert said.err.count("\n") == 1
    assert "cannot be looked at: Permission denied" in said.err
    assert str(place / what) in said.err
    assert "Traceback" not in said.err
