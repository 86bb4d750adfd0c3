"""Telephones that an administrator gives are the organisation's own; the command line is free."""

from __future__ import annotations

from uuid import UUID

import pytest

from ari_recorder.errors import Conflict, Invalid
from ari_recorder.store import people
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.database import Store
from ari_recorder.store.people import UserRow

from .build import BEGIN, BY, PBX

PERSON = Actor(ActorKind.USER, "1", "Ada")
PROGRAM = Actor(ActorKind.TOKEN, "2", "provisioning")


def organisation(store: Store, name: str, *patterns: str) -> UUID:
    values = {"name": name, "endpoints": patterns}
    return store.write_now(people.add_organisation, values, actor=BY, now=BEGIN).id


def add(store: Store, of: UUID, *names: str, actor: Actor = PERSON) -> UserRow:
    return store.write_now(
        people.add_user, name="Eva", number=None, organisation=of, endpoints=[(PBX, name) for name in names],
        actor=actor, now=BEGIN,
    )  # fmt: skip


def change(store: Store, user: UserRow, *names: str, actor: Actor = PERSON) -> UserRow:
    changes = {"endpoints": [(PBX, name) for name in names]}
    return store.write_now(
        people.change_user, user.organisation, user.id, changes, actor=actor, now=BEGIN
    )  # fmt: skip


@pytest.mark.parametrize("actor", [PERSON, PROGRAM], ids=lambda actor: actor.kind)
def test_another_customers_telephone_is_not_given(store: Store, actor: Actor) -> None:
    acme = organisation(store, "Acme", "PJSIP/acme-*")
    organisation(store, "Other", "PJSIP/1??")
    user = add(store, acme, "PJSIP/acme-1", actor=actor)
    with pytest.raises(Invalid, match=r"main:PJSIP/150 .*--endpoints") as refused:
        add(store, acme, "PJSIP/acme-2", "PJSIP/150", actor=actor)
    assert refused.value.field == "endpoints"
    with pytest.raises(Invalid, match="PJSIP/150"):
        change(store, user, "PJSIP/150", actor=actor)
    (kept,) = store.read_now(people.list_users, acme)
    assert kept.endpoints == ((PBX, "PJSIP/acme-1"),), "nothing is half done"


def test_whether_somebody_has_it_is_not_told(store: Store) -> None:
    acme, other = organisation(store, "Acme", "PJSIP/acme-*"), organisation(store, "Other")
    add(store, other, "PJSIP/150", actor=BY)
    with pytest.raises(Invalid) as taken:
        add(store, acme, "PJSIP/150")
    with pytest.raises(Invalid) as free:
        add(store, acme, "PJSIP/151")
    assert str(taken.value).replace("150", "151") == str(free.value)
    assert not isinstance(taken.value, Conflict)


def test_the_only_organisation_gives_any_until_there_is_another(store: Store) -> None:
    acme = organisation(store, "Acme")
    user = add(store, acme, "PJSIP/150")
    organisation(store, "Other")
    with pytest.raises(Invalid, match="PJSIP/151"):
        add(store, acme, "PJSIP/151")
    assert change(store, user, "PJSIP/150").endpoints == ((PBX, "PJSIP/150"),), "what is there may stay"
    with pytest.raises(Invalid, match="PJSIP/151"):
        change(store, user, "PJSIP/150", "PJSIP/151")
    assert change(store, user).endpoints == ()
    with pytest.raises(Invalid, match="PJSIP/150"):
        change(store, user, "PJSIP/150")


def test_the_command_line_gives_any(store: Store) -> None:
    acme = organisation(store, "Acme", "PJSIP/acme-*")
    organisation(store, "Other")
    user = add(store, acme, "PJSIP/150", actor=BY)
    assert change(store, user, "PJSIP/151", actor=BY).endpoints == ((PBX, "PJSIP/151"),)


def test_the_patterns_are_kept_changed_and_taken_back(store: Store) -> None:
    acme = organisation(store, "Acme", "PJSIP/acme-*", "main:PJSIP/1??")
    assert store.read_now(people.organisation, acme).endpoints == ("PJSIP/acme-*", "main:PJSIP/1??")

    def put(*patterns: str) -> tuple[str, ...]:
        values = {"endpoints": list(patterns)}
        return store.write_now(people.change_organisation, acme, values, actor=BY, now=BEGIN).endpoints

    with pytest.raises(Invalid, match=r"endpoints: '1\*' is not of the form"):
        put("1*")
    assert put("PJSIP/*") == ("PJSIP/*",)
    assert put() == ()
