"""Time stamps on the command line: `verify` looks at them, and `verify-evidence` at that of an archive."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import audit_key, bundle, evidence, tree_heads
from ari_recorder.store.models import HeadStamp, Recording
from ari_recorder.store.timestamps.rows import KeptStamp

from ..authority import Authority, made, stamp
from ..store.attacks import drop_triggers
from ..store.build import BEGIN, add_user, finish, recorded_call, reopened, safe_in
from .conftest import Command


@pytest.fixture
def kept(
    command: Command, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> KeptStamp:
    """Of the head of one recording, whose evidence is in ``evidence.zip``."""
    monkeypatch.setenv("ARI_RECORDER_EVIDENCE__TIMESTAMP_CA_FILE", str(authority.ca))
    place = command.folder / "var/lib/ari_recorder"
    with reopened(command.store_url) as store:
        recorded_call(store, add_user(store))
        finish(store, safe_in(store, place), tmp_path)
        key = audit_key.made(place / "audit.key")
        store.write_now(tree_heads.publish, key.public, BEGIN)
        trees = store.read_now(tree_heads.grown)
        (head,) = store.write_now(tree_heads.sign, key, trees, evidence.node_of, BEGIN)
        found = stamp(store, authority, head, BEGIN)
        recording = store.read_now(Recording.get).id
        proof = store.read_now(evidence.proof, COMMAND_LINE, recording)
        assert proof is not None
        Path("evidence.zip").write_bytes(b"".join(bundle.archive(proof, "", (), BEGIN)))
    return found


@pytest.mark.usefixtures("kept")
def test_verify_counts_them(command: Command) -> None:
    said = command("verify")
    assert (said.code, "1 heads, 1 time stamps," in said.out) == (0, True), said.out
    assert json.loads(command("verify", "--json").out)["report"]["stamps"] == 1


@pytest.mark.usefixtures("kept")
def test_a_changed_one_is_named(command: Command, authority: Authority) -> None:
    other = base64.b64encode(authority.reply(b"nonsense")).decode()
    with reopened(command.store_url) as store:
        store.write_now(drop_triggers, "head_stamp")
        store.write_now(HeadStamp.update(response=other).execute)
    said = command("verify")
    assert said.code == 1
    assert "wrong: stamp_changed: evidence of " in said.out
    assert ", stamp 1: It is not the one that was kept." in said.out


def test_one_that_is_gone_is_named_by_a_log(command: Command, kept: KeptStamp) -> None:
    Path("log").write_text(f"2026-03-02 the evidence is time-stamped stamp={kept.told} by=somebody\n")
    assert command("verify", "--seals", "log").code == 0
    with reopened(command.store_url) as store:
        store.write_now(drop_triggers, "head_stamp")
        store.write_now(HeadStamp.delete().execute)
    assert command("verify").code == 0
    said = command("verify", "--seals", "log")
    assert (said.code, "wrong: stamp_missing: " in said.out) == (1, True)


def test_a_backup_tells_of_the_newest(command: Command, kept: KeptStamp) -> None:
    said = command("backup", "copies")
    about = json.loads((Path(said.out.partition(": ")[0]) / "backup.json").read_text())
    assert kept.told in about["told"]


@pytest.mark.usefixtures("kept")
def test_an_authority_that_is_not_trusted_is_named(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = made(tmp_path / "other", "Another")
    monkeypatch.setenv("ARI_RECORDER_EVIDENCE__TIMESTAMP_CA_FILE", str(other.ca))
    said = command("verify")
    assert (said.code, "wrong: stamp_forged: " in said.out) == (1, True)
    monkeypatch.setenv("ARI_RECORDER_EVIDENCE__TIMESTAMP_CA_FILE", "nowhere.pem")
    assert "nowhere.pem cannot be read" in command("verify").err


@pytest.mark.usefixtures("kept")
def test_the_stamp_in_an_archive(command: Command, authority: Authority, tmp_path: Path) -> None:
    said = command("verify-evidence", "evidence.zip")
    assert (said.code, f"by {authority.name}" in said.out) == (0, True)
    assert "which is for you to know" in said.out
    said = command("verify-evidence", "evidence.zip", "--timestamp-ca", str(authority.ca))
    assert (said.code, "the authority is one of those given" in said.out) == (0, True)
    other = made(tmp_path / "other", "Another")
    said = command("verify-evidence", "evidence.zip", "--timestamp-ca", str(other.ca))
    assert (said.code, "The time stamp of the head does not hold" in said.out) == (1, True)
    refused = command.refused("verify-evidence", "evidence.zip", "--timestamp-ca", "nowhere.pem")
    assert "cannot be read" in refused
