"""Groups and organisations from the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ari_recorder.store.database import Store
from ari_recorder.store.models import AuditLine

from .conftest import Command


@pytest.fixture
def team(command: Command) -> Command:
    """Anna (101) and Bo (102), the supervisor maria, and the group Sales."""
    command("user", "add", "101", "--name", "Anna")
    command("user", "add", "102", "--name", "Bo")
    said = command("user", "add", "-", "--name", "Maria", "--role", "supervisor", "--login", "maria",
                   "--password-stdin", stdin="long and unusual\n")  # fmt: skip
    assert said.code == 0, said.err
    assert command("group", "add", "Sales").code == 0
    return command


def groups(command: Command) -> Any:
    return json.loads(command("group", "list", "--json").out)


def test_members_and_supervisors(team: Command) -> None:
    assert team("group", "member", "Sales", "101", "102").out == "Sales: Anna, Bo.\n"
    said = team("group", "supervisor", "Sales", "maria", "--no-may-annotate")
    assert said.out == "Sales: supervised by Maria (may not note).\n"
    listed = team("group", "list").out
    assert "101 Anna, 102 Bo" in listed
    assert "Maria (may not note)" in listed
    assert team("group", "member", "Sales", "101", "--remove").out == "Sales: Bo.\n"
    assert team("group", "supervisor", "Sales", "maria", "--remove").out == "Sales: supervised by nobody.\n"
    (group,) = groups(team)
    assert ([one["name"] for one in group["members"]], group["supervisors"]) == (["Bo"], [])


def test_renamed_and_removed(team: Command) -> None:
    team("group", "set", "sales", "--name", "SALES")
    team("group", "set", "Sales", "--name", "Sales north")
    assert "add --yes" in team.refused("group", "remove", "Sales north")
    assert [group["name"] for group in groups(team)] == ["Sales north"]
    assert team("group", "remove", "Sales north", "--yes").code == 0
    assert groups(team) == []
    assert "group add" in team("group", "list").out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("group", "add", "Sales"), 78, "there is a group 'Sales' already"),
        (("group", "add", " SALES"), 78, "there is a group 'Sales' already"),
        (("group", "add", "Sales\u200e"), 78, "there is a group 'Sales' already"),
        (("group", "add", ""), 78, "it is empty"),
        (("group", "member", "Nobody", "101"), 1, "There is no group 'Nobody'"),
        (("group", "member", "Sales", "101", "999"), 1, "'999'"),
        (("group", "supervisor", "Sales", "101"), 78, "Anna has the role user"),
        (("group", "member", "Sales", "101", "--remove"), 1, "not in this group"),
    ],
)
def test_what_cannot_be(team: Command, arguments: tuple[str, ...], code: int, told: str) -> None:
    assert told in team.refused(*arguments, code=code)
    assert groups(team)[0]["members"] == []


def test_an_organisation_is_not_added_beside_its_twin(command: Command) -> None:
    command("organisation", "add", "Acme")
    assert "there is an organisation 'Acme' already" in command.refused("organisation", "add", "ACME")
    command("organisation", "add", "Bolt")
    assert "'Acme'" in command.refused("organisation", "set", "Bolt", "--name", "acme")
    assert "Acme: " not in command("organisation", "set", "Acme", "--name", "ACME").out, "its own spelling"


def test_two_organisations_are_kept_apart(team: Command) -> None:
    said = team(
        "organisation", "add", "Acme", "--timezone", "Europe/Stockholm", "--language", "sv", "--country", "se"
    )
    assert said.out == (
        "Acme: time zone Europe/Stockholm, language sv, country SE, second factor for no role,"
        " telephones not said, 30 MB a user, kept for 180 days.\n"
    )
    line = team.refused("user", "add", "101", "--name", "Åsa")
    assert "Acme, Default" in line
    assert "--organisation NAME" in line
    assert team("user", "add", "101", "--name", "Åsa", "--organisation", "Acme").code == 0
    assert "--organisation NAME" in team.refused("user", "show", "101")
    assert "Åsa" in team("user", "show", "101", "--organisation", "Acme").out
    assert "Åsa" not in team("user", "list", "--organisation", "Default").out
    assert "Acme" in team("user", "list").out
    assert "no organisation 'Nowhere'" in team.refused("user", "list", "--organisation", "Nowhere", code=1)
    assert "There is no group" in team.refused(
        "group", "member", "Sales", "101", "--organisation", "Acme", code=1
    )


def test_an_organisation_is_changed_and_listed(command: Command) -> None:
    command("organisation", "add", "Acme")
    said = command("organisation", "set", "Acme", "--name", "Acme AB", "--second-factor", "administrator")
    assert said.out == (
        "Acme AB: time zone UTC, language en, country not said, second factor for administrator,"
        " telephones not said, 30 MB a user, kept for 180 days.\n"
    )
    said = command("organisation", "set", "Acme AB", "--tag2-name", "Case number")
    assert "fields of calls: –, Case number, –" in said.out
    assert "characters; at most 40" in command.refused(
        "organisation", "set", "Acme AB", "--tag1-name", "x" * 41
    )
    assert "time zone" in command.refused("organisation", "set", "Acme AB", "--timezone", "Mars")
    assert "country" in command.refused("organisation", "set", "Acme AB", "--country", "Mars")
    assert "Nothing to change" in command.refused("organisation", "set", "Acme AB")
    (listed,) = json.loads(command("organisation", "list", "--json").out)
    assert listed["organisation"]["second_factor"] == ["administrator"]
    assert listed["organisation"]["endpoints"] == []
    assert listed["counts"] == {"users": 0, "recorded": {}, "recordings": 0, "size_bytes": 0}


def test_who_did_it_is_in_the_audit_log(team: Command) -> None:
    store = Store(team.store_url)
    try:
        lines = store.read_now(lambda: list(AuditLine.select().order_by(AuditLine.number)))
    finally:
        store.close()
    assert [line.action for line in lines] == ["create"] * 4
    assert {line.actor_kind for line in lines} == {"command_line"}
    assert all(line.actor_name for line in lines)


def test_the_telephones_of_an_organisation_are_set_and_taken_back(command: Command) -> None:
    def patterns() -> list[str]:
        (listed,) = json.loads(command("organisation", "list", "--json").out)
        found: list[str] = listed["organisation"]["endpoints"]
        return found

    added = command("organisation", "add", "Acme", "--endpoints", "PJSIP/acme-*  main:PJSIP/1??")
    assert "telephones PJSIP/acme-* main:PJSIP/1??, " in added.out
    assert patterns() == ["PJSIP/acme-*", "main:PJSIP/1??"]
    assert "PJSIP/acme-*" in command("organisation", "list").out
    assert "'1*' is not of the form" in command.refused("organisation", "set", "Acme", "--endpoints", "1*")
    assert command("organisation", "set", "Acme", "--language", "sv").code == 0
    assert patterns() == ["PJSIP/acme-*", "main:PJSIP/1??"]
    assert command("organisation", "set", "Acme", "--endpoints", "").out.count("telephones not said, ")
    assert patterns() == []


def test_prompts_are_of_one_organisation(command: Command) -> None:
    command("organisation", "add", "Acme")
    assert command("prompt", "list").code == 0, "the only one needs no name"
    command("organisation", "add", "Other")
    assert "(Acme, Other)" in command.refused("prompt", "list")
    assert command("prompt", "list", "--organisation", "Other").code == 0
    assert len(json.loads(command("organisation", "list", "--json").out)) == 2, "none was made by looking"
