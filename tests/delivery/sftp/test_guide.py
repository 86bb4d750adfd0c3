"""The lines of docs/guide/sftp.md, as they stand there but for whom they go to."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import annotations

from ...web.world import opus
from ..office import AT_NOON, BY, DAY, Office, later, said

GUIDE = (Path(__file__).parents[3] / "docs/guide/sftp.md").read_text(encoding="utf-8")
OPTIONS = "-F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=known"


def line(begins: str, office: Office) -> str:
    """The line, with the address and the key of this place."""
    joined = GUIDE.replace("\\\n", " ")
    found = next(one for one in joined.splitlines() if re.sub(r"^[\d* ]*", "", one).startswith(begins))
    found = re.sub(r"^15 6 \* \* \* ", "", found)
    for there, here in (
        ("recorder.example", "127.0.0.1"), ("2022", str(office.port)), ("/srv/calls", "calls"),
        ("~/.ssh/recordings", str(office.key("acme"))), ("sftp -", f"sftp {OPTIONS} -"),
        ("ssh -a -x", f"ssh -a -x {OPTIONS}"),
        ("2026-11-21", DAY),
    ):  # fmt: skip
        found = found.replace(there, here)
    return found


def files(office: Office) -> dict[str, bytes]:
    folder = office.folder / "fetched"
    return {path.name: path.read_bytes() for path in folder.rglob("*.opus")}


async def run(office: Office, command: str, folder: str = "fetched") -> None:
    done = await said(["bash", "-c", command], "", office.folder / folder)
    assert done.code == 0, (command, done.out, done.err)


async def test_what_the_guide_says_of_openssh_and_the_manifest(acme: Office) -> None:
    acme.recording()
    await run(acme, line("sftp -i", acme))
    assert list(files(acme).values()) == [opus()]
    check = line("python3 -c", acme)
    await run(acme, check, f"fetched/{DAY}")
    acme.recording(at=AT_NOON + timedelta(minutes=1))
    await run(acme, "mkdir -p calls && " + line("cd /srv/calls", acme))
    assert len(list((acme.folder / "fetched/calls" / DAY).glob("*.opus"))) == 2
    (path,) = (acme.folder / "fetched" / DAY).glob("*.opus")
    path.write_bytes(opus()[:-1] + b"x")
    broken = await said(["bash", "-c", check], "", acme.folder / f"fetched/{DAY}")
    assert broken.code != 0


async def test_the_guides_line_each_morning_has_the_manifest_as_it_is(acme: Office) -> None:
    made = acme.recording()
    for note in ("", "A note that makes the line longer", ""):
        noted(acme, made, note=note)
        await run(acme, "mkdir -p calls && " + line("cd /srv/calls", acme))
        (only,) = listed(acme)
        assert (only["note"], only["kept_as"]) == (note, "opus")


async def test_a_manifest_that_was_changed_is_fetched_anew_though_it_is_as_long(acme: Office) -> None:
    made = acme.recording(mark="blue")
    await run(acme, line("lftp -e", acme))
    noted(acme, made, mark="grey")
    await run(acme, line("lftp -e", acme))
    assert [row["mark"] for row in listed(acme)] == ["grey"]


def noted(office: Office, recording: UUID, **changes: str) -> None:
    """Somebody changes its note or mark, and a while passes."""
    later(office, minutes=1)
    store, now = office.world.store, office.clock()
    store.write_now(annotations.annotate_recording, COMMAND_LINE, BY, recording, changes, now)
    later(office, minutes=1)


def listed(office: Office) -> list[dict[str, str]]:
    path = office.folder / f"fetched/calls/{DAY}/manifest-{DAY}.csv"
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), strict=True))


async def test_what_the_guide_says_of_lftp(acme: Office) -> None:
    acme.recording()
    await run(acme, line("lftp -e", acme))
    assert list(files(acme).values()) == [opus()]
    later(acme, seconds=1)
