"""Removed users: what goes, what stays, and that calls in progress are none the worse."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_recorder.errors import NotFound
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.policies.table import Event, Mode
from ari_recorder.store import catalogue, models, people
from ari_recorder.store.accounts import account
from ari_recorder.store.database import Store
from ari_recorder.store.people import UserRow
from ari_recorder.store.scope import scope_of

from .build import BEGIN, BY, PBX, Call, add_user, finish, recorded_call, safe_in


def remove(store: Store, user: UserRow) -> people.Removal:
    return store.write_now(people.remove_user, user.organisation, user.id, actor=BY, now=BEGIN)


def test_the_recordings_stay_under_the_name(store: Store, tmp_path: Path) -> None:
    user = add_user(store, "101", login="anna", password="correct horse battery")
    recorded_call(store, user)
    finish(store, safe_in(store, tmp_path), tmp_path)
    before = store.read_now(people.revision)
    assert remove(store, user).recordings == 1
    (shown,) = store.read_now(catalogue.recordings, COMMAND_LINE).recordings
    assert (shown.user_number, shown.user_name) == ("101", "User 101")
    assert store.read_now(people.list_users) == []
    assert store.read_now(scope_of, user.id) is None
    assert store.read_now(account, user.id) is None
    assert store.read_now(people.revision) > before, "a running recorder is told"
    found = store.read_now(people.directory, PBX)
    assert (found.recorded, found.organisations, found.numbers) == ((), {}, frozenset())
    with pytest.raises(NotFound):
        store.read_now(people.tapped, "101", "", "PJSIP/trunk-1")
    with pytest.raises(NotFound):
        remove(store, user)


def test_a_call_that_goes_on_is_recorded_to_its_end(store: Store, tmp_path: Path) -> None:
    user = add_user(store, "101", Mode.ALWAYS)
    call = Call.rings(store, user).happens(Event.ANSWERED)
    remove(store, user)
    call.hangs_up()
    assert len(finish(store, safe_in(store, tmp_path), tmp_path)) == 1


def test_one_recorded_in_a_call_that_the_catalogue_has_not_heard_of_yet(store: Store, tmp_path: Path) -> None:
    """The catalogue is late, and the user is removed meanwhile: their row is still there for the call."""
    user = add_user(store, "101", Mode.ALWAYS)
    remove(store, user)
    recorded_call(store, user)
    assert len(finish(store, safe_in(store, tmp_path), tmp_path)) == 1


def test_who_was_never_recorded_leaves_no_row(store: Store) -> None:
    user = add_user(store, "101", Mode.NEVER)
    remove(store, user)
    assert store.read_now(lambda: models.User.select().count()) == 0


def test_number_login_and_endpoint_are_free_again(store: Store) -> None:
    user = add_user(store, "101", Mode.ALWAYS, login="anna")
    remove(store, user)
    again = add_user(store, "101", Mode.ALWAYS, login="anna")
    assert again.id != user.id
    assert [found.user for found in store.read_now(people.directory, PBX).recorded] == [again.id]
