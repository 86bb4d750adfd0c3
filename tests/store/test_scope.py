"""The conditions let through what the live feed's predicate does, for everybody who asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import pytest

from ari_recorder.policies import rights
from ari_recorder.policies.rights import COMMAND_LINE, Right, Role, Scope
from ari_recorder.store import models, people
from ari_recorder.store.database import Store
from ari_recorder.store.people import UserRow
from ari_recorder.store.scope import annotatable, audible, followed, scope_of, visible

from .build import BEGIN, add_organisation, add_user, recorded_call


class Company:
    """Two organisations with recorded users, and groups in the first one."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.anna, self.bo, self.eva = (add_user(store, number) for number in ("101", "102", "103"))
        self.olle = add_user(store, "104")
        other = store.write_now(add_organisation, "Elsewhere")
        self.change(self.olle, organisation=other)
        self.other = other
        self.users = (self.anna, self.bo, self.eva, self.olle)
        for user in self.users:
            recorded_call(store, self._as_now(user))

    def change(self, user: UserRow, **columns: Any) -> None:
        self.store.write_now(lambda: models.User.update(**columns).where(models.User.id == user.id).execute())

    def group(self, name: str, members: Iterable[UserRow], supervisor: UserRow, **may: bool) -> None:
        def make() -> None:
            group = models.Group.create(organisation=self.anna.organisation, name=name)
            for member in members:
                models.Membership.create(group=group, user=member.id)
            models.Supervision.create(group=group, user=supervisor.id, **may)

        self.store.write_now(make)

    def scope(self, user: UserRow) -> Scope:
        found = self.store.read_now(scope_of, user.id)
        assert found is not None
        return found

    def owners(self, model: Any, condition: Any) -> set[UUID]:
        return set(
            self.store.read_now(lambda: [row.user_id for row in model.select(model.user).where(condition)])
        )

    def _as_now(self, user: UserRow) -> UserRow:
        found = self.store.read_now(people.user_by_id, user.id)
        assert found is not None
        return found


@pytest.fixture
def company(store: Store) -> Company:
    return Company(store)


def askers(company: Company) -> dict[str, Scope]:
    company.change(company.bo, role=Role.SUPERVISOR)
    company.group("Sales", [company.anna, company.bo], company.bo)
    company.group("Support", [company.eva], company.bo, may_listen=False, may_annotate=False)
    found = {"supervisor": company.scope(company.bo), "user": company.scope(company.anna)}
    for role in (Role.ADMINISTRATOR, Role.AUDITOR, Role.OPERATOR):
        company.change(company.eva, role=role)
        found[role] = company.scope(company.eva)
    company.change(company.anna, may_listen=False)
    found["may not listen"] = company.scope(company.anna)
    organisation = company.anna.organisation
    found["program"] = rights.program(organisation, Right)
    found["program of theirs"] = rights.program(company.other, Right)
    found["program for calls"] = rights.program(organisation, [Right.CALLS_READ])
    found["command line"] = COMMAND_LINE
    return found


def test_conditions_and_predicates_say_the_same(company: Company) -> None:
    for name, asker in askers(company).items():
        organisations = {user.id: user.organisation for user in company.users}
        organisations[company.olle.id] = company.other
        for model, condition, allows in (
            (models.Recording, visible, lambda o, u, a=asker: a._within(o) and u in a.reads),
            (models.Recording, audible, asker.hears_recording_of),
            (models.Leg, annotatable, asker.annotates_call_of),
            (models.Leg, followed, asker.sees_call_of),
        ):
            expected = {user for user, organisation in organisations.items() if allows(organisation, user)}
            assert company.owners(model, condition(asker)) == expected, (name, condition.__name__)


def test_who_sees_whom(company: Company) -> None:
    anna, bo, eva, olle = (user.id for user in company.users)
    asked = askers(company)
    sees = {name: company.owners(models.Recording, visible(asker)) for name, asker in asked.items()}
    assert sees == {
        "supervisor": {anna, bo, eva},
        "user": {anna},
        "administrator": {anna, bo, eva},
        "auditor": set(),
        "operator": set(),
        "may not listen": set(),
        "program": {anna, bo, eva},
        "program of theirs": {olle},
        "program for calls": set(),
        "command line": {anna, bo, eva, olle},
    }
    hears = company.owners(models.Recording, audible(asked["supervisor"]))
    assert hears == {anna, bo}, "Support may be seen only"
    assert company.owners(models.Leg, annotatable(asked["supervisor"])) == {anna, bo}
    assert company.owners(models.Leg, followed(asked["may not listen"])) == {anna}, "their own calls stay"


def test_a_change_of_groups_counts_at_the_next_look(company: Company) -> None:
    company.change(company.bo, role=Role.SUPERVISOR)
    assert company.anna.id not in company.scope(company.bo).reads
    company.group("Sales", [company.anna], company.bo)
    assert company.anna.id in company.scope(company.bo).reads
    company.change(company.bo, role=Role.USER)
    assert company.anna.id not in company.scope(company.bo).reads, "a user supervises nobody"
    company.change(company.bo, role=Role.SUPERVISOR)
    company.store.write_now(lambda: models.Group.delete().execute())
    assert company.anna.id not in company.scope(company.bo).reads


@pytest.mark.parametrize("role", ["", "Administrator", "root"])
def test_a_role_that_is_none_has_no_rights(company: Company, role: str) -> None:
    company.change(company.anna, role=role)
    assert company.store.read_now(scope_of, company.anna.id) is None


def test_who_is_no_user_any_more_has_no_rights(company: Company) -> None:
    assert company.store.read_now(scope_of, uuid4()) is None
    company.change(company.anna, removed_at=BEGIN)
    assert company.store.read_now(scope_of, company.anna.id) is None
