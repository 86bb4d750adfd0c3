"""What recordings are found by fits what it is made of, whoever changes that, whatever fails in between."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from ari_recorder.policies import finishing as waits
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.policies.table import Event, Mode
from ari_recorder.store import (
    annotations,
    catalogue,
    database,
    finishing,
    models,
    search_check,
    search_index,
    search_keeping,
)
from ari_recorder.store.database import MIGRATIONS, Store
from ari_recorder.store.filters import Wanted
from ari_recorder.store.finding import grams

from ..conftest import eventually
from .build import BEGIN, BY, Call, add_user, recorded_call, reopened, sealed, the_due

SECOND = timedelta(seconds=1)


def unfit(store: Store) -> list[search_index.Looked]:
    """Those of which what they are found by does not fit."""

    def look() -> list[search_index.Looked]:
        assert not models.Unsearched.select().count()
        every = [row.id for row in models.Recording.select(models.Recording.id)]
        return [one for one in search_index.looked(every) if not one.fits]

    return store.read_now(look)


def found(store: Store, **wanted: Any) -> list[UUID]:
    page = store.read_now(catalogue.recordings, COMMAND_LINE, wanted=Wanted(**wanted))
    return [row.id for row in page.recordings]


def test_a_call_is_found_by_whom_it_is_with_from_its_beginning_on(store: Store) -> None:
    call = Call.rings(store, add_user(store), number="0701").happens(Event.ANSWERED)
    assert found(store, number="0701") == [call.recording]
    call.meets("0802", "Eva")
    assert found(store, number="0802") == found(store, text="eva") == [call.recording]
    call.hangs_up()
    assert found(store, text="eva") == [call.recording]
    assert unfit(store) == []


def test_whom_another_recording_of_the_leg_had_does_not_find_it(store: Store) -> None:
    user = add_user(store, mode=Mode.ON_DEMAND_USER_START)
    call = Call.rings(store, user, number="0701").happens(Event.ANSWERED, Event.START)
    first = call.recording
    call.happens(Event.STOP).segment_ends()
    call.meets("0802", after=5 * SECOND).happens(Event.START)
    assert found(store, number="0701") == [first]
    assert found(store, number="0802") == [call.recording]
    assert unfit(store) == []


def test_a_note_a_seal_and_what_is_written_by_hand_are_found_at_once(store: Store) -> None:
    call = recorded_call(store, add_user(store))
    store.write_now(
        annotations.annotate, COMMAND_LINE, BY, call.leg.id, {"note": "Åkes", "tag2": "Nr 7"}, BEGIN
    )
    assert found(store, note="AKES") == found(store, text="nr 7") == [call.recording]
    store.write_now(annotations.annotate, COMMAND_LINE, BY, call.leg.id, {"note": "Idas"}, BEGIN)
    assert found(store, note="akes") == []
    due = the_due(store)
    store.write_now(finishing.seal, due, sealed(due), BEGIN)
    assert found(store, note="idas") == [call.recording]
    assert unfit(store) == []

    for statement in (
        "UPDATE recording SET note = 'by hand', started_at = '2020-01-01 00:00:00'",
        "UPDATE counterpart SET name = 'Örjan'",
    ):
        store.write_now(models.database.execute_sql, statement)
    assert found(store, text="hand orjan") == [call.recording]
    assert unfit(store) == []
    store.write_now(lambda: models.database.execute_sql("DELETE FROM counterpart"))
    assert found(store, text="orjan") == []
    assert unfit(store) == []


def test_more_than_a_statement_takes_is_made_anew_at_once(store: Store) -> None:
    own = recorded_call(store, add_user(store)).recording

    def change() -> None:
        noted = [{"id": UUID(int=number)} for number in range(251_000)]
        for first in range(0, len(noted), 5_000):
            models.Unsearched.insert_many(noted[first : first + 5_000]).execute()
        models.Recording.update(note="Återbetalning").where(models.Recording.id == own).execute()

    store.write_now(change)
    assert found(store, note="aterbetalning") == [own]
    assert unfit(store) == []


def test_what_is_discarded_is_in_no_index(store: Store) -> None:
    user = add_user(store, mode=Mode.ON_DEMAND)
    call = Call.rings(store, user, number="0701").happens(Event.ANSWERED)
    assert store.read_now(models.Searched.select().count) == 1
    call.hangs_up()
    store.write_now(finishing.end_without_file, the_due(store), RecordingState.DISCARDED, "", BEGIN)
    assert store.read_now(models.Searched.select().count) == 0
    assert found(store, number="0701") == []


def test_what_is_deleted_is_in_no_index(store: Store) -> None:
    call = recorded_call(store, add_user(store))
    assert found(store, number="0701234567") == [call.recording]

    def delete() -> None:
        for table in (models.Segment, models.LedgerLine, models.Recording):
            table.delete().execute()

    store.write_now(delete)
    assert store.read_now(models.Searched.select().count) == 0
    assert found(store, number="0701234567") == []
    assert search_check.lost(store) == 0


def test_who_is_renamed_is_found_by_the_new_name_alone(store: Store) -> None:
    anna = add_user(store, "101")
    recording = recorded_call(store, anna).recording
    store.write_now(models.User.update(name="Örjan Ek", number="777").execute)
    assert found(store, text="orjan 777") == [recording]
    assert found(store, text="101") == []


def test_recordings_of_the_same_instant_each_have_a_place(store: Store) -> None:
    anna = add_user(store)
    for number in range(3):
        recorded_call(store, anna, at=BEGIN + number * SECOND, number=f"070{number}")

    def same() -> None:
        models.Recording.update(started_at=BEGIN).execute()

    store.write_now(same)
    assert len(set(found(store, number="070"))) == 3
    assert unfit(store) == []


def test_a_recording_is_committed_though_its_texts_cannot_be(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(search_index, "write", broken)
        patch.setattr(waits, "FIRST_S", 0.0)
        call = recorded_call(store, add_user(store), number="0701")
    assert found(store) == [call.recording]
    assert found(store, number="0701") == []
    assert store.read_now(models.Unsearched.select().count) == 1
    store.write_now(lambda: None)
    assert found(store, number="0701") == [call.recording]
    assert unfit(store) == []


def test_a_step_that_fails_is_tried_later_each_time_and_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    keeping, now_s = search_keeping.Keeping(), 1000.0
    monkeypatch.setattr(search_keeping.time, "monotonic", lambda: now_s)
    waits_s = []
    with capture_logs() as said:
        for _ in range(8):
            with keeping.step():
                raise ValueError("no room for the index")
            waits_s.append(keeping.rests_s())
            now_s += keeping.rests_s()
        with keeping.step():
            pass
    assert waits_s == [10, 20, 40, 80, 160, 320, 600, 600]
    assert keeping.rests_s() == 0
    assert [line["log_level"] for line in said] == ["error", "info"]
    assert said[0]["error"] == "no room for the index"


# What was there before


@pytest.fixture
def before(store_url: str) -> tuple[str, list[UUID]]:
    """A catalogue with recordings of before there was a search, the oldest first; its address."""
    with reopened(store_url) as store:
        anna = add_user(store)
        made = [
            recorded_call(store, anna, at=BEGIN + number * SECOND, number=f"070{number}").recording
            for number in range(7)
        ]

        def forget() -> None:
            models.Searched.delete().execute()
            models.SearchBacklog.create(below=UUID(int=2**128 - 1))

        store.write_now(forget)
    return store_url, made


def test_what_was_there_before_comes_in_the_newest_first(before: tuple[str, list[UUID]]) -> None:
    url, made = before
    newest_first = sorted(made, reverse=True)
    with reopened(url) as store:
        assert store.write_now(search_index.take_in, 3)
        assert sorted(found(store, number="070"), reverse=True) == newest_first[:3]
        assert sorted(found(store)) == sorted(made)
    with reopened(url) as store:  # it goes on where it was left
        assert store.write_now(search_index.take_in, 3)
        assert sorted(found(store, number="070"), reverse=True) == newest_first[:6]
        while store.write_now(search_index.take_in, 3):
            pass
        assert sorted(found(store, number="070"), reverse=True) == newest_first
        assert store.read_now(search_index.backlog) is None
        assert unfit(store) == []


def test_a_step_that_is_broken_off_is_done_again(
    before: tuple[str, list[UUID]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, made = before
    with reopened(url) as store:
        with monkeypatch.context() as patch:
            patch.setattr(models.SearchBacklog, "update", _dies)
            with pytest.raises(RuntimeError, match="died"):
                store.write_now(search_index.take_in, 3)
        assert found(store, number="070") == []
        while store.write_now(search_index.take_in, 3):
            pass
        assert sorted(found(store, number="070")) == sorted(made)


def _dies(**_: object) -> None:
    raise RuntimeError("died")


def test_a_service_takes_it_in_while_nothing_else_is_written(
    before: tuple[str, list[UUID]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, made = before
    monkeypatch.setattr(search_index, "BATCH", 2)
    with reopened(url) as store:
        store.catch_up()
        eventually(lambda: store.read_now(search_index.backlog) is None, 10.0, "not all came in")
        assert sorted(found(store, number="070")) == sorted(made)
        if url.startswith("sqlite"):
            eventually(lambda: store.read_now(_sizes_known), 10.0, "SQLite does not know how much there is")
        store.write_now(lambda: None)


def _sizes_known() -> bool:
    known = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'"
    return bool(models.database.execute_sql(known).fetchall())


def test_of_many_recordings_the_indexes_are_made_afterwards(before: tuple[str, list[UUID]]) -> None:
    url, made = before
    with reopened(url) as store:

        def drop() -> None:
            for name in models.LISTED:
                models.database.execute_sql(f"DROP INDEX {name}")

        store.write_now(drop)
        assert sorted(found(store)) == sorted(made)  # nothing depends on them
        while store.write_now(search_index.take_in):
            pass
        indexes = store.read_now(lambda: {one.name for one in models.database.get_indexes("recording")})
        assert set(models.LISTED) <= indexes


def test_the_index_of_texts_is_made_where_there_was_another(before: tuple[str, list[UUID]]) -> None:
    url, made = before
    if url.startswith("sqlite"):  # which has a table for it, in the order of time
        with reopened(url) as store:
            assert store.read_now(search_index.is_whole)
            assert not store.read_now(grams.by_era)
        return

    def replace() -> None:
        models.database.execute_sql(f"DROP INDEX {models.TEXTS_INDEXED}")
        models.database.execute_sql("CREATE INDEX searched_text ON searched USING gin (note gin_trgm_ops)")

    def indexes() -> set[str]:
        return {one.name for one in models.database.get_indexes("searched")}

    with reopened(url) as store:
        assert store.read_now(grams.by_era)
    with reopened(url) as store:
        store.write_now(replace)
        assert store.read_now(search_index.is_whole)
        assert not store.read_now(grams.by_era)
        while store.write_now(search_index.take_in):
            pass
        assert models.TEXTS_INDEXED in store.read_now(indexes)
        assert "searched_text" not in store.read_now(indexes)
        assert sorted(found(store, number="070")) == sorted(made)


@pytest.mark.parametrize("extension", models.TEXTS_EXTENSIONS)
def test_without_an_extension_texts_are_found_all_the_same(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for source in MIGRATIONS.glob("[0-9]*.py"):
        (folder / source.name).write_text(
            source.read_text().replace(f"EXISTS {extension}", "EXISTS no_such_thing")
        )
    monkeypatch.setattr(database, "MIGRATIONS", folder)
    with reopened(store_url) as store:
        recording = recorded_call(store, add_user(store), number="0701").recording
        assert found(store, number="0701") == [recording]
        assert not store.write_now(search_index.take_in)
        at_all = store_url.startswith("sqlite") or extension != "pg_trgm"
        assert store.read_now(search_index.is_whole) is at_all
        assert not store.read_now(grams.by_era)  # without its index each era would be looked for in all rows


def test_verify_notices_what_does_not_fit(store: Store) -> None:
    anna = add_user(store)
    recordings = [
        recorded_call(store, anna, at=BEGIN + n * SECOND, number=f"070{n}").recording for n in range(4)
    ]
    assert list(search_check.unfit(store)) == []

    def spoil(statement: str, recording: UUID) -> None:
        key = models.Recording.id.db_value(recording)
        models.database.execute_sql(statement.replace("?", models.database.param), (key,))

    store.write_now(spoil, "UPDATE searched SET note = 'else' WHERE recording_id = ?", recordings[0])
    store.write_now(spoil, "DELETE FROM searched WHERE recording_id = ?", recordings[1])
    wrong = {recordings[0], recordings[1]}
    if store.url.startswith("sqlite"):
        gone = """INSERT INTO searched_text (searched_text, rowid, who, numbers, note, words)
            SELECT 'delete', id, who, numbers, note, words FROM searched WHERE recording_id = ?"""
        store.write_now(spoil, gone, recordings[2])
        wrong.add(recordings[2])
    assert {recording for recording, _ in search_check.unfit(store)} == wrong
    assert store.read_now(_lost) == len(wrong) - 2


def _lost() -> int:
    return search_check._difference()


def test_verify_waits_for_what_is_yet_to_come(before: tuple[str, list[UUID]]) -> None:
    url, _ = before
    with reopened(url) as store:
        assert list(search_check.unfit(store)) == []
        store.write_now(search_index.take_in, 3)
        assert list(search_check.unfit(store)) == []
        store.write_now(lambda: models.SearchBacklog.delete().execute())
        assert len(list(search_check.unfit(store))) == 4
