"""A recording's evidence is given to who may hear it, once it is signed, and written down as a copy."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import zipfile
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import audit_key, bundle, evidence, models, tree_heads
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.tree_heads import Head

from ..authority import Authority, stamp
from .world import NOON, Browser, NewBrowser, World, opus


@pytest.fixture
def key(world: World, tmp_path: Path) -> SigningKey:
    made = audit_key.made(tmp_path / "audit.key")
    world.store.write_now(tree_heads.publish, made.public, NOON)
    return made


def signed(world: World, key: SigningKey, recording: UUID) -> None:
    def sign() -> list[Head]:
        return tree_heads.sign(key, tree_heads.grown(), evidence.node_of, NOON)

    world.store.write_now(evidence.append, recording, (), NOON)
    world.store.write_now(sign)


async def test_it_is_given_and_proves_itself(
    world: World, key: SigningKey, open_browser: NewBrowser, tmp_path: Path
) -> None:
    recording = world.recording(world.ids["anna"])
    signed(world, key, recording)
    anna = await open_browser("anna")
    answer = await anna.get(f"/api/v1/recordings/{recording}/evidence")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/zip")
    assert answer.headers["Content-Disposition"].endswith('_0812345678_in.zip"')
    path = tmp_path / "evidence.zip"
    path.write_bytes(answer.body)
    assert [one.ok for one in bundle.check(path, [key.public])] == [True] * 5
    with zipfile.ZipFile(path) as zipped:
        (name,) = (name for name in zipped.namelist() if name.endswith(".opus"))
        assert zipped.read(name) == opus()
    lines = world.store.read_now(lambda: list(models.AuditLine.select()))
    assert [(line.action, line.subject) for line in lines if "evidence" in line.detail] == [
        ("download", str(recording))
    ]


async def test_before_it_is_signed_it_says_so(world: World, open_browser: NewBrowser) -> None:
    recording = world.recording(world.ids["anna"])
    answer = await (await open_browser("anna")).get(f"/api/v1/recordings/{recording}/evidence")
    assert answer.status == 409
    assert "within a minute" in answer.json()["detail"]


async def test_a_recording_in_progress_has_none(
    world: World, key: SigningKey, open_browser: NewBrowser
) -> None:
    recording = world.recording(world.ids["anna"], stored=False)
    answer = await (await open_browser("anna")).get(f"/api/v1/recordings/{recording}/evidence")
    assert answer.status == 409


async def test_who_may_not_hear_it_gets_nothing(
    world: World, key: SigningKey, open_browser: NewBrowser
) -> None:
    recording = world.recording(world.ids["bo"])
    signed(world, key, recording)
    for login, status in (("bo", 404), ("anna", 404), ("admin-other", 404), ("admin-acme", 200)):
        browser = await open_browser(login)
        assert (await browser.get(f"/api/v1/recordings/{recording}/evidence")).status == status, login


async def test_of_a_file_that_is_gone_no_archive_is_begun(
    world: World, key: SigningKey, open_browser: NewBrowser
) -> None:
    recording = world.recording(world.ids["anna"])
    signed(world, key, recording)
    world.change(models.Recording, recording, vault_key="gone.ogg")
    anna = await open_browser("anna")
    answer = await anna.get(f"/api/v1/recordings/{recording}/evidence")
    assert answer.status == 500
    assert "cannot be read from the vault" in answer.json()["detail"]


async def test_the_keys_are_public(world: World, key: SigningKey, open_browser: NewBrowser) -> None:
    answer = await (await open_browser()).get("/api/v1/evidence/keys")
    assert answer.status == 200
    assert [(one["id"], one["pem"]) for one in answer.json()["keys"]] == [(key.public.id, key.public.pem)]


async def an_auditor(world: World, open_browser: NewBrowser) -> Browser:
    organisation = world.store.read_now(models.User.get_by_id, world.ids["anna"]).organisation_id
    world.user("aud", organisation, role="auditor", mode="never")
    return await open_browser("aud")


async def test_an_auditor_has_the_proof_without_the_audio(
    world: World, key: SigningKey, open_browser: NewBrowser, tmp_path: Path
) -> None:
    recording = world.recording(world.ids["anna"])
    address = f"/api/v1/evidence/recordings/{recording}"
    auditor = await an_auditor(world, open_browser)
    assert (await auditor.get(address)).status == 409
    assert (await auditor.get(f"/api/v1/evidence/recordings/{uuid4()}")).status == 404
    signed(world, key, recording)
    answer = await auditor.get(address)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/zip")
    path = tmp_path / "proof.zip"
    path.write_bytes(answer.body)
    verdicts = bundle.check(path, [key.public])
    assert [one.ok for one in verdicts] == [True] * 5
    assert "There is no audio in it" in verdicts[0].text
    with zipfile.ZipFile(path) as zipped:
        zipped.extractall(tmp_path / "proof")
    script = str(tmp_path / "proof" / "verify.sh")
    ran = await asyncio.to_thread(subprocess.run, ["bash", script], capture_output=True, text=True)
    assert (ran.returncode, "note: the audio is not here" in ran.stdout) == (0, True), ran.stdout
    (line,) = [
        one
        for one in world.store.read_now(lambda: list(models.AuditLine.select()))
        if one.action == "download"
    ]
    assert (line.subject, '"audio":false' in line.detail.replace(" ", "")) == (str(recording), True)


async def test_heads_are_the_organisations_own(
    world: World, key: SigningKey, open_browser: NewBrowser
) -> None:
    signed(world, key, world.recording(world.ids["anna"]))
    found = (await (await open_browser("admin-acme")).get("/api/v1/evidence")).json()
    assert [one["size"] for one in found["heads"]] == [1]
    page = await (await an_auditor(world, open_browser)).get("/evidence")
    assert found["heads"][0]["told"] in page.text
    assert (await (await open_browser("admin-other")).get("/api/v1/evidence")).json()["heads"] == []
    other = await (await open_browser("admin-other")).get("/evidence")
    assert "Nothing is signed yet" in other.text


async def test_when_a_head_was_stamped_and_by_whom(
    world: World, key: SigningKey, authority: Authority, open_browser: NewBrowser, tmp_path: Path
) -> None:
    recording = world.recording(world.ids["anna"])
    signed(world, key, recording)
    auditor = await an_auditor(world, open_browser)
    assert "No authority outside has stamped" in (await auditor.get("/evidence")).text
    (before,) = (await auditor.get("/api/v1/evidence")).json()["heads"]
    assert before["stamp"] is None
    ((head, _),) = world.store.read_now(evidence.heads, COMMAND_LINE, 1)
    kept = stamp(world.store, authority, head, NOON)
    (found,) = (await auditor.get("/api/v1/evidence")).json()["heads"]
    assert found["stamp"]["authority"] == authority.name
    assert datetime.fromisoformat(found["stamp"]["at"]) == kept.at
    assert found["stamp"]["told"] == kept.told
    assert base64.b64decode(found["stamp"]["response"]) == kept.response
    assert found["stamp"]["authorities"] == authority.authorities.pem
    page = (await auditor.get("/evidence")).text
    assert f'<time datetime="{kept.at.isoformat()}">' in page
    assert f"<bdi>{authority.name}</bdi>" in page
    assert "an authority outside has stamped" in page
    other = await open_browser("admin-other")
    assert authority.name not in (await other.get("/evidence")).text
    path = tmp_path / "proof.zip"
    path.write_bytes((await auditor.get(f"/api/v1/evidence/recordings/{recording}")).body)
    verdicts = bundle.check(path, [key.public], authority.authorities)
    assert ([one.ok for one in verdicts], authority.name in verdicts[-1].text) == ([True] * 6, True)


async def test_stamps_in_swedish(
    world: World, key: SigningKey, authority: Authority, open_browser: NewBrowser
) -> None:
    signed(world, key, world.recording(world.ids["anna"]))
    ((head, _),) = world.store.read_now(evidence.heads, COMMAND_LINE, 1)
    stamp(world.store, authority, head, NOON)
    organisation = world.store.read_now(models.User.get_by_id, world.ids["anna"]).organisation_id
    world.change(models.Organisation, organisation, language="sv")
    page = (await (await open_browser("admin-acme")).get("/evidence")).text
    assert "Tidsstämplat" in page
    assert f"av <bdi>{authority.name}</bdi>" in page
    assert "har en utomstående utfärdare stämplat" in page
