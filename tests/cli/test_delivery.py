"""Delivery from the command line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .conftest import Command


@pytest.fixture
def acme(command: Command) -> Command:
    """With one organisation, Default, and Anna in it."""
    said = command("user", "add", "101", "--name", "Anna", "--mode", "always")
    assert said.code == 0, said.err
    return command


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "acme"
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "acme backup", "-f", str(path)]
    subprocess.run(made, check=True)
    return path.with_suffix(".pub")


def test_an_account_is_set_up_and_closed(acme: Command, key: Path) -> None:
    assert "no account" in acme("delivery", "show").out
    said = acme("delivery", "set", "--login", "acme", "--form", "wav", "--acknowledge")
    assert "login acme" in said.out, said.err
    added = acme("delivery", "add-key", str(key))
    assert added.out.startswith("Added: acme backup (SHA256:")
    shown = json.loads(acme("delivery", "show", "--json").out)
    assert (shown["delivery"]["form"], shown["delivery"]["acknowledges"]) == ("wav", True)
    (one,) = shown["delivery"]["keys"]
    assert one["fingerprint"] in acme("delivery", "show").out
    assert "there already" in acme.refused("delivery", "add-key", str(key))
    assert acme("delivery", "remove-key", one["id"]).code == 0
    acme.refused("delivery", "remove-key", one["id"], code=1)
    assert "no account" in acme("delivery", "set", "--login", "").out


def test_only_some_groups(acme: Command) -> None:
    assert acme("group", "add", "Sales").code == 0
    assert "Recordings: Sales" in acme("delivery", "set", "--group", "Sales").out
    assert "everybody's" in acme("delivery", "set", "--everybody").out


def test_what_cannot_be(acme: Command, key: Path, tmp_path: Path) -> None:
    (tmp_path / "none").write_text("\n# nothing\n")
    for given, told, code in (
        (("set",), "Nothing to change", 78),
        (("set", "--form", "mp3"), "wav", 78),
        (("set", "--group", "None"), "None", 1),
        (("set", "--group", "a", "--everybody"), "exclude", 78),
        (("set", "--password-stdin"), "sftp.passwords", 78),
        (("add-key", str(key.with_suffix(""))), "private key", 78),
        (("add-key", str(tmp_path / "missing")), "missing", 74),
        (("push-sftp", "a b", "--login", "x", "--host-key", str(key)), "host", 78),
        (("push-sftp", "h", "--login", "x", "--host-key", str(tmp_path / "none")), "has no key", 1),
        (("push-s3", "acme-calls", "--access-key", "AKIA"), "secret", 78),
        (("push-off",), "Nothing is pushed", 1),
        (("test",), "Nothing is pushed", 1),
        (("show", "--organisation", "None"), "no organisation", 1),
    ):
        assert told in acme.refused("delivery", *given, code=code)


def test_where_recordings_are_pushed_to(acme: Command, key: Path) -> None:
    said = acme(
        "delivery", "push-sftp", "sftp.example.com", "--login", "acme", "--host-key", str(key), "--off"
    )
    assert said.code == 0, said.err
    assert "sftp://acme@sftp.example.com/ (off; not tested yet)" in said.out
    assert "ssh-ed25519 " in said.out
    assert "authorized_keys" in said.err
    assert "is tested by the recorder" in acme("delivery", "test").out
    assert "being tested" in acme("delivery", "report").out
    assert json.loads(acme("delivery", "report", "--json").out)["days"] == []
    shown = acme("delivery", "show", "--json").out
    assert "PRIVATE" not in shown
    assert "Nothing is pushed to" in acme("delivery", "push-off").out
