"""Where a running lab keeps its files, and that nothing of it stays.

Each lab has one folder, which holds an exclusive lock for as long as its process lives. With the cached tree
it lies inside the tree, where the chrooted Asterisk can see it, and ``.lab/<name>`` is a link to it; with the
host's Asterisk it is ``.lab/<name>`` itself. Folders whose lock is free are left over from a process that was
killed, and are removed when the next lab starts.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

from lab.errors import LabError
from lab.tree import Tree, cache_folder

LOCK = "owner.lock"
SOCKET_PATH_MAX = 100
"""Unix sockets have paths of at most 107 bytes; ``/pbx/run/asterisk.ctl`` is part of it."""


class LabFolder:
    """The folder of one lab, from creation until `remove`."""

    def __init__(self, tree: Tree, project: Path, name: str) -> None:
        project.mkdir(parents=True, exist_ok=True)
        self.project = project.resolve()
        self.link = self.project / name
        store = self.project if tree.root is None else tree.root / "lab"
        with _one_at_a_time():
            _remove_stale(store)
            _remove_dangling(self.project)
            self._create(tree, store)

    def _create(self, tree: Tree, store: Path) -> None:
        name = self.link.name
        if self.link.exists():
            raise LabError(f"A lab named {name} is running already. Stop it, or give this one another name.")
        self.path = self.link if tree.root is None else store / f"{name}-{os.getpid()}"
        if len(tree.inside(self.path)) > SOCKET_PATH_MAX - len("/phones/run/asterisk.ctl"):
            raise LabError(
                f"{self.path} is too long for Asterisk's socket. Use a folder with a shorter path."
            )
        self.path.mkdir(parents=True)
        self._lock = _hold(self.path)
        if self.path != self.link:
            self.link.symlink_to(self.path)

    def remove(self) -> None:
        """Remove the folder, the link and the lock. Harmless a second time."""
        if self.path != self.link and self.link.is_symlink():
            self.link.unlink()
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (cache_folder() / "labs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _hold(folder: Path) -> TextIOWrapper:
    lock = (folder / LOCK).open("w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def _remove_stale(store: Path) -> None:
    for lock in store.glob(f"*/{LOCK}"):
        try:
            _hold(lock.parent).close()
        except OSError:
            continue
        if not lock.parent.is_symlink():
            shutil.rmtree(lock.parent, ignore_errors=True)


def _remove_dangling(project: Path) -> None:
    """Links to what is gone, and the logs of labs before."""
    for link in project.iterdir():
        if link.is_symlink() and not link.exists():
            link.unlink()
    for log in [*project.glob("*-pbx.log"), *project.glob("*-phones.log")]:
        if not (project / log.stem.rpartition("-")[0]).exists():
            log.unlink()
