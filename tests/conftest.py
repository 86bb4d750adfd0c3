"""The catalogue for tests: on SQLite and on a real PostgreSQL, one test after the other on both."""

from __future__ import annotations

import ctypes
import gc
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from peewee import sort_models

from ari_recorder.store import models
from ari_recorder.store.database import Store

from . import authority as authorities
from .authority import Authority

POSTGRESQL = Path(os.environ.get("POSTGRESQL_BIN", "/usr/lib/postgresql/15/bin"))
STARTED_WITHIN_S = 30.0
ROLE = "recorder"
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
WITH_CALLS = ("tests/asterisk/", "tests/install/")
"""Where `scripts/test` looks for tests with calls: to collect all others, too, takes half a minute."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test with calls elsewhere would be run by nobody."""
    if item.get_closest_marker("asterisk") and not item.nodeid.startswith(WITH_CALLS):
        raise pytest.UsageError(f"{item.nodeid} needs Asterisk: it belongs in {' or '.join(WITH_CALLS)}.")


def pytest_collection_finish() -> None:
    """All tests and what they import stay: no collection has to go through them."""
    gc.collect()
    gc.freeze()


def eventually(condition: Callable[[], Any], within_s: float, otherwise: str) -> Any:
    """What ``condition`` returns once it is true; fails with ``otherwise`` when it does not come true."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(otherwise)
        time.sleep(0.02)
    return value


@dataclass(frozen=True)
class PostgreSQL:
    """A running server on loopback, and how to get databases of it."""

    port: int
    password: str

    def url(self, name: str) -> str:
        """What `store.url` says for one of its databases."""
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{self.port}/{name}"

    def execute(self, *statements: str) -> None:
        """Run statements outside any transaction, as the administrator."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def new_database(self) -> str:
        """A database that nobody has used; its address."""
        name = f"t{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")


@pytest.fixture(autouse=True)
def _log_as_at_first() -> None:
    """What a test sets of the log (the command line's tests do) does not keep lines from the next.

    Exceptions are shown plainly: to draw them takes seconds.
    """
    structlog.reset_defaults()
    shown = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], shown])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL of the tests' own, in a temporary folder, stopped whatever happens."""
    if not (POSTGRESQL / "initdb").exists():
        pytest.fail(
            f"There is no PostgreSQL in {POSTGRESQL}: apt-get install postgresql-15,"
            " or set POSTGRESQL_BIN to the folder of its initdb."
        )
    folder = Path(tempfile.mkdtemp(prefix="ari-recorder-postgresql-"))
    try:
        password = secrets.token_hex(8)
        _initialise(folder, password)
        port = _free_port()
        server = _start(folder, port)
        try:
            found = PostgreSQL(port, password)
            _wait_until_up(found, server, folder / "log")
            yield found
        finally:
            server.send_signal(signal.SIGQUIT)  # "immediate": nothing of it is needed any more
            server.wait(timeout=STARTED_WITHIN_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner() -> dict[str, Any]:
    """Who runs the server: initdb refuses root, so root lends it to ``postgres``."""
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam("postgres")
    except KeyError:
        pytest.fail(
            "PostgreSQL does not run as root and there is no user postgres: adduser --system postgres"
        )
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _initialise(folder: Path, password: str) -> None:
    owner = _owner()
    secret = folder / "password"
    secret.write_text(password)
    if owner:
        for path in (folder, secret):
            os.chown(path, owner["user"], owner["group"])
    made = subprocess.run(
        [
            POSTGRESQL / "initdb",
            f"--pgdata={folder}/data",
            f"--username={ROLE}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ],
        capture_output=True,
        text=True,
        cwd=folder,
        **owner,
    )
    if made.returncode:
        pytest.fail(f"initdb failed:\n{made.stdout}{made.stderr}")


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    options = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "fsync": "off",
        "log_min_messages": "warning",
    }
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [POSTGRESQL / "postgres", "-D", folder / "data", *(f"--{k}={v}" for k, v in options.items())],
            stdout=log,
            stderr=log,
            cwd=folder,
            preexec_fn=_die_with_parent,
            **_owner(),
        )


def _die_with_parent() -> None:
    """Even when the tests are killed the server does not stay."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _wait_until_up(server: PostgreSQL, process: subprocess.Popen[bytes], log: Path) -> None:
    def up() -> bool:
        if process.poll() is not None:
            pytest.fail(f"PostgreSQL did not start:\n{log.read_text()}")
        try:
            server.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    eventually(up, STARTED_WITHIN_S, "PostgreSQL did not answer in time")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite catalogue to be copied: faster than migrating each time."""
    path = tmp_path_factory.mktemp("empty") / "catalogue.db"
    Store(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def shared_url(postgresql: PostgreSQL) -> str:
    """A PostgreSQL database that tests use one after the other: emptying one is faster than making one."""
    return postgresql.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty catalogue, on both databases in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/catalogue/catalogue.db"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An open catalogue, empty but for its tables, on both databases in turn."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("empty_sqlite"), tmp_path / "catalogue.db")
        opened = Store(f"sqlite:///{path}")
        yield opened
        opened.close()
        return
    opened = Store(request.getfixturevalue("shared_url"))
    opened.write_now(_empty)
    yield opened
    opened.close()


def _empty() -> None:
    models.database.execute_sql("SET LOCAL session_replication_role = replica")  # nor the append-only ones
    for table in reversed(sort_models(models.TABLES)):
        table.delete().execute()
    for name in ("audit_line", "audit_seal", "tree_node", "tree_head", "head_stamp", "disposal"):
        models.database.execute_sql(f"ALTER TABLE {name} ENABLE TRIGGER USER")  # a test may have put them off


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One that gives time stamps."""
    return authorities.made(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def s3_store() -> Iterator[Any]:
    """A store that speaks S3, of the tests' own."""
    from .s3 import started  # what few tests need

    with started() as store:
        yield store


@pytest.fixture
def now() -> datetime:
    """The time that is passed in: Monday 2026-03-02, 08:00 UTC."""
    return NOW
