"""Users from the command line."""

from __future__ import annotations

import json

import pytest

from ari_recorder.policies.table import Mode
from ari_recorder.store import passwords
from ari_recorder.store.database import Store

from .conftest import Command

ADD = ("user", "add", "101", "--name", "Anna", "--mode", "always", "--endpoint", "PJSIP/101")
TWO = {
    "ARI_RECORDER_PBX__NORTH__URL": "http://north:8088",
    "ARI_RECORDER_PBX__SOUTH__URL": "http://south:8088",
}


def users(command: Command) -> list[dict[str, object]]:
    said = command("user", "list", "--json")
    assert said.code == 0
    return json.loads(said.out)  # type: ignore[no-any-return]


@pytest.fixture
def two(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """With two Asterisks in the settings."""
    for name, value in TWO.items():
        monkeypatch.setenv(name, value)
    return command


def test_an_added_user_is_listed(command: Command) -> None:
    said = command(*ADD)
    assert (said.code, said.err) == (0, "")
    assert "101 Anna: always, main:PJSIP/101." in said.out
    assert "from the next call on, within a second" in said.out
    assert "no restart" in said.out
    (user,) = users(command)
    assert (user["number"], user["mode"], user["endpoints"]) == ("101", "always", [["main", "PJSIP/101"]])
    assert "Anna" in command("user", "list").out


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_can_be_set(command: Command, mode: Mode) -> None:
    command(*ADD)
    assert command("user", "set", "101", "--mode", mode).code == 0
    assert users(command)[0]["mode"] == mode


def test_the_catalogue_is_for_its_owner_alone(command: Command) -> None:
    command(*ADD)
    files = [path for path in command.folder.rglob("*") if path.is_file()]
    assert files
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def test_no_users_says_how_to_add_one(command: Command) -> None:
    command.begin()
    assert "ari-recorder user add" in command("user", "list").out


def test_recorded_without_an_endpoint_is_said(command: Command) -> None:
    assert "nothing is recorded" in command(*ADD[:-2]).out


def test_set_changes_what_is_named_and_nothing_else(command: Command) -> None:
    command(*ADD)
    said = command("user", "set", "101", "--name", "Anna B", "--no-may-listen", "--role", "supervisor")
    assert said.code == 0
    (user,) = users(command)
    assert (user["name"], user["may_listen"], user["role"]) == ("Anna B", False, "supervisor")
    assert (user["mode"], user["endpoints"]) == ("always", [["main", "PJSIP/101"]])


def test_endpoints_are_replaced_and_taken_away(command: Command) -> None:
    command(*ADD)
    command("user", "set", "101", "--endpoint", "PJSIP/201", "--endpoint", "main:PJSIP/202")
    assert users(command)[0]["endpoints"] == [["main", "PJSIP/201"], ["main", "PJSIP/202"]]
    command("user", "set", "101", "--no-endpoints")
    assert users(command)[0]["endpoints"] == []


def test_a_password_from_standard_input_signs_in(command: Command) -> None:
    said = command(*ADD, "--login", "anna", "--password-stdin", stdin="a long one\n")
    assert (said.code, said.err) == (0, "")
    assert signs_in(command, "anna", "a long one")
    command("user", "set", "anna", "--password-stdin", stdin="another one\n")
    assert signs_in(command, "anna", "another one")
    command("user", "set", "anna", "--no-password")
    assert not signs_in(command, "anna", "another one")


def signs_in(command: Command, login: str, password: str) -> bool:
    store = Store(command.store_url)
    try:
        found = store.read_now(passwords.stored_of, login)
        return passwords.matches(found.hash if found else None, password)
    finally:
        store.close()


def test_a_password_everybody_knows_is_warned_of(command: Command) -> None:
    said = command(*ADD, "--login", "anna", "--password-stdin", stdin="demo-anna\n")
    assert "Everybody knows that password" in said.err


@pytest.mark.parametrize(
    "endpoint", ["101", "PJSIP/", "/101", "pjsip/101", "PJSIP/1 1", "Main:PJSIP/101", ""]
)
def test_a_badly_formed_endpoint(command: Command, endpoint: str) -> None:
    line = command.refused("user", "add", "101", "--name", "Anna", "--endpoint", endpoint)
    assert repr(endpoint) in line
    assert "such as PJSIP/101" in line


def test_an_unknown_pbx(command: Command) -> None:
    line = command.refused(*ADD[:-1], "north:PJSIP/101")
    assert "no Asterisk 'north', only main" in line


def test_several_pbxes_must_be_told_apart(two: Command) -> None:
    line = two.refused(*ADD)
    assert "on which Asterisk, north or south: north:PJSIP/101" in line
    assert two(*ADD[:-1], "south:PJSIP/101").code == 0


def test_an_endpoint_that_is_taken(command: Command) -> None:
    command(*ADD)
    line = command.refused("user", "add", "102", "--name", "Bo", "--endpoint", "PJSIP/101")
    assert "Endpoint PJSIP/101 on main belongs to Anna (101) already." in line
    assert len(users(command)) == 1


def test_a_number_or_login_that_is_taken(command: Command) -> None:
    command(*ADD)
    line = command.refused("user", "add", "101", "--name", "Bo")
    assert "number: 101 is already taken, by Anna." in line


def test_a_number_in_any_writing(command: Command) -> None:
    command("user", "add", "+46 70-123 45 67", "--name", "Anna")
    (user,) = users(command)
    assert user["number"] == "+46701234567"
    assert "is already taken, by Anna." in command.refused("user", "add", "+46701234567", "--name", "Bo")
    assert "Anna" in command("user", "show", "+46 (0)70 123 45 67").out


def test_an_unknown_mode_names_the_modes(command: Command) -> None:
    line = command.refused("user", "add", "101", "--name", "Anna", "--mode", "allways", code=2)
    assert all(mode in line for mode in Mode)


def test_an_unknown_user_says_where_to_look(command: Command) -> None:
    command.begin()
    assert "ari-recorder user list" in command.refused("user", "set", "999", "--mode", "never", code=1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("user", "set", "101"), "Nothing to change"),
        (("user", "set", "101", "--endpoint", "PJSIP/1", "--no-endpoints"), "exclude each other"),
        (("user", "set", "101", "--password", "--no-password"), "exclude each other"),
        (("user", "set", "101", "--password"), "--password-stdin"),
        (("user", "set", "101", "--password-stdin"), "The password is empty"),
        (("user", "add", "101", "--name", "Anna", "--login", "anna"), "--password-stdin"),
        (("user", "add", "101", "--name", "Anna", "--password-stdin"), "needs --login"),
    ],
)
def test_what_makes_no_sense_is_refused(command: Command, arguments: tuple[str, ...], reason: str) -> None:
    assert reason in command.refused(*arguments)


def test_a_name_is_not_markup(command: Command) -> None:
    command("user", "add", "101", "--name", "[bold]Anna[/]")
    assert "[bold]Anna[/]" in command("user", "list").out


def test_a_removed_user_is_asked_for_and_told(command: Command) -> None:
    command(*ADD)
    line = command.refused("user", "remove", "101")
    assert "101 Anna: telephones (1), memberships (0) and signing in go; recordings that stay" in line
    assert "add --yes" in line
    assert len(users(command)) == 1
    assert command("user", "remove", "101", "--yes").out.startswith("Removed. 101 Anna:")
    assert users(command) == []
    assert command(*ADD).code == 0, "the number and the telephone are free again"


def test_the_missing_acknowledgement_is_told_until_it_is_there(command: Command) -> None:
    missing = "ari-recorder user set 101 --acknowledged TEXT"
    assert missing in command(*ADD).out
    assert missing not in command("user", "set", "101", "--acknowledged", "Told on the phone").out
    shown = json.loads(command("user", "show", "101", "--json").out)
    (activation,) = shown["activations"]
    assert (activation["acknowledgement"], activation["start_fee"]) == ("Told on the phone", True)
    assert "Told on the phone" in command("user", "show", "101").out
    assert missing not in command("user", "add", "102", "--name", "Bo").out, "not recorded"


def test_the_quick_start_s_administrator_has_no_number(command: Command) -> None:
    said = command(
        "user", "add", "admin", "--name", "Admin", "--role", "administrator", "--login", "admin",
        "--password-stdin", stdin="a long and unusual one\n",
    )  # fmt: skip
    assert said.code == 0
    (user,) = users(command)
    assert (user["number"], user["login"]) == (None, "admin")


def test_who_has_no_number_is_told_without_one(command: Command) -> None:
    assert "number: it is empty; write - for none." in command.refused("user", "add", "", "--name", "Door")
    assert command("user", "add", "-", "--name", "Door").out.startswith("Door: never, no endpoint.\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("10/1", "--name", "Anna"), "number: '10/1' is no number"),
        (("101", "--name", ""), "name: it is empty"),
        (("101", "--name", "A\nB"), "name: it has a line break"),
        (("101", "--name", "x" * 5000), "name: 5000 characters; at most 200."),
        (("101", "--name", "\u202egnp"), "name: it has a line break, or a character that cannot be seen"),
    ],
)
def test_what_used_to_be_accepted(command: Command, arguments: tuple[str, ...], told: str) -> None:
    assert told in command.refused("user", "add", *arguments)
    assert users(command) == []


def test_out_to_a_file_and_in_again(command: Command) -> None:
    command(*ADD)
    file = command.folder / "users.csv"
    assert command("user", "export", str(file)).out == f"1 user in {file}.\n"
    file.write_text(file.read_text() + "102,=Bo,always,pro,user,,yes,PJSIP/102,,Told\r\n103,,,,,,,,,\r\n")
    tried = command("user", "import", str(file), "--dry-run")
    assert (tried.code, tried.err) == (65, "")
    assert "Nothing was changed (dry run): 1 created, 0 changed, 1 same, 1 refused." in tried.out
    assert "name: the user is new, and needs a name." in tried.out
    assert "Nothing was changed: 1 created" in command("user", "import", str(file)).out
    assert len(users(command)) == 1
    done = json.loads(command("user", "import", str(file), "--partial", "--json").out)
    assert [row["outcome"] for row in done["rows"]] == ["same", "created", "refused"]
    assert {user["name"] for user in users(command)} == {"Anna", "=Bo"}
    command("user", "export", str(file))
    assert "'=Bo" in file.read_text()


def test_a_file_that_cannot_be_read(command: Command) -> None:
    command("user", "add", "101", "--name", "Anna")
    assert "cannot be read: No such file" in command.refused("user", "import", "nosuch.csv", code=74)
    bad = command.folder / "bad.csv"
    bad.write_text("shoe\n1\n")
    assert "file: there is no column 'shoe'; known: number, name" in command.refused(
        "user", "import", "bad.csv", code=65
    )
    assert "cannot be written" in command.refused("user", "export", "/nowhere/users.csv", code=74)


def test_who_has_neither_number_nor_login_is_named_by_the_id(command: Command) -> None:
    said = command("user", "add", "-", "--name", "Door")
    (user,) = users(command)
    assert f"is named by the id: {user['id']}." in said.out
    assert command("user", "set", str(user["id"]), "--number", "104").code == 0
    assert "by the id" not in command("user", "set", "104", "--name", "Gate").out


def test_an_organisation_that_nobody_administers_any_more_is_told_of(command: Command) -> None:
    boss = ("user", "add", "-", "--name", "Boss", "--role", "administrator", "--password-stdin", "--login")
    command(*boss, "boss", stdin="a long and unusual one\n")
    command(*boss, "deputy", stdin="another unusual one\n")
    told = "Nobody who can sign in administers Default then"
    assert told not in command("user", "set", "deputy", "--role", "user").err
    assert told in command("user", "set", "boss", "--no-password").err
    command("user", "set", "boss", "--password-stdin", stdin="a long and unusual one\n")
    assert told in command.refused("user", "remove", "boss")
    assert told in command("user", "remove", "boss", "--yes").err
    assert told not in command("user", "remove", "deputy", "--yes").err
