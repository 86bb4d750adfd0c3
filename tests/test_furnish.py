"""The demo's recordings of the past: made as the recorder makes them, and taken out again without a trace."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ari_recorder import config
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.safes import safe
from ari_recorder.store import catalogue, models, people, verify
from ari_recorder.store.database import Store
from lab import furnish, past_calls
from lab.directory import add_user
from lab.errors import LabError
from lab.people import USERS

NOW = datetime(2026, 11, 26, 14, 0, tzinfo=UTC)
LATEST = 6


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    environment = {
        "ARI_RECORDER_STORE__URL": f"sqlite:///{tmp_path}/catalogue.db",
        "ARI_RECORDER_VAULT__PATH": str(tmp_path / "vault"),
        "ARI_RECORDER_VAULT__KEY_FILE": str(tmp_path / "master.key"),
    }
    return config.load(environ=environment)


def with_users(settings: config.Settings) -> Store:
    store = Store(settings.store.url)
    for user in USERS:
        store.write_now(add_user, name=user.name, number=user.number, mode=user.mode)
    return store


def checked(store: Store, settings: config.Settings) -> Any:
    return verify.verify(store, safe(settings.vault, store, lambda: NOW), now=NOW, settled=True)


def test_recordings_are_put_in_dated_back_and_taken_out(settings: config.Settings) -> None:
    store = with_users(settings)
    assert furnish.furnish(settings, NOW, LATEST) == LATEST
    rows = store.read_now(catalogue.recordings, COMMAND_LINE, limit=50).recordings
    assert len(rows) == LATEST
    assert all(row.started_at < row.stored_at < NOW for row in rows if row.stored_at)
    assert {row.tags[2] for row in rows} == {furnish.TAG}
    assert checked(store, settings).damage == []
    with pytest.raises(LabError, match="already"):
        furnish.furnish(settings, NOW, LATEST)
    assert {one.name for one in store.read_now(people.list_groups, rows[0].organisation)} == {
        "Sales",
        "Support",
    }
    assert furnish.remove(settings) == LATEST
    for table in (models.Recording, models.Leg, models.Call, models.LedgerLine, models.Annotation):
        assert store.read_now(table.select().count) == 0
    assert checked(store, settings).damage == []
    assert [
        one for one in settings.vault.path.rglob("*.*") if one.is_file() and not one.name.startswith(".")
    ] == []
    store.close()


def test_a_catalogue_without_the_users_is_told(settings: config.Settings) -> None:
    with pytest.raises(LabError, match="no user 101"):
        furnish.furnish(settings, NOW)


def test_the_calls_have_something_of_everything() -> None:
    calls = past_calls.past_calls(NOW)
    assert len(calls) == past_calls.COUNT
    assert all(before.answered_at < after.answered_at < NOW for before, after in pairwise(calls))
    assert {call.user for call in calls} == {"101", "102", "103", "104"}
    assert {call.fault for call in calls} == {"", "late", "one-sided", "hole", "discarded"}
    assert {call.direction for call in calls} == {"inbound", "outbound"}
    assert {call.internal for call in calls} == {True, False}
    assert "card" in {call.talk for call in calls}
    assert {field for call in calls for field in call.put} == {"note", "mark", "tag1", "tag2"}
