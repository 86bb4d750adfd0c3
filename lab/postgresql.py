"""A PostgreSQL of its own in a temporary folder, for measurements; it ends with the program."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from lab.asterisk import TIME_ZONE
from lab.errors import LabError
from lab.tree import find_program

PROGRAMS = Path(os.environ.get("POSTGRESQL_BIN", "/usr/lib/postgresql/15/bin"))
ROLE = "recorder"
START_S = 30.0


@dataclass
class PostgreSQL:
    """A server on loopback, with its data in ``folder``."""

    folder: Path
    port: int
    password: str
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it, and return when it answers. Raises `LabError`."""
        self._process = _start(self.folder, self.port)
        _wait_until_up(self, self.folder / "log")

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it without a word; `start` brings it back with what was committed. Harmless if it is not up."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(timeout=START_S)

    def url(self, database: str) -> str:
        """What `store.url` says for one of its databases."""
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """An empty database; its address."""
        name = f"d{secrets.token_hex(6)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server with PostgreSQL's own settings, its data synced to disk. Raises `LabError`."""
    folder = Path(tempfile.mkdtemp(prefix="ari-recorder-postgresql-"))
    try:
        password = secrets.token_hex(8)
        _initialise(folder, password)
        server = PostgreSQL(folder, _free_port(), password)
        try:
            server.start()
            yield server
        finally:
            server.kill(signal.SIGQUIT)  # nothing of it is needed any more
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(folder: Path, password: str) -> None:
    secret, owner = folder / "password", _owner()
    secret.write_text(password)
    for path in (folder, secret) if owner else ():
        os.chown(path, owner["user"], owner["group"])
    options = (f"--pgdata={folder}/data", f"--username={ROLE}", f"--pwfile={secret}", "--auth=scram-sha-256")
    command = [str(PROGRAMS / "initdb"), *options, "--encoding=UTF8", "--locale=C.UTF-8"]
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, **owner)
    except (OSError, subprocess.CalledProcessError) as error:
        raise LabError(
            f"initdb failed: {getattr(error, 'stderr', None) or error}\n"
            "Install postgresql-15, or set POSTGRESQL_BIN to the folder of its initdb."
        ) from error


def _owner() -> dict[str, Any]:
    """Who runs it: initdb refuses root, so root lends it to ``postgres``."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    options = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "timezone": TIME_ZONE,
    }
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [
                *(find_program("setpriv"), "--pdeathsig", "QUIT"),
                *(PROGRAMS / "postgres", "-D", folder / "data"),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
            **_owner(),
        )


def _wait_until_up(server: PostgreSQL, log: Path) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(server.url("postgres")).close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > until:
                raise LabError(f"PostgreSQL did not start:\n{log.read_text()}") from error
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
