"""Webhooks from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from ari_recorder.seals import Purpose, Seals, load_key
from ari_recorder.store import models
from ari_recorder.store.database import Store

from .conftest import Command

URL = "https://crm.example/recordings"


@pytest.fixture
def with_hook(command: Command) -> tuple[Command, str, str]:
    """The command, a webhook's id and its secret."""
    said = command("user", "add", "101", "--name", "Anna", "--mode", "always")
    assert said.code == 0, said.err
    made = command("webhooks", "add", "CRM", URL, "--event", "recording.ready")
    assert made.code == 0, made.err
    return command, listed(command)[0]["id"], made.out.strip()


def listed(command: Command) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(command("webhooks", "list", "--json").out)
    return found


def test_it_is_made_and_its_secret_written_once(with_hook: tuple[Command, str, str]) -> None:
    command, hook, secret = with_hook
    assert secret.startswith("whsec_")
    (row,) = listed(command)
    assert (row["name"], row["url"], row["events"]) == ("CRM", URL, ["recording.ready"])
    assert secret not in command("webhooks", "list", "--json").out
    assert "CRM" in command("webhooks", "list").out
    store = Store(command.store_url)
    sealed = store.read_now(lambda: models.Webhook.get_by_id(UUID(hook)).secret)
    store.close()
    key = load_key(command.folder / "var/lib/ari_recorder/session.key")
    assert Seals(key).open(Purpose.WEBHOOK, sealed, str, datetime.now(UTC)) == secret


def test_its_life(with_hook: tuple[Command, str, str]) -> None:
    command, hook, secret = with_hook
    assert command("webhooks", "log", hook).out == "It was told nothing yet.\n"
    assert command("webhooks", "ping", hook).code == 0
    assert "ping" in command("webhooks", "log", hook).out
    (told,) = json.loads(command("webhooks", "log", hook, "--json").out)
    assert (told["type"], told["state"]) == ("ping", "waiting")
    assert command("webhooks", "pause", hook).out == "Paused: CRM.\n"
    assert listed(command)[0]["stopped"] == "person"
    assert command("webhooks", "resume", hook).out == "Resumed: CRM; 1 waiting.\n"
    assert command("webhooks", "resend", hook).out == "Sent again: 0.\n"
    assert command("webhooks", "resend", hook, "--delivery", told["id"]).out == "Sent again: 1.\n"
    renewed = command("webhooks", "renew", hook).out.strip()
    assert renewed.startswith("whsec_")
    assert renewed != secret
    assert command("webhooks", "remove", hook, "--yes").out == "Removed: CRM.\n"
    assert listed(command) == []
    assert command("webhooks", "list").out == "There are no webhooks.\n"


@pytest.mark.parametrize(
    ("arguments", "told", "code"),
    [
        (("add", "CRM", "http://crm.example/"), "it has to begin with https://", 78),
        (("add", "CRM", "https://10.0.0.5/"), "inside network", 78),
        (("add", "", URL), "name", 78),
        (("add", "CRM", URL, "--event", "ping"), "no event that a webhook can be told", 78),
        (("add", "CRM", URL, "--organisation", "None"), "There is no organisation 'None'", 1),
        (("ping", str(uuid4())), "No webhook", 1),
        (("remove", str(uuid4()), "--yes"), "No webhook", 1),
        (("log", str(uuid4())), "No webhook", 1),
    ],
)
def test_what_cannot_be(
    with_hook: tuple[Command, str, str], arguments: tuple[str, ...], told: str, code: int
) -> None:
    command, _, _ = with_hook
    assert told in command.refused("webhooks", *arguments, code=code)


def test_what_the_settings_allow(
    with_hook: tuple[Command, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command, _, _ = with_hook
    monkeypatch.setenv("ARI_RECORDER_WEBHOOKS__ALLOW_INSIDE", "10.0.0.0/24")
    monkeypatch.setenv("ARI_RECORDER_WEBHOOKS__ALLOW_HTTP", "true")
    assert command("webhooks", "add", "inside", "http://10.0.0.5:8080/").code == 0
