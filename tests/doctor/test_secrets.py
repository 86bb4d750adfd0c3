"""What the doctor says of files that others on the machine can read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ari_recorder.config import Settings, Store, Vault, Web
from ari_recorder.doctor.report import Verdict
from ari_recorder.doctor.secrets import look_at_secrets


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that others can get to, as they cannot to pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        found = Path(name)
        found.chmod(0o755)
        for name in ("settings.toml", "catalogue.db", "master.key", "session.key", "audit.key"):
            (found / name).touch(mode=0o600)
        yield found


@pytest.fixture
def settings(folder: Path) -> Settings:
    return Settings(
        store=Store(url=f"sqlite:///{folder}/catalogue.db"),
        vault=Vault(key_file=folder / "master.key"),
        web=Web(key_file=folder / "session.key"),
    )


def test_what_is_its_owners_and_groups_alone_is_not_mentioned(folder: Path, settings: Settings) -> None:
    (folder / "settings.toml").chmod(0o640)
    assert look_at_secrets(settings, folder / "settings.toml") == []


@pytest.mark.parametrize("name", ["settings.toml", "catalogue.db", "master.key", "session.key", "audit.key"])
def test_what_others_can_read_is_named(folder: Path, settings: Settings, name: str) -> None:
    (folder / name).chmod(0o644)
    (check,) = look_at_secrets(settings, folder / "settings.toml")
    assert check.verdict is Verdict.WARNING
    assert check.remedy == f"chmod o-rwx {folder / name}"
    folder.chmod(0o700)
    assert look_at_secrets(settings, folder / "settings.toml") == [], "nobody else gets there"
