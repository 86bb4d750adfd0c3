"""Answers that are kept for who asks the same again, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from ari_recorder.errors import NotFound
from ari_recorder.store import answered, models
from ari_recorder.store.answered import KEPT, Answer, KeyTaken, once
from ari_recorder.store.database import Store


def makes(name: str) -> Callable[[], Answer]:
    def work() -> Answer:
        models.Organisation.create(name=name)
        return Answer(201, {"Location": f"/{name}"}, f'{{"name": "{name}"}}')

    return work


def names(store: Store) -> list[str]:
    return sorted(store.read_now(lambda: [row.name for row in models.Organisation.select()]))


def test_the_same_request_is_answered_and_not_done_again(store: Store, now: datetime) -> None:
    first = store.write_now(once, "user:a", "k", "hash", makes("One"), now)
    again = store.write_now(once, "user:a", "k", "hash", makes("Two"), now + KEPT - timedelta(seconds=1))
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.status, again.headers, again.body) == (201, {"Location": "/One"}, '{"name": "One"}')
    with pytest.raises(KeyTaken):
        store.write_now(once, "user:a", "k", "other", makes("Two"), now)
    assert not store.write_now(once, "user:b", "k", "hash", makes("Two"), now).replayed
    assert names(store) == ["One", "Two"]


def test_what_fails_leaves_neither_a_thing_nor_an_answer(store: Store, now: datetime) -> None:
    def fails() -> Answer:
        models.Organisation.create(name="Half")
        raise NotFound("gone meanwhile")

    with pytest.raises(NotFound):
        store.write_now(once, "user:a", "k", "hash", fails, now)
    assert names(store) == []
    assert not store.write_now(once, "user:a", "k", "hash", makes("One"), now).replayed


def test_old_answers_are_removed_in_batches(
    store: Store, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answered, "BATCH", 2)
    for number in range(3):
        store.write_now(once, "user:a", f"k{number}", "hash", makes(f"{number}"), now)
    store.write_now(once, "user:a", "new", "hash", makes("new"), now + timedelta(hours=1))
    later = now + KEPT
    assert [store.write_now(answered.remove_old, later) for _ in range(3)] == [2, 1, 0]
    assert store.read_now(models.Answered.select().count) == 1
    assert not store.write_now(once, "user:a", "k0", "hash", makes("again"), later).replayed


def test_a_key_of_yesterday_can_be_used_again(store: Store, now: datetime) -> None:
    store.write_now(once, "user:a", "k", "hash", makes("One"), now)
    assert not store.write_now(once, "user:a", "k", "other", makes("Two"), now + KEPT).replayed
    assert names(store) == ["One", "Two"]
