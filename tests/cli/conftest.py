"""The command in this process, on a folder of its own, with nothing set but what a test sets."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ari_recorder.cli import main
from ari_recorder.store.database import Store


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@dataclass
class Command:
    """``ari-recorder``, run in ``folder``."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str, stdin: str = "") -> Said:
        self.capture.readouterr()
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        mask = os.umask(0o022)  # as most shells have it
        try:
            code = main(arguments)
        finally:
            os.umask(mask)
        written = self.capture.readouterr()
        return Said(code, written.out, written.err)

    def refused(self, *arguments: str, code: int = 78, stdin: str = "") -> str:
        """The one line that a refused command writes."""
        said = self(*arguments, stdin=stdin)
        assert (said.code, said.out) == (code, "")
        assert said.err.startswith("ari-recorder: ")
        assert said.err.count("\n") == 1
        return said.err

    def begin(self) -> None:
        """An empty catalogue, as the recorder's first start makes it."""
        Store(self.store_url).close()

    @property
    def store_url(self) -> str:
        """Where its catalogue is, unless a test sets another."""
        return f"sqlite:///{self.folder}/var/lib/ari_recorder/catalogue.db"


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line, with its folders in one of its own instead of /var/lib."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ARI_RECORDER_")]:
        monkeypatch.delenv(name)
    place = tmp_path / "var/lib/ari_recorder"
    monkeypatch.setenv("ARI_RECORDER_STORE__URL", f"sqlite:///{place}/catalogue.db")
    monkeypatch.setenv("ARI_RECORDER_VAULT__PATH", str(place / "vault"))
    monkeypatch.setenv("ARI_RECORDER_VAULT__KEY_FILE", str(place / "master.key"))
    monkeypatch.setenv("ARI_RECORDER_MEDIA__WORK", str(place / "work"))
    monkeypatch.setenv("ARI_RECORDER_WEB__KEY_FILE", str(place / "session.key"))
    return Command(tmp_path, capsys, monkeypatch)
