"""The audit log on the command line: what commands write, exporting it, and checking it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ari_recorder.store import audit_key, audit_seals
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.models import AuditLine, AuditSeal

from ..store.attacks import drop_triggers
from ..store.build import add_user, finish, recorded_call, reopened, safe_in
from .conftest import Command


@pytest.fixture
def folder(command: Command, tmp_path: Path) -> Path:
    """The program's folder, with a recording."""
    place = command.folder / "var/lib/ari_recorder"
    with reopened(command.store_url) as store:
        recorded_call(store, add_user(store))
        finish(store, safe_in(store, place), tmp_path)
    return place


@pytest.fixture
def key(folder: Path) -> SigningKey:
    """As the recorder makes it."""
    return audit_key.made(folder / "audit.key")


def lines(command: Command) -> list[Any]:
    query = AuditLine.select().where(AuditLine.subject_kind != "user").order_by(AuditLine.number)
    with reopened(command.store_url) as store:  # all but the user that was made
        return store.read_now(lambda: list(query))


@pytest.mark.usefixtures("folder")
def test_reading_recordings_is_written_down(command: Command) -> None:
    assert command("recordings", "list", "--number", "070").code == 0
    (line,) = lines(command)
    assert (line.actor_kind, line.action, line.subject_kind) == ("command_line", "read", "recordings")
    assert line.actor
    assert json.loads(line.detail) == {"recordings": 1, "number": "070", "limit": 50, "cursor": None}


@pytest.mark.usefixtures("folder")
def test_a_prompt_put_back_is_written_down_and_looking_is_not(command: Command) -> None:
    command("prompt", "reset", "start", "--language", "en")  # it was not replaced
    command("prompt", "list")
    command("user", "list")
    command("verify")
    assert lines(command) == []


def test_a_command_seals_what_it_has_written(command: Command, key: SigningKey) -> None:
    said = command("recordings", "list", "--json")
    assert json.loads(said.out)["recordings"]
    (told,) = audit_seals.read_told([said.err])
    with reopened(command.store_url) as store:
        (seal,) = store.read_now(lambda: list(AuditSeal.select()))
    assert (told.number, told.sha256, seal.key_id) == (2, seal.sha256, key.public.id)


def test_a_command_makes_no_key(command: Command, folder: Path) -> None:
    assert command("recordings", "list").code == 0
    assert not (folder / "audit.key").exists()
    assert "makes it when it is started" in command.refused("audit", "key", code=1)


def test_the_public_key(command: Command, key: SigningKey) -> None:
    assert command("audit", "key").out == key.public.pem
    assert json.loads(command("audit", "key", "--json").out) == {"id": key.public.id, "pem": key.public.pem}


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_and_its_check(command: Command, key: SigningKey, form: str) -> None:
    for _ in range(3):
        command("recordings", "list")
    Path("audit.pub").write_text(command("audit", "key").out)
    said = command("audit", "export", f"audit.{form}")
    how = f"ari-recorder verify --export audit.{form} --public-key audit.pub"
    assert said.out == f"audit.{form}: 5 lines. Check them with: {how}\n"
    check = ("verify", "--export", f"audit.{form}", "--public-key", "audit.pub")
    said = command(*check)
    assert (said.code, "5 audit lines" in said.out, "0 wrong" in said.out) == (0, True, True)
    signed = "all signed." if form == "jsonl" else "from 1 on not signed: no proof by themselves."
    assert said.out.endswith((f"Lines 1 to 5, {signed}\n", f"Lines 1 to 5; {signed}\n"))
    text = Path(f"audit.{form}").read_text().splitlines(keepends=True)
    del text[3]  # the third line: no seal
    Path(f"audit.{form}").write_text("".join(text))
    said = command(*check)
    assert said.code == 1
    assert "audit_line_missing" in said.out


@pytest.mark.usefixtures("key")
def test_who_gives_no_key_reads_which_to_give_and_of_no_forgery(command: Command) -> None:
    key_id = json.loads(command("audit", "key", "--json").out)["id"]
    command("audit", "export", "audit.jsonl")
    said = command("verify", "--export", "audit.jsonl")
    assert said.code == 1
    assert f"not checked, as the key {key_id} is not known" in said.out
    assert "give it with --public-key (ari-recorder audit key" in said.out
    assert said.out.count("audit_seal_unchecked") == 1
    assert "audit_seal_forged" not in said.out


@pytest.mark.usefixtures("key")
def test_the_only_organisation_is_exported_whatever_it_is_called(command: Command) -> None:
    command("organisation", "set", "Default", "--name", "Nordvik")
    assert command("audit", "export", "audit.jsonl").code == 0


@pytest.mark.usefixtures("key")
def test_a_changed_line_is_named(command: Command) -> None:
    command("recordings", "list")
    assert "2 audit lines, 1 seals, 0 disposals: 0 wrong" in command("verify").out
    with reopened(command.store_url) as store:
        store.write_now(drop_triggers)
        store.write_now(AuditLine.update(actor_name="nobody").execute)
    said = command("verify")
    assert said.code == 1
    assert "wrong: audit_line_changed: audit log of Default, line 1" in said.out
    assert ", line 1: it tells something else than when it was written." in said.out


@pytest.mark.usefixtures("key")
def test_seals_told_in_a_log(command: Command) -> None:
    Path("log").write_text(command("recordings", "list").err)
    assert command("verify", "--seals", "log").code == 0
    Path("log").write_text(Path("log").read_text().replace(":2:", ":3:"))
    assert "audit_line_missing" in command("verify", "--seals", "log").out


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("audit", "export", "audit.txt"), "ends in .jsonl or .csv"),
        (("audit", "export", "no/such/audit.csv"), "cannot be written"),
        (("verify", "--export", "nosuch.csv"), "cannot be read"),
        (("verify", "--export", "empty.csv"), "no export"),
        (("verify", "--export", "empty.jsonl"), "no line of the audit log"),
        (("verify", "--seals", "nosuch"), "cannot be read"),
        (("verify", "--public-key", "empty.csv"), "holds no public Ed25519 key"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_is_said(command: Command, arguments: tuple[str, ...], wrong: str) -> None:
    Path("empty.csv").write_text("a,b\n1,2\n")
    Path("empty.jsonl").touch()
    assert wrong in command.refused(*arguments, code=74 if wrong.startswith("cannot be") else 78)


@pytest.mark.usefixtures("folder")
def test_an_unknown_organisation(command: Command) -> None:
    said = command.refused("audit", "export", "--organisation", "Acme", "audit.csv", code=1)
    assert "no organisation 'Acme'" in said
