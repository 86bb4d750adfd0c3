"""The doctor says who else can read, or exchange, the folder in which calls are written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ari_recorder.doctor.modes import look_at_modes, what_blocks
from ari_recorder.doctor.report import Verdict


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "var/recording"
    folder.mkdir(parents=True)
    folder.chmod(0o2770)
    folder.parent.chmod(0o755)
    return folder


def test_as_the_guide_has_it_all_is_well(spool: Path) -> None:
    (check,) = look_at_modes("pbx.main", spool)
    assert check.verdict is Verdict.GOOD
    assert "2770" in check.found


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (0o2775, "everybody on this machine can look into it"),
        (0o2771, "everybody on this machine can look into it"),
        (0o770, "is not its group's"),
        (0o2700, "its group cannot"),
        (0o2750, "its group cannot"),
    ],
    ids=lambda value: f"{value:o}" if isinstance(value, int) else "",
)
def test_another_mode_is_told_with_what_to_do(spool: Path, mode: int, said: str) -> None:
    spool.chmod(mode)
    (check,) = look_at_modes("pbx.main", spool)
    assert check.verdict is Verdict.WARNING
    assert said in check.found
    assert f"{mode:04o}" in check.found
    assert f"chmod 2770 {spool}" in check.remedy


def test_a_parent_that_everybody_writes_is_told(spool: Path) -> None:
    spool.parent.chmod(0o777)
    (check,) = look_at_modes("pbx.main", spool)
    assert check.verdict is Verdict.WARNING
    assert f"chmod o-w {spool.parent}" == check.remedy
    spool.parent.chmod(0o1777)
    (check,) = look_at_modes("pbx.main", spool)
    assert check.verdict is Verdict.GOOD, "as /tmp: what is another's cannot be moved away there"


def test_what_blocks_the_way_is_named(spool: Path) -> None:
    assert what_blocks(spool) == ""
    for folder in spool.parents:
        if folder not in (spool.parent, Path("/")) and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    spool.parent.chmod(0o700)
    before = os.geteuid()
    os.seteuid(65534)
    try:
        assert what_blocks(spool) == str(spool.parent)
    finally:
        os.seteuid(before)
