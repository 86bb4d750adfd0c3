"""A copy of the catalogue, whole and of one moment, beside a recorder that goes on; and putting it back.

A backup is a folder: the copy, and `backup.json`, which says of when it is and what belongs to it that is not
in it. It is made under a name that ends in ``.part``, synced, and renamed: one without that end is whole.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from peewee import fn

from ari_recorder import __version__, files
from ari_recorder.errors import FileError, SettingsError, StoreError
from ari_recorder.store.address import on_postgresql, shown
from ari_recorder.store.models import AuditSeal, HeadStamp, TreeHead

ABOUT = "backup.json"
PART = ".part"
BLOCK_BYTES = 1024 * 1024
_SQLITE = "sqlite:///"
_FULL = os.strerror(errno.ENOSPC)
COPIES: Mapping[str, str] = {"sqlite": "catalogue.db", "postgresql": "catalogue.dump"}


class Vault(msgspec.Struct, frozen=True):
    """A vault that recordings of the catalogue lie in; its files are not in the backup."""

    address: str
    recordings: int
    size_bytes: int


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself: nothing personal, and no key."""

    format: Literal["ari_recorder backup 1"] = "ari_recorder backup 1"
    made_at: datetime
    software: str = __version__
    database: Literal["sqlite", "postgresql"]
    sha256: str
    size_bytes: int
    vaults: tuple[Vault, ...] = ()
    master_keys: tuple[str, ...] = ()
    """Ids of the master keys that open its recordings."""
    told: tuple[str, ...] = ()
    """Newest seals, heads and time stamps, as logs have them: by these an older catalogue is known."""


class Backup(msgspec.Struct, frozen=True):
    """A backup that is whole: its folder, and what it says of itself."""

    folder: Path
    about: About

    @property
    def copy(self) -> Path:
        """The copy of the catalogue in it."""
        return self.folder / COPIES[self.about.database]


def make(url: str, folder: Path, facts: About) -> Backup:
    """Copy the catalogue at ``url`` into a new folder in ``folder``. Raises `StoreError`, `FileError`.

    ``facts`` are completed by what the copy is.
    """
    target = folder / f"ari_recorder-{facts.made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    part = target.with_name(target.name + PART)
    if target.exists():
        raise SettingsError(f"{target} is there already: wait a second.")
    try:
        _remove(part)
        files.make_folder(part)
        copy = part / COPIES[facts.database]
        files.touch(copy)
        (_copy_sqlite if facts.database == "sqlite" else _dump_postgresql)(url, copy)
        sha256, size_bytes = _hash(copy)
        about = msgspec.structs.replace(facts, sha256=sha256, size_bytes=size_bytes)
        with files.created(part / ABOUT) as file:
            file.write(msgspec.json.format(msgspec.json.encode(about), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        files.sync_folder(part)
        part.rename(target)
        files.sync_folder(folder)
    except OSError as error:
        raise FileError(target, "written", error) from error
    finally:
        _remove(part)
    return Backup(target, about)


def newest_told() -> tuple[str, ...]:
    """Of each organisation the newest seal of its audit log, head of its tree and time stamp; in a read."""
    seals, heads = _newest(AuditSeal, AuditSeal.number), _newest(TreeHead, TreeHead.size)
    told = [f"audit:{row.organisation}:{row.number}:{row.sha256}" for row in seals]
    told += [f"evidence:{row.organisation}:{row.size}:{row.sha256}" for row in heads]
    stamps = _newest(HeadStamp, HeadStamp.number)
    return tuple(told + [f"stamp:{row.organisation}:{row.size}:{row.sha256}" for row in stamps])


def _newest(table: Any, number: Any) -> list[Any]:
    other = table.alias()
    newest = other.select(fn.MAX(getattr(other, number.name))).where(other.organisation == table.organisation)
    return list(table.select().where(number == newest).order_by(table.organisation))


def kind_of(url: str) -> Literal["sqlite", "postgresql"]:
    """Which database that is the address of."""
    return "sqlite" if url.startswith(_SQLITE) else "postgresql"


def read(folder: Path) -> Backup:
    """The backup there, compared with its hash. Raises `SettingsError` if it is none, or damaged."""
    if folder.name.endswith(PART):
        raise SettingsError(f"{folder} was not finished: use another backup.")
    try:
        about = msgspec.json.decode((folder / ABOUT).read_bytes(), type=About)
        found = Backup(folder, about)
        sha256, size_bytes = _hash(found.copy)
    except (OSError, msgspec.MsgspecError) as error:
        why = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        raise SettingsError(f"{folder} is no backup of ari_recorder, or not all of it: {why}.") from error
    if (sha256, size_bytes) != (about.sha256, about.size_bytes):
        raise SettingsError(f"{found.copy} is damaged: its SHA-256 is {sha256}, and was {about.sha256}.")
    return found


def put_back(backup: Backup, url: str) -> None:
    """Make the catalogue at ``url`` from the backup. Raises `SettingsError` if there is one; `StoreError`."""
    if kind_of(url) != backup.about.database:
        raise SettingsError(
            f"The backup is of a catalogue on {backup.about.database}, and store.url is {shown(url)}."
        )
    if backup.about.database == "sqlite":
        _put_file(backup.copy, Path(url.removeprefix(_SQLITE)))
    else:
        _restore_postgresql(backup.copy, url)


def _copy_sqlite(url: str, copy: Path) -> None:
    """By SQLite's own way, in one step: readers do not keep the recorder from writing."""
    source = Path(url.removeprefix(_SQLITE))
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as ours,
            closing(sqlite3.connect(copy)) as theirs,
        ):
            ours.backup(theirs, pages=-1)
            theirs.execute("PRAGMA journal_mode = DELETE")  # one file
            (sound,) = theirs.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:  # the copy's, as nothing is written to the other
            raise OSError(errno.ENOSPC, _FULL) from error
        raise StoreError(f"The catalogue {source} cannot be copied: {error}.") from error
    if sound != "ok":
        raise StoreError(f"The copy of the catalogue {source} is not sound: {sound}")
    _sync(copy)


def _put_file(copy: Path, target: Path) -> None:
    if target.exists():
        raise _there_already(str(target))
    part = target.with_name(target.name + PART)
    try:
        files.make_folder(target.parent)
        with files.created(part) as file:
            for block in _blocks(copy):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        for leftover in ("-wal", "-shm"):  # of the one before: SQLite would put them into this one
            if target.with_name(target.name + leftover).exists():
                raise _there_already(f"{target}{leftover}")
        part.rename(target)
        files.sync_folder(target.parent)
    except OSError as error:
        raise StoreError(f"The catalogue {target} cannot be written: {error.strerror}.") from error


def _there_already(what: str) -> SettingsError:
    return SettingsError(
        f"{what} is there already. Stop the recorder and move it away, with all files whose names begin"
        " alike: what it knows of disposals since can be given as --newest."
    )


def _dump_postgresql(url: str, copy: Path) -> None:
    _run(["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={copy}"], url)
    _sync(copy)


def _restore_postgresql(copy: Path, url: str) -> None:
    import psycopg

    try:
        parameters = on_postgresql(url)
        parameters["dbname"] = parameters.pop("database")
        with psycopg.connect(**({"connect_timeout": 5} | parameters)) as connection:
            found = connection.execute("SELECT to_regclass('schema_migration')").fetchone()
    except psycopg.Error as error:
        raise StoreError(
            f"The database at {shown(url)} cannot be reached: {error}".splitlines()[0]
        ) from error
    if found and found[0]:
        raise SettingsError(
            f"There is a catalogue at {shown(url)} already. Stop the recorder, and put the backup into a new"
            " database (createdb): what this one knows of disposals since can be given as --newest."
        )
    name = str(_environment(url)["PGDATABASE"])
    _run(["pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
          f"--dbname={name}", str(copy)], url)  # fmt: skip


def _run(command: list[str], url: str) -> None:
    """The password goes by the environment: others see command lines."""
    try:
        done = subprocess.run(
            command,
            env=os.environ | _environment(url) | {"LC_ALL": "C"},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise StoreError(
            f"{command[0]} is not installed: apt-get install postgresql-client (of the server's version)."
        ) from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        if _FULL in said and "ERROR:" not in said:  # which is the server's, of a disk of its own
            raise OSError(errno.ENOSPC, _FULL)
        raise StoreError(f"{command[0]}, for the catalogue at {shown(url)}: {said}")


def _environment(url: str) -> dict[str, str]:
    names = {
        "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD",
        "database": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT",
        "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "options": "PGOPTIONS",
    }  # fmt: skip
    found = on_postgresql(url)
    return {variable: str(found[name]) for name, variable in names.items() if found.get(name)}


def _hash(path: Path) -> tuple[str, int]:
    hashed, size_bytes = hashlib.sha256(), 0
    for block in _blocks(path):
        hashed.update(block)
        size_bytes += len(block)
    return hashed.hexdigest(), size_bytes


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(BLOCK_BYTES), b"")


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _remove(part: Path) -> None:
    """What is left of one that was not finished."""
    if part.is_dir():
        for one in part.iterdir():
            one.unlink()
        part.rmdir()
