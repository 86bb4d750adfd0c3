"""What three people ask of a filled catalogue: each kind of search many times, each time something else."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from ari_recorder.policies.rights import Scope
from ari_recorder.store import models
from ari_recorder.store.catalogue import EVERYTHING
from ari_recorder.store.database import Store
from ari_recorder.store.filters import Wanted
from ari_recorder.store.order import Place, Sort
from ari_recorder.store.scope import scope_of
from bench.catalogued import COMMON, LAST_AT, ONCE, RARE, People

EACH = 20
"""So many times each kind is asked."""


@dataclass(frozen=True)
class Question:
    """A page of what is wanted, or how many there are."""

    wanted: Wanted = EVERYTHING
    sort: Sort = Sort.NEWEST
    behind: Place | None = None
    counted: bool = False


def people(store: Store, who: People) -> dict[str, Scope]:
    """Who asks, by what they are."""
    ids = {"administrator": who.administrator, "supervisor": who.supervisor, "user": who.users[USER]}
    found = {name: store.read_now(scope_of, user) for name, user in ids.items()}
    return {name: scope for name, scope in found.items() if scope is not None}


USER = 40
"""One who calls more than most."""


def questions(store: Store, who: People, rows: int) -> Mapping[str, list[Question]]:
    """By kind, with values that are there, and now and then one that is not."""
    chance = random.Random(3)
    some = store.read_now(_some, chance, who, rows)
    return {kind: list(asked) for kind, asked in _kinds(chance, some).items()}


def _some(chance: random.Random, who: People, rows: int) -> list[Any]:
    """Recordings of the supervised and of the user, from any time."""
    query = models.Recording.select().where(models.Recording.user.in_([*who.supervised, who.users[USER]]))
    found = []
    for _ in range(EACH):
        at = LAST_AT - timedelta(minutes=chance.randrange(rows))
        row = query.where(models.Recording.started_at <= at, models.Recording.counterpart_name != "")
        found.append(row.order_by(models.Recording.started_at.desc()).first())
    return [row for row in found if row]


def _kinds(chance: random.Random, some: list[Any]) -> dict[str, Iterator[Question]]:
    def each(make: Any) -> Iterator[Question]:
        return (made if isinstance(made := make(row), Question) else Question(Wanted(**made)) for row in some)

    def counted(asked: Iterator[Question]) -> Iterator[Question]:
        return (replace(one, counted=True) for one in asked)

    def day(row: Any) -> dict[str, Any]:
        return {"began_from": row.started_at, "began_before": row.started_at + timedelta(days=1)}

    def number(row: Any) -> str:
        return _spaced(str(row.counterpart_number))

    return {
        "list": each(lambda row: {}),
        "list_further_down": each(lambda row: Question(behind=Place(row.started_at, row.id))),
        "list_longest": each(lambda row: Question(sort=Sort.LONGEST)),
        "number": each(lambda row: {"number": number(row)}),
        "number_part": each(lambda row: {"number": number(row)[-6:]}),
        "name": each(lambda row: {"text": row.counterpart_name}),
        "name_common": each(lambda row: {"text": row.counterpart_name.split()[0]}),
        "note_rare": each(lambda row: {"note": chance.choice((ONCE, RARE, RARE.upper(), RARE[:-5]))}),
        "note_common": each(lambda row: {"note": chance.choice((COMMON, "ring", "kund", "bak"))}),
        "note_absent": each(lambda row: {"note": "faktureringsanmälning"}),
        "short": each(lambda row: {"text": chance.choice(("an", "k", "07", "zx", "q"))}),
        "free_text": each(lambda row: {"text": f"{row.counterpart_name.split()[0]} {COMMON}"}),
        "user_name": each(lambda row: {"text": row.user.name}),
        "tag": each(lambda row: {"tag1": f"case {chance.randrange(100_000)}"}),
        "mark": each(lambda row: {"mark": chance.choice(("red", "yellow"))}),
        "mark_rare": each(lambda row: {"mark": "purple"}),
        "duration": each(lambda row: {"min_duration_s": chance.choice((300, 600, 3600))}),
        "date_range": each(day),
        "state": each(lambda row: {"state": chance.choice(("recording", "problems"))}),
        "combined": each(lambda row: {"note": COMMON, "mark": "yellow", "direction": "inbound"}),
        "combined_rare": each(
            lambda row: {**day(row), "text": row.counterpart_name.split()[0], "mark": "red"}
        ),
        "longest_of_text": each(lambda row: Question(Wanted(text=row.counterpart_name), Sort.LONGEST)),
        "count": counted(each(lambda row: {})),
        "count_common": counted(each(lambda row: {"note": COMMON})),
        "count_rare": counted(each(lambda row: {"text": row.counterpart_name})),
        "count_mark": counted(each(lambda row: {"mark": "red"})),
    }


def _spaced(number: str) -> str:
    """As people write it: ``070-123 45 67``, or with a plus."""
    national = number.replace("+46", "0")
    written = f"{national[:3]}-{national[3:6]} {national[6:8]} {national[8:]}"
    return written if number.startswith("+") else f"+46 {written[1:]}"


def address(question: Question) -> dict[str, str]:
    """The same as parameters of the API."""
    names = {"text": "q", "began_from": "from", "began_before": "to", "min_duration_s": "min_duration"}
    asked = {
        names.get(name, name): value for name, value in vars(question.wanted).items() if value is not None
    }
    texts = {
        name: value.isoformat() if hasattr(value, "isoformat") else str(value)
        for name, value in asked.items()
    }
    return {
        **texts,
        "sort": str(question.sort),
        "limit": "50",
        **({"count": "1"} if question.counted else {}),
    }


def at_all(ids: list[UUID]) -> bool:
    """Whether anything was found."""
    return bool(ids)
