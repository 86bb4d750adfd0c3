"""Who rewrites a user or an organisation in the database is told of."""

from __future__ import annotations

from typing import Any

import pytest

from ari_recorder.policies.table import Mode
from ari_recorder.store import models, people, settings_check
from ari_recorder.store.database import Store
from ari_recorder.store.people import UserRow

from .build import BEGIN, BY, PBX, add_user, change_user

ATTACKS: dict[str, tuple[dict[str, Any], str]] = {
    "role": ({"role": "administrator"}, "role."),
    "not recorded": ({"mode": "never"}, "mode."),
    "another's name": ({"name": "Bo", "number": "102"}, "name, number."),
    "may listen": ({"may_listen": True}, "may_listen."),
    "removed": ({"removed_at": BEGIN}, "no removal."),
}


def organisation(store: Store, name: str) -> Any:
    values = {"name": name, "retention_days": 90, "endpoints": ["PJSIP/b-*", "PJSIP/a-*"]}
    return store.write_now(people.add_organisation, values, actor=BY, now=BEGIN)


@pytest.fixture
def anna(store: Store) -> UserRow:
    """Of an organisation, changed since; beside somebody who was removed."""
    acme = organisation(store, "Acme").id
    store.write_now(people.change_organisation, acme, {"timezone": "Asia/Tokyo"}, actor=BY, now=BEGIN)
    found = add_user(store, "101", organisation=acme, may_listen=False)
    change_user(store, found, mode=Mode.ON_DEMAND, endpoints=[(PBX, "PJSIP/b"), (PBX, "PJSIP/a")])
    gone = add_user(store, "109", Mode.NEVER, organisation=acme)
    store.write_now(people.remove_user, acme, gone.id, actor=BY, now=BEGIN)
    return found


def test_what_was_done_in_order_is_not_told(store: Store, anna: UserRow) -> None:
    assert settings_check.unlike(store) == []


@pytest.mark.parametrize("name", ATTACKS)
def test_what_was_rewritten_in_the_database_is(store: Store, anna: UserRow, name: str) -> None:
    values, said = ATTACKS[name]
    store.write_now(models.User.update(**values).where(models.User.id == anna.id).execute)
    ((which, text),) = settings_check.unlike(store)
    assert which == f"user {anna.id}"
    assert text.endswith(said)


def test_it_is_settled_by_the_program_which_writes_down_who_did_so(store: Store, anna: UserRow) -> None:
    """Also what is right as it is: to another value and back."""
    store.write_now(models.User.update(name="Bo").where(models.User.id == anna.id).execute)
    for name in ("Nobody", "Bo"):
        change_user(store, anna, name=name)
    assert settings_check.unlike(store) == []


def test_a_user_who_was_moved_to_another_organisation_is(store: Store, anna: UserRow) -> None:
    other = organisation(store, "Other").id
    store.write_now(models.User.update(organisation=other).where(models.User.id == anna.id).execute)
    ((which, text),) = settings_check.unlike(store)
    assert (which, text.split()[-1]) == (f"user {anna.id}", "organisation.")


def test_an_administrator_whom_nobody_has_added_is(store: Store, anna: UserRow) -> None:
    planted = {"organisation": anna.organisation, "name": "Eve", "role": "administrator", "login": "eve"}
    eve = store.write_now(models.User.create, **planted)
    ((which, text),) = settings_check.unlike(store)
    assert which == f"user {eve.id}"
    assert text.endswith("does not tell of it.")


def test_a_telephone_that_was_taken_away_is(store: Store, anna: UserRow) -> None:
    store.write_now(models.Endpoint.delete().where(models.Endpoint.name == "PJSIP/a").execute)
    ((_, text),) = settings_check.unlike(store)
    assert text.endswith("endpoints.")


@pytest.mark.parametrize(
    "values", [{"retention_days": 1}, {"second_factor": "user"}, {"endpoints": "PJSIP/*"}]
)
def test_an_organisation_that_was_rewritten_is(store: Store, anna: UserRow, values: dict[str, Any]) -> None:
    store.write_now(models.Organisation.update(**values).execute)
    ((which, text),) = settings_check.unlike(store)
    assert which == f"organisation {anna.organisation}"
    assert text.endswith(f"{next(iter(values))}.")
