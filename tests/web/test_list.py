"""The list of recordings: its days, its order, how many there are, and what it says when it cannot say."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ari_recorder.errors import StoreError
from ari_recorder.store import catalogue, models
from ari_recorder.web import pages, remembered

from .test_find import found
from .world import NOON, Answer, Clock, NewBrowser, World


def days(answer: Answer) -> list[tuple[str, int]]:
    """The headings, and how many rows are below each."""
    bodies = re.findall(r"<tbody.*?</tbody>", answer.text, re.DOTALL)
    name = r'role="heading" aria-level="2">([^<]+)<'
    return [
        (html.unescape("".join(re.findall(name, body))), len(re.findall('<tr role="row" data-id', body)))
        for body in bodies
    ]


@pytest.mark.parametrize(
    ("language", "named"),
    [
        ("en", ["Today", "Yesterday", "Friday 20 November", "Wednesday 31 December 2025"]),
        ("sv", ["Idag", "Igår", "Fredag 20 november", "Onsdag 31 december 2025"]),
    ],
)
async def test_days_are_those_of_the_zone(
    open_browser: NewBrowser, world: World, language: str, named: list[str]
) -> None:
    """Midnight in Acme is at 23 UTC; it is the 22nd there."""
    anna = world.ids["anna"]
    midnight = NOON.replace(hour=23) - timedelta(days=1)
    for at in (midnight, midnight - timedelta(milliseconds=1), NOON - timedelta(days=2)):
        world.recording(anna, started_at=at)
    world.recording(anna, started_at=NOON.replace(year=2025, month=12, day=31, hour=22, minute=59))
    browser = await open_browser("anna")
    await browser.get(f"/?lang={language}")
    answer = await browser.get("/")
    assert days(answer) == [(name, 1) for name in named]
    assert all(f">{at}</time>" in answer.text for at in ("00:00:00", "23:59:59", "13:00:00"))
    assert 'class="state' not in answer.text, "what is ready needs no word"
    assert "Europe/Stockholm" in answer.text


SORTS: list[tuple[str, Callable[[Any], Any]]] = [
    ("newest", lambda made: made[::-1]),
    ("oldest", lambda made: made),
    ("longest", lambda made: [made[1], made[0], made[2]]),
    ("shortest", lambda made: [made[2], made[0], made[1]]),
]


@pytest.mark.parametrize(("sort", "order"), SORTS, ids=[sort for sort, _ in SORTS])
async def test_its_order(
    open_browser: NewBrowser, world: World, sort: str, order: Callable[[Any], Any]
) -> None:
    made = [
        str(world.recording(world.ids["anna"], started_at=NOON + timedelta(minutes=at), duration_ms=length))
        for at, length in enumerate((2000, 3000, 1000))
    ]
    answer = await (await open_browser("anna")).get(f"/?sort={sort}")
    assert re.findall(r'<tr role="row" data-id="([^"]+)"', answer.text) == order(made)
    assert f'<option value="{sort}" selected>' in answer.text
    assert ("22 Nov 2026" in answer.text) == (sort in ("longest", "shortest")), "the day stands somewhere"


async def test_pages_keep_the_order(open_browser: NewBrowser, world: World) -> None:
    for number in range(51):
        world.recording(world.ids["anna"], duration_ms=1000 + number)
    browser = await open_browser("anna")
    first = await browser.get("/?sort=shortest")
    older = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert older
    assert "sort=shortest" in older[1]
    second = await browser.get(html.unescape(older[1]))
    assert len(found(second)) == 1
    assert not found(first) & found(second)
    assert "51 recordings" in second.text
    beyond = await browser.get(html.unescape(older[1]).replace("shortest", "longest"))
    assert beyond.status == 400, "a place in another order is none here"


@pytest.mark.parametrize("query", ["q=nothing", "min_duration=x"])
async def test_the_order_stays_where_nothing_is_shown(open_browser: NewBrowser, query: str) -> None:
    answer = await (await open_browser("anna")).get(f"/?{query}&sort=oldest")
    assert '<input type="hidden" name="sort" form="find" value="oldest">' in answer.text


async def test_it_says_how_many(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        world.recording(world.ids["anna"])
    world.recording(world.ids["bo"])
    browser = await open_browser("anna")
    assert ">3 recordings</p>" in (await browser.get("/")).text
    assert ">1 recording</p>" in (await (await open_browser("admin-acme")).get("/?user=102")).text
    monkeypatch.setattr(pages, "COUNTED", 2)
    answer = await browser.get("/")
    assert "<b>2+</b> recordings" in answer.text
    assert 'data-total=""' in answer.text


async def test_a_count_that_takes_too_long_is_left_out(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = str(world.recording(world.ids["anna"]))

    def slow(*_: object) -> int:
        raise StoreError("does not answer")

    monkeypatch.setattr(catalogue, "count", slow)
    answer = await (await open_browser("anna")).get("/")
    assert (answer.status, found(answer)) == (200, {made})
    assert "How many there are cannot be said just now." in answer.text


async def test_a_catalogue_that_is_away_is_told_with_a_way_back(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await open_browser("anna")

    def away(*_: object, **__: object) -> Any:
        raise StoreError("is locked")

    monkeypatch.setattr(catalogue, "recordings", away)
    for address in ("/?q=eva", "/?q=eva&part=list"):
        answer = await browser.get(address)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert "is locked" not in answer.text
        assert f'href="{html.escape(address)}"' in answer.text, "the same once more"


async def test_the_part_is_the_pages_own(open_browser: NewBrowser, world: World) -> None:
    world.recording(world.ids["anna"], note="back")
    browser = await open_browser("anna")
    whole, part = await browser.get("/?note=back"), await browser.get("/?note=back&part=list")
    assert "<html" not in part.text
    assert '<form id="find"' not in part.text
    inner = whole.text.split('<div id="found"', 1)[1].split(">", 1)[1].strip()
    assert inner.startswith(part.text.strip()[:5000])
    assert found(whole) == found(part) != set()
    wrong = await browser.get("/?min_duration=x&part=list")
    assert (wrong.status, "<html" in wrong.text) == (400, False)
    assert '<li data-field="min_duration">' in wrong.text


async def test_the_last_search_is_there_until_it_is_cleared(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("anna")
    assert (await browser.get("/")).status == 200
    await browser.get("/?q=eva&mark=red&sort=oldest")
    await browser.get("/?q=eva&mark=x")
    back = await browser.get("/")
    assert (back.status, back.headers["Location"]) == (303, "/?q=eva&mark=red&sort=oldest")
    assert (await (await open_browser("bo")).get("/")).status == 200, "of another session"
    cleared = await browser.get("/?all=1")
    assert (cleared.status, cleared.headers["Location"]) == (303, "/")
    assert (await browser.get("/")).status == 200
    await browser.get("/?q=ida&part=list")
    assert (await browser.get("/")).headers["Location"] == "/?q=ida"
    await browser.get("/?part=list")
    assert (await browser.get("/")).status == 200, "everything was taken out while typing"
    await browser.get("/?q=ida")
    assert (await browser.get("/?q=&mark=")).headers["Location"] == "/"
    assert (await browser.get("/")).status == 200, "the form was emptied"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "SESSIONS_MAX", 2)
    kept, sessions = remembered.Remembered(), [models.new_id() for _ in range(3)]
    for number, session in enumerate(sessions):
        kept.keep(session, f"q={number}")
    assert [kept.last(session) for session in sessions] == ["", "q=1", "q=2"]


async def test_what_can_be_played_here(open_browser: NewBrowser, world: World) -> None:
    stored, going = world.recording(world.ids["anna"]), world.recording(world.ids["anna"], stored=False)
    closing = world.recording(world.ids["anna"], stored=False, state="closing")
    answer = await (await open_browser("anna")).get("/")
    assert re.findall(r'class="hear-it" href="/recordings/([^"]+)"', answer.text) == [str(stored)]
    assert {str(going), str(closing)} < found(answer)
    assert re.findall(r'class="state state-(\w+)"', answer.text) == ["open", "closing"]


async def test_who_only_sees_is_offered_nothing_to_play(open_browser: NewBrowser, world: World) -> None:
    made = world.recording(world.ids["bo"])

    def supervise() -> None:
        acme = models.User.get_by_id(world.ids["bo"]).organisation_id
        group = models.Group.create(organisation=acme, name="Sales")
        models.Membership.create(group=group, user=world.ids["bo"])
        models.Supervision.create(group=group, user=world.ids["sue"], may_listen=False, may_annotate=False)

    acme = world.store.read_now(lambda: models.User.get_by_id(world.ids["bo"]).organisation_id)
    world.user("sue", acme, number="103", role="supervisor")
    world.store.write_now(supervise)
    answer = await (await open_browser("sue")).get("/")
    assert found(answer) == {str(made)}
    assert "hear-it" not in answer.text.split("<svg class", 1)[0]


async def test_fifty_rows_of_hostile_texts_are_below_100_kb_and_harmless(
    open_browser: NewBrowser, world: World, clock: Clock
) -> None:
    note = "<script>alert(1)</script>" + "å\u202e" * 2000
    for number in range(50):
        world.recording(
            world.ids["anna"], note=note[:4000], mark="purple", internal=True, duration_ms=4_000_000,
            counterpart_name=f"\u202e{number} <img src=x onerror=alert(1)>",
            counterpart_number="+46" + "7" * 20,
            problems="Begins 4 s late: Asterisk was away.\nIt has a hole of 3 s.",
        )  # fmt: skip
    answer = await (await open_browser("admin-acme")).get("/")
    assert len(found(answer)) == 50
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text.replace('<img src="/static', "")
    assert "\u202e" not in answer.text
    assert len(answer.body) < 100_000, len(answer.body)


async def test_two_hundred_filters_and_ranges_beyond_the_end(open_browser: NewBrowser, world: World) -> None:
    world.recording(world.ids["anna"])
    browser = await open_browser("anna")
    many = "&".join(f"f{number}={number}" for number in range(200))
    assert (await browser.get(f"/?{many}")).status == 400
    assert (await browser.get("/?" + "&".join(["mark=red"] * 200))).status == 400
    for address in ("/?from=2999-01-01", "/?to=1901-01-01", "/?min_duration=166666", "/?cursor=x&q=a"):
        answer = await browser.get(address)
        assert answer.status == (400 if "cursor" in address else 200), address
        assert not found(answer)


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE recording; --", "%", "_", "\\", '"', "*", "a" * 200, "🦊", "\u0131"]
)
async def test_hostile_texts_find_what_has_them(open_browser: NewBrowser, world: World, text: str) -> None:
    made = str(world.recording(world.ids["anna"], note=f"x {text} y"))
    other = str(world.recording(world.ids["anna"], note="nothing of that"))
    answer = await (await open_browser("anna")).get("/", params={"q": text})
    assert answer.status == 200
    assert made in found(answer)
    assert other not in found(answer)
