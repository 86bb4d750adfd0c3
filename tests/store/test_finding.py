"""What is found is what a plain look through all rows finds: whoever asks, in every order, on both."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ari_recorder.policies import rights, search
from ari_recorder.policies.rights import COMMAND_LINE, Role, Scope, Supervised
from ari_recorder.policies.search import Document
from ari_recorder.store import catalogue, models
from ari_recorder.store.database import Store
from ari_recorder.store.filters import Wanted
from ari_recorder.store.finding import grams, lengths, listing, lite, pg
from ari_recorder.store.order import Sort

from .build import BEGIN

WORDS = [
    "Åke", "ake", "Ida", "ring", "KRING", "100%", "a_b", '"x"', "OR", "NEAR(a", "*", "😀😀", "שלום", "b:c",
    "'; --", "aaaaaa", "é", "{note}", "-1", "^", "\\", "\\%", "o", "Öö", "NOT", "abc", "bcd", "0701",
]  # fmt: skip
NUMBERS = ["0701234567", "+46701234567", "0046701234567", "070-123 45 68", "101", "08467012", "anonymous", "",
           "*44", "+4930123456"]  # fmt: skip
ASKED = ["070-123 45 67", "+46 70 1234567", "07", "0", "701", "12345", "46701234567", "1", "anon", "+", "*4"]
ROWS, QUESTIONS = 100, 120


@dataclass(frozen=True)
class Made:
    """A recording, and what is known of it."""

    id: UUID
    organisation: UUID
    user: UUID
    row: Any
    document: Document
    person: search.Person


@dataclass(frozen=True)
class People:
    acme: UUID
    other: UUID
    users: list[Any]
    group: UUID


@pytest.fixture(params=["as it is", "at its limits"])
def limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limits at which another way is taken as they are, and so low that each way is."""
    if request.param == "at its limits":
        for module, name, value in (
            (pg, "SAMPLE", 6), (pg, "ERAS_MIN", 12), (pg, "COUNTED_BY_READING", 2), (pg, "LISTS_MAX", 2),
            (pg, "WORTH", 1), (grams, "KEPT_S", 0), (grams, "EACH", 3), (listing, "FEW", 3),
            (listing, "MERGED_MAX", 2), (lengths, "SORTED_MAX", 3), (lite, "USERS_MAX", 1),
            (lite, "WORTH", 1),
        ):  # fmt: skip
            monkeypatch.setattr(module, name, value)


def test_what_is_found_is_what_a_look_through_all_finds(store: Store, limits: None) -> None:
    chance = random.Random(7)
    people = store.write_now(_people)
    made = [store.write_now(_recording, chance, people, n) for n in range(ROWS)]
    store.write_now(_meet, chance, made)
    made = store.read_now(lambda: [_known(one) for one in made])
    found_any = 0
    for _ in range(QUESTIONS):
        asker, wanted = _asker(chance, people), _wanted(chance, people)
        sort = chance.choice(list(Sort))
        expected = [one for one in made if _may(asker, one) and _fits(wanted, asker, one, people)]
        ids = {one.id for one in expected}
        pages = list(_pages(store, asker, wanted, sort, chance.choice([7, 50])))
        assert pages == sorted(pages, key=_key(sort), reverse=_down(sort))
        assert len({row.id for row in pages}) == len(pages)
        assert {row.id for row in pages} == ids, (wanted, asker)
        assert store.read_now(catalogue.count, asker, wanted) == len(ids), wanted
        assert store.read_now(catalogue.count, asker, wanted, 2) == min(3, len(ids)), wanted
        found_any += bool(ids)
    assert QUESTIONS // 4 < found_any < QUESTIONS


def _people() -> People:
    acme = models.Organisation.create(name="Acme", country="SE")
    other = models.Organisation.create(name="Other")
    names = ["Åke Ek", "Ida Ring", "Bo O", "Eva 0701", 'X "x"']
    users = [
        models.User.create(organisation=acme, name=name, number=str(101 + n)) for n, name in enumerate(names)
    ]
    users.append(models.User.create(organisation=other, name="Ake", number="101"))
    group = models.Group.create(organisation=acme, name="Sales")
    for user in users[:2]:
        models.Membership.create(group=group, user=user)
    return People(acme.id, other.id, users, group.id)


def _recording(chance: random.Random, people: People, n: int) -> UUID:
    user = chance.choice(people.users)
    number, name = chance.choice(NUMBERS), " ".join(chance.choices(WORDS, k=chance.randrange(3)))
    at = BEGIN + timedelta(days=chance.randrange(60))
    call = models.Call.create(pbx="main", linkedid=str(n), started_at=at)
    leg = models.Leg.create(
        call=call, organisation=user.organisation, user=user, pbx="main", channel=str(n), channel_name="P",
        direction="inbound", created_at=at, mode="always", state="ended", since=at,
    )  # fmt: skip
    recording = models.Recording.create(
        organisation=user.organisation, user=user, leg=leg, ordinal=1, kept=True, answered_at=at,
        state=chance.choice(["open", "closing", "stored", "stored", "stored", "discarded", "empty"]),
        mode=chance.choice(["always", "on_demand"]), direction=chance.choice(["inbound", "outbound"]),
        counterpart_number=number, counterpart_name=name, started_at=at, ended_at=at + timedelta(seconds=30),
        duration_ms=chance.choice([None, 0, 500, 1000, 60_000]), problems=chance.choice(["", "", "Late."]),
        note=" ".join(chance.choices(WORDS, k=chance.randrange(5))),
        mark=chance.choice(["", "", "red", "blue"]),
        tag1=chance.choice(["", *WORDS]), tag2=chance.choice(["", "Case 1"]),
    )  # fmt: skip
    return UUID(str(recording.id))


def _meet(chance: random.Random, made: list[UUID]) -> None:
    """Some had others on the line, too, during the recording or not."""
    for one in chance.sample(made, ROWS // 2):
        row = models.Recording.get_by_id(one)
        after = timedelta(seconds=chance.choice([-20, 5, 40]))
        models.Counterpart.create(
            leg=row.leg, number=chance.choice(NUMBERS), name=chance.choice(WORDS),
            joined_at=row.started_at + after, left_at=row.started_at + after + timedelta(seconds=10),
        )  # fmt: skip


def _known(recording: UUID) -> Made:
    row = models.Recording.get_by_id(recording)
    met = [one for one in models.Counterpart.select().where(models.Counterpart.leg == row.leg_id)
           if one.joined_at < row.ended_at and one.left_at > row.started_at]  # fmt: skip
    document = search.document(
        numbers=[row.counterpart_number, *(one.number for one in met)],
        names=[row.counterpart_name, *(one.name for one in met)],
        tags=[row.tag1, row.tag2, row.tag3], note=row.note,
    )  # fmt: skip
    person = search.person(row.user.name, row.user.number)
    return Made(row.id, row.organisation_id, row.user_id, row, document, person)


def _asker(chance: random.Random, people: People) -> Scope:
    ids = [user.id for user in people.users]
    asker = rights.scope(people.acme, ids[0], Role.ADMINISTRATOR, may_listen=True)
    supervised = frozenset(chance.sample(ids[:5], chance.choice([1, 2, 4])))
    return chance.choice([
        COMMAND_LINE, asker, rights.scope(people.other, ids[-1], Role.ADMINISTRATOR, may_listen=True),
        rights.scope(people.acme, ids[1], Role.USER, may_listen=True),
        rights.scope(people.acme, ids[2], Role.SUPERVISOR, may_listen=True,
                     supervised=Supervised(supervised, supervised, supervised)),
    ])  # fmt: skip


def _wanted(chance: random.Random, people: People) -> Wanted:
    """Mostly one thing, now and then several."""
    wanted = Wanted()
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        wanted = replace(wanted, **chance.choice(_QUESTIONS)(chance, people))
    return wanted


def _part(chance: random.Random, words: list[str]) -> str:
    text = chance.choice(words)
    start = chance.randrange(max(1, len(text) - 2))
    return text[start : start + chance.randrange(1, 6)].strip() or "x"


_QUESTIONS: list[Any] = [
    lambda chance, _: {"number": chance.choice([_part(chance, NUMBERS), *ASKED])},
    lambda chance, _: {"note": chance.choice([_part(chance, WORDS), chance.choice(WORDS)])},
    lambda chance, _: {"text": " ".join(_part(chance, WORDS) for _ in range(chance.choice([1, 1, 2])))},
    lambda chance, _: {"text": chance.choice([*WORDS, *ASKED, "ek", "ring", "ake ida", "101", "åke 0701"])},
    lambda chance, _: {"tag1": chance.choice(WORDS)},
    lambda chance, _: {"tag2": "Case 1"},
    lambda chance, _: {"mark": chance.choice(["", "red", "blue", "grey"])},
    lambda chance, _: {"state": chance.choice(["recording", "preparing", "ready", "problems"])},
    lambda chance, _: {"mode": chance.choice(["always", "on_demand", "never"])},
    lambda chance, _: {"direction": "inbound"},
    lambda chance, _: {"min_duration_s": chance.choice([0, 0.5, 1.0001, 60])},
    lambda chance, _: {"max_duration_s": chance.choice([0, 0.4999, 1, 60])},
    lambda chance, _: {"began_from": BEGIN + timedelta(days=chance.randrange(60))},
    lambda chance, _: {"began_before": BEGIN + timedelta(days=chance.randrange(60))},
    lambda chance, people: {"user": chance.choice([chance.choice(people.users).id, "101", "102", "9"])},
    lambda _, people: {"group": people.group},
]


def _may(asker: Scope, one: Made) -> bool:
    return asker.organisation in (None, one.organisation) and one.user in asker.reads


def _fits(wanted: Wanted, asker: Scope, one: Made, people: People) -> bool:
    row, country = one.row, "SE" if asker.organisation == people.acme else ""
    length = row.duration_ms
    asked = search.terms(wanted.text, country) if wanted.text is not None else ()
    return row.state in ("open", "closing", "stored") and all((
        wanted.began_from is None or row.started_at >= wanted.began_from,
        wanted.began_before is None or row.started_at < wanted.began_before,
        wanted.min_duration_s is None or (length is not None and length >= wanted.min_duration_s * 1000),
        wanted.max_duration_s is None or (length is not None and length <= wanted.max_duration_s * 1000),
        wanted.user is None or wanted.user in (one.user, row.user.number),
        wanted.number is None or any(
            part in one.document.numbers for part in search.number_parts(wanted.number, country)),
        wanted.note is None or (bool(part := search.part(wanted.note)) and part in one.document.note),
        all(term.is_in(one.document) or term.is_of(one.person) for term in asked),
        *(getattr(wanted, name) in (None, getattr(row, name))
          for name in ("mark", "tag1", "tag2", "mode", "direction")),
        wanted.group is None or (asker.every_group and one.user in [user.id for user in people.users[:2]]),
        {None: True, "recording": row.state == "open", "preparing": row.state == "closing",
         "ready": row.state == "stored", "problems": bool(row.problems)}[wanted.state],
    ))  # fmt: skip


def _pages(store: Store, asker: Scope, wanted: Wanted, sort: Sort, limit: int) -> Iterator[Any]:
    cursor = None
    while True:
        page = store.read_now(
            catalogue.recordings, asker, limit=limit, cursor=cursor, wanted=wanted, sort=sort
        )
        yield from page.recordings
        cursor = page.next_cursor
        if cursor is None:
            return


def _key(sort: Sort) -> Any:
    if sort in (Sort.NEWEST, Sort.OLDEST):
        return lambda row: row.started_at
    return lambda row: -1 if row.duration_ms is None else row.duration_ms


def _down(sort: Sort) -> bool:
    return sort in (Sort.NEWEST, Sort.LONGEST)
