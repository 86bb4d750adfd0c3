"""What the doctor says of the files and folders that the settings name."""

from __future__ import annotations

from pathlib import Path

from ari_recorder.config import Evidence, Log, Media, Settings, Vault
from ari_recorder.doctor.local import look_at_authorities, look_at_folders
from ari_recorder.doctor.report import Verdict


def test_traces_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(
        vault=Vault(path=tmp_path / "vault"),
        media=Media(work=tmp_path / "work"),
        log=Log(traces=tmp_path / "file/traces"),
    )
    (check,) = [check for check in look_at_folders(settings) if check.verdict is Verdict.BAD]
    assert (check.where, check.name) == ("log.traces", "folder")
    assert "log.traces" in check.remedy


def test_nothing_is_said_of_traces_that_are_not_kept(tmp_path: Path) -> None:
    settings = Settings(vault=Vault(path=tmp_path / "vault"), media=Media(work=tmp_path / "work"))
    assert {check.where for check in look_at_folders(settings)} == {"vault", "media.work"}


def test_the_authorities_of_time_stamps(tmp_path: Path) -> None:
    assert look_at_authorities(Evidence()) == []
    set_to = Evidence(timestamp_url="https://tsa.example", timestamp_ca_file=tmp_path / "gone.pem")
    (check,) = look_at_authorities(set_to)
    assert (check.verdict, check.where) == (Verdict.BAD, "evidence")
    assert "gone.pem cannot be read" in check.found
    assert "evidence.timestamp_ca_file" in check.remedy
