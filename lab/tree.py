"""Where the lab's Asterisk comes from: the host's own, or a Debian tree under the cache folder.

A supported Asterisk that is installed already is used as it is: its programs, modules and sounds, never its
configuration or folders, and no root is needed. Otherwise Debian sid's Asterisk 22 is put under
``$XDG_CACHE_HOME/ari_recorder/asterisk-22`` by debootstrap, as root, once, and run with ``chroot``.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from lab.errors import LabError

PACKAGES = "asterisk,asterisk-core-sounds-en-wav"
PROGRAM_FOLDERS = "/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/bin"
SUPPORTED = "20.6 or later (not 20.12 to 20.14), 22.5 or later, or 23 and up"
_console = Console(stderr=True)


@dataclass(frozen=True)
class Tree:
    """An Asterisk that can be run. ``root`` is the folder to chroot to, or None for the host's own."""

    root: Path | None
    version: str

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs this Asterisk with these arguments."""
        if self.root is None:
            return [find_program("asterisk"), *arguments]
        return [find_program("chroot"), str(self.root), "asterisk", *arguments]

    def inside(self, path: Path) -> str:
        """How Asterisk itself sees a path of this machine."""
        return str(path) if self.root is None else f"/{path.relative_to(self.root)}"


def find_tree() -> Tree:
    """The host's Asterisk if it is supported, else the cached tree, which is built if it is missing.

    Raises `LabError` if neither is there and none can be built.
    """
    host = _host_version()
    if host and is_supported(host):
        return Tree(None, host)
    root = cache_folder() / "asterisk-22"
    if not root.is_dir():
        with _only_one_builds(root):
            if not root.is_dir():
                _build(root, host)
    return Tree(root, _version([find_program("chroot"), str(root), "asterisk", "-V"]) or "unknown")


def cache_folder() -> Path:
    """The one folder outside the project in which the lab keeps anything; it exists afterwards."""
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "ari_recorder"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def is_supported(version: str) -> bool:
    """Whether snoop and record of this version (``22.10.1``) do what the recorder needs of them."""
    major, minor = (int(part) for part in (*version.split("."), "0")[:2])
    if major == 20:
        return minor >= 6 and minor not in (12, 13, 14)
    return major >= 23 or (major == 22 and minor >= 5)


def find_program(name: str) -> str:
    """The path of a program, system folders included; raises `LabError` if it is not installed."""
    found = shutil.which(name) or shutil.which(name, path=PROGRAM_FOLDERS)
    if found is None:
        raise LabError(f"The program {name} is not installed and the lab needs it.")
    return found


def _host_version() -> str | None:
    try:
        return _version([find_program("asterisk"), "-V"])
    except LabError:
        return None


def _version(command: list[str]) -> str | None:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"Asterisk (?:certified/)?(\d+\.\d+(?:\.\d+)?)", answer)
    return found.group(1) if found else None


@contextmanager
def _only_one_builds(root: Path) -> Iterator[None]:
    with root.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _console.print("Another run is building Asterisk; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(root: Path, host: str | None) -> None:
    if os.geteuid() != 0:
        raise LabError(
            f"Asterisk {host} is installed, but the lab needs {SUPPORTED}. "
            if host
            else f"No Asterisk is installed; the lab needs {SUPPORTED}. "
            "Install one, or run this as root once to put one under the cache folder, "
            "or use Docker: docker compose -f docker/compose.yaml up."
        )
    part = root.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    _console.print(f"Putting a real Asterisk 22 (Debian sid, 540 MB) under {root}; one to three minutes.")
    _debootstrap(part)
    finish(part, root)
    _console.print("Asterisk is there and will be used again.")


def _debootstrap(part: Path) -> None:
    program = shutil.which("debootstrap", path=PROGRAM_FOLDERS) or _install_debootstrap()
    command = [program, "--variant=minbase", f"--include={PACKAGES}", "sid", str(part)]
    last: list[str] = []
    with (
        _console.status("debootstrap") as status,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            last = [*last[-9:], line.rstrip()]
            status.update(line.strip()[:100])
    if process.returncode:
        raise LabError(
            "debootstrap failed:\n  " + "\n  ".join(last) + f"\nSee {part}/debootstrap/debootstrap.log."
        )


def _install_debootstrap() -> str:
    _console.print("Installing the package debootstrap.")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        for words in (["update", "-q"], ["install", "-y", "-q", "debootstrap", "debian-archive-keyring"]):
            subprocess.run(["apt-get", *words], check=True, capture_output=True, text=True, env=environment)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        raise LabError(
            f"The package debootstrap could not be installed: {reason.strip()}\n"
            f"Install debootstrap, or Asterisk {SUPPORTED}, and try again."
        ) from error
    return find_program("debootstrap")


def finish(part: Path, root: Path) -> None:
    """Make a complete debootstrap folder the tree, in one step.

    Asterisk looks its own host name up at every call. The tree answers that from ``/etc/hosts``, and its
    empty ``resolv.conf`` keeps a name server that does not answer from blocking the SIP stack for seconds.
    """
    name = socket.gethostname()
    (part / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.0.1 {name}\n")
    (part / "etc/hostname").write_text(f"{name}\n")
    (part / "etc/resolv.conf").unlink(missing_ok=True)
    (part / "etc/resolv.conf").write_text("")
    shutil.rmtree(part / "var/cache/apt/archives", ignore_errors=True)
    (part / "lab").mkdir(exist_ok=True)
    part.rename(root)
