"""Who else on this machine can read, or put something into, the folder in which calls are written."""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path

from ari_recorder.doctor.report import Check, good, warning
from ari_recorder.policies.text import listed

NAME = "folder's mode"
WANTED = 0o2770
"""Its owner's and its group's alone, and what is made in it is the group's."""


def look_at_modes(where: str, folder: Path) -> list[Check]:
    """Whether the recording folder is as `WANTED`, and nobody else can exchange it from above; blocking."""
    checks = [*_folder(where, folder), *_parents(where, folder)]
    return checks or [good(where, NAME, f"{folder} is {WANTED:o}, of group {_group(folder)}")]


def _folder(where: str, folder: Path) -> list[Check]:
    mode = stat.S_IMODE(folder.stat().st_mode)
    wrong = []
    if mode & 0o007:
        wrong.append("everybody on this machine can look into it")
    if not mode & stat.S_ISGID:
        wrong.append(
            "what is made in it is not its group's, so that one program may not read what the other wrote"
        )
    if mode & 0o070 != 0o070:
        wrong.append("its group cannot read and write in it")
    if not wrong:
        return []
    remedy = f"chmod {WANTED:o} {folder}, with Asterisk's user and the recorder's in its group."
    return [warning(where, NAME, f"{folder} is {mode:04o}: {'; '.join(wrong)}", remedy)]


def _parents(where: str, folder: Path) -> list[Check]:
    """Who may write in a folder may put another in the place of what is in it, unless it is sticky."""
    open_ = [str(level) for level in folder.absolute().parents if _anybody_writes(level)]
    if not open_:
        return []
    found = f"anybody on this machine can put another folder in its place: all may write in {listed(open_)}"
    return [warning(where, NAME, found, f"chmod o-w {' '.join(open_)}")]


def _anybody_writes(folder: Path) -> bool:
    mode = folder.stat().st_mode
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def _group(folder: Path) -> str:
    number = folder.stat().st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def what_blocks(folder: Path) -> str:
    """The first folder on the way that this user may not enter, and so not look beyond; empty if none."""
    for level in (*reversed(folder.absolute().parents), folder):
        if level.is_dir() and not os.access(level, os.X_OK, effective_ids=True):
            return str(level)
    return ""
