"""Calls now, as plain forms: everything that can be done without scripts, and everything that is refused."""

from __future__ import annotations

import asyncio
import html
import io
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from ari_recorder.live import Answer, Changed, Live
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.table import TABLE, Event, Mode, Standing, State, commands
from ari_recorder.policies.text import harmless
from ari_recorder.store import models
from ari_recorder.web import calls_page, words

from . import test_calls, world
from .test_calls import SEES, Followed, follow
from .test_hostile import SCRIPT, Attributes
from .world import NOON, Browser, NewBrowser, World

ongoing = test_calls.ongoing
ARTICLE = re.compile(r'<article[^>]* data-id="([^"]+)".*?</article>', re.DOTALL)
FORM = re.compile(r'<form class="order"[^>]*data-command="(\w+)"(?![^>]*hidden)')


def cards(page: world.Answer) -> dict[str, str]:
    """The cards that are shown, by id."""
    return {found[1]: found[0] for found in ARTICLE.finditer(page.text)}


def offered(card: str) -> list[str]:
    return FORM.findall(card)


def problem(card: str, field: str) -> str:
    found = re.search(rf'<p class="field-problem[^>]*-{field}-problem"( hidden)?>([^<]*)</p>', card)
    assert found
    return found[2]


def refusal(text: str) -> str:
    found = re.search(r'<span class="refusal-words">\s*([^<]*?)\s*</span>', text)
    assert found
    return html.unescape(found[1])


async def submit(browser: Browser, path: str, fields: Mapping[str, str] | None = None) -> world.Answer:
    """Send a form of the page."""
    return await browser.post(path, {**(fields or {}), "form_token": await browser.form_token("/calls")})


async def follow_back(browser: Browser, answer: world.Answer) -> world.Answer:
    assert answer.status == 303
    return await browser.get(answer.headers["Location"].partition("#")[0])


def at(followed: Followed, mode: Mode, state: State) -> UUID:
    """Put a leg into a state."""
    followed.row = replace(followed.row, policy=Standing(mode, state, NOON))
    followed.live.publish(Changed(followed.row))
    return followed.row.id


def row(world: World, leg: UUID) -> Any:
    return world.store.read_now(lambda: models.Leg.get_by_id(leg))


@pytest.mark.parametrize("asker", SEES)
async def test_who_asks_sees_what_the_live_feed_shows_them(
    open_browser: NewBrowser, ongoing: dict[str, Followed], asker: str
) -> None:
    page = await (await open_browser(asker)).get("/calls")
    assert set(cards(page)) == {str(ongoing[login].row.id) for login in SEES[asker]}
    for card in cards(page).values():
        assert ('class="user-name"' in card) == asker.startswith("admin")


async def test_everybody_finds_it_and_the_signed_out_do_not(open_browser: NewBrowser) -> None:
    for login in ("admin-acme", "anna", "bo"):
        browser = await open_browser(login)
        assert '<a href="/calls">Calls now</a>' in (await browser.get("/")).text
        assert '<a href="/calls" aria-current="page">' in (await browser.get("/calls")).text
    gone = await (await open_browser()).get("/calls")
    assert (gone.status, gone.headers["Location"]) == (303, "/sign-in?next=/calls")


async def test_without_calls_it_says_so(open_browser: NewBrowser, live: Live, world: World) -> None:
    browser = await open_browser("anna")
    assert re.search(r'id="no-calls">', (await browser.get("/calls")).text)
    over = follow(world, live, "anna")
    assert re.search(r'id="no-calls" hidden>', (await browser.get("/calls")).text)
    at(over, Mode.ALWAYS, State.ENDED)
    assert cards(await browser.get("/calls")) == {}


@pytest.mark.parametrize(
    ("mode", "state"), [(mode, state) for mode in Mode for state in TABLE[mode] if state is not State.ENDED]
)
async def test_every_state_has_its_words_and_only_its_commands(
    open_browser: NewBrowser, ongoing: dict[str, Followed], mode: Mode, state: State
) -> None:
    expected = [str(command) for command in commands(Standing(mode, state, NOON))]
    leg = str(at(ongoing["anna"], mode, state))
    card = cards(await (await open_browser("anna")).get("/calls"))[leg]
    assert f'<b class="state-word">{words.SIGNALS[state]}</b>' in card
    assert offered(card) == expected
    assert "since 13:00:00" in card
    assert mode is not Mode.ALWAYS or expected == []
    others = cards(await (await open_browser("admin-acme")).get("/calls"))[leg]
    assert offered(others) == []


async def test_a_command_is_given_and_leads_back(
    open_browser: NewBrowser, ongoing: dict[str, Followed]
) -> None:
    browser, leg = await open_browser("anna"), ongoing["anna"].row.id
    answer = await submit(browser, f"/calls/{leg}/pause")
    card = cards(await follow_back(browser, answer))[str(leg)]
    assert answer.headers["Location"] == f"/calls#call-{leg}"
    assert ('data-state="paused"' in card, offered(card), refusal(card)) == (True, ["resume"], "")
    again = await follow_back(browser, await submit(browser, f"/calls/{leg}/pause"))
    assert refusal(cards(again)[str(leg)]) == "Pause: It is so already."


async def test_a_refused_command_says_why_in_the_readers_language(
    open_browser: NewBrowser, ongoing: dict[str, Followed]
) -> None:
    browser, leg = await open_browser("anna"), ongoing["anna"].row.id
    back = await submit(browser, f"/calls/{leg}/stop")
    shown = cards(await follow_back(browser, back))[str(leg)]
    assert refusal(shown) == "Stop recording: The recording mode of this user does not have this command."
    assert ongoing["anna"].row.policy.state is State.RECORDING
    await browser.get("/calls?lang=sv")
    shown = cards(await follow_back(browser, back))[str(leg)]
    assert refusal(shown) == "Stoppa inspelningen: Användarens inspelningsläge har inte det kommandot."


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_what_asterisk_did_not_do_is_said(
    open_browser: NewBrowser, ongoing: dict[str, Followed], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    anna = ongoing["anna"]
    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    if status == 502:
        answer.set_result(Answer(anna.row, problem="Asterisk said no"))
    if status == 503:
        answer.cancel()
    monkeypatch.setattr("ari_recorder.web.calls.ANSWERED_WITHIN_S", 0.01)
    monkeypatch.setattr(anna, "command", lambda command: answer)
    browser = await open_browser("anna")
    back = await follow_back(browser, await submit(browser, f"/calls/{anna.row.id}/pause"))
    assert refusal(cards(back)[str(anna.row.id)]) == f"Pause: {calls_page.TROUBLES[str(status)]}"


@pytest.mark.parametrize(
    ("asker", "owner", "command", "note"),
    [("admin-acme", "anna", 403, 303), ("bo", "anna", 404, 404), ("olle", "anna", 404, 404),
     ("admin-other", "bo", 404, 404)],
)  # fmt: skip
async def test_the_calls_of_others(
    open_browser: NewBrowser, ongoing: dict[str, Followed], world: World,
    asker: str, owner: str, command: int, note: int,
) -> None:  # fmt: skip
    browser, leg = await open_browser(asker), ongoing[owner].row.id
    assert (await submit(browser, f"/calls/{leg}/pause")).status == command
    assert ongoing[owner].row.policy.state is State.RECORDING
    assert (await submit(browser, f"/calls/{leg}", {"note": "Mine"})).status == note
    assert row(world, leg).note == ("Mine" if note == 303 else "")
    bad = await submit(browser, f"/calls/{leg}", {"tag1": "x" * 129})
    assert bad.status == (400 if note == 303 else 404)


async def test_addresses_that_are_nothing(open_browser: NewBrowser, ongoing: dict[str, Followed]) -> None:
    browser = await open_browser("anna")
    assert (await submit(browser, f"/calls/{uuid4()}/pause")).status == 404
    assert (await submit(browser, f"/calls/{uuid4()}", {"note": "x"})).status == 404
    assert (await submit(browser, "/calls/1/pause")).status == 400
    assert (await submit(browser, f"/calls/{ongoing['anna'].row.id}/explode")).status == 404
    page = await browser.get("/calls?said=%3Cscript%3E&call=%3Cscript%3E&command=%3Cscript%3E")
    assert (page.status, "&lt;script" in page.text, "<script>" in page.text) == (200, False, False)


async def test_a_form_of_another_site_does_nothing(
    open_browser: NewBrowser, ongoing: dict[str, Followed], world: World
) -> None:
    browser, leg = await open_browser("anna"), ongoing["anna"].row.id
    for path in (f"/calls/{leg}/pause", f"/calls/{leg}"):
        assert (await browser.post(path, {"note": "x", "form_token": "wrong"})).status == 403
    assert (ongoing["anna"].row.policy.state, row(world, leg).note) == (State.RECORDING, "")


async def test_the_note_is_saved_and_shown_to_all_who_see_the_call(
    open_browser: NewBrowser, ongoing: dict[str, Followed], world: World
) -> None:
    browser, leg = await open_browser("anna"), ongoing["anna"].row.id
    fields = {"note": "Två rader\r\nav <text>", "mark": "blue", "tag1": "å" * 128, "tag2": "", "tag3": "3"}
    back = await follow_back(browser, await submit(browser, f"/calls/{leg}", fields))
    saved = row(world, leg)
    assert (saved.note, saved.mark, saved.tag1, saved.tag3) == (
        "Två rader\nav <text>",
        "blue",
        "å" * 128,
        "3",
    )
    assert re.search(r"<output[^>]*>Saved</output>", cards(back)[str(leg)])
    others = cards(await (await open_browser("admin-acme")).get("/calls"))[str(leg)]
    assert "Två rader\nav &lt;text&gt;</textarea>" in others
    assert '<option value="blue" selected>' in others
    assert f'name="tag1" type="text" autocomplete="off" value="{"å" * 128}"' in others


BAD = {
    "long tag": ({"tag2": "x" * 129, "note": "kept"}, {"tag2": "Too long: at most 128 characters."}),
    "long note": ({"note": "n" * 4001}, {"note": "Too long: at most 4000 characters."}),
    "two": ({"note": "a\0b", "tag1": "x" * 200}, {"note": "There is a character", "tag1": "Too long"}),
    "mark": ({"mark": "pink", "note": "kept"}, {"mark": "There is no such mark."}),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("over", [False, True])
async def test_what_is_refused_is_shown_as_typed_with_the_reason_and_nothing_is_saved(
    open_browser: NewBrowser, ongoing: dict[str, Followed], live: Live, world: World, case: str, over: bool
) -> None:
    typed, expected = BAD[case]
    browser, leg = await open_browser("anna"), ongoing["anna"].row.id
    if over:
        live.remove(ongoing["anna"])
        world.change(models.Leg, leg, state=State.ENDED)
        token = await browser.form_token("/")
        page = await browser.post(f"/calls/{leg}", {**typed, "form_token": token})
    else:
        page = await submit(browser, f"/calls/{leg}", typed)
    assert page.status == 400
    card = cards(page)[str(leg)]
    assert ('data-state="ended"' in card) == over
    for field in ("note", "mark", "tag1", "tag2", "tag3"):
        assert problem(card, field).startswith(expected.get(field, "")), field
        assert bool(problem(card, field)) == (field in expected), field
    for field, value in typed.items():
        assert field == "mark" or html.escape(harmless(value, lines=True)) in card, field
    assert (row(world, leg).note, row(world, leg).tag2) == ("", "")


async def test_a_form_with_a_file_or_with_nothing(
    open_browser: NewBrowser, ongoing: dict[str, Followed], world: World
) -> None:
    browser, path = await open_browser("anna"), f"/calls/{ongoing['anna'].row.id}"
    assert (await submit(browser, path)).status == 400
    form = aiohttp.FormData({"form_token": await browser.form_token("/calls")})
    form.add_field("note", io.BytesIO(b"text"), filename="note.txt")
    answer = await browser.request("POST", path, data=form)
    assert (answer.status, problem(cards(answer)[path.rpartition("/")[2]], "note")) == (
        400,
        "This is not text.",
    )
    assert row(world, ongoing["anna"].row.id).note == ""


async def test_a_call_that_is_over(
    open_browser: NewBrowser, ongoing: dict[str, Followed], live: Live, world: World
) -> None:
    browser, leg = await open_browser("anna"), ongoing["anna"].row.id
    token = await browser.form_token("/calls")
    live.remove(ongoing["anna"])
    back = await follow_back(browser, await browser.post(f"/calls/{leg}/pause", {"form_token": token}))
    assert (cards(back), "Pause: The call is over." in back.text) == ({}, True)
    answer = await browser.post(f"/calls/{leg}", {"form_token": token, "note": "Afterwards"})
    assert "Saved" in (await follow_back(browser, answer)).text
    assert row(world, leg).note == "Afterwards"


async def test_markup_in_every_text_of_a_call_is_text(
    open_browser: NewBrowser, live: Live, world: World
) -> None:
    hostile = follow(world, live, "anna")
    annotations = dict.fromkeys(("note", "mark", "tag1", "tag2", "tag3"), SCRIPT)
    hostile.row = replace(
        hostile.row, counterpart=Counterpart(SCRIPT, SCRIPT), annotations=annotations, user_name=SCRIPT
    )
    live.publish(Changed(hostile.row))
    for login in ("anna", "admin-acme"):
        page = (await (await open_browser(login)).get("/calls")).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        assert "onerror" not in Attributes(page).names


async def test_the_words_of_the_script_are_in_the_page(open_browser: NewBrowser) -> None:
    browser = await open_browser("anna")
    assert '"paused": "Paused"' in (await browser.get("/calls")).text
    await browser.get("/calls?lang=sv")
    assert '"paused": "Pausad"' in (await browser.get("/calls")).text


def test_every_reason_state_and_mode_has_words() -> None:
    assert set(words.SIGNALS) == set(State)
    assert set(words.MODES) == set(Mode)
    assert {event.value for event in (Event.START, Event.STOP, Event.PAUSE, Event.RESUME)} < set(
        words.COMMANDS
    )
