"""Roles, rights and what follows from them."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from ari_recorder.policies import rights
from ari_recorder.policies.rights import PROGRAM_RIGHTS, RIGHTS, TOKEN_RIGHTS, Right, Role, Supervised

ACME, ANNA, BO, EVA = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
HEARING = (Right.RECORDINGS_LISTEN, Right.RECORDINGS_READ)


def test_every_role_has_its_rights_and_auditor_and_operator_hear_nothing() -> None:
    assert set(RIGHTS) == set(Role)
    for role in (Role.AUDITOR, Role.OPERATOR):
        assert not RIGHTS[role] & set(HEARING)
        asker = rights.scope(ACME, ANNA, role, may_listen=True)
        assert not (asker.reads)
        assert not (asker.hears)
        assert not (asker.annotates)
        assert not (asker.follows)
        assert not (asker.commands)


def test_no_role_of_an_organisation_has_every_organisation() -> None:
    assert [role for role in Role if Right.ORGANISATIONS in RIGHTS[role]] == [Role.OPERATOR]


def test_the_counters_of_the_provider_are_the_operators_alone() -> None:
    assert [role for role in Role if Right.HEALTH_READ in RIGHTS[role]] == [Role.OPERATOR]
    assert Right.HEALTH_READ not in rights.program(ACME, Right).rights
    monitoring = rights.scope(ACME, ANNA, Role.OPERATOR, may_listen=False, scopes=[Right.HEALTH_READ])
    assert monitoring.rights == {Right.HEALTH_READ}


def test_an_organisations_token_has_no_more_than_its_administrators() -> None:
    assert rights.program(ACME, Right).rights == PROGRAM_RIGHTS < RIGHTS[Role.ADMINISTRATOR]


def test_only_the_recorded_user_commands_whatever_their_role() -> None:
    supervised = Supervised(frozenset({BO}), frozenset({BO}), frozenset({BO}))
    for role in (Role.USER, Role.SUPERVISOR, Role.ADMINISTRATOR):
        asker = rights.scope(ACME, ANNA, role, may_listen=True, supervised=supervised)
        assert asker.commands_call_of(ACME, ANNA)
        assert not asker.commands_call_of(ACME, BO)


@pytest.mark.parametrize("role", Role)
def test_a_personal_token_has_no_more_than_its_owner_and_its_scopes(role: Role) -> None:
    for right in Right:
        asker = rights.scope(ACME, ANNA, role, may_listen=True, scopes=[right])
        assert asker.rights == RIGHTS[role] & TOKEN_RIGHTS & {right}
        assert bool(asker.hears) == (right is Right.RECORDINGS_LISTEN and right in RIGHTS[role])


def test_no_token_makes_tokens_or_organisations() -> None:
    assert rights.program(ACME, Right).rights.isdisjoint({Right.TOKENS, Right.ORGANISATIONS})


def test_everybody_is_everybody_of_the_organisation() -> None:
    asker = rights.program(ACME, Right)
    assert asker.hears_recording_of(ACME, uuid4())
    assert not asker.hears_recording_of(uuid4(), ANNA)
    assert rights.COMMAND_LINE.hears_recording_of(uuid4(), ANNA)


def test_a_supervisor_has_their_members_and_themselves() -> None:
    supervised = Supervised(frozenset({BO, EVA}), frozenset({BO}), frozenset({EVA}))
    asker = rights.scope(ACME, ANNA, Role.SUPERVISOR, may_listen=False, supervised=supervised)
    assert asker.reads.users == {BO, EVA}
    assert asker.hears.users == {BO}
    assert asker.annotates.users == {ANNA, EVA}
    assert asker.follows.users == {ANNA, BO, EVA}
