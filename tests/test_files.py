"""Files and folders have their mode whatever the umask is; what Asterisk is to play is its group's, too."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from ari_recorder import files
from ari_recorder.handlers import prompts
from ari_recorder.handlers.files import empty_work
from ari_recorder.policies.leg import Leg
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.store import audit_key
from ari_recorder.store.database import Store
from ari_recorder.store.journal import Journal
from ari_recorder.store.prompts import shipped_prompt
from ari_recorder.store.vault import LocalVault, key_for
from ari_recorder.web.seals import load_key

from .store.build import add_user, recorded_call

OTHERS_GROUP = 54321


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct, autouse=True)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def check_private(folder: Path) -> None:
    """The folder and all in it are their owner's alone."""
    found = {path: oct(mode(path)) for path in (folder, *folder.rglob("*"))}
    assert found
    assert {path: is_ for path, is_ in found.items() if is_ not in ("0o600", "0o700")} == {}


def test_the_catalogue(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/var/lib/catalogue.db")
    store.write_now(lambda: None)
    assert (tmp_path / "var/lib/catalogue.db-wal").exists()
    check_private(tmp_path / "var")
    store.close()


def test_the_vault(tmp_path: Path) -> None:
    (tmp_path / "made").write_bytes(b"audio")
    key = key_for(UUID(int=1), datetime(2026, 3, 2, tzinfo=UTC), UUID(int=2), ".ogg")
    LocalVault(tmp_path / "srv/vault").put(key, [b"audio"])
    check_private(tmp_path / "srv")


def test_the_keys(tmp_path: Path) -> None:
    audit_key.made(tmp_path / "keys/audit.key")
    load_key(tmp_path / "others/session.key")
    check_private(tmp_path / "keys")
    check_private(tmp_path / "others")


def test_the_work_folder(tmp_path: Path) -> None:
    empty_work(tmp_path / "lib/work")
    check_private(tmp_path / "lib")


def test_the_journal_is_private_in_a_folder_that_is_shared(tmp_path: Path) -> None:
    spool = shared(tmp_path)
    Journal(spool / "journal").write([a_leg(tmp_path)])
    assert list((spool / "journal").glob("*.json"))
    check_private(spool / "journal")
    assert mode(spool) == 0o2770


def test_a_recording_folder_that_is_away_is_not_made(tmp_path: Path) -> None:
    leg = a_leg(tmp_path)
    with pytest.raises(FileNotFoundError):
        Journal(tmp_path / "away/journal").write([leg])
    with pytest.raises(FileNotFoundError):
        prompts._place(tmp_path / "away/prompts", shipped_prompt(PromptKind.START, "en"))
    assert not (tmp_path / "away").exists()


def test_prompts_are_for_asterisks_group(tmp_path: Path) -> None:
    spool = shared(tmp_path)
    prompts._place(spool / prompts.FOLDER, shipped_prompt(PromptKind.START, "en"))
    (prompt,) = (spool / prompts.FOLDER).iterdir()
    assert mode(spool / prompts.FOLDER) == files.GROUP_FOLDER
    assert mode(prompt) == files.GROUP_FILE
    assert {path.stat().st_gid for path in (prompt, prompt.parent)} == {spool.stat().st_gid}


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs").chmod(0o750)
    files.make_folder(tmp_path / "theirs/ours")
    assert mode(tmp_path / "theirs") == 0o750
    assert mode(tmp_path / "theirs/ours") == 0o700


def test_a_file_in_the_way_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        files.make_folder(tmp_path / "file")
    with pytest.raises(OSError, match="file"):
        files.make_folder(tmp_path / "file/folder")


def shared(tmp_path: Path) -> Path:
    """Asterisk's recording folder, as the guide has it: another group's, whom everything in it belongs to."""
    spool = tmp_path / "spool"
    spool.mkdir()
    if os.geteuid() == 0:
        os.chown(spool, -1, OTHERS_GROUP)
    spool.chmod(0o2770)
    return spool


def a_leg(tmp_path: Path) -> Leg:
    """Any, as the journal keeps it."""
    store = Store(f"sqlite:///{tmp_path}/any.db")
    try:
        return recorded_call(store, add_user(store)).leg
    finally:
        store.close()
