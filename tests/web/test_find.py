"""The search of the list of recordings: what it finds, what it keeps, and what it says of a wrong value."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest

from ari_recorder.store import models

from .world import NOON, Answer, NewBrowser, World


@pytest.fixture
def made(world: World) -> dict[str, str]:
    """Three of Anna's, one of Bo's, and one of another organisation's 101. Midnight in Acme is at 23 UTC."""
    anna, midnight = world.ids["anna"], NOON + timedelta(hours=11)
    rows = {
        "before": world.recording(
            anna, started_at=midnight - timedelta(milliseconds=1), duration_ms=89_400, mark="red",
            note="Ring back", tag1="case 1", tag3="z", counterpart_number="0701", counterpart_name="Eva Ek",
        ),
        "at": world.recording(
            anna, started_at=midnight, duration_ms=90_400, direction="outbound", tag2="y", note="<b>back</b>"
        ),
        "after": world.recording(anna, started_at=midnight + timedelta(days=1), duration_ms=89_600),
        "bo": world.recording(world.ids["bo"], started_at=NOON, duration_ms=3_600_000, mark="blue"),
        "foreign": world.recording(world.ids["olle"], started_at=NOON, mark="red"),
    }  # fmt: skip
    return {name: str(row) for name, row in rows.items()}


@pytest.fixture
def group(world: World) -> UUID:
    """Sales, with Bo."""

    def make() -> UUID:
        acme = models.User.get_by_id(world.ids["anna"]).organisation_id
        found = models.Group.create(organisation=acme, name="Sales")
        models.Membership.create(group=found, user=world.ids["bo"])
        return UUID(str(found.id))

    return world.store.write_now(make)


@pytest.fixture
def supervisor(world: World, group: UUID) -> str:
    """Who supervises Sales, and no other group."""

    def make() -> None:
        acme = models.User.get_by_id(world.ids["anna"]).organisation_id
        models.Supervision.create(group=group, user=world.ids["sue"], may_listen=True)
        models.Membership.create(
            group=models.Group.create(organisation=acme, name="Secret"), user=world.ids["bo"]
        )

    acme = world.store.read_now(lambda: models.User.get_by_id(world.ids["anna"]).organisation_id)
    world.user("sue", acme, number="103", role="supervisor")
    world.store.write_now(make)
    return "sue"


FINDS: list[tuple[dict[str, str], set[str]]] = [
    ({"from": "2026-11-23"}, {"at", "after"}),
    ({"to": "2026-11-22"}, {"before", "bo"}),
    ({"from": "2026-11-23", "to": "2026-11-23"}, {"at"}),
    ({"user": "101"}, {"before", "at", "after"}),
    ({"number": "701"}, {"before"}),
    ({"mark": "red"}, {"before"}),
    ({"mark": "none"}, {"at", "after"}),
    ({"note": "BACK"}, {"before", "at"}),
    ({"direction": "outbound"}, {"at"}),
    ({"min_duration": "1:30"}, {"at", "after", "bo"}),
    ({"max_duration": "1:30"}, {"before", "at", "after"}),
    ({"min_duration": "1,5", "max_duration": "1.5"}, {"at", "after"}),
    ({"min_duration": "60"}, {"bo"}),
    ({"min_duration": "1:00:00", "max_duration": "1:00:00"}, {"bo"}),
    ({"group": "{group}"}, {"bo"}),
    ({"tag1": "case 1"}, {"before"}),
    ({"tag2": "y"}, {"at"}),
    ({"tag3": "z"}, {"before"}),
    ({"from": "2026-11-23", "from_time": "00:01"}, {"after"}),
    ({"from": "2026-11-22", "from_time": "23:59", "to": "2026-11-23", "to_time": "0:00"}, {"before", "at"}),
    ({"to": "2026-11-22", "to_time": "23:59:58"}, {"bo"}),
    ({"when": "today"}, {"before", "bo"}),
    ({"when": "yesterday"}, set()),
    ({"when": "week", "mark": "red"}, {"before"}),
    ({"mode": "always", "state": "ready", "mark": "blue"}, {"bo"}),
    ({"mode": "on_demand"}, set()),
    ({"state": "preparing"}, set()),
    ({"q": " eva "}, {"before"}),
    ({"q": "back", "direction": "inbound"}, {"before"}),
    ({"q": "'\"><script>"}, set()),
]


def found(answer: Answer) -> set[str]:
    return set(re.findall(r'<tr role="row" data-id="([^"]+)"', answer.text))


def field(answer: Answer, name: str) -> str:
    """The control of a field, as it is in the page; empty when it is not there."""
    control = re.search(rf'<(input|select) id="{name}".*?</div>', answer.text)
    return control[0] if control else ""


@pytest.mark.parametrize(("query", "names"), FINDS, ids=[str(query) for query, _ in FINDS])
async def test_it_finds_and_shows_what_for(
    open_browser: NewBrowser, made: dict[str, str], group: UUID, query: dict[str, str], names: set[str]
) -> None:
    browser = await open_browser("admin-acme")
    asked = {name: value.format(group=group) for name, value in query.items()}
    answer = await browser.get("/", params=asked)
    assert answer.status == 200
    assert found(answer) == {made[name] for name in names}
    for name, value in asked.items():
        control = field(answer, name)
        assert f'value="{value.strip()}"' in html.unescape(control)
        assert "<script>" not in control
        assert "<select" not in control or f'value="{value}" selected' in control
    assert '<a class="button quiet" href="/?all=1">Show everything</a>' in answer.text
    assert ("No recording fits this" in answer.text) == (not names)


@pytest.mark.parametrize("login", ["anna", "bo", "olle", "sue"])
async def test_it_finds_nothing_that_may_not_be_seen(
    open_browser: NewBrowser, made: dict[str, str], group: UUID, supervisor: str, login: str
) -> None:
    browser = await open_browser(login)
    seen = {"anna": {"before", "at", "after"}, "bo": set(), "olle": {"foreign"}, "sue": {"bo"}}[login]
    assert found(await browser.get("/")) == {made[name] for name in seen}
    for query, names in FINDS:
        asked = {name: value.format(group=group) for name, value in query.items()}
        rows = found(await browser.get("/", params=asked))
        if "foreign" in seen:
            assert rows <= {made["foreign"]}, query
        elif "group" in query and login != "sue":
            assert rows == set(), query
        else:
            assert rows == {made[name] for name in names & seen}, query


async def test_who_is_offered_what(
    open_browser: NewBrowser, made: dict[str, str], group: UUID, supervisor: str
) -> None:
    offered = {}
    for login in ("anna", "sue", "admin-acme"):
        answer = await (await open_browser(login)).get("/")
        offered[login] = (bool(field(answer, "user")), re.findall(r">(\w+)<", field(answer, "group")))
    assert offered == {
        "anna": (False, []),
        "sue": (True, ["All", "Sales"]),
        "admin-acme": (True, ["All", "Sales", "Secret"]),
    }
    assert not field(await (await open_browser("bo")).get("/"), "q"), "who sees none searches for none"


async def test_a_group_that_is_not_theirs_is_none(
    open_browser: NewBrowser, world: World, made: dict[str, str], supervisor: str
) -> None:
    """Else an address would tell a supervisor who else is in a group of others."""
    secret = world.store.read_now(lambda: models.Group.get(models.Group.name == "Secret").id)
    browser = await open_browser(supervisor)
    told = {
        (answer.status, found(answer) == set(), "There is no such group" in field(answer, "group"))
        for answer in [await browser.get(f"/?group={group}") for group in (secret, uuid4())]
    }
    assert told == {(400, True, True)}


REFUSED: list[tuple[dict[str, str], str, str]] = [
    ({"from": "yesterday"}, "from", "Write a day as 2026-03-02."),
    ({"to": "9999-12-31"}, "to", "Write a day as 2026-03-02."),
    ({"from": "0001-01-01"}, "from", "There is no such time."),
    ({"from": "2026-11-23", "to": "2026-11-22"}, "to", "The end is before the beginning."),
    ({"to": "2026-11-22", "to_time": "25:00"}, "to_time", "Write a time as 14:30."),
    ({"from_time": "14:30"}, "from_time", "Choose the day, too."),
    ({"when": "today", "to": "2026-11-22"}, "when", "Choose either a period or days of your own."),
    ({"when": "tomorrow"}, "when", "Choose one of those in the list."),
    ({"state": "gone"}, "state", "Choose one of those in the list."),
    ({"mode": "never"}, "mode", "Choose one of those in the list."),
    ({"min_duration": "long"}, "min_duration", "Write minutes (5), or minutes and seconds (1:30)."),
    ({"max_duration": "1:75"}, "max_duration", "Write minutes (5)"),
    ({"max_duration": "-1"}, "max_duration", "Write minutes (5)"),
    ({"min_duration": "999999"}, "min_duration", "Too large: at most 10000000."),
    ({"min_duration": "2", "max_duration": "1:30"}, "max_duration", "The maximum length is less"),
    ({"mark": "mauve"}, "mark", "Choose one of those in the list."),
    ({"direction": "up"}, "direction", "Choose one of those in the list."),
    ({"group": "sales"}, "group", "There is no such group"),
    ({"q": "x" * 201}, "q", "Too long: at most 200."),
    ({"q": "a\u202eb"}, "q", "There is a character in it that cannot be shown."),
    ({"tag3": "a\0"}, "tag3", "There is a character in it that cannot be shown."),
    ({"number": "1" * 129}, "number", "Too long: at most 128."),
]


@pytest.mark.parametrize(("query", "name", "told"), REFUSED, ids=[str(one)[:60] for one, *_ in REFUSED])
async def test_a_wrong_value_is_told_at_its_field(
    open_browser: NewBrowser, made: dict[str, str], query: dict[str, str], name: str, told: str
) -> None:
    answer = await (await open_browser("admin-acme")).get("/", params={"note": "back", **query})
    assert (answer.status, found(answer)) == (400, set())
    control = html.unescape(field(answer, name))
    assert f'aria-invalid="true" aria-describedby="{name}-problem' in control
    assert told in control
    assert answer.text.count("aria-invalid") == 1
    assert 'value="back"' in field(answer, "note"), "what was typed stays"
    assert ('<details class="more" open>' in answer.text) == (name != "q")


async def test_every_wrong_value_is_told(open_browser: NewBrowser, made: dict[str, str]) -> None:
    browser = await open_browser("anna")
    await browser.get("/?lang=sv")
    answer = await browser.get("/?from=x&max_duration=y&mark=z")
    assert answer.text.count("aria-invalid") == 3
    assert "Skriv en dag som 2026-03-02." in field(answer, "from")


async def test_what_was_left_empty_is_not_in_the_address(
    open_browser: NewBrowser, made: dict[str, str]
) -> None:
    browser = await open_browser("anna")
    answer = await browser.get("/?q=eva+ek&from=&to=+&mark=&cursor=")
    assert (answer.status, answer.headers["Location"]) == (303, "/?q=eva+ek")
    assert (await browser.get("/?q=&note=")).headers["Location"] == "/"


async def test_pages_keep_the_filters(open_browser: NewBrowser, world: World) -> None:
    for number in range(51):
        world.recording(world.ids["anna"], note=f"wanted & {number}")
        world.recording(world.ids["anna"], note="other")
    browser = await open_browser("anna")
    first = await browser.get("/?note=wanted+%26&user=101")
    older = html.unescape(str(_link(first, r'rel="next" href="([^"]+)"')))
    assert parse_qs(urlsplit(older).query).keys() == {"note", "user", "cursor"}
    second = await browser.get(older)
    assert (len(found(first)), len(found(second))) == (50, 1)
    assert not found(first) & found(second)
    newest = html.unescape(str(_link(second, r'<a class="button" href="([^"]+)"')))
    assert found(await browser.get(newest)) == found(first)


async def test_a_filter_can_be_taken_out(open_browser: NewBrowser, made: dict[str, str], group: UUID) -> None:
    browser = await open_browser("admin-acme")
    query = {"q": "1", "to": "2026-11-23", "min_duration": "1,5", "mark": "none", "group": str(group)}
    answer = await browser.get("/", params=query)
    chip = r'<li><a href="([^"]+)">.*?</span><span class="sub">([^<]+)</span> <bdi>([^<]+)<'
    chips = re.findall(chip, answer.text)
    assert [(name, says) for _, name, says in chips] == [
        ("To day", "23 Nov 2026"),
        ("Minimum length", "1:30"),
        ("Group", "Sales"),
        ("Mark", "Without a mark"),
    ]
    left: Any = parse_qs(urlsplit(html.unescape(chips[3][0])).query)
    assert left == {name: [value] for name, value in query.items() if name != "mark"}


def _link(answer: Answer, pattern: str) -> str:
    link = re.search(pattern, answer.text)
    assert link
    return link[1]
