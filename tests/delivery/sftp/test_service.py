"""Yesterday's recordings, fetched by OpenSSH's own client from the real service."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncssh
import pytest
from asyncssh import SFTPServer

from ari_recorder.delivery.sftp.files import View
from ari_recorder.policies.delivery import MANIFEST
from ari_recorder.store import models

from ...web.world import AUDIO_S, RATE_HZ, opus
from ..office import AT_NOON, DAY, SIX, Office, Serve, audited, later, said

NAME = re.compile(r"\d\d-\d\d-\d\d_101_0812345678_in_[0-9a-f]{8}\.opus")


def fetched(office: Office) -> dict[str, bytes]:
    folder = office.folder / "fetched"
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def manifest(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


async def test_yesterdays_files_are_there_at_six_and_not_a_second_before(acme: Office) -> None:
    acme.recording()
    acme.clock.at = SIX - timedelta(seconds=1)
    before = await acme.sftp(f"ls -1\nls -1 {DAY}\n")
    assert DAY not in before.out
    assert before.code == 1
    assert "not found" in before.err
    acme.clock.at = SIX
    at_six = await acme.sftp(f"ls -1\nls -1 {DAY}\nget -r {DAY}\n")
    assert at_six.code == 0, at_six.err
    assert DAY in at_six.out
    names = fetched(acme)
    (audio,) = [name for name in names if NAME.fullmatch(name)]
    assert names[audio] == opus()
    assert f"manifest-{DAY}.csv" in names


async def test_they_stay_three_days_and_are_gone_then(acme: Office) -> None:
    acme.recording()
    acme.clock.at = SIX + timedelta(days=3, seconds=-1)
    last = await acme.sftp(f"get -r {DAY}\n")
    assert last.code == 0, last.err
    acme.clock.at = SIX + timedelta(days=3)
    gone = await acme.sftp(f"ls -1\nls {DAY}\n")
    assert gone.code == 1
    assert DAY not in gone.out
    assert acme.world.store.read_now(models.Recording.select().count) == 1  # what is kept stays


@pytest.mark.parametrize(
    ("zone", "began", "six"),
    [
        ("Europe/Stockholm", "2026-03-28T22:30Z", "2026-03-29T04:00Z"),
        ("Europe/Stockholm", "2026-10-24T22:30Z", "2026-10-26T05:00Z"),
        ("Pacific/Apia", "2026-11-20T23:30Z", "2026-11-21T17:00Z"),
    ],
)
async def test_six_is_that_of_the_organisations_clock(acme: Office, zone: str, began: str, six: str) -> None:
    acme.world.change(models.Organisation, acme.ids["acme"], timezone=zone)
    acme.recording(at=datetime.fromisoformat(began))
    acme.clock.at = datetime.fromisoformat(six) - timedelta(seconds=1)
    before = await acme.sftp("ls -1 */*.opus\n")
    acme.clock.at = datetime.fromisoformat(six)
    later(acme, seconds=0)
    at_six = await acme.sftp("ls -1 */*.opus\n")
    assert (before.code, ".opus" in before.out) == (1, False)
    assert at_six.code == 0, at_six.err


async def test_the_manifest_lists_every_file_with_its_true_size_and_hash(acme: Office) -> None:
    acme.recording(note="=cmd|'/c calc'!A0", mark="red", tag1="T\u202e1", counterpart_name="Äke")
    acme.recording("bo", AT_NOON + timedelta(seconds=30), problems="a hole")
    open_one = acme.recording("bo", AT_NOON + timedelta(minutes=5), stored=False)
    done = await acme.sftp(f"get -r {DAY}\n")
    assert done.code == 0, done.err
    files = fetched(acme)
    content = files.pop(f"manifest-{DAY}.csv")
    rows = manifest(content)
    assert tuple(rows[0]) == MANIFEST
    assert {row["file"] for row in rows if row["file"]} == set(files)
    for row in rows[:2]:
        assert row["state"] == "delivered"
        assert row["sha256"] == hashlib.sha256(files[row["file"]]).hexdigest() == row["kept_sha256"]
        assert int(row["bytes"]) == len(files[row["file"]])
    assert rows[0]["note"] == "'=cmd|'/c calc'!A0"
    assert rows[0]["field_1"] == "T\ufffd1"
    assert rows[0]["counterpart"] == "Äke"
    assert rows[0]["recorded_from"] == "2026-11-21T12:00:00+01:00"
    assert rows[1]["problems"] == "a hole"
    assert (rows[2]["recording"], rows[2]["state"], rows[2]["file"]) == (str(open_one), "not ready", "")


async def test_an_empty_day_has_a_folder_and_a_manifest_that_says_so(acme: Office) -> None:
    done = await acme.sftp(f"ls -1\nget -r {DAY}\n")
    assert done.code == 0, done.err
    assert manifest(fetched(acme)[f"manifest-{DAY}.csv"]) == []
    assert [line.strip("/ ") for line in done.out.splitlines() if line.startswith("2026")] == [
        "2026-11-19", "2026-11-20", DAY,
    ]  # fmt: skip


async def test_a_late_one_appears_when_it_is_ready(acme: Office) -> None:
    made = acme.recording(stored=False)
    before = await acme.sftp(f"ls -1 {DAY}\n")
    assert ".opus" not in before.out
    stored = acme.world._store(acme.world.ids["anna"], made, AT_NOON, opus())
    acme.world.change(models.Recording, made, **stored)
    assert acme.service is not None
    acme.service._listings.clear()
    after = await acme.sftp(f"ls -1 {DAY}\n")
    assert ".opus" in after.out


async def test_who_fetches_is_written_down_before_the_first_byte(acme: Office) -> None:
    made = acme.recording()
    listed = await acme.sftp(f"ls -l {DAY}\n")
    assert listed.code == 0
    assert [line.action for line in audited(acme, "sign_in", "download")] == ["sign_in"]
    assert (await acme.sftp(f"get -r {DAY}\n")).code == 0
    (line,) = audited(acme, "download")
    assert (line.actor_kind, line.actor_name, line.subject) == ("sftp", "acme", str(made))
    assert line.address == "127.0.0.1"
    assert f'"to_ms": {AUDIO_S * 1000}' in line.detail
    assert line.organisation == acme.ids["acme"]
    (key,) = acme.world.store.read_now(lambda: list(models.DeliveryKey.select()))
    assert line.actor == str(key.id)
    assert key.seen_at == SIX


async def test_nothing_is_sent_that_cannot_be_written_down(
    acme: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.recording()

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("ari_recorder.store.heard.note_heard", fail)
    done = await acme.sftp(f"get {DAY}/*.opus\n")
    assert done.code == 1
    assert all(not content for content in fetched(acme).values())


# What else is no file


async def test_every_write_is_refused_and_changes_nothing(acme: Office) -> None:
    acme.recording()
    (acme.folder / "fetched").mkdir()
    (acme.folder / "fetched" / "mine").write_text("mine")
    (name,) = (await acme.sftp(f"ls -1 {DAY}/*.opus\n")).out.split()
    before = acme.world.store.read_now(lambda: list(models.Recording.select().tuples()))
    for command in (
        "put mine", f"put mine {DAY}/mine", f"put mine {name}", f"rm {name}",
        f"rm {DAY}/*", "mkdir new", f"mkdir {DAY}/new", f"rmdir {DAY}", f"rename {name} {DAY}/other.opus",
        f"rename {DAY} 2026-11-01", f"ln {name} {DAY}/hard", f"ln -s {name} {DAY}/soft",
        "ln -s /etc/passwd x",
        f"chmod 777 {name}", f"chown 0 {name}", f"chgrp 0 {name}", f"chmod 777 {DAY}",
    ):  # fmt: skip
        done = await acme.sftp(f"{command}\n")
        assert done.code == 1, command
        assert re.search(r"denied|nothing is changed|not found|Failure|Couldn't", done.err), (
            command,
            done.err,
        )
    after = await acme.sftp(f"ls -1 {DAY}\n")
    assert ".opus" in after.out
    assert acme.world.store.read_now(lambda: list(models.Recording.select().tuples())) == before


async def test_who_comes_in_writes_the_login_in_any_letters(acme: Office) -> None:
    assert (await acme.sftp("ls\n", login="ACME", key="acme")).code == 0


async def test_another_organisations_files_cannot_be_named(acme: Office) -> None:
    acme.recording()
    theirs = acme.recording("olle")
    later(acme, hours=1)  # it is six in UTC, too
    acme.account("other", "other")
    listed = await acme.sftp(f"ls -1 {DAY}/*.opus\n", login="other")
    name = next(line for line in listed.out.splitlines() if line.endswith(".opus"))
    assert theirs.hex[-8:] in name
    for path in (
        name, f"/{name}", f"../{name}", f"../other/{name}", f"{DAY}/../{name}", f"/home/other/{name}",
        f"../../../../vault/{name}", "/etc/passwd", "../../etc/passwd", f"{DAY}/../../../etc/passwd",
        f"{DAY}/{theirs}.opus", str(acme.folder / "catalogue.db"), "~other", "/proc/self/environ",
    ):  # fmt: skip
        done = await acme.sftp(f"get {path}\n")
        assert done.code == 1, path
        assert "not found" in done.err or "No such file" in done.err, (path, done.err)
    assert (await acme.sftp(f"get -r {DAY}\n")).code == 0
    assert all(theirs.hex[-8:] not in file for file in fetched(acme))
    key_of_theirs = await acme.sftp("ls\n", login="other", key="acme")
    assert key_of_theirs.code == 255


async def test_only_the_chosen_groups_are_delivered(acme: Office) -> None:
    from ari_recorder.store import people

    from ..office import BY

    acme.recording("anna")
    mine = acme.recording("bo")
    write = acme.world.store.write_now
    group = write(people.add_group, acme.ids["acme"], "Sales", actor=BY, now=SIX)
    acme.set("acme", everybody=False, groups=[group.id])
    nobody = await acme.sftp(f"ls -1 {DAY}\n")
    assert ".opus" not in nobody.out
    write(people.add_members, acme.ids["acme"], group.id, [acme.world.ids["bo"]], actor=BY, now=SIX)
    some = await acme.sftp(f"ls -1 {DAY}/*.opus\n")
    assert mine.hex[-8:] in some.out
    assert some.out.count(".opus") == 1
    write(people.remove_group, acme.ids["acme"], group.id, actor=BY, now=SIX)
    gone = await acme.sftp(f"ls -1 {DAY}\n")
    assert ".opus" not in gone.out, "a group that is gone is not everybody"


async def test_one_that_is_disposed_of_is_gone_at_once(acme: Office) -> None:
    made = acme.recording()
    async with asyncssh.connect("127.0.0.1", acme.port, username="acme", client_keys=[str(acme.key("acme"))],
                                known_hosts=None, config=[]) as connection:  # fmt: skip
        client = await connection.start_sftp_client()
        (name,) = [one for one in await client.listdir(DAY) if str(one).endswith(".opus")]
        file = await client.open(f"{DAY}/{name}", "rb")
        assert await file.read(10, 0)

        def dispose() -> None:
            for table in (models.Segment, models.Searched):
                table.delete().where(table.recording == made).execute()
            models.Recording.delete().where(models.Recording.id == made).execute()

        acme.world.store.write_now(dispose)
        with pytest.raises(asyncssh.SFTPError):
            await _until_refused(file)
        await file.close()
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.open(f"{DAY}/{name}", "rb")


async def _until_refused(file: Any) -> None:
    """Within two seconds."""
    async with asyncio.timeout(10):
        while True:
            await file.read(10, 0)


async def test_there_is_no_shell_no_command_and_no_forwarding(acme: Office) -> None:
    acme.recording()
    options = ["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]
    options += ["-o", f"UserKnownHostsFile={acme.folder}/known", "-i", str(acme.key("acme"))]
    ssh = ["ssh", *options, "-p", str(acme.port)]
    for more in ([], ["id"], ["-s", "netconf"], ["-W", f"127.0.0.1:{acme.port}"]):
        arguments = [
            *ssh,
            *(
                [more[0], "acme@127.0.0.1", more[1]]
                if more and more[0] == "-s"
                else ["acme@127.0.0.1", *more]
            ),
        ]
        if more and more[0] == "-W":
            arguments = [*ssh, *more, "acme@127.0.0.1"]
        done = await said(arguments, "", acme.folder / "fetched")
        assert done.code != 0, (arguments, done.out)
        assert "uid=" not in done.out
    async with asyncssh.connect("127.0.0.1", acme.port, username="acme", client_keys=[str(acme.key("acme"))],
                                known_hosts=None, config=[]) as connection:  # fmt: skip
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", acme.port)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.start_server(lambda *_: True, "127.0.0.1", 0)
        with pytest.raises((asyncssh.ChannelOpenError, asyncssh.Error)):
            await connection.run("id", check=True)
    scp = ["scp", "-O", *options, "-P", str(acme.port), f"acme@127.0.0.1:{DAY}/x", "."]
    copied = await said(scp, "", acme.folder / "fetched")
    assert copied.code != 0


def test_no_method_of_a_newer_release_reaches_the_file_system() -> None:
    """What is not overridden is known here by name, and touches no files."""
    harmless = {"channel", "connection", "env", "logger", "convert_attrs", "_to_sftpname", "format_longname"}
    methods = {name for name in vars(SFTPServer) if not name.startswith("__")}
    assert methods - set(vars(View)) == harmless


# Formats


@pytest.mark.parametrize("form", ["wav", "flac", "opus"])
async def test_made_into_another_format_it_is_offered_once_its_size_is_known(acme: Office, form: str) -> None:
    from ari_recorder.delivery.measuring import measure
    from ari_recorder.delivery.reading import Threads

    from ..office import Context

    made = acme.recording()
    acme.set("acme", form=form)
    before = await acme.sftp(f"ls -1 {DAY}\n")
    assert (f".{form}" in before.out) == (form == "opus")
    context = Context(acme.world.store, acme.world.safe, acme.settings, acme.clock)
    assert await measure(context, Threads()) == (0 if form == "opus" else 1)
    assert await measure(context, Threads()) == 0
    assert acme.service is not None
    acme.service._listings.clear()
    done = await acme.sftp(f"ls -l {DAY}\nget -r {DAY}\n")
    assert done.code == 0, done.err
    files = fetched(acme)
    (row,) = manifest(files[f"manifest-{DAY}.csv"])
    content = files[row["file"]]
    assert row["file"].endswith(f".{form}")
    assert len(content) == int(row["bytes"])
    assert hashlib.sha256(content).hexdigest() == row["sha256"]
    assert row["kept_sha256"] == hashlib.sha256(opus()).hexdigest()
    if form == "wav":
        assert len(content) == 44 + AUDIO_S * RATE_HZ * 4
    assert [line.detail for line in audited(acme, "download")] == (
        [f'{{"from_ms": 0, "to_ms": {AUDIO_S * 1000}}}'] if form == "opus"
        else [f'{{"form": "{form}", "from_ms": 0, "to_ms": {AUDIO_S * 1000}}}']
    )  # fmt: skip
    assert made


async def test_one_that_cannot_be_made_is_told_in_the_manifest(acme: Office) -> None:
    from ari_recorder.delivery.measuring import measure
    from ari_recorder.delivery.reading import Threads

    from ..office import Context

    acme.recording(audio=b"x" * 3000)
    acme.set("acme", form="wav")
    context = Context(acme.world.store, acme.world.safe, acme.settings, acme.clock)
    assert await measure(context, Threads()) == 1
    assert await measure(context, Threads()) == 0, "it is not tried again and again"
    later(acme, hours=1, seconds=1)
    assert await measure(context, Threads()) == 1
    assert (await acme.sftp(f"get -r {DAY}\n")).code == 0
    (row,) = manifest(fetched(acme)[f"manifest-{DAY}.csv"])
    assert (row["state"], row["file"]) == ("unreadable", "")
    assert row["problems"]


async def test_going_on_after_a_broken_connection_gives_the_same_bytes(acme: Office) -> None:
    from ari_recorder.delivery.measuring import measure
    from ari_recorder.delivery.reading import Threads

    from ..office import Context

    acme.recording()
    for form in ("", "wav", "flac"):
        acme.set("acme", form=form)
        context = Context(acme.world.store, acme.world.safe, acme.settings, acme.clock)
        await measure(context, Threads())
        assert acme.service is not None
        acme.service._listings.clear()
        shutil_folder = acme.folder / "fetched"
        for old in shutil_folder.rglob("*.*") if shutil_folder.exists() else ():
            old.unlink()
        whole = await acme.sftp(f"get {DAY}/*.{form or 'opus'} whole\n")
        assert whole.code == 0, whole.err
        content = (shutil_folder / "whole").read_bytes()
        (shutil_folder / "part").write_bytes(content[: len(content) // 3])
        name = next(line for line in (await acme.sftp(f"ls -1 {DAY}\n")).out.splitlines() if "_101_" in line)
        again = await acme.sftp(f"get -a {name.strip()} part\n")
        assert again.code == 0, again.err
        assert (shutil_folder / "part").read_bytes() == content


# Acknowledging


async def test_a_fetched_file_is_taken_out_of_the_view_by_deleting_it(acme: Office) -> None:
    made = acme.recording()
    acme.set("acme", acknowledges=True)
    early = await acme.sftp(f"rm {DAY}/*.opus\n")
    assert early.code == 1
    assert "fetched" in early.err or "denied" in early.err.lower()
    done = await acme.sftp(f"get -r {DAY}\nrm {DAY}/*.opus\nls -1 {DAY}\n")
    assert done.code == 0, done.err
    assert (
        ".opus" not in done.out.partition(f"manifest-{DAY}")[0].rpartition("Removing")[2].partition("\n")[2]
    )
    later(acme, hours=5)
    again = await acme.sftp(
        f"ls -1 {DAY}\nget {DAY}/manifest-{DAY}.csv\nrm {DAY}/manifest-{DAY}.csv\nls -1 {DAY}\n"
    )
    assert again.code == 0, again.err
    assert manifest(fetched(acme)[f"manifest-{DAY}.csv"])[0]["recording"] == str(made)
    row = acme.world.store.read_now(models.Recording.get_by_id, made)
    assert row.state == "stored"
    assert (await acme.sftp("rmdir " + DAY + "\n")).code == 1
    (line,) = audited(acme, "remove")
    assert (line.subject_kind, line.subject, line.actor_name) == ("delivery", str(made), "acme")
    gone = await acme.sftp(f"ls -1 {DAY}\n")
    assert "manifest" not in gone.out
    acme.recording(at=AT_NOON + timedelta(hours=1))
    assert acme.service is not None
    acme.service._listings.clear()
    new = await acme.sftp(f"ls -1 {DAY}\n")
    assert "manifest" in new.out
    assert new.out.count(".opus") == 1


# Hostile names


async def test_hostile_names_are_files_of_their_folder(acme: Office) -> None:
    for n, hostile in enumerate(
        ("../../x", "\u202e\u2066gpj", "a" * 128, "CON", "\x1b[31m", "=1+1", "Ж" * 100)
    ):
        acme.recording(at=AT_NOON + timedelta(minutes=n), counterpart_number="", counterpart_name=hostile)
    acme.world.change(models.User, acme.world.ids["anna"], number=None, name="../Ånna/\u200f")
    done = await acme.sftp(f"get -r {DAY}\n")
    assert done.code == 0, done.err
    folder = acme.folder / "fetched"
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert len(paths) == 8
    assert {str(path.parent) for path in paths} == {DAY}
    assert sorted(paths) == sorted(paths, key=lambda path: str(path))


async def test_the_clock_is_passed_in(start: Serve, office: Office) -> None:
    office.account("acme", "acme")
    office.recording(at=datetime(2031, 5, 1, 10, tzinfo=UTC))
    office.clock.at = datetime(2031, 5, 2, 4, tzinfo=UTC)
    await start()
    assert ".opus" in (await office.sftp("ls -1 2031-05-01\n")).out
