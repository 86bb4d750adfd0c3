"""A catalogue as an organisation has it after years: people, groups, whom they talked to, their notes.

500 users in fifty groups, of whom a few call much; a quarter of a million numbers, of which some call
often; every second recording with a note, in words of which some are in every third and one in one of a
million. The same rows every time, on both databases.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID

import psycopg

from ari_recorder.policies.table import Mode
from ari_recorder.store import models
from ari_recorder.store.database import Store
from bench.words import FIRST_NAMES, LAST_NAMES, SYLLABLES, WORDS

USERS, GROUPS, GROUP_USERS = 500, 50, 10
SUPERVISED = 3
"""Groups of the supervisor."""
NUMBERS, NAMES, VOCABULARY, NOTES = 250_000, 150_000, 30_000, 100_000
RARE_EVERY, COMMON, RARE, ONCE = 20_000, "faktura", "reklamationsärende", "zirkonium"
MARKS = (("red", 0.01), ("yellow", 0.05), ("purple", 0.0001))
LAST_AT = datetime(2026, 11, 1, tzinfo=UTC)
APART = timedelta(seconds=60)


@dataclass(frozen=True)
class People:
    """Who there is: the organisation, its users, an administrator, and a supervisor of some groups."""

    organisation: UUID
    users: list[UUID]
    administrator: UUID
    supervisor: UUID
    supervised: list[UUID]


def people(store: Store) -> People:
    """Add everybody."""
    return store.write_now(_people)


def fill(store: Store, who: People, rows: int) -> None:
    """Add ``rows`` recordings, of which none is in the search yet."""
    source = Rows(who, rows)
    (_fill_sqlite if store.url.startswith("sqlite") else _fill_postgresql)(store.url, source)


def _people() -> People:
    chance = random.Random(1)
    acme = models.Organisation.create(name="Acme", country="SE")
    groups = [models.Group.create(organisation=acme, name=f"Group {n}") for n in range(GROUPS)]
    users = []
    for n in range(USERS):
        name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
        user = models.User.create(
            organisation=acme, number=str(1000 + n), name=name, mode=Mode.ALWAYS, **_signing_in(f"user-{n}")
        )
        models.Membership.create(group=groups[n // GROUP_USERS % GROUPS], user=user)
        users.append(user.id)
    roles = {
        role: models.User.create(organisation=acme, name=role.title(), role=role, **_signing_in(role)).id
        for role in ("administrator", "supervisor")
    }
    for group in groups[10 : 10 + SUPERVISED]:
        models.Supervision.create(group=group, user=roles["supervisor"])
    supervised = users[10 * GROUP_USERS : (10 + SUPERVISED) * GROUP_USERS]
    return People(acme.id, users, roles["administrator"], roles["supervisor"], supervised)


def _signing_in(login: str) -> dict[str, str]:
    """Somebody who may be signed in, with a password that is none."""
    return {"login": login, "password_hash": "none"}


class Rows:
    """Recordings, the oldest first; `numbers` and `names` are whom they were with."""

    def __init__(self, who: People, count: int) -> None:
        self.who, self.count = who, count
        self._chance = chance = random.Random(2)
        self.numbers = [_number(chance) for _ in range(NUMBERS)]
        self.names = [f"{chance.choice(FIRST_NAMES)} {_surname(chance)}" for _ in range(NAMES)]
        vocabulary = [*WORDS, *(_word(chance) for _ in range(VOCABULARY))]
        weights = list(accumulate(1 / (n + 3) for n in range(len(vocabulary))))
        self._notes = [
            " ".join(chance.choices(vocabulary, cum_weights=weights, k=chance.randrange(3, 16)))
            for _ in range(NOTES)
        ]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """The values of `COLUMNS`."""
        return map(self._row, range(self.count))

    def _row(self, n: int) -> tuple[Any, ...]:
        chance = self._chance
        drawn, other = chance.random(), chance.random()
        at = LAST_AT - (self.count - n) * APART + timedelta(microseconds=int(50_000_000 * other))
        length_ms = min(int(chance.expovariate(1 / 150_000)), 14_400_000) if drawn > 0.001 else 4_000_000
        return (
            _id(at, n), _id(at, n, 1), self.who.users[int(USERS * chance.random() ** 1.5)],
            "always" if drawn < 0.8 else "on_demand", "inbound" if other < 0.6 else "outbound",
            self.numbers[int(NUMBERS * chance.random() ** 2)],
            self.names[int(NAMES * other)] if drawn < 0.6 else "",
            at, at + timedelta(milliseconds=length_ms), length_ms,
            "Something is missing." if other < 0.001 else "", str(n), self._note(n, drawn, other),
            _mark(chance.random()), f"case {n % 100_000}" if other > 0.7 else "",
        )  # fmt: skip

    def _note(self, n: int, drawn: float, other: float) -> str:
        words = self._notes[int(NOTES * other)] if drawn > 0.5 else ""
        if 0.4 < drawn < 0.7:
            words += f" {COMMON}"
        if n % RARE_EVERY == RARE_EVERY // 2:
            words += f" {RARE}"
        return f"{words} {ONCE}" if n == self.count // 3 else words


COLUMNS = (
    "id", "leg_id", "user_id", "mode", "direction", "counterpart_number", "counterpart_name",
    "started_at", "ended_at", "duration_ms", "problems", "vault_key", "note", "mark", "tag1",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _id(at: datetime, n: int, other: int = 0) -> UUID:
    """A UUIDv7 of that time."""
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    low = (n * 0x9E3779B97F4A7C15 + other) % 2**62
    return UUID(int=milliseconds << 80 | 0x7 << 76 | other << 64 | 0b10 << 62 | low)


def _number(chance: random.Random) -> str:
    area = chance.choice(("070", "073", "076", "072", "08", "031", "040", "+4670", "+4673"))
    return f"{area}{chance.randrange(10**7):07d}"


def _surname(chance: random.Random) -> str:
    return chance.choice(LAST_NAMES) if chance.random() < 0.5 else _word(chance).capitalize()


def _word(chance: random.Random) -> str:
    return "".join(chance.choice(SYLLABLES) for _ in range(chance.choice((2, 2, 3, 3, 4, 5))))


def _mark(drawn: float) -> str:
    for mark, share in MARKS:
        if drawn < share:
            return mark
        drawn -= share
    return ""


def _fill_sqlite(url: str, source: Rows) -> None:
    """Without the triggers, and as if the recordings had been there before the search was."""
    with sqlite3.connect(url.partition(":///")[2]) as lite:
        lite.execute("PRAGMA synchronous = off")
        made = lite.execute(
            "SELECT name, sql FROM sqlite_master"
            " WHERE type = 'trigger' AND tbl_name IN ('recording', 'counterpart')"
        ).fetchall()
        for name, _ in made:
            lite.execute(f"DROP TRIGGER {name}")
        marks = ", ".join("?" * len(COLUMNS))
        lite.execute(f"CREATE TEMP TABLE made ({', '.join(COLUMNS)})")
        lite.executemany(f"INSERT INTO made VALUES ({marks})", map(_plain, source))
        for statement in inserts(source.who.organisation.hex, "zeroblob(1000)"):
            lite.execute(statement)
        for _, statement in made:
            lite.execute(statement)
        lite.execute("INSERT INTO search_backlog VALUES (?, ?)", (UUID(int=0).hex, "f" * 32))
    lite.close()


def _plain(row: tuple[Any, ...]) -> list[Any]:
    """As peewee writes UUIDs and times."""
    return [
        value.hex if isinstance(value, UUID)
        else str(value.replace(tzinfo=None)) if isinstance(value, datetime) else value
        for value in row
    ]  # fmt: skip


def naive(value: Any) -> Any:
    """A time as PostgreSQL's columns have it: UTC, without saying so."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


PEAKS = "decode(repeat('00', 1000), 'hex')"


def _fill_postgresql(url: str, source: Rows) -> None:
    with psycopg.connect(url) as server:
        server.execute("SET session_replication_role = replica")
        server.execute(f"CREATE TEMP TABLE made AS SELECT {', '.join(COLUMNS)} FROM recording".encode())
        with server.cursor().copy(b"COPY made FROM STDIN") as copy:
            for row in source:
                copy.write_row([naive(one) for one in row])
        for statement in inserts(str(source.who.organisation), PEAKS):
            server.execute(statement.encode())
        server.execute("INSERT INTO search_backlog VALUES (%s, %s)", (UUID(int=0), UUID(int=2**128 - 1)))
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("VACUUM ANALYZE")  # as its own keeper would have done by and by


def inserts(organisation: str, peaks: str) -> Iterator[str]:
    """A call, a leg, a recording and a counterpart of each row of the table ``made``."""
    known = {
        models.Call: {"id": "leg_id", "linkedid": "'1772438400.' || vault_key"},
        models.Leg: {"id": "leg_id", "call": "leg_id", "channel": "vault_key", "channel_name": "'PJSIP/101'",
                     "state": "'ended'", "note": "''", "mark": "''", "tag1": "''", "machine": "''"},
        models.Recording: {"leg": "leg_id", "ordinal": "1", "state": "'stored'", "peaks": peaks},
        models.Counterpart: {"leg": "leg_id", "number": "counterpart_number", "name": "counterpart_name",
                             "joined_at": "started_at", "left_at": "ended_at"},
    }  # fmt: skip
    for table, columns in known.items():
        fields = table._meta.sorted_fields
        values = ", ".join(columns.get(field.name) or _value(field, organisation) for field in fields)
        names = ", ".join(f'"{field.column_name}"' for field in fields)
        yield f'INSERT INTO "{table._meta.table_name}" ({names}) SELECT {values} FROM made'


def _value(field: Any, organisation: str) -> str:
    """Of a column that nothing is said of: the one of that name, or something of its type."""
    if field.column_name in COLUMNS:
        return str(field.column_name)
    if field.name in ("organisation", "pbx"):
        return f"'{organisation}'" if field.name == "organisation" else "'main'"
    if field.null and field.field_type == "UUID":
        return "NULL"
    by_type = {"DATETIME": "started_at", "BOOL": "(1 = 1)", "INT": "0", "FLOAT": "-20.0"}
    return by_type.get(field.field_type, "''")
