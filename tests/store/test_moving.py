"""Recordings are moved to another vault while both are read from; killed anywhere, nothing is lost."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ari_recorder import config, safes
from ari_recorder.delivery import moving as delivery_moving
from ari_recorder.delivery.process import DeliveryContext
from ari_recorder.errors import SettingsError, VaultAway
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import catalogue, finishing, models, moving, vault_rows, verify
from ari_recorder.store.database import Store
from ari_recorder.store.moving import Mover
from ari_recorder.store.safe import Place, Safe
from ari_recorder.store.vault import FIRST, MARKER, LocalVault
from ari_recorder.store.verify import Kind, Report

from .. import forked
from ..s3 import KEY, S3, Proxy, Request
from .build import BEGIN, add_user, finish, recorded_call

AUDIO = b"RIFF of somebody's voice " * 10_000
MANY = 3


@dataclass
class World:
    """Recordings in a folder, and where they are to go."""

    store: Store
    folder: Path
    recordings: list[UUID]
    url: str = ""
    path: str = "vault"

    def settings(self) -> config.Vault:
        return config.Vault(
            path=self.folder / self.path, key_file=self.folder / "master.key", url=self.url,
            access_key=KEY.id, secret_key=KEY.secret,
        )  # fmt: skip

    @property
    def safe(self) -> Safe:
        """As a program that has just been started with the settings sees it."""
        return safes.safe(self.settings(), self.store, lambda: BEGIN)

    def mover(self, now: datetime = BEGIN) -> Mover:
        return Mover(self.store, self.safe, lambda: now)

    def place(self, number: int) -> Place:
        found = self.store.read_now(catalogue.recording, COMMAND_LINE, self.recordings[number]).place
        assert found is not None
        return found

    def record(self, number: str) -> None:
        recorded_call(self.store, add_user(self.store, number))
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        self.recordings += finish(self.store, self.safe, scratch, audio=AUDIO + number.encode())

    def report(self) -> Report:
        return verify.verify(self.store, self.safe, now=BEGIN)

    def heard(self) -> None:
        """Each can be played, wherever it lies."""
        for number in range(len(self.recordings)):
            assert b"".join(self.safe.read(self.place(number))).startswith(AUDIO)

    def sound(self) -> Report:
        self.heard()
        report = self.report()
        assert report.damage == []
        return report

    def files(self, vault: str = "vault") -> list[Path]:
        return [one for one in (self.folder / vault).rglob("*.aead*") if one.is_file()]

    def everywhere(self) -> list[str]:
        """The keys in all vaults."""
        vaults = (vault.keys() for _, vault in self.safe.vaults.used())
        return [key for keys in vaults for key in keys]

    def row(self, number: int) -> Any:
        return self.store.read_now(models.Recording.get_by_id, self.recordings[number])


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    made = World(store, tmp_path, [])
    for number in range(MANY):
        made.record(f"10{number}")
    return made


@pytest.fixture
def proxy(s3_store: S3) -> Iterator[Proxy]:
    made = Proxy(s3_store)
    yield made
    made.close()


@pytest.fixture(params=["folder", "s3"])
def elsewhere(request: pytest.FixtureRequest, world: World) -> Callable[[], None]:
    """Change the settings to another vault, of either kind."""
    if request.param == "folder":

        def change() -> None:
            world.path = "other"
    else:
        s3: S3 = request.getfixturevalue("s3_store")
        address = s3.address(s3.bucket(), "acme")

        def change() -> None:
            world.url = address

    return change


Elsewhere = Callable[[], None]


def test_after_a_change_new_ones_go_there_and_old_ones_are_played_from_where_they_are(
    world: World, elsewhere: Elsewhere
) -> None:
    elsewhere()
    world.sound()
    world.record("200")
    assert world.place(3).vault != world.place(0).vault
    assert len(world.files()) == MANY
    report = world.sound()
    assert (report.recordings, report.files, report.open) == (MANY + 1, MANY + 1, [])
    assert world.store.read_now(vault_rows.elsewhere, world.safe.vaults.settle()) == MANY


def test_all_are_moved_as_they_are_and_nothing_stays(world: World, elsewhere: Elsewhere) -> None:
    before = [world.row(number) for number in range(MANY)]
    elsewhere()
    world.record("200")
    moved = world.mover().run()
    assert (moved.recordings, moved.failed, moved.gone) == (MANY, {}, 0)
    assert moved.size_bytes == sum(row.stored_bytes for row in before)
    assert world.files() == []
    report = world.sound()
    assert (report.files, report.open) == (MANY + 1, [])
    assert [world.row(n).stored_sha256 for n in range(MANY)] == [row.stored_sha256 for row in before]
    assert world.store.read_now(vault_rows.moving) == 0
    assert world.mover().run().recordings == 0


def test_back_again(world: World, elsewhere: Elsewhere) -> None:
    where = world.place(0).vault
    elsewhere()
    world.mover().run()
    assert world.place(0).vault != where
    world.url, world.path = "", "vault"
    assert world.mover().run().recordings == MANY
    assert {world.place(number).vault for number in range(MANY)} == {where}
    assert len(world.files()) == MANY
    world.sound()


def test_recordings_of_before_there_could_be_several_are_moved(world: World, s3_store: S3) -> None:
    """Their rows name no vault, and the mark of theirs does not say which it is."""
    which = models.Recording.vault.is_null(False)
    world.store.write_now(models.Recording.update(vault=None).where(which).execute)
    world.store.write_now(models.VaultPlace.delete().execute)
    (world.folder / "vault" / MARKER).write_text("as it was")
    world.sound()
    world.url = s3_store.address(s3_store.bucket())
    world.sound()
    assert world.place(0).vault == FIRST
    assert world.mover().run().recordings == MANY
    assert world.files() == []
    world.sound()


def test_a_vault_whose_folder_was_moved_is_the_same(world: World) -> None:
    (world.folder / "vault").rename(world.folder / "moved")
    world.path = "moved"
    world.sound()
    world.record("200")
    assert {world.place(number).vault for number in range(4)} == {world.place(0).vault}
    world.sound()


def test_who_asks_while_another_finds_out_which_vault_it_is_gets_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When many play recordings right after a start."""
    safe, place = world.safe, world.place(0)
    looking, asked = threading.Event(), threading.Event()
    look, address = LocalVault.look, vault_rows.address

    def looks(vault: LocalVault) -> UUID | None:
        looking.set()
        assert asked.wait(60)
        return look(vault)

    def asks(vault: UUID) -> str | None:
        asked.set()
        first.result(60)
        return address(vault)

    monkeypatch.setattr(LocalVault, "look", looks)
    monkeypatch.setattr(vault_rows, "address", asks)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: b"".join(safe.read(place)))
        assert looking.wait(60)
        assert b"".join(safe.read(place)) == first.result()


def test_an_older_vault_that_was_moved_is_said_to_be_elsewhere(world: World, elsewhere: Elsewhere) -> None:
    elsewhere()
    world.record("200")
    (world.folder / "vault").rename(world.folder / "moved")
    assert {one.kind for one in world.report().damage} == {Kind.MISSING}
    with pytest.raises(VaultAway, match="ari-recorder vault found ADDRESS"):
        world.mover().run()
    with pytest.raises(SettingsError, match="No vault of this catalogue is at"):
        world.safe.vaults.found(str(world.folder))
    world.safe.vaults.found(str(world.folder / "moved"))
    world.sound()
    assert world.mover().run().recordings == MANY


def test_nothing_is_taken_for_removed_where_another_vault_is_mounted(
    world: World, elsewhere: Elsewhere
) -> None:
    place = world.place(0)
    elsewhere()
    world.record("200")
    (world.folder / "vault").rename(world.folder / "moved")
    LocalVault(world.folder / "vault").probe()
    with pytest.raises(VaultAway, match="is not at"):
        world.safe.remove(place)
    (world.folder / "vault" / MARKER).unlink()
    with pytest.raises(VaultAway):
        world.safe.remove(place)


# Killed at each step


STEPS = ("begun", "put", "read_back", "committed", "removed", "finished")

KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from ari_recorder import config, safes
from ari_recorder.store import moving, vault_rows, s3
from ari_recorder.store.database import Store
from ari_recorder.store.s3.vault import S3Vault
from ari_recorder.store.vault import LocalVault

store_url, path, key_file, url, access_key, secret_key, step, now = sys.argv[1:]

def after(owner, name, when):
    real = getattr(owner, name)
    def done(*given, **more):
        found = real(*given, **more)
        if when == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    setattr(owner, name, done)

for vault in (LocalVault, S3Vault):
    after(vault, "put", "put")
    after(vault, "digest", "read_back")
    after(vault, "remove", "removed")
write_now = Store.write_now
STEP = {"begin": "begun", "commit": "committed", "finish": "finished"}
def written(self, work, *given, **more):
    found = write_now(self, work, *given, **more)
    if STEP.get(getattr(work, "__name__", "")) == step:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
Store.write_now = written
if step == "half_put":
    def half(blocks):
        for block in blocks:
            yield block
            os.kill(os.getpid(), signal.SIGKILL)
    for vault in (LocalVault, S3Vault):
        def put(self, key, blocks, until=None, real=vault.put):
            return real(self, key, half(blocks), until)
        vault.put = put

store = Store(store_url)
keys = {"access_key": access_key, "secret_key": secret_key}
settings = config.Vault(path=Path(path), key_file=Path(key_file), url=url, **keys)
at = datetime.fromisoformat(now)
moving.Mover(store, safes.safe(settings, store, lambda: at), lambda: at).run()
"""


def killed_at(world: World, step: str, now: datetime) -> None:
    settings = world.settings()
    keys = settings.access_key, settings.secret_key
    given = world.store.url, str(settings.path), str(settings.key_file), settings.url, *keys
    assert forked.run(KILLED, *given, step, now.isoformat()) == -signal.SIGKILL, step


@pytest.mark.parametrize("step", [*STEPS, "half_put"])
def test_killed_at_any_step_everything_is_heard_and_the_next_finishes_it(
    world: World, elsewhere: Elsewhere, step: str
) -> None:
    elsewhere()
    killed_at(world, step, BEGIN)
    report = world.sound()
    assert {one.kind for one in report.open} <= {Kind.MOVING}
    if step in ("put", "read_back", "committed"):
        assert [one.kind for one in report.open] == [Kind.MOVING], "it lies in both, and that is said"
    later = BEGIN + moving.HELD * 2
    moved = world.mover(later).run()
    assert moved.failed == {}
    assert world.files() == []
    report = world.sound()
    assert (report.files, report.open) == (MANY, [])
    assert world.store.read_now(vault_rows.moving) == 0


def test_killed_again_and_again_it_comes_to_an_end(world: World, elsewhere: Elsewhere) -> None:
    elsewhere()
    now = BEGIN
    for step in ("committed", "put", "removed"):
        killed_at(world, step, now)
        world.sound()
        now += moving.HELD * 2
    world.mover(now).run()
    assert world.files() == []
    world.sound()


def test_what_somebody_else_has_in_hand_is_left_to_them(world: World, elsewhere: Elsewhere) -> None:
    elsewhere()
    killed_at(world, "begun", BEGIN)
    assert world.mover().run().recordings == 0
    assert len(world.files()) == MANY
    assert world.mover(BEGIN + moving.HELD * 2).finish_begun().recordings == MANY
    assert world.files() == []


async def test_the_deliveries_process_goes_on_with_it(
    world: World, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_moving, "LOOKED_S", 0.01)
    elsewhere()
    killed_at(world, "committed", BEGIN)
    context = DeliveryContext(world.store, world.safe, lambda: BEGIN + moving.HELD * 2)
    task = asyncio.create_task(delivery_moving.run(context))
    async with asyncio.timeout(60):
        while world.store.read_now(vault_rows.moving):
            await asyncio.sleep(0.01)
    task.cancel()
    assert world.files() == []
    world.sound()


# Beside disposal, damage and a store that fails


def remove_row(recording: UUID) -> None:
    models.Segment.delete().where(models.Segment.recording == recording).execute()
    models.Recording.delete().where(models.Recording.id == recording).execute()


@pytest.mark.parametrize("step", STEPS)
def test_of_what_is_disposed_of_meanwhile_nothing_stays_anywhere(
    world: World, elsewhere: Elsewhere, step: str
) -> None:
    """Disposal removes the file where the row says that it is, and the row."""
    elsewhere()
    killed_at(world, step, BEGIN)
    gone = world.recordings.pop(0)
    place = world.store.read_now(catalogue.recording, COMMAND_LINE, gone).place
    assert place is not None
    world.safe.remove(place)
    world.store.write_now(remove_row, gone)
    report = world.report()
    assert [one for one in report.damage if one.kind is Kind.STRAY] == []
    world.mover(BEGIN + moving.HELD * 2).run()
    assert world.files() == []
    assert [key for key in world.everywhere() if str(gone) in key] == []
    assert len(world.recordings) == MANY - 1
    world.heard()


def test_what_is_about_to_be_disposed_of_is_not_moved(world: World, elsewhere: Elsewhere) -> None:
    elsewhere()
    which = models.Recording.id == world.recordings[0]
    world.store.write_now(models.Recording.update(state="disposing").where(which).execute)
    moved = world.mover().run()
    assert moved.recordings == MANY - 1
    assert len(world.files()) == 1


def test_what_is_damaged_stays_where_it_is_and_is_told(world: World, elsewhere: Elsewhere) -> None:
    damaged = world.folder / "vault" / world.place(1).key
    sealed = damaged.read_bytes()
    damaged.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    elsewhere()
    moved = world.mover().run()
    assert moved.recordings == MANY - 1
    assert list(moved.failed) == [world.recordings[1]]
    assert "is not as it was sealed: it is left where it is" in moved.failed[world.recordings[1]]
    assert world.files() == [damaged]
    assert world.everywhere().count(world.place(1).key) == 1
    assert {(one.kind, one.subject) for one in world.report().damage} == {
        (Kind.CHANGED, str(world.recordings[1]))
    }


def is_put(request: Request) -> bool:
    return request.method == "PUT" and not request.is_mark


@pytest.mark.parametrize("fault", ["rot", "forget"])
def test_a_store_that_lies_about_what_it_keeps_is_found_out_before_anything_goes(
    world: World, s3_store: S3, proxy: Proxy, fault: str
) -> None:
    world.url = s3_store.address(s3_store.bucket(), endpoint=proxy.endpoint)
    proxy.times(1, fault, is_put)
    moved = world.mover().run()
    assert (moved.recordings, len(moved.failed)) == (MANY - 1, 1)
    assert len(world.files()) == 1
    world.sound()
    assert world.mover(BEGIN + moving.HELD * 2).run().recordings == 1
    assert world.files() == []
    world.sound()


def test_a_store_that_goes_away_meanwhile_is_told_and_gone_on_with(
    world: World, s3_store: S3, proxy: Proxy
) -> None:
    world.url = s3_store.address(s3_store.bucket(), endpoint=proxy.endpoint)
    puts = iter(range(10))
    proxy.fault = lambda request: "403 AccessDenied" if is_put(request) and next(puts) >= 1 else None
    mover = world.mover()
    with pytest.raises(VaultAway, match="access is denied"):
        mover.run()
    assert mover.moved.recordings == 1
    world.sound()
    proxy.fault = lambda _: None
    assert world.mover(BEGIN + moving.HELD * 2).run().recordings == MANY - 1
    world.sound()


def test_moved_into_a_bucket_with_object_lock_it_is_held_for_as_long_as_it_is_kept(
    world: World, s3_store: S3
) -> None:
    bucket = s3_store.bucket(lock=True)
    world.url = s3_store.address(bucket)
    world.mover().run()
    until = world.store.read_now(finishing.kept_until, world.recordings[0])
    assert until == world.row(0).started_at + timedelta(days=180)
    if until > datetime.now(until.tzinfo):
        found = s3_store.client().head_object(Bucket=bucket, Key=world.place(0).key)
        assert found["ObjectLockRetainUntilDate"] == until


def test_nothing_of_the_audio_or_of_a_key_is_in_the_bucket(world: World, s3_store: S3) -> None:
    bucket = s3_store.bucket()
    world.url = s3_store.address(bucket)
    world.record("200")
    world.mover().run()
    objects = s3_store.objects(bucket)
    assert len(objects) == MANY + 2
    master = (world.folder / "master.key").read_bytes().strip()
    for key, content in objects.items():
        for sought in (AUDIO[:20], b"OggS\0\2", b"fLaC\0\0\0", master, KEY.secret.encode()):
            assert sought not in content, key
