"""Recordings lie encrypted: nothing of them is to be found, every change is; keys are changed in place."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import signal
import stat
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from ari_recorder import config, safes
from ari_recorder.errors import KeyMissing, SettingsError, StoreError, VaultError
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import catalogue, models, verify
from ari_recorder.store.audit import Action
from ari_recorder.store.database import Store
from ari_recorder.store.safe import Place, Safe
from ari_recorder.store.sealing import keyring
from ari_recorder.store.sealing.keyring import Keyring
from ari_recorder.store.sealing.master import Source
from ari_recorder.store.sealing.streaming import NotAsKept
from ari_recorder.store.vault import LocalVault
from ari_recorder.store.verify import Kind

from .. import forked
from .build import BEGIN, BY, add_organisation, add_user, finish, recorded_call, safe_in

AUDIO = b"RIFF of somebody's voice " * 10_000


@dataclass
class World:
    """Two recordings of an organisation and one of another, with different audio."""

    store: Store
    folder: Path
    recordings: list[UUID]

    @property
    def safe(self) -> Safe:
        """As a program that has just been started sees it."""
        return safe_in(self.store, self.folder)

    @property
    def keys(self) -> Keyring:
        return safes.keyring(self.settings(), self.store, lambda: BEGIN)

    def settings(self, **others: object) -> config.Vault:
        values = {"path": self.folder / "vault", "key_file": self.folder / "master.key"}
        return config.Vault(**(values | others))  # type: ignore[arg-type]

    def place(self, number: int = 0) -> Place:
        found = self.store.read_now(catalogue.recording, COMMAND_LINE, self.recordings[number]).place
        assert found is not None
        return found

    def file(self, number: int = 0) -> Path:
        return self.folder / "vault" / self.place(number).key

    def change(self, number: int, **values: object) -> None:
        which = models.Recording.id == self.recordings[number]
        assert self.store.write_now(models.Recording.update(**values).where(which).execute) == 1

    def findings(self) -> list[tuple[Kind, str]]:
        found = verify.verify(self.store, self.safe, now=BEGIN).damage
        return [(Kind(one.kind), one.subject) for one in found]

    def assert_all_are_heard(self) -> None:
        for number in range(len(self.recordings)):
            assert b"".join(self.safe.read(self.place(number))).startswith(AUDIO)
        assert self.findings() == []


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    anna, bo = add_user(store, "101"), add_user(store, "102")
    other = add_user(store, "103", organisation=store.write_now(add_organisation, "Other"))
    made = []
    for user in (anna, bo, other):
        recorded_call(store, user)
        made += finish(store, safe_in(store, tmp_path), tmp_path, audio=AUDIO + user.id.bytes)
    for scratch in tmp_path.glob("*.opus"):
        scratch.unlink()
    return World(store, tmp_path, made)


def test_what_is_kept_is_given_back_whole_and_in_part(world: World) -> None:
    world.assert_all_are_heard()
    for offset, length in ((0, 0), (0, 1), (65_000, 2_000), (200_000, None), (len(AUDIO) + 100, 5)):
        end = None if length is None else offset + length
        whole = b"".join(world.safe.read(world.place()))
        assert b"".join(world.safe.read(world.place(), offset, length)) == whole[offset:end]


def test_nothing_of_the_audio_or_of_a_key_lies_anywhere(world: World, store_url: str) -> None:
    master = (world.folder / "master.key").read_bytes().strip()
    secret = world.keys.open(world.place().lock, world.recordings[0])  # type: ignore[arg-type]
    sought = (AUDIO[:20], master, base64.b64decode(master), secret, base64.b64encode(secret))
    files = [path for path in world.folder.rglob("*") if path.is_file() and path.name != "master.key"]
    assert sum(path.suffix == ".aead" for path in files) == 3
    for path in files:
        content = path.read_bytes()
        assert not [text for text in sought if text in content], path
    rows = world.store.read_now(lambda: str(list(models.Recording.select().dicts())))
    assert str(world.place().lock.wrapped) in rows  # type: ignore[union-attr]
    assert not [text for text in sought if repr(text)[2:-1] in rows]


def test_the_master_key_is_its_owners_alone_and_stays(world: World) -> None:
    path = world.folder / "master.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    world.safe.probe()
    assert path.read_bytes() == before


def test_every_changed_byte_is_found_and_named(world: World) -> None:
    whole = world.file().read_bytes()
    for place in (0, 1, 33, 40, 100, 65_536, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1
        world.file().write_bytes(changed)
        assert world.findings() == [(Kind.CHANGED, str(world.recordings[0]))], place
    for changed in (whole[:-1], whole + b"x", b"", whole[:65_536]):
        world.file().write_bytes(changed)
        assert world.findings() == [(Kind.CHANGED, str(world.recordings[0]))]
    world.file().write_bytes(whole)
    assert world.findings() == []


def test_two_files_that_change_places_are_found(world: World) -> None:
    one, other = world.file(0), world.file(1)
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    found = world.findings()
    assert sorted(found) == sorted((Kind.CHANGED, str(one)) for one in world.recordings[:2])


@pytest.mark.parametrize("column", ["sha256", "stored_sha256", "wrapped_key"])
def test_a_changed_row_is_found(world: World, column: str) -> None:
    row = world.store.read_now(models.Recording.get_by_id, world.recordings[0])
    was = getattr(row, column)
    world.change(0, **{column: was[:5] + ("0" if was[5] != "0" else "1") + was[6:]})
    assert world.findings() == [(Kind.CHANGED, str(world.recordings[0]))]


def test_a_row_that_has_anothers_key_opens_nothing(world: World) -> None:
    theirs = world.place(1).lock
    assert theirs is not None
    world.change(0, wrapped_key=theirs.wrapped, organisation_key=theirs.organisation_key)
    with pytest.raises(
        NotAsKept, match=f"the key of the recording {world.recordings[0]} is not as it was kept"
    ):
        world.safe.read(world.place(0))


def test_what_is_not_read_back_as_it_was_is_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.replace

    def and_rot(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        with moved.open("r+b") as file:
            file.seek(100)
            file.write(b"X" * 20)
        return moved

    monkeypatch.setattr(Path, "replace", and_rot)
    source = world.folder / "source"
    source.write_bytes(AUDIO)
    organisation = world.store.read_now(catalogue.recording, COMMAND_LINE, world.recordings[0]).organisation
    with pytest.raises(VaultError):
        world.safe.keep(organisation, UUID(int=1), "x", source)


def test_what_was_stored_before_there_was_encryption_is_still_heard(world: World) -> None:
    LocalVault(world.folder / "vault").put("old.ogg", [AUDIO])
    plain = {"organisation_key": None, "wrapped_key": None, "stored_sha256": None, "stored_bytes": None}
    row = world.store.read_now(models.Recording.get_by_id, world.recordings[0])
    world.file().unlink()
    world.change(
        0, vault_key="old.ogg", sha256=hashlib.sha256(AUDIO).hexdigest(), size_bytes=len(AUDIO), **plain
    )
    assert row.stored_bytes > row.size_bytes
    world.assert_all_are_heard()
    (world.folder / "vault/old.ogg").write_bytes(AUDIO[:-1] + b"?")
    assert world.findings() == [(Kind.CHANGED, str(world.recordings[0]))]


# The master key


def test_a_missing_master_key_is_named_and_not_made_anew(world: World) -> None:
    path = world.folder / "master.key"
    path.rename(world.folder / "elsewhere")
    with pytest.raises(KeyMissing, match=rf"no master key in {re.escape(str(path))}. Restore it"):
        world.safe.probe()
    assert {kind for kind, _ in world.findings()} == {Kind.LOCKED}
    assert not path.exists()


def test_another_master_key_is_told_apart(world: World) -> None:
    needed = world.keys.told().needed
    (world.folder / "master.key").write_bytes(base64.b64encode(secrets.token_bytes(32)))
    with pytest.raises(KeyMissing, match=f"The master key {needed[0]} is needed"):
        world.safe.read(world.place())
    assert {kind for kind, _ in world.findings()} == {Kind.LOCKED}


def test_another_master_key_wraps_nothing(world: World) -> None:
    """What it wrapped would open nothing once the right one is back, and encrypt from then on."""
    path = world.folder / "master.key"
    right, needed = path.read_bytes(), world.keys.told().needed
    new = world.store.write_now(add_organisation, "New")
    old = world.store.read_now(models.Recording.get_by_id, world.recordings[0]).organisation_id
    path.write_bytes(wrong := base64.b64encode(secrets.token_bytes(32)))
    for change in (
        lambda: world.keys.change_master(BY),
        lambda: world.keys.change_organisation(old, BY),
        lambda: world.keys.new(new, models.new_id()),
    ):
        with pytest.raises(KeyMissing, match=f"The master key {needed[0]} is needed"):
            change()
    assert path.read_bytes() == wrong
    path.write_bytes(right)
    assert world.keys.told().needed == needed
    world.safe.probe()
    world.assert_all_are_heard()


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(b"31" * 15).decode(), "ä" * 44, "\0"])
def test_what_is_no_key_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(text)
    with pytest.raises(KeyMissing, match=r"no master key|cannot be read"):
        Keyring(None, Source(path), lambda: BEGIN)._read_masters()  # type: ignore[arg-type]


def test_the_key_may_be_a_setting_or_told_by_a_command(world: World) -> None:
    path = world.folder / "master.key"
    text = path.read_text()
    path.rename(world.folder / "elsewhere")
    for others in ({"key": text.strip()}, {"key_command": f"cat '{world.folder}/elsewhere'"}):
        safe = safes.safe(world.settings(**others), world.store, lambda: BEGIN)
        safe.probe()
        assert b"".join(safe.read(world.place())).startswith(AUDIO)


@pytest.mark.parametrize(("command", "why"), [("false", "exit status 1"), ("/no/such/kms", "No such file")])
def test_a_command_that_does_not_tell_it_is_told(world: World, command: str, why: str) -> None:
    safe = safes.safe(world.settings(key_command=command), world.store, lambda: BEGIN)
    with pytest.raises(KeyMissing, match=rf"told by vault.key_command \({command}\).*{why}"):
        safe.read(world.place())


def test_a_command_that_is_none_is_told(world: World) -> None:
    settings = world.settings(key_command='cat "master')
    with pytest.raises(SettingsError, match=r"vault\.key_command is no command"):
        safes.safe(settings, world.store, lambda: BEGIN)


# Changing keys


def lines(world: World) -> list[tuple[str, str]]:
    rows = world.store.read_now(lambda: list(models.AuditLine.select().order_by(models.AuditLine.id)))
    return [(row.action, row.subject_kind) for row in rows if row.subject_kind.endswith("_key")]


def test_the_master_key_is_changed_and_no_audio_is_written(world: World) -> None:
    path, running = world.folder / "master.key", world.safe
    before, files = path.read_text(), [world.file(number).read_bytes() for number in range(3)]
    assert b"".join(running.read(world.place()))
    assert world.keys.change_master(BY) == 2
    now = path.read_text().split()
    assert now[1:] == before.split()
    world.assert_all_are_heard()
    assert world.keys.forget_masters() == 1
    assert path.read_text().split() == now[:1]
    world.assert_all_are_heard()
    assert b"".join(running.read(world.place(2)))  # one that has been running all the time
    assert [world.file(number).read_bytes() for number in range(3)] == files
    path.write_text(before)
    with pytest.raises(KeyMissing, match="is needed"):
        world.safe.read(world.place())
    assert lines(world) == [(Action.CHANGE, "master_key")]


def test_a_former_master_key_that_is_needed_is_not_forgotten(world: World) -> None:
    path = world.folder / "master.key"
    path.write_text(base64.b64encode(secrets.token_bytes(32)).decode() + "\n" + path.read_text())
    with pytest.raises(KeyMissing, match="still needed"):
        world.keys.forget_masters()
    world.assert_all_are_heard()


def test_a_change_of_the_master_key_that_was_interrupted_is_done_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(Exception):
        pass

    def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(keyring, "_wrap_anew", die)
        with pytest.raises(Died):
            world.keys.change_master(BY)
    world.assert_all_are_heard()
    world.keys.change_master(BY)
    assert world.keys.forget_masters() == 2
    world.assert_all_are_heard()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "BATCH", 1)


@pytest.mark.usefixtures("small_batches")
def test_an_organisations_key_is_changed_and_the_former_goes(world: World) -> None:
    locks = [world.place(number).lock for number in range(3)]
    organisation = world.store.read_now(catalogue.recording, COMMAND_LINE, world.recordings[0]).organisation
    told: list[int] = []
    assert world.keys.change_organisation(organisation, BY, told.append) == 2
    assert told == [1, 2]
    now = [world.place(number).lock for number in range(3)]
    assert now[2] == locks[2]
    assert {lock.organisation_key for lock in now[:2]}.isdisjoint({lock.organisation_key for lock in locks})  # type: ignore[union-attr]
    world.assert_all_are_heard()
    assert world.store.read_now(models.OrganisationKey.select().count) == 2
    assert lines(world) == [(Action.CHANGE, "organisation_key")]


@pytest.mark.usefixtures("small_batches")
def test_a_change_of_an_organisations_key_that_was_interrupted_is_gone_on_with(world: World) -> None:
    organisation = world.store.read_now(catalogue.recording, COMMAND_LINE, world.recordings[0]).organisation

    def die(_: int) -> None:
        raise StoreError("died")

    with pytest.raises(StoreError):
        world.keys.change_organisation(organisation, BY, die)
    world.assert_all_are_heard()
    assert world.keys.change_organisation(organisation, BY) == 2
    world.assert_all_are_heard()
    assert world.store.read_now(models.OrganisationKey.select().count) == 2


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from ari_recorder import config, safes
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import catalogue
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.database import Store
from ari_recorder.store.sealing import keyring

url, folder, recording, what, when, left = sys.argv[1:]
store, left = Store(url), int(left)
vault = config.Vault(path=Path(folder) / "vault", key_file=Path(folder) / "master.key")
keys = safes.keyring(vault, store, lambda: datetime(2026, 3, 2, tzinfo=UTC))
by = Actor(ActorKind.COMMAND_LINE, "root", "root")
keyring.BATCH = 1
write = store.write_now

def counted(*given, **more):
    global left
    left -= 1
    if left == 0 and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    found = write(*given, **more)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return found

store.write_now = counted
if what == "master":
    keys.change_master(by)
    keys.forget_masters()
else:
    row = store.read_now(catalogue.recording, COMMAND_LINE, UUID(recording))
    keys.change_organisation(row.organisation, by)
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", ["master", "organisation"])
def test_killed_at_any_write_of_a_change_of_keys_all_are_heard(world: World, what: str, when: str) -> None:
    killed, died = 0, True
    while died:
        given = (world.store.url, str(world.folder), str(world.recordings[0]), what, when, str(killed + 1))
        ended = forked.run(KILLED, *given)
        assert ended in (0, -signal.SIGKILL)
        died = ended != 0
        killed += died
        world.assert_all_are_heard()
    assert killed >= {"master": 1, "organisation": 2}[what]


def test_what_a_running_recorder_keeps_meanwhile_is_openable(world: World) -> None:
    running = world.safe
    recorded_call(world.store, add_user(world.store, "104"))
    world.keys.change_organisation(
        world.store.read_now(catalogue.recording, COMMAND_LINE, world.recordings[0]).organisation, BY
    )
    world.recordings += finish(world.store, running, world.folder, audio=AUDIO)
    world.assert_all_are_heard()
