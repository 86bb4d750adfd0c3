"""Who rewrites in the database what a user agreed to, or is billed for, is told of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ari_recorder.policies.erasing import Kind
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.table import Mode
from ari_recorder.store import agreed_check, models, people
from ari_recorder.store.database import Store
from ari_recorder.store.erasing.asking import Target
from ari_recorder.store.people import Acknowledgement, UserRow

from .build import BEGIN, BY
from .test_erasure import World, remove, world

__all__ = ["world"]

DAY = timedelta(days=1)
ATTACKS: dict[str, tuple[dict[str, Any], str]] = {
    "text": ({"acknowledgement": "Told all, and agreed"}, "What they were told"),
    "no text": ({"acknowledgement": ""}, "What they were told"),
    "plan": ({"plan": Plan.ENTERPRISE}, "Their plan"),
    "fee": ({"start_fee": False}, "Their plan or start fee"),
    "time": ({"began_at": BEGIN - DAY}, "The audit log tells that recording was switched on"),
}


@pytest.fixture
def anna(world: World) -> UserRow:
    """Told afterwards, on another plan since, then off and on again; beside Bo, who was erased."""
    store = world.store
    for days, agreed, changes in (
        (1, "Told on Monday", {}),
        (2, "", {"plan": Plan.PRO}),
        (3, "", {"mode": Mode.NEVER}),
        (4, "Told again", {"mode": Mode.ALWAYS}),
    ):
        store.write_now(
            people.change_user, world.organisation, world.anna.id, changes, actor=BY,
            now=BEGIN + timedelta(days=days), acknowledgement=Acknowledgement(agreed) if agreed else None,
        )  # fmt: skip
    told = Acknowledgement("Bo Berg was told")
    store.write_now(
        people.change_user, world.organisation, world.bo.id, {}, actor=BY, now=BEGIN, acknowledgement=told
    )
    remove(world, world.bo)
    world.erase(Target(Kind.USER, world.bo.id))
    return world.anna


def test_what_was_done_in_order_is_not_told(store: Store, anna: UserRow) -> None:
    agreed = store.read_now(lambda: [one.acknowledgement for one in models.Activation.select()])
    assert sorted(agreed) == ["Erased user 234567 was told", "Told again", "Told on Monday", "Told on Monday"]
    assert agreed_check.unlike(store) == []


@pytest.mark.parametrize("name", ATTACKS)
def test_what_was_rewritten_in_the_database_is(store: Store, anna: UserRow, name: str) -> None:
    values, said = ATTACKS[name]
    first = (models.Activation.began_at == BEGIN) & (models.Activation.user == anna.id)
    assert store.write_now(models.Activation.update(**values).where(first).execute) == 1
    ((which, text),) = agreed_check.unlike(store)
    assert which == f"user {anna.id}"
    assert text.startswith(said)


def test_one_that_was_taken_away_is(store: Store, anna: UserRow) -> None:
    assert store.write_now(models.Activation.delete().where(models.Activation.plan == Plan.PRO).execute) == 2
    assert [which for which, _ in agreed_check.unlike(store)] == [f"user {anna.id}"] * 2
