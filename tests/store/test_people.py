"""Users and endpoints: what is taken, unknown or ambiguous is refused, and nothing is half done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from ari_recorder.errors import NotFound, SettingsError
from ari_recorder.policies.table import Mode
from ari_recorder.store import models, passwords, people
from ari_recorder.store.database import Store
from ari_recorder.store.people import UserRow

from .build import BEGIN, BY, PBX, add_user, change_user


def add(store: Store, **values: Any) -> UserRow:
    return store.write_now(people.add_user, actor=BY, now=BEGIN, **values)


def change(store: Store, number_or_login: str, **changes: Any) -> UserRow:
    return change_user(store, store.read_now(people.find_user, None, number_or_login), **changes)


def signs_in(store: Store, login: str, password: str) -> bool:
    stored = store.read_now(passwords.stored_of, login)
    return stored is not None and passwords.matches(stored.hash, password)


def numbers(store: Store) -> list[str | None]:
    return [user.number for user in store.read_now(people.list_users)]


def test_a_user_is_added_with_endpoints_to_the_default_organisation(store: Store) -> None:
    user = add_user(store, "101", Mode.ON_DEMAND)
    assert user.organisation == store.write_now(people.default_organisation)
    assert user.organisation_name == "Default"
    assert user.endpoints == ((PBX, "PJSIP/101"),)
    assert (user.mode, user.role, user.may_listen) == (Mode.ON_DEMAND, "user", True)
    assert store.read_now(people.user_by_id, user.id) == user
    assert store.read_now(people.list_users) == [user]


def test_a_number_is_taken_once(store: Store) -> None:
    add_user(store, "101")
    with pytest.raises(SettingsError, match="101"):
        add(store, name="Another", number="101")
    assert numbers(store) == ["101"]


def test_a_login_is_taken_once(store: Store) -> None:
    add_user(store, "101", login="anna")
    with pytest.raises(SettingsError, match="taken"):
        add(store, name="Another", number="102", login="anna")
    assert numbers(store) == ["101"]


@pytest.mark.parametrize(
    ("there", "twin"), [("anna", "ANNA"), ("Åsa", "åsa"), ("STRASSE", "straße"), ("ΆΝΝΑ", "άννα")]
)
def test_a_login_is_not_taken_again_in_other_letters(store: Store, there: str, twin: str) -> None:
    anna = add_user(store, "101", login=there)
    bo = add_user(store, "102", login="bo")
    with pytest.raises(SettingsError, match="is already taken: small and capital letters are no difference"):
        add(store, name="Another", number="103", login=twin)
    with pytest.raises(SettingsError, match="is already taken"):
        change_user(store, bo, login=twin)
    assert change_user(store, anna, login=twin).login == twin, "one's own may be written otherwise"


def test_signing_in_takes_a_login_in_any_letters(store: Store) -> None:
    for number, login in (("101", "anna"), ("102", "Åsa")):
        add_user(store, number, login=login, password="seven quiet lanterns")
    for login in ("Anna", " anna ", "anna\u00a0", "åsa", "ÅSA", "A\u030asa"):
        assert signs_in(store, login, "seven quiet lanterns"), login
    for login in ("", " ", "ann", "anna1", "asa"):
        assert store.read_now(passwords.stored_of, login) is None, login
    assert store.read_now(people.find_user, None, "ANNA").number == "101"


def test_twins_from_before_sign_in_as_they_are_written(store: Store) -> None:
    for number, login in (("101", "anna"), ("102", "Bo"), ("103", "Åsa")):
        add_user(store, number, login=login, password=f"{number} quiet lanterns")
    store.write_now(lambda: models.User.update(login="ANNA").where(models.User.number == "102").execute())
    assert signs_in(store, "anna", "101 quiet lanterns")
    assert signs_in(store, "ANNA", "102 quiet lanterns")
    assert store.read_now(passwords.stored_of, "Anna") is None, "whose it is cannot be known"
    twin = store.read_now(people.find_user, None, "ANNA")
    assert change_user(store, twin, login="ANNA", name="Anna B").name == "Anna B", "it may stay"


def test_several_users_may_have_no_number_and_no_login(store: Store) -> None:
    for name in ("One", "Two"):
        add(store, name=name, number=None)
    assert numbers(store) == [None, None]


def test_an_endpoint_belongs_to_one_user_and_the_message_names_whom(store: Store) -> None:
    add_user(store, "101")
    with pytest.raises(SettingsError, match=r"PJSIP/101 on main belongs to User 101 \(101\)"):
        add(store, name="Another", number="102", endpoints=[(PBX, "PJSIP/101")])
    assert numbers(store) == ["101"], "the refused user is not half there"


def test_the_same_endpoint_on_another_pbx_is_another_endpoint(store: Store) -> None:
    add_user(store, "101")
    add(store, name="Another", number="102", endpoints=[("other", "PJSIP/101")])
    assert numbers(store) == ["101", "102"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"role": "king"}, "'king' is unknown: use one of user, supervisor, administrator"),
        ({"mode": "sometimes"}, "'sometimes' is unknown: use one of never, always"),
    ],
)
def test_an_unknown_role_or_mode_is_refused(store: Store, values: dict[str, str], message: str) -> None:
    user = add_user(store, "101")
    with pytest.raises(SettingsError, match=message):
        change(store, "101", **values)
    with pytest.raises(SettingsError, match=message):
        add(store, name="Another", number="102", **values)
    assert store.read_now(people.list_users) == [user]


def test_what_a_user_does_not_have_cannot_be_changed(store: Store) -> None:
    add_user(store, "101")
    for column in ("shoe_size", "id", "organisation", "password_hash"):
        with pytest.raises(SettingsError, match=f"{column}: that cannot be changed"):
            change(store, "101", **{column: "1"})


def test_an_unknown_user_cannot_be_changed(store: Store) -> None:
    with pytest.raises(NotFound, match=r"'999'.*ari-recorder user list"):
        change(store, "999", mode=Mode.NEVER)


def test_a_user_is_found_by_number_or_login(store: Store) -> None:
    add_user(store, "101", login="anna")
    for key in ("101", "anna"):
        assert change(store, key, name=key).name == key


def test_a_name_that_two_users_answer_to_is_refused(store: Store) -> None:
    add_user(store, "101", login="102")
    add_user(store, "102")
    with pytest.raises(SettingsError, match=r"User 10\d and User 10\d"):
        change(store, "102", name="Whoever")
    assert {user.name for user in store.read_now(people.list_users)} == {"User 101", "User 102"}


def test_changing_to_a_taken_number_or_endpoint_changes_nothing(store: Store) -> None:
    add_user(store, "101")
    before = add_user(store, "102")
    with pytest.raises(SettingsError, match="taken"):
        change(store, "102", number="101", name="New name")
    with pytest.raises(SettingsError, match="belongs to"):
        change(
            store,
            "102",
            name="New name",
            endpoints=[(PBX, "PJSIP/7"), (PBX, "PJSIP/101")],
        )
    assert store.read_now(people.user_by_id, before.id) == before


def test_endpoints_are_replaced_and_may_be_one_s_own(store: Store) -> None:
    add_user(store, "101")
    user = change(store, "101", endpoints=[(PBX, "PJSIP/101"), (PBX, "PJSIP/101-mobile")])
    assert [name for _, name in user.endpoints] == ["PJSIP/101", "PJSIP/101-mobile"]
    assert change(store, "101", endpoints=[]).endpoints == ()


def test_the_endpoints_to_look_at_are_those_of_recorded_users(store: Store) -> None:
    user = add_user(store, "101", Mode.ALWAYS)
    add_user(store, "102", Mode.NEVER)
    add(store, name="C", number="3", mode=Mode.ALWAYS, endpoints=[("other", "PJSIP/1")])
    (found,) = store.read_now(people.directory, PBX).recorded
    assert (found.name, found.user, found.mode) == ("PJSIP/101", user.id, Mode.ALWAYS)
    change(store, "101", mode=Mode.NEVER)
    assert store.read_now(people.directory, PBX).recorded == ()


def test_everybody_is_known_whether_recorded_or_not(store: Store) -> None:
    """Whoever is of the organisation is an internal counterpart."""
    anna = add_user(store, "101", Mode.ALWAYS)
    add_user(store, "102", Mode.NEVER)
    add(store, name="C", number="3", endpoints=[("other", "PJSIP/1")])
    add(store, name="D", number=None, endpoints=[(PBX, "PJSIP/4")])
    found = store.read_now(people.directory, PBX)
    assert found.organisations == dict.fromkeys(("PJSIP/101", "PJSIP/102", "PJSIP/4"), anna.organisation)
    assert found.numbers == {(anna.organisation, number) for number in ("101", "102", "3")}


def test_a_number_in_another_organisation_is_that_organisations(store: Store) -> None:
    add_user(store, "101")

    def add_second() -> UUID:
        second = models.Organisation.create(name="Second Co")
        other = models.User.create(organisation=second, number="101", name="Other")
        models.Endpoint.create(user=other, pbx=PBX, name="PJSIP/201")
        return UUID(str(second.id))

    second = store.write_now(add_second)
    found = store.read_now(people.directory, PBX)
    assert (second, "101") in found.numbers
    assert len(found.numbers) == 2
    assert found.organisations["PJSIP/201"] == second


def test_every_change_moves_the_revision_and_a_refused_one_does_not(store: Store) -> None:
    assert store.read_now(people.revision) == 0
    add_user(store, "101")
    first = store.read_now(people.revision)
    assert first > 0
    change(store, "101", mode=Mode.NEVER)
    second = store.read_now(people.revision)
    assert second > first
    with pytest.raises(SettingsError):
        change(store, "101", role="king")
    assert store.read_now(people.revision) == second


def test_signing_in_takes_the_right_password_of_a_user_who_has_one(store: Store) -> None:
    add_user(store, "101", login="anna", password="correct horse")
    add_user(store, "102", login="ben")
    assert signs_in(store, "anna", "correct horse")
    for login, password in [("anna", "wrong"), ("ben", ""), ("eve", "x")]:
        assert not signs_in(store, login, password), login


def test_an_empty_password_takes_signing_in_away(store: Store) -> None:
    add_user(store, "101", login="anna", password="correct horse")
    change(store, "101", password="")
    for password in ("", "correct horse"):
        assert not signs_in(store, "anna", password)


def test_a_password_that_everybody_knows_is_noted(store: Store) -> None:
    assert passwords.is_default_password("Admin")
    assert passwords.is_default_password("demo-101")
    assert passwords.is_default_password("anna", "anna", None)
    assert not passwords.is_default_password("correct horse", "anna", None)


def test_a_dialplan_names_a_user_by_number_and_organisation(store: Store) -> None:
    user = add_user(store, "101", Mode.NEVER)
    found = store.read_now(people.tapped, "101", "", "PJSIP/trunk-00000001")
    assert (found.name, found.user, found.mode) == ("PJSIP/trunk", user.id, Mode.NEVER)

    def add_second() -> None:
        second = models.Organisation.create(name="Second Co")
        models.User.create(organisation=second, number="101", name="Other")

    store.write_now(add_second)
    assert store.read_now(people.tapped, "101", "Second Co", "PJSIP/trunk-00000001").user_name == "Other"
    with pytest.raises(NotFound, match="101@Default, 101@Second Co"):
        store.read_now(people.tapped, "101", "", "PJSIP/trunk-00000001")
    for number, organisation in (("999", ""), ("101", "Third Co"), ("", "")):
        with pytest.raises(NotFound, match="No user"):
            store.read_now(people.tapped, number, organisation, "PJSIP/trunk-00000001")
