"""What cannot be opened is named, without its password, and with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_recorder.errors import SettingsError, StoreError
from ari_recorder.store.database import Store

from ..conftest import PostgreSQL


@pytest.mark.parametrize(
    "url",
    [
        "",
        "catalogue.db",
        "sqlite://",
        "sqlite:///",
        "mysql://user:hunter2@host/name",
        "postgresql://user:hunter2@host",
        "postgresql://user:hunter2@host/",
        "postgresql://user:hunter2@host:port/name",
        "postgresql://user:hunt/er2@host/name",
    ],
)
def test_an_address_that_is_none_is_refused_with_what_is_possible(url: str) -> None:
    with pytest.raises(SettingsError, match="sqlite:///relative/path") as refused:
        Store(url)
    assert "hunter2" not in str(refused.value)
    assert "er2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://recorder:hunter2@127.0.0.1:1/name",
        "postgresql://127.0.0.1:1/name?user=recorder&password=hunter2",
    ],
)
def test_a_database_that_is_away_is_named_without_its_password(url: str) -> None:
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1/name cannot be opened") as refused:
        Store(url)
    assert "hunter2" not in str(refused.value)


def test_a_wrong_password_is_not_shown(postgresql: PostgreSQL) -> None:
    url = postgresql.url("postgres").replace(postgresql.password, "hunter2")
    with pytest.raises(StoreError, match="password authentication failed") as refused:
        Store(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("place", ["file/catalogue.db", "file/deeper/catalogue.db", "folder"])
def test_a_place_that_cannot_hold_a_catalogue_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match=str(tmp_path)):
        Store(f"sqlite:///{tmp_path}/{place}")


def test_a_file_that_is_no_catalogue_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("shopping list\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store(f"sqlite:///{path}")
    assert path.read_text() == "shopping list\n" * 100
