"""``ari-recorder vault``: where recordings lie, and moving them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ari_recorder.store import models
from ari_recorder.store.database import Store

from ..s3 import KEY, S3
from ..store.build import add_user, finish, recorded_call, safe_in
from .conftest import Command


@pytest.fixture
def folder(command: Command, tmp_path: Path) -> Path:
    """The command's vault, with two recordings in it."""
    place = command.folder / "var/lib/ari_recorder"
    store = Store(command.store_url)
    for number in ("101", "102"):
        recorded_call(store, add_user(store, number))
    finish(store, safe_in(store, place), tmp_path)
    store.close()
    return place / "vault"


@pytest.fixture
def address(command: Command, s3_store: S3) -> str:
    """The settings name a bucket now."""
    found = s3_store.address(s3_store.bucket(), "acme")
    for name, value in {"URL": found, "ACCESS_KEY": KEY.id, "SECRET_KEY": KEY.secret}.items():
        command.monkeypatch.setenv(f"ARI_RECORDER_VAULT__{name}", value)
    return found


def vaults(command: Command) -> list[dict[str, object]]:
    said = command("vault", "list", "--json")
    assert (said.code, said.err) == (0, "")
    return json.loads(said.out)["vaults"]


def test_before_the_first_recording_there_is_the_vault_of_the_settings(command: Command) -> None:
    command.begin()
    (one,) = vaults(command)
    assert (one["current"], one["recordings"], one["state"]) == (True, 0, "new")
    assert not Path(str(one["address"])).exists()


def test_they_are_moved_and_each_step_is_said(command: Command, folder: Path, address: str) -> None:
    before = {str(one["address"]): one for one in vaults(command)}
    assert before[str(folder)]["recordings"] == 2
    assert before[address]["current"] is True
    said = command("vault", "list")
    assert "To move all to where new ones go: ari-recorder vault move" in said.out
    assert "older recordings" in command("doctor").out
    said = command("vault", "move")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0].startswith(f"2 recordings were moved to {address}, 0.0 MB.")
    assert said.out.splitlines()[1] == f"Nothing lies in {folder} any more."
    after = {str(one["address"]): one for one in vaults(command)}
    assert (after[str(folder)]["recordings"], after[address]["recordings"]) == (0, 2)
    assert command("verify").code == 0
    doctor = command("doctor").out
    assert f"{address} answers" in doctor
    assert "older recordings" not in doctor
    assert KEY.secret not in doctor
    again = command("vault", "move")
    assert (again.code, again.out.splitlines()[0]) == (0, f"0 recordings were moved to {address}, 0.0 MB.")


def test_who_moved_them_is_in_the_audit_log(command: Command, folder: Path, address: str) -> None:
    command("vault", "move")
    store = Store(command.store_url)
    rows = store.read_now(
        lambda: list(models.AuditLine.select().where(models.AuditLine.subject_kind == "vault"))
    )
    store.close()
    assert [json.loads(row.detail) if isinstance(row.detail, str) else row.detail for row in rows] == [
        {"recordings": 2, "to": address}
    ]


def test_what_could_not_be_moved_is_named(command: Command, folder: Path, address: str) -> None:
    damaged = next(folder.rglob("*.aead"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    said = command("vault", "move")
    assert said.code == 74
    assert "is not as it was sealed: it is left where it is" in said.err
    assert "1 could not be moved, and lie where they were" in said.err
    assert "1 recordings were moved" in said.out
    assert damaged.exists()


def test_a_folder_that_is_elsewhere_is_said_to_be(command: Command, folder: Path, address: str) -> None:
    moved = folder.rename(folder.with_name("moved"))
    (older,) = [one for one in vaults(command) if one["recordings"]]
    assert "ari-recorder vault found ADDRESS" in str(older["state"])
    assert command("vault", "move").code == 74
    assert "No vault of this catalogue is at" in command("vault", "found", str(moved.parent)).err
    said = command("vault", "found", str(moved))
    assert (said.code, said.err) == (0, "")
    assert command("vault", "move").code == 0


@pytest.mark.parametrize(
    ("url", "why"), [("bucket", "does not begin with s3://"), ("s3://a:b@c", "login in it")]
)
def test_an_address_that_is_none_is_told(command: Command, folder: Path, url: str, why: str) -> None:
    command.monkeypatch.setenv("ARI_RECORDER_VAULT__URL", url)
    for words in (("vault", "list"), ("vault", "move"), ("verify",)):
        said = command(*words)
        assert said.code == 78
        assert why in said.err
    assert why in command("doctor").out
