"""A recording's evidence proves itself: by our program, and by openssl as the archive says."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ari_recorder.errors import FileError, SettingsError
from ari_recorder.media import kinds
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import bundle, evidence, finishing, tree_heads
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.audit_key import made as made_key
from ari_recorder.store.database import Store
from ari_recorder.store.models import Manifest
from ari_recorder.store.timestamps import response
from ari_recorder.store.tree_heads import Head

from ..authority import Authority, expires, made, stamp
from ..conftest import eventually
from .build import BEGIN, SECOND, add_user, recorded_call, sealed, the_due

AUDIO = b"OggS and so on " * 5_000
NAME = "2026-03-02_080002_101_0701234562_in.ogg"


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return made_key(tmp_path / "audit.key")


@pytest.fixture
def archive(store: Store, key: SigningKey, tmp_path: Path) -> Path:
    """Of the third of seven recordings."""
    anna = add_user(store)
    store.write_now(tree_heads.publish, key.public, BEGIN)
    recordings = []
    for number in range(7):
        recorded_call(store, anna, at=BEGIN + number * SECOND)
        due = the_due(store)
        audio = AUDIO if number == 2 else b"another"
        store.write_now(finishing.seal, due, sealed(due, audio=audio), BEGIN)
        recordings.append(due.id)

    def sign() -> list[Head]:
        return tree_heads.sign(key, tree_heads.grown(), evidence.node_of, BEGIN)

    store.write_now(sign)
    proof = store.read_now(evidence.proof, COMMAND_LINE, recordings[2])
    assert proof is not None
    path = tmp_path / "evidence.zip"
    blocks = (AUDIO[at : at + 1000] for at in range(0, len(AUDIO), 1000))
    path.write_bytes(b"".join(bundle.archive(proof, NAME, blocks, BEGIN)))
    return path


@pytest.fixture
def stamped(archive: Path, store: Store, authority: Authority, tmp_path: Path) -> Path:
    """The same, after an authority has stamped the head."""
    return stamped_by(authority, store, tmp_path)


def stamped_by(authority: Authority, store: Store, tmp_path: Path) -> Path:
    ((head, _),) = store.read_now(evidence.heads, COMMAND_LINE, 1)
    stamp(store, authority, head, BEGIN)
    recording = store.read_now(Manifest.get, Manifest.number == 2).recording
    proof = store.read_now(evidence.proof, COMMAND_LINE, recording)
    assert proof is not None
    path = tmp_path / "stamped.zip"
    path.write_bytes(b"".join(bundle.archive(proof, NAME, [AUDIO], BEGIN)))
    return path


def changed(archive: Path, name: str, content: bytes, as_name: str | None = None) -> Path:
    """The archive with another content of one of its files."""
    other = archive.with_name("changed.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(other, "w") as new:
        for info in old.infolist():
            if info.filename == name:
                new.writestr(as_name or name, content)
            else:
                new.writestr(info, old.read(info))
    return other


def by_script(archive: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """As who unpacks it and does as it says."""
    folder = archive.with_suffix("")
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(folder)
    return subprocess.run(
        ["bash", "verify.sh", *words], cwd=folder, capture_output=True, text=True, check=False
    )


def test_it_is_good(archive: Path, key: SigningKey) -> None:
    verdicts = bundle.check(archive, [key.public])
    assert [one.ok for one in verdicts] == [True] * 5
    assert "one of the 7 recordings that the head stands for, on 2026-03-02T08:00:00" in verdicts[2].text
    done = by_script(archive)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("good: ") == 6
    assert f"good: {NAME} is the audio that was sealed" in done.stdout
    assert key.public.id in done.stdout
    assert done.stderr == ""


def test_it_has_what_it_says(archive: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        assert zipped.testzip() is None
        names = set(zipped.namelist())
        manifest = json.loads(zipped.read("manifest.json"))
        assert zipped.read(NAME) == AUDIO
        assert b"verify.sh" in zipped.read("READ-ME.txt")
    assert names == {NAME, *bundle._TEXTS}
    assert manifest["audio"]["size_bytes"] == len(AUDIO)


@pytest.mark.parametrize(
    ("name", "which"),
    [(NAME, 0), ("personal.json", 1), ("manifest.json", 2), ("path.txt", 2), ("head.sig", 3)],
)
def test_every_change_is_found_by_both(archive: Path, name: str, which: int) -> None:
    luck = random.Random(7)
    with zipfile.ZipFile(archive) as zipped:
        content = bytearray(zipped.read(name))
    for _ in range(5):
        spoilt = bytearray(content)
        spoilt[luck.randrange(len(spoilt))] ^= 1
        other = changed(archive, name, bytes(spoilt))
        try:
            assert not bundle.check(other)[which].ok
        except SettingsError:
            assert name == "manifest.json"  # no JSON any more
        done = by_script(other)
        assert done.returncode == 1
        assert "WRONG: " in done.stdout


def test_names_and_numbers_that_were_erased_are_missed_by_neither(archive: Path, key: SigningKey) -> None:
    without = changed(archive, "personal.json", b"")
    verdicts = bundle.check(without, [key.public])
    assert [one.ok for one in verdicts] == [True] * 5
    assert "erased" in verdicts[1].text
    done = by_script(without)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out, or erased" in done.stdout


def test_names_and_numbers_may_be_left_out_by_who_shows_it_to_others(archive: Path) -> None:
    without = archive.with_name("without.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(without, "w") as new:
        for info in old.infolist():
            if info.filename != "personal.json":
                new.writestr(info, old.read(info))
    assert "left out" in bundle.check(without)[1].text
    done = by_script(without)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_in_it_is_described(archive: Path) -> None:
    """In the guide, so that it can be verified by a program of one's own."""
    guide = (Path(__file__).parents[2] / "docs/guide/evidence.md").read_text()
    formats = guide.partition("### In which format")[2].partition("\n## ")[0]
    with zipfile.ZipFile(archive) as zipped:
        manifest, head = (json.loads(zipped.read(name)) for name in ("manifest.json", "head.json"))
        readme = zipped.read("READ-ME.txt").decode()
    named = {*manifest, *manifest["audio"], *head, *bundle._TEXTS} - {"format", "verify.sh", "READ-ME.txt"}
    assert [name for name in sorted(named) if f"`{name}`" not in formats] == []
    assert [form for form in kinds.MEDIA_TYPES if f"*{kinds.ending_of(None, form)}" not in readme] == []


def test_a_head_of_somebody_elses_key_is_told(archive: Path, key: SigningKey, tmp_path: Path) -> None:
    forger = made_key(tmp_path / "other.key")
    with zipfile.ZipFile(archive) as zipped:
        head = Head(**json.loads(zipped.read("head.json")))
    forged = replace(head, key_id=forger.public.id, signature="")
    path = changed(archive, "head.json", forged.message)
    path = changed(path.rename(tmp_path / "1.zip"), "head.sig", forger.sign(forged.message))
    path = changed(path.rename(tmp_path / "2.zip"), "key.pem", forger.public.pem.encode())
    assert [one.ok for one in bundle.check(path, [key.public])] == [True, True, True, True, False]
    assert [one.ok for one in bundle.check(path)] == [True] * 4  # who does not know the key cannot tell


def test_the_key_of_another_is_found(archive: Path, tmp_path: Path) -> None:
    other = made_key(tmp_path / "other.key").public
    path = changed(archive, "key.pem", other.pem.encode())
    assert [one.ok for one in bundle.check(path)] == [True, True, True, False]
    done = by_script(path)
    assert done.returncode == 1
    assert "WRONG: the head is signed" in done.stdout


def test_every_byte_of_the_path_counts(archive: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        path = zipped.read("path.txt")
    for other in (path[:-1] + b"\x0b", path[:-1], path + b"\n"):
        spoilt = changed(archive, "path.txt", other)
        assert not bundle.check(spoilt)[2].ok
        assert by_script(spoilt).returncode == 1


@pytest.mark.parametrize("text", [b"", b"nonsense", b"middle " + b"0" * 64, b"left zz", b"left 00"])
def test_a_path_that_is_none_is_told(archive: Path, text: bytes) -> None:
    other = changed(archive, "path.txt", text)
    assert not bundle.check(other)[2].ok
    assert by_script(other).returncode == 1


def test_a_side_that_is_none_is_told_by_both(archive: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        path = zipped.read("path.txt")
    assert b"right" in path
    other = changed(archive, "path.txt", path.replace(b"right", b"sight"))
    assert not bundle.check(other)[2].ok
    assert by_script(other).returncode == 1


def test_the_script_calls_nothing_good_or_wrong_where_it_can_verify_nothing(archive: Path) -> None:
    by_script(archive)
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run(
        [bash, "verify.sh"], cwd=archive.with_suffix(""), env={"PATH": ""}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "Nothing was verified: this needs OpenSSL 3, and grep.\n")


def test_another_file_beside_the_audio_is_told(archive: Path) -> None:
    other = changed(archive, "READ-ME.txt", b"more", as_name="second.ogg")
    assert not bundle.check(other)[0].ok


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_in_it_twice_is_told(archive: Path) -> None:
    """The one in front is what some programs show, the other what others do."""
    other = archive.with_name("twice.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(other, "w") as new:
        new.writestr("manifest.json", b'{"mode": "never"}')
        for info in old.infolist():
            new.writestr(info, old.read(info))
    with pytest.raises(SettingsError, match="twice"):
        bundle.check(other)


def test_what_is_no_evidence_is_told(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no archive")
    (tmp_path / "cut.zip").write_bytes(archive.read_bytes()[:1000])
    for path in (tmp_path / "text", tmp_path / "cut.zip", tmp_path / "nowhere", tmp_path):
        with pytest.raises((FileError, SettingsError), match=str(path)):
            bundle.check(path)
    for name, content in (("head.json", b"[]"), ("manifest.json", b"{"), ("head.json", b"\xff")):
        with pytest.raises(SettingsError, match=f"no evidence of a recording: {name}"):
            bundle.check(changed(archive, name, content))
    with pytest.raises(SettingsError, match=r"is too long"):
        bundle.check(changed(archive, "personal.json", bytes(bundle.TEXT_MAX_BYTES + 1)))


# With a time stamp


def test_a_time_stamp_is_verified_by_both(stamped: Path, key: SigningKey, authority: Authority) -> None:
    verdicts = bundle.check(stamped, [key.public])
    assert [one.ok for one in verdicts] == [True] * 6
    assert f"by {authority.name}; the authority is as stamp-ca.pem says" in verdicts[-1].text
    (*_, given) = bundle.check(stamped, [key.public], authority.authorities)
    assert (given.ok, "one of those given" in given.text) == (True, True)
    for words in ((), (str(authority.ca),)):
        done = by_script(stamped, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (done.stdout.count("good: "), done.stderr) == (7, "")
        named = words[0] if words else "stamp-ca.pem"
        assert re.search(
            rf"good: the head was there at \w+ +\d+ .* GMT, by the authority that {named}", done.stdout
        )


@pytest.mark.usefixtures("archive")
def test_its_certificate_has_to_be_good_when_it_stamps_and_not_for_ever(store: Store, tmp_path: Path) -> None:
    brief = made(tmp_path / "brief", "Brief")
    until = datetime.now(UTC) + timedelta(seconds=3)
    expires(brief, until)
    path = stamped_by(brief, store, tmp_path)
    eventually(lambda: datetime.now(UTC) > until + timedelta(seconds=1), 10, "it does not expire")
    assert bundle.check(path)[-1].ok
    done = by_script(path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["stamp.tsr", "head.sig", "stamp-ca.pem"])
def test_a_stamp_of_something_else_is_found_by_both(
    stamped: Path, name: str, authority: Authority, tmp_path: Path
) -> None:
    other = made(tmp_path / "other", "Forger")
    contents = {
        "stamp.tsr": authority.reply(response.request(b"another head").content),
        "head.sig": bytes(64),
        "stamp-ca.pem": other.ca.read_bytes(),
    }
    spoilt = changed(stamped, name, contents[name])
    assert not bundle.check(spoilt)[-1].ok
    done = by_script(spoilt)
    assert (done.returncode, "WRONG: the head was there" in done.stdout) == (1, True)


def test_a_stamp_of_an_authority_that_one_does_not_trust_is_found_by_both(
    stamped: Path, tmp_path: Path
) -> None:
    other = made(tmp_path / "other", "Another")
    assert not bundle.check(stamped, (), other.authorities)[-1].ok
    done = by_script(stamped, str(other.ca))
    assert (done.returncode, "WRONG: the head was there" in done.stdout) == (1, True)
    done = by_script(stamped, str(tmp_path / "nowhere" / "ca.pem"))
    assert (done.returncode, "ca.pem cannot be read" in done.stdout) == (1, True)


@pytest.mark.parametrize(
    ("name", "content"),
    [("stamp.tsr", b""), ("stamp.tsr", b"nonsense"), ("stamp-ca.pem", b""), ("stamp-ca.pem", b"nonsense")],
)
def test_what_is_no_stamp_is_told(stamped: Path, name: str, content: bytes) -> None:
    spoilt = changed(stamped, name, content)
    assert [one.ok for one in bundle.check(spoilt)] == [True] * 4 + [False]
    assert by_script(spoilt).returncode == 1
