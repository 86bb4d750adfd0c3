"""Tokens from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from ari_recorder.store import models, tokens
from ari_recorder.store.database import Store

from .conftest import Command

ADD = ("token", "add", "CRM", "--scope", "recordings:read")


@pytest.fixture
def anna(command: Command) -> Command:
    """With Anna, 101, who signs in as anna."""
    said = command("user", "add", "101", "--name", "Anna", "--mode", "always")
    assert said.code == 0, said.err
    return command


def listed(command: Command) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(command("token", "list", "--json").out)
    return found


def test_a_token_is_made_listed_and_revoked(anna: Command) -> None:
    made = anna(*ADD, "--user", "101")
    assert made.code == 0, made.err
    secret = made.out.strip()
    assert secret.startswith("ari_")
    (token,) = listed(anna)
    assert (token["name"], token["user_name"], token["scopes"]) == ("CRM", "Anna", ["recordings:read"])
    expires = datetime.fromisoformat(token["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < expires <= timedelta(days=90)
    assert secret not in anna("token", "list", "--json").out
    assert token["hint"] in anna("token", "list").out
    assert anna("token", "revoke", token["id"]).out == f"Revoked: CRM ({token['hint']}…).\n"
    assert listed(anna) == []
    store = Store(anna.store_url)
    found = store.read_now(tokens.bearer, secret, datetime.now(UTC))
    lines = store.read_now(
        lambda: [
            (row.action, row.actor_kind)
            for row in models.AuditLine.select().order_by(models.AuditLine.number)
        ]
    )
    store.close()
    assert found is not None
    assert found.refused == "revoked"
    assert lines[-2:] == [("create", "command_line"), ("remove", "command_line")]


def test_the_organisations_own_for_ever(anna: Command) -> None:
    assert anna(*ADD, "--scope", "users:read", "--organisation", "Default", "--forever").code == 0
    (token,) = listed(anna)
    assert (token["user"], token["expires_at"]) == (None, None)
    assert token["scopes"] == ["recordings:read", "users:read"]


def test_monitoring_has_a_token_of_an_operator(command: Command) -> None:
    added = command("user", "add", "900", "--name", "Monitoring", "--role", "operator")
    assert added.code == 0, added.err
    made = command("token", "add", "prometheus", "--scope", "health:read", "--user", "900")
    assert made.code == 0, made.err
    assert listed(command)[0]["scopes"] == ["health:read"]


def test_of_a_user_whose_number_two_organisations_have(anna: Command) -> None:
    anna("organisation", "add", "Acme")
    anna("user", "add", "101", "--name", "Åsa", "--organisation", "Acme")
    assert "of Default and Acme: say of which with --organisation" in anna.refused(*ADD, "--user", "101")
    assert anna(*ADD, "--user", "101", "--organisation", "Acme").code == 0
    assert [token["user_name"] for token in listed(anna)] == ["Åsa"]


def test_what_cannot_be_made(anna: Command) -> None:
    for more, told, code in (
        ((), "with --user, --organisation or both", 78),
        (("--user", "999"), "No user has", 1),
        (("--organisation", "None"), "There is no organisation 'None'", 1),
        (("--user", "101", "--scope", "users:write"), "Anna cannot have a token for users:write", 78),
        (("--organisation", "Default", "--scope", "tokens"), "cannot have a token for tokens", 78),
        (("--organisation", "Default", "--scope", "health:read"), "a token for health:read", 78),
        (("--user", "101", "--days", "0"), "'--days'", 2),
    ):
        assert told in anna.refused(*ADD, *more, code=code)
    assert "1 to 100 characters" in anna.refused(
        "token", "add", " ", "--scope", "calls:read", "--user", "101"
    )
    assert "No token" in anna.refused("token", "revoke", str(uuid4()), code=1)
    assert listed(anna) == []
    assert "There are no tokens." in anna("token", "list").out
