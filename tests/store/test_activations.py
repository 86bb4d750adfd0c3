"""When users were recorded, on which plan, and that they knew: as the store keeps it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ari_recorder.errors import Invalid
from ari_recorder.policies.table import Mode
from ari_recorder.store import people
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.database import Store
from ari_recorder.store.people import Acknowledgement, ActivationRow, UserRow

from .build import BEGIN, BY, add_user, change_user

SOMEBODY = Actor(ActorKind.USER, "1", "admin")
DAY = timedelta(days=1)


def of(store: Store, user: UserRow) -> list[ActivationRow]:
    return store.read_now(people.activations_of, user.organisation, user.id)[::-1]


def test_the_command_line_may_do_without_and_add_it_later(store: Store) -> None:
    user = add_user(store, "101", Mode.ALWAYS)
    (one,) = of(store, user)
    assert (one.began_by, one.start_fee, one.acknowledgement, one.ended_at) == ("root", True, "", None)
    told = Acknowledgement("Told on the phone")
    store.write_now(
        people.change_user, user.organisation, user.id, {}, acknowledgement=told, actor=BY, now=BEGIN + DAY
    )
    (one,) = of(store, user)
    assert (one.acknowledgement, one.acknowledged_at, one.began_at) == (
        "Told on the phone", BEGIN + DAY, BEGIN,
    )  # fmt: skip


def test_nobody_else_may(store: Store) -> None:
    user = add_user(store, "101", Mode.NEVER)
    with pytest.raises(Invalid, match="acknowledgement: recording is switched on") as refused:
        store.write_now(
            people.change_user, user.organisation, user.id, {"mode": "always"}, actor=SOMEBODY, now=BEGIN
        )
    assert refused.value.field == "acknowledgement"
    assert of(store, user) == []
    assert store.read_now(people.user, user.organisation, user.id) == user


def test_the_start_fee_is_paid_once(store: Store) -> None:
    user = add_user(store, "101", Mode.NEVER)
    for day, mode in enumerate((Mode.ALWAYS, Mode.ON_DEMAND, Mode.NEVER, Mode.ALWAYS)):
        change_user(store, user, BEGIN + day * DAY, mode=mode)
    change_user(store, user, BEGIN + 4 * DAY, plan="enterprise")
    assert [(one.plan, one.began_at, one.ended_at, one.start_fee) for one in of(store, user)] == [
        ("basic", BEGIN, BEGIN + 2 * DAY, True),
        ("basic", BEGIN + 3 * DAY, BEGIN + 4 * DAY, False),
        ("enterprise", BEGIN + 4 * DAY, None, False),
    ]


def test_a_plan_of_somebody_who_is_not_recorded_begins_nothing(store: Store) -> None:
    user = add_user(store, "101", Mode.NEVER)
    change_user(store, user, plan="pro")
    assert of(store, user) == []
