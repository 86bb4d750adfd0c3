"""The local vault: what is put is safe and whole, and nothing outside the folder is reached."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest

from ari_recorder.errors import VaultAway, VaultError
from ari_recorder.store.vault import BLOCK_BYTES, FIRST, MARKER, Known, LocalVault, Stored, key_for

from .build import BEGIN

KNOWN = Known(UUID(int=7), "a/x")
CONTENT = bytes(range(256)) * (3 * BLOCK_BYTES // 256) + b"rest"


@pytest.fixture
def vault(tmp_path: Path) -> LocalVault:
    vault = LocalVault(tmp_path / "vault")
    vault.probe()
    return vault


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


def put(vault: LocalVault, key: str, source: Path) -> Stored:
    def blocks() -> Iterator[bytes]:
        with source.open("rb") as file:
            yield from iter(lambda: file.read(BLOCK_BYTES), b"")

    return vault.put(key, blocks())


def files(vault: LocalVault) -> list[str]:
    return [path.name for path in vault.root.rglob("*") if path.is_file() and path.name != MARKER]


def test_what_is_put_is_there_as_it_was(vault: LocalVault, source: Path) -> None:
    stored = put(vault, "a/b/c.opus", source)
    assert stored == Stored(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    assert b"".join(vault.read("a/b/c.opus")) == CONTENT
    assert vault.digest("a/b/c.opus") == stored
    assert source.exists(), "whose file it is decides when it goes"


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        (0, None),
        (0, 0),
        (0, 1),
        (5, 10),
        (BLOCK_BYTES - 1, 2),
        (0, BLOCK_BYTES),
        (1, 2 * BLOCK_BYTES),
        (len(CONTENT) - 1, None),
        (len(CONTENT), None),
        (len(CONTENT) - 3, 100),
        (10**9, 1),
    ],
)
def test_a_range_is_read_in_blocks(vault: LocalVault, source: Path, offset: int, length: int | None) -> None:
    put(vault, "x", source)
    blocks = list(vault.read("x", offset, length))
    end = None if length is None else offset + length
    assert b"".join(blocks) == CONTENT[offset:end]
    assert all(0 < len(block) <= BLOCK_BYTES for block in blocks)


def test_an_empty_file_is_kept(vault: LocalVault, source: Path) -> None:
    source.write_bytes(b"")
    assert put(vault, "empty", source).size_bytes == 0
    assert list(vault.read("empty")) == []


def test_putting_again_after_a_crash_replaces(vault: LocalVault, source: Path) -> None:
    put(vault, "x", source)
    source.write_bytes(b"second")
    put(vault, "x", source)
    assert b"".join(vault.read("x")) == b"second"


def test_keys_are_every_finished_file(vault: LocalVault, source: Path) -> None:
    keys = ["b", "a/2.opus", "a/1.opus", "a/b/3.opus"]
    for key in keys:
        put(vault, key, source)
    (vault.root / "a" / "interrupted.opus.part").write_bytes(b"half")
    (vault.root / "empty folder").mkdir()
    assert sorted(vault.keys()) == sorted(keys)


def test_an_interrupted_write_is_no_key_and_the_next_put_replaces_it(vault: LocalVault, source: Path) -> None:
    (vault.root / "x.part").write_bytes(b"half")
    assert list(vault.keys()) == []
    with pytest.raises(VaultError):
        vault.digest("x")
    put(vault, "x", source)
    assert files(vault) == ["x"]


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/etc/passwd", "..", "x\0y"])
def test_no_key_leads_outside(vault: LocalVault, source: Path, key: str) -> None:
    outside = vault.root.parent / "outside"
    outside.write_bytes(b"secret")
    for way in (lambda: put(vault, key, source), lambda: list(vault.read(key)), lambda: vault.digest(key)):
        with pytest.raises(VaultError, match="is not a key"):
            way()
    assert outside.read_bytes() == b"secret"


def test_no_link_leads_outside(vault: LocalVault, source: Path) -> None:
    outside = vault.root.parent / "elsewhere"
    outside.mkdir()
    (outside / "x").write_bytes(b"secret")
    (vault.root / "link").symlink_to(outside)
    with pytest.raises(VaultError, match="is not a key"):
        list(vault.read("link/x"))
    with pytest.raises(VaultError, match="is not a key"):
        put(vault, "link/y", source)


def test_what_is_not_there_is_named(vault: LocalVault) -> None:
    with pytest.raises(VaultError, match=r"missing.opus cannot be read.*No such file"):
        list(vault.read("missing.opus"))
    with pytest.raises(VaultError):
        vault.digest("missing.opus")


def test_a_source_that_is_not_there_is_named_and_leaves_nothing(vault: LocalVault, tmp_path: Path) -> None:
    with pytest.raises(VaultError, match=r"nowhere\.wav"):
        put(vault, "x", tmp_path / "nowhere.wav")
    assert files(vault) == []


PUT_WITH_LITTLE_ROOM = """
import resource, signal, sys
from pathlib import Path
from ari_recorder.errors import VaultAway, VaultError
from ari_recorder.store.vault import LocalVault
vault = LocalVault(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    vault.put("x", [Path(sys.argv[2]).read_bytes()])
except VaultError as error:
    print(error)
"""


def test_a_write_that_does_not_fit_is_told_and_gives_its_room_back(vault: LocalVault, source: Path) -> None:
    """The kernel stops the write as it does on a full disk, with the limit of a file's size."""
    assert resource.RLIM_INFINITY in resource.getrlimit(resource.RLIMIT_FSIZE)
    told = subprocess.run(
        [sys.executable, "-c", PUT_WITH_LITTLE_ROOM, str(vault.root), str(source)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "x cannot be written to the vault" in told
    assert "File too large" in told
    assert files(vault) == []


def test_a_failed_put_leaves_the_earlier_file(vault: LocalVault, source: Path, tmp_path: Path) -> None:
    stored = put(vault, "x", source)
    with pytest.raises(VaultError):
        put(vault, "x", tmp_path / "nowhere")
    assert vault.digest("x") == stored


def test_a_vault_that_cannot_be_made_or_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for root in (tmp_path / "file", tmp_path / "file" / "deeper", Path("/proc/ari-recorder-vault")):
        with pytest.raises(VaultError, match=r"cannot be written.*vault\.path"):
            LocalVault(root).probe()


def test_a_folder_in_the_way_is_told(vault: LocalVault, source: Path) -> None:
    (vault.root / "x").mkdir()
    with pytest.raises(VaultError, match="x cannot be written"):
        put(vault, "x", source)
    assert files(vault) == []


def test_a_relative_folder_works_and_stays_where_it_was(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    vault = LocalVault(Path("here/vault"))
    monkeypatch.chdir("/")
    put(vault, "a/x", source)
    assert list(vault.keys()) == ["a/x"]
    assert (tmp_path / "here" / "vault" / "a" / "x").exists()


def test_only_folders_of_the_vault_are_synced(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those above it may belong to others, who need not let them be opened."""
    real, linked = tmp_path / "real", tmp_path / "linked"
    real.mkdir()
    linked.symlink_to(real)
    vault = LocalVault(linked)
    vault.probe()
    opened: list[str] = []
    original = os.open

    def spy(path: str | Path, flags: int, *rest: int) -> int:
        if flags & os.O_DIRECTORY:
            opened.append(str(path))
        return original(path, flags, *rest)

    monkeypatch.setattr(os, "open", spy)
    put(vault, "a/x", source)
    assert opened == [str(real / "a"), str(real)]


def test_looking_at_a_vault_leaves_no_trace(tmp_path: Path) -> None:
    vault = LocalVault(tmp_path / "new" / "vault")
    vault.look()
    assert not vault.root.exists()
    vault.probe()
    assert [path.name for path in vault.root.iterdir()] == [MARKER]
    assert list(vault.keys()) == []


def test_many_may_probe_at_the_same_time(vault: LocalVault) -> None:
    with ThreadPoolExecutor(16) as threads:
        for probing in [threads.submit(vault.probe) for _ in range(200)]:
            probing.result()


def test_into_the_folder_of_a_disk_that_is_away_nothing_is_put(vault: LocalVault, source: Path) -> None:
    put(vault, "a/x", source)
    vault = LocalVault(vault.root, lambda: KNOWN)
    mounted = vault.root.rename(vault.root.with_name("disk"))
    for folder_is_there in (False, True):
        if folder_is_there:
            vault.root.mkdir()
        for way in (vault.probe, vault.look, lambda: put(vault, "a/y", source)):
            with pytest.raises(
                VaultAway, match=r"does not hold .* mount its disk.* touch .*ari_recorder-vault"
            ):
                way()
        assert vault.root.exists() == folder_is_there
        assert files(vault) == []
    vault.root.rmdir()
    mounted.rename(vault.root)
    put(vault, "a/y", source)
    assert sorted(vault.keys()) == ["a/x", "a/y"]


def test_a_vault_from_before_there_were_marks_is_known_by_its_newest_recording(
    vault: LocalVault, source: Path
) -> None:
    put(vault, "a/x", source)
    (vault.root / MARKER).unlink()
    assert LocalVault(vault.root, lambda: KNOWN).probe() == KNOWN.id
    assert (vault.root / MARKER).exists()


def test_the_mark_says_which_vault_it_is(vault: LocalVault, tmp_path: Path) -> None:
    found = vault.probe()
    assert LocalVault(vault.root).look() == found
    assert LocalVault(tmp_path / "other").probe() != found
    for text in ("", "ari_recorder keeps its recordings in this folder, and in none that lacks this file.\n"):
        (vault.root / MARKER).write_text(text)
        assert vault.probe() == FIRST


def test_many_may_mark_it_at_the_same_time(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        marking = [threads.submit(LocalVault(tmp_path / "new").probe) for _ in range(50)]
        assert len({one.result() for one in marking}) == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == [MARKER]


def test_removing_is_for_good_and_again_is_fine(vault: LocalVault, source: Path) -> None:
    put(vault, "a/x", source)
    put(vault, "a/y", source)
    (vault.root / "a/x.part").write_bytes(b"half")
    for _ in range(2):
        vault.remove("a/x")
        assert files(vault) == ["y"]
    vault.remove("nowhere/x")


def test_from_a_folder_that_is_not_the_vault_nothing_is_removed(vault: LocalVault, source: Path) -> None:
    put(vault, "a/x", source)
    (vault.root / MARKER).unlink()
    with pytest.raises(VaultAway, match="Is its disk mounted"):
        vault.remove("a/x")
    assert files(vault) == ["x"]
    with pytest.raises(VaultError, match="is not a key"):
        vault.remove("../x")


def test_a_file_of_that_name_deeper_in_the_vault_is_no_mark(vault: LocalVault, source: Path) -> None:
    put(vault, f"a/{MARKER}", source)
    assert list(vault.keys()) == [f"a/{MARKER}"]


def test_a_key_tells_organisation_day_and_recording() -> None:
    key = key_for(UUID(int=1), BEGIN, UUID(int=2), ".opus")
    assert key == f"{UUID(int=1)}/2026/03/02/{UUID(int=2)}.opus"


def test_the_day_of_a_key_is_that_of_utc() -> None:
    late = BEGIN.astimezone(timezone(timedelta(hours=-10)))
    assert key_for(UUID(int=1), late, UUID(int=2), "") == key_for(UUID(int=1), BEGIN, UUID(int=2), "")
