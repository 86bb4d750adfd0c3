"""``ari-recorder backup`` and ``restore``: what comes back, and what must not."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from ari_recorder.errors import SettingsError
from ari_recorder.policies.retention import Rule
from ari_recorder.store import audit_key, disposal, evidence, models, since, tree_heads
from ari_recorder.store.database import Store
from ari_recorder.store.disposal import Why

from ..asterisk.test_failures import small_disk
from ..conftest import PostgreSQL
from ..store.build import BEGIN, BY, add_user, finish, recorded_call, safe_in
from .conftest import Command

NOW = datetime(2026, 3, 3, tzinfo=UTC)


@dataclass
class World:
    """The command's catalogue, with recordings in it, on either database."""

    command: Command
    url: str
    place: Path
    other: str
    """Where the catalogue is put back to, or moved away to."""

    def record(self, *numbers: str) -> list[UUID]:
        store = Store(self.url)
        for number in numbers:
            recorded_call(store, add_user(store, number))
        scratch = self.place / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        made = finish(store, safe_in(store, self.place), scratch)
        store.close()
        return made

    def backup(self) -> Path:
        said = self.command("backup", str(self.place / "backups"))
        assert (said.code, said.err) == (0, "")
        return Path(re.findall(r"^(\S+): [\d.]+ MB, SHA-256 [0-9a-f]{64}\.$", said.out, re.M)[0])

    def states(self, url: str = "") -> dict[UUID, str]:
        store = Store(url or self.url)
        found = store.read_now(lambda: {row.id: row.state for row in models.Recording.select()})
        store.close()
        return found

    def away(self) -> str:
        """The catalogue is not where it was; its address now."""
        if self.url.startswith("sqlite"):
            path = Path(self.url.removeprefix("sqlite:///"))
            for one in path.parent.glob(f"{path.name}*"):
                one.rename(one.with_name(one.name.replace(path.name, "before.db")))
            return f"sqlite:///{path.parent}/before.db"
        before, self.url = self.url, self.other
        self.command.monkeypatch.setenv("ARI_RECORDER_STORE__URL", self.url)
        return before


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, command: Command) -> Iterator[World]:
    place = command.folder / "var/lib/ari_recorder"
    if request.param == "sqlite":
        yield World(command, command.store_url, place, "")
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    urls = [server.new_database() for _ in range(2)]
    command.monkeypatch.setenv("ARI_RECORDER_STORE__URL", urls[0])
    yield World(command, urls[0], place, urls[1])
    for url in urls:
        server.drop(url)


def test_what_was_there_comes_back_and_is_heard(world: World) -> None:
    world.record("101", "102")
    backup = world.backup()
    before = world.states()
    later = world.record("103")
    world.away()
    said = world.command("restore", str(backup), "--yes")
    assert (said.code, said.err) == (0, "")
    assert world.states() == before
    verify = world.command("verify")
    (stray,) = re.findall(r"^wrong: .*", verify.out, re.M)
    assert f"stray: {later[0]}" in stray.replace(stray.partition("stray: ")[2].rpartition("/")[0] + "/", "")
    assert "Not known: disposals after" in said.out
    assert "Lost: what was recorded after" in said.out


def test_what_belongs_to_it_and_is_not_in_it_is_said(world: World) -> None:
    world.record("101")
    said = world.command("backup", str(world.place / "backups"))
    for named in ("master.key", "audit.key", "session.key", f"{world.place}/vault: 1 recording,"):
        assert named in said.out
    folder = Path(said.out.partition(": ")[0])
    about = json.loads((folder / "backup.json").read_text())
    assert about["vaults"][0]["recordings"] == 1
    assert len(about["master_keys"]) == 1
    master = (world.place / "master.key").read_text().strip()
    for one in folder.iterdir():
        assert one.stat().st_mode & 0o077 == 0
        assert master.encode() not in one.read_bytes()
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("way", ["newest", "list", "again"])
def test_what_was_disposed_of_since_is_disposed_of_again(world: World, way: str) -> None:
    gone, stays = world.record("101", "102")
    backup = world.backup()
    store = Store(world.url)
    store.write_now(disposal.begin, [gone], Why(Rule.REQUEST, {}, BY), NOW)
    store.write_now(disposal.complete, [gone], NOW)
    store.close()
    kept = world.place / "disposals.json"
    kept.write_text(world.command("disposals", "--json").out)
    before = world.away()
    options = {"newest": ["--newest", before], "list": ["--disposals", str(kept)], "again": []}[way]
    said = world.command("restore", str(backup), "--yes", *options)
    assert (said.code, said.err) == (0, "")
    if way == "again":
        assert world.states() == {gone: "stored", stays: "stored"}
        said = world.command("restore", str(backup), "--yes", "--again", "--newest", before)
    assert world.states() == {gone: "disposing", stays: "stored"}
    assert "Done again: 1 disposals" in said.out
    said = world.command("restore", str(backup), "--yes", "--again", "--newest", before)
    assert "Done again: 0 disposals" in said.out
    assert "is put back" not in said.out


@pytest.mark.parametrize("kind", ["recording", "selection"])
def test_holds_that_were_placed_since_hold_and_those_that_ended_do_not(world: World, kind: str) -> None:
    first, second = world.record("101", "102")

    def place(recording: UUID) -> UUID:
        organisation = models.Recording.get_by_id(recording).organisation_id
        row = models.Hold.create(
            organisation=organisation, kind=kind, recording=recording if kind == "recording" else None,
            reason="a case", begun_at=BEGIN, begun_by="root",
        )  # fmt: skip
        if kind == "selection":
            models.HeldRecording.create(hold=row, recording=recording)
        return UUID(str(row.id))

    store = Store(world.url)
    ended = store.write_now(place, first)
    store.close()
    backup = world.backup()
    store = Store(world.url)
    over = {"over_at": NOW, "over_by": "root", "over_why": "settled"}
    store.write_now(models.Hold.update(over).where(models.Hold.id == ended).execute)
    placed = store.write_now(place, second)
    store.write_now(disposal.begin, [first], Why(Rule.RETENTION), NOW)
    store.close()
    before = world.away()
    said = world.command("restore", str(backup), "--yes", "--newest", before)
    assert "Done again: 1 disposals" in said.out
    assert "1 holds, 1 ends of holds." in said.out
    assert world.states() == {first: "disposing", second: "stored"}
    store = Store(world.url)
    begun = store.write_now(disposal.begin, [second], Why(Rule.RETENTION), NOW)
    assert (begun.held, begun.begun) == ([second], [])
    rows = store.read_now(lambda: {row.id: row.over_at for row in models.Hold.select()})
    store.close()
    assert rows == {ended: NOW, placed: None}


def test_erasures_that_the_backup_does_not_know_are_named(world: World) -> None:
    (recording,) = world.record("101")
    backup = world.backup()
    store = Store(world.url)

    def erase() -> None:
        models.Erasure.create(
            organisation=models.Recording.get_by_id(recording).organisation_id, kind="counterpart",
            pseudonym="Person ABC234", reference="case 7", begun_at=NOW, begun_by="root", state="done",
            step="done", looked_at=NOW, done_at=NOW,
        )  # fmt: skip

    store.write_now(erase)
    store.close()
    said = world.command("restore", str(backup), "--yes", "--newest", world.away())
    assert re.search(
        r"To be begun again: the erasure of .*counterpart, reference case 7.*Person ABC234", said.out
    )


def test_over_a_catalogue_nothing_is_put(world: World) -> None:
    world.record("101")
    backup = world.backup()
    said = world.command("restore", str(backup), "--yes")
    assert said.code == 78
    assert "already. Stop the recorder" in said.err
    assert "--newest" in said.err
    nowhere = f"sqlite:///{world.place}/nowhere.db"
    told = world.command("restore", str(backup), "--yes", "--again", "--newest", nowhere).err
    assert told == f"ari-recorder: --newest: There is no catalogue at {nowhere}.\n"
    assert len(world.states()) == 1


def test_a_backup_that_is_damaged_or_none_is_told(world: World) -> None:
    world.record("101")
    backup = world.backup()
    copy = next(one for one in backup.iterdir() if one.name != "backup.json")
    whole = copy.read_bytes()
    world.away()
    copy.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "is damaged" in world.command("restore", str(backup), "--yes").err
    copy.write_bytes(whole)
    (backup / "backup.json").write_text("{}")
    assert "is no backup of ari_recorder" in world.command("restore", str(backup), "--yes").err
    told = f"{world.place} is no backup of ari_recorder, or not all of it: {world.place}/backup.json: No such"
    assert told in world.command("restore", str(world.place), "--yes").err
    assert "was not finished" in world.command("restore", f"{backup}.part", "--yes").err
    with pytest.raises(SettingsError, match="is no list of `ari-recorder disposals --json`"):
        since.read_list(copy)


def test_an_older_catalogue_that_was_put_back_is_found_by_a_later_backup(world: World) -> None:
    """A backup tells of the newest seals and heads, as logs do."""
    key = audit_key.made(world.place / "audit.key")

    def sign(store: Store) -> None:
        trees = store.read_now(tree_heads.grown, None)
        store.write_now(tree_heads.publish, key.public, NOW)
        store.write_now(tree_heads.sign, key, trees, evidence.node_of, NOW)

    world.record("101")
    store = Store(world.url)
    sign(store)
    store.close()
    older = world.backup()
    world.record("102")
    store = Store(world.url)
    sign(store)
    store.close()
    newer = world.place / "newer.json"
    later = world.command("backup", str(world.place / "later"))
    shutil.copy(Path(later.out.partition(": ")[0]) / "backup.json", newer)
    world.away()
    assert world.command("restore", str(older), "--yes").code == 0
    found = world.command("verify", "--seals", str(newer))
    assert found.code == 1
    assert re.search(r"wrong: .*(cut|missing|older|gone)", found.out), found.out


def test_a_catalogue_that_is_written_all_the_time_is_copied_whole(command: Command) -> None:
    place = command.folder / "var/lib/ari_recorder"
    world = World(command, command.store_url, place, "")
    world.record("101")
    stop, written = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(place / "catalogue.db", timeout=30, isolation_level=None)) as other:
            while not stop.is_set():
                other.execute("UPDATE revision SET directory = directory")
                written.set()

    writing = threading.Thread(target=write)
    writing.start()
    try:
        assert written.wait(30)
        backup = world.backup()
    finally:
        stop.set()
        writing.join()
    with sqlite3.connect(backup / "catalogue.db") as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM recording").fetchone() == (1,)


def test_a_disk_that_is_full_is_named_and_left_empty(world: World) -> None:
    world.record("101")
    disk = world.place / "disk"
    disk.mkdir()
    with small_disk(disk, 64):
        said = world.command("backup", str(disk))
        assert said.code == 74
        assert re.search(rf"{disk}/ari_recorder-\w+ cannot be written: No space left on device", said.err)
        assert list(disk.iterdir()) == []


def test_without_the_client_of_postgresql_it_is_said_what_to_install(
    postgresql: PostgreSQL, command: Command
) -> None:
    url = postgresql.new_database()
    command.monkeypatch.setenv("ARI_RECORDER_STORE__URL", url)
    Store(url).close()
    command.monkeypatch.setenv("PATH", str(command.folder))
    said = command("backup", str(command.folder / "backups"))
    assert said.code == 69
    assert "apt-get install postgresql-client" in said.err
    assert list((command.folder / "backups").glob("*")) == []
    postgresql.drop(url)


def test_a_password_with_an_at_sign_is_read_alike_by_all(postgresql: PostgreSQL, command: Command) -> None:
    postgresql.execute("CREATE ROLE odd SUPERUSER LOGIN PASSWORD 'pa@ss'")
    urls = [postgresql.new_database() for _ in range(2)]
    login = [url.replace(url[len("postgresql://") : url.rindex("@")], "odd:pa@ss") for url in urls]
    try:
        command.monkeypatch.setenv("ARI_RECORDER_STORE__URL", login[0])
        assert command("user", "add", "101", "--name", "Anna").code == 0
        said = command("backup", str(command.folder / "backups"))
        assert said.code == 0, said.err
        command.monkeypatch.setenv("ARI_RECORDER_STORE__URL", login[1])
        said = command("restore", said.out.partition(": ")[0], "--yes")
        assert said.code == 0, said.err
        assert "Anna" in command("user", "list").out
    finally:
        for url in urls:
            postgresql.drop(url)
        postgresql.execute("DROP ROLE odd")
