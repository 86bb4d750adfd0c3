"""Where the catalogue is: a file, or a PostgreSQL database, from its address in the settings."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import peewee
from peewee import Database, PostgresqlDatabase, SqliteDatabase
from playhouse.db_url import parse as parse_url

from ari_recorder import files
from ari_recorder.errors import NoCatalogue, SettingsError, StoreError

SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "foreign_keys": 1,
    "secure_delete": 1,
    "busy_timeout": 10_000,
}
ON_POSTGRESQL = {"connect_timeout": 5, "tcp_user_timeout": 10_000, "prepare_threshold": None}
"""Nothing is prepared: a plan for any values takes many times as long where one depends on them."""
_AS_IT_IS = {key: value for key, value in SQLITE_PRAGMAS.items() if key != "journal_mode"}
"""Of a file that may be no catalogue: its journal mode would be written into it."""
_NO_SUCH_DATABASE = "3D000"  # PostgreSQL's invalid_catalog_name


def says_no_such_database(error: Exception) -> bool:
    """Whether PostgreSQL is there, and has no database of that name."""
    return getattr(error.__context__, "sqlstate", None) == _NO_SUCH_DATABASE or (
        isinstance(error, peewee.OperationalError) and str(error).rstrip().endswith("does not exist")
    )


def none_at(url: str) -> NoCatalogue:
    """What is said where none is."""
    return NoCatalogue(
        f"There is no catalogue at {shown(url)}.",
        "Correct store.url (or --config); or make it, as the user that will run the recorder, by adding the"
        " first user, for example: ari-recorder user add 101 --name Anna --mode always --endpoint PJSIP/101",
    )


def database_at(url: str, make: bool) -> Database:
    """Not connected yet. Raises `StoreError`, `SettingsError`; `NoCatalogue` for no file, unless ``make``."""
    scheme, _, rest = url.partition(":///")
    if scheme == "sqlite" and rest:
        return _new_file(Path(rest)) if make else _file_as_it_is(Path(rest), url)
    parameters = on_postgresql(url)
    _look_for_driver(url)
    return PostgresqlDatabase(**(ON_POSTGRESQL | parameters), prefer_psycopg3=True, isolation_level=None)


def on_postgresql(url: str) -> dict[str, Any]:
    """What to connect with: ``host``, ``user``, ``database`` … Raises `SettingsError`."""
    if url.startswith(("postgresql://", "postgres://")) and not _is_cut(url):
        with suppress(ValueError):  # a port that is no number
            parameters: dict[str, Any] = parse_url(url, unquote_password=True, unquote_user=True)
            if parameters["database"]:
                return parameters
    raise SettingsError(
        f"store.url is {shown(url)!r}: use sqlite:///relative/path, sqlite:////absolute/path"
        " or postgresql://user@host/name (a password in it percent-encoded)."
    )


def _new_file(path: Path) -> Database:
    try:
        files.make_folder(path.parent)
        files.touch(path)  # SQLite gives its other files the mode of this one
    except OSError as error:
        raise StoreError(f"The catalogue {path} cannot be made: {error}") from error
    return SqliteDatabase(str(path), pragmas=SQLITE_PRAGMAS)


def _file_as_it_is(path: Path, url: str) -> Database:
    try:
        if not path.stat().st_size:
            raise none_at(url)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise none_at(url) from error
    except OSError as error:
        raise StoreError(f"The catalogue {path} cannot be looked at: {error.strerror}.") from error
    return SqliteDatabase(f"{path.absolute().as_uri()}?mode=rw", uri=True, pragmas=_AS_IT_IS)


def file_of(url: str) -> tuple[int, int] | None:
    """Which file stands at a catalogue's address now; None for a database, and where there is none."""
    scheme, _, path = url.partition(":///")
    if scheme != "sqlite":
        return None
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _look_for_driver(url: str) -> None:
    try:
        import psycopg  # noqa: F401 -- only who has a PostgreSQL needs it
    except ImportError as error:  # also of its own library
        raise StoreError(
            f"The catalogue at {shown(url)} needs a driver that is not there or cannot be loaded ({error}):"
            " pip install 'ari-recorder[postgresql]'"
        ) from error


def _is_cut(url: str) -> bool:
    """Whether a password that is not encoded ends the address too early: a piece of it would be the host."""
    return "@" in url.partition("://")[2].partition("/")[2].partition("=")[0]


def shown(url: str) -> str:
    """The address without its password and options."""
    scheme, separator, rest = url.partition("://")
    if scheme == "sqlite":
        return url
    login, at, where = rest.rpartition("@")
    if "?" in login:  # of the password, or the @ is of an option: nobody knows what is behind it
        where = "…"
    return f"{scheme}{separator}{re.split('[:/?#@]', login)[0]}{at}{where.partition('?')[0]}"
