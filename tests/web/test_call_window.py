"""The window of one's own call, as plain forms; what it is installed by; a supervisor's calls now."""

from __future__ import annotations

import re
import struct

import pytest

from ari_recorder.live import Live
from ari_recorder.policies.table import Event, Mode, State
from ari_recorder.store.models import Group, Membership, Supervision, User
from ari_recorder.web import page, tab

from . import test_calls
from .test_calls import Followed, follow
from .test_calls_page import at, cards, follow_back, offered, problem, refusal, submit
from .world import NOON, Browser, NewBrowser, World

ongoing = test_calls.ongoing
TITLE = re.compile(r"<title>([^<]*)</title>")
ICON = re.compile(r'<link id="tab-icon"[^>]* href="([^"?]*)')
FROM_WINDOW = {"page": "call"}


def title(text: str) -> str:
    found = TITLE.search(text)
    assert found
    return found[1]


def icon(text: str) -> str:
    found = ICON.search(text)
    assert found
    return found[1].removeprefix("/static/")


def supervise(world: World, who: str, *members: str, may_annotate: bool = True) -> None:
    """``who`` becomes the supervisor of a group of ``members``."""
    world.change(User, world.ids[who], role="supervisor")

    def write() -> None:
        organisation = User.get_by_id(world.ids[who]).organisation
        group = Group.create(organisation=organisation, name="Sales", created_at=NOON)
        for member in members:
            Membership.create(group=group, user=world.ids[member])
        Supervision.create(group=group, user=world.ids[who], may_listen=True, may_annotate=may_annotate)

    world.store.write_now(write)


async def test_it_has_ones_own_call_alone_also_of_who_sees_others(
    open_browser: NewBrowser, ongoing: dict[str, Followed], world: World
) -> None:
    supervise(world, "bo", "anna")
    shown = await (await open_browser("bo")).get("/call")
    assert set(cards(shown)) == {str(ongoing["bo"].row.id)}
    assert 'class="user-name"' not in shown.text
    nobody = await (await open_browser("admin-acme")).get("/call")
    assert cards(nobody) == {}
    assert "Your next call appears here" in nobody.text


@pytest.mark.parametrize(
    ("state", "begins", "drawn"),
    [
        (State.PROVISIONAL, "● Recording, not kept yet · ", "tab-recording.svg"),
        (State.RECORDING, "● Recording · ", "tab-recording.svg"),
        (State.PAUSED, "‖ Paused · ", "tab-paused.svg"),
        (State.PROVISIONAL_PAUSED, "‖ Paused, not kept yet · ", "tab-paused.svg"),
        (State.RINGING, "", "mark.svg"),
    ],
)
async def test_title_and_icon_say_whether_ones_own_call_is_recorded(
    open_browser: NewBrowser, ongoing: dict[str, Followed], state: State, begins: str, drawn: str
) -> None:
    at(ongoing["anna"], Mode.ON_DEMAND, state)
    browser = await open_browser("anna")
    for address, name in (("/call", "Your call"), ("/calls", "Calls now")):
        text = (await browser.get(address)).text
        assert (title(text), icon(text)) == (f"{begins}{name} · My Pages", drawn)
    text = (await (await open_browser("admin-acme")).get("/calls")).text
    assert (title(text), icon(text)) == ("Calls now · My Pages", "mark.svg")


def test_of_two_calls_the_one_that_is_recorded_is_told() -> None:
    found = tab.of([{"state": "paused"}, {"state": "recording"}], {"recording": "R", "paused": "P"})
    assert (found["sign"], found["word"]) == ("●", "R")


async def test_its_forms_come_back_to_it(
    open_browser: NewBrowser, ongoing: dict[str, Followed], world: World
) -> None:
    browser, leg = await open_browser("anna"), ongoing["anna"].row.id
    answer = await submit(browser, f"/calls/{leg}/pause", FROM_WINDOW)
    assert answer.headers["Location"] == f"/call#call-{leg}"
    shown = await follow_back(browser, answer)
    assert offered(cards(shown)[str(leg)]) == ["resume"]
    assert title(shown.text).startswith("‖ Paused")
    saved = await submit(browser, f"/calls/{leg}", {**FROM_WINDOW, "note": "Call back"})
    assert saved.headers["Location"].startswith("/call?said=saved")
    wrong = await submit(browser, f"/calls/{leg}", {**FROM_WINDOW, "tag1": "x" * 129})
    assert wrong.status == 400
    assert 'class="window"' in wrong.text
    assert problem(cards(wrong)[str(leg)], "tag1") == "Too long: at most 128 characters."


@pytest.mark.parametrize(
    ("mode", "state", "command", "said"),
    [
        (Mode.ALWAYS, State.RECORDING, Event.PAUSE, "The recording mode of this user"),
        (Mode.ON_DEMAND_USER_START, State.IDLE, Event.PAUSE, "Nothing is being recorded: give start first."),
        (Mode.ON_DEMAND_USER_START, State.RINGING, Event.START, "The call has not been answered yet."),
    ],
)  # fmt: skip
async def test_what_mode_or_state_refuse_is_said_in_it(
    open_browser: NewBrowser,
    ongoing: dict[str, Followed],
    mode: Mode,
    state: State,
    command: Event,
    said: str,
) -> None:
    leg, browser = at(ongoing["anna"], mode, state), await open_browser("anna")
    shown = await follow_back(browser, await submit(browser, f"/calls/{leg}/{command}", FROM_WINDOW))
    assert said in refusal(shown.text)
    assert ongoing["anna"].row.policy.state is state


async def test_a_call_that_is_gone_or_of_another_is_refused(
    open_browser: NewBrowser, ongoing: dict[str, Followed]
) -> None:
    browser, gone = await open_browser("anna"), ongoing["anna"]
    for login in ("bo", "olle"):
        refused = await submit(browser, f"/calls/{ongoing[login].row.id}/pause", FROM_WINDOW)
        assert refused.status == 404
        assert ongoing[login].row.policy.state is State.RECORDING
    gone.live.remove(gone)
    shown = await follow_back(browser, await submit(browser, f"/calls/{gone.row.id}/pause", FROM_WINDOW))
    assert "Pause: The call is over." in shown.text
    assert "Your next call appears here" in shown.text


async def test_without_a_call_it_leads_to_the_latest_recording_of_ones_own(
    open_browser: NewBrowser, world: World
) -> None:
    supervise(world, "bo", "anna")
    world.change(User, world.ids["bo"], may_listen=True)
    mine = world.recording(world.ids["bo"], counterpart_name="Eva Sandberg")
    world.recording(world.ids["anna"], counterpart_name="Of a colleague")
    text = (await (await open_browser("bo")).get("/call")).text
    assert f'href="/recordings/{mine}"' in text
    assert "Of a colleague" not in text
    assert '<meta http-equiv="refresh" content="10">' in text
    world.change(User, world.ids["bo"], may_listen=False)
    assert "/recordings/" not in (await (await open_browser("bo")).get("/call")).text


async def test_with_a_call_it_is_not_shown_anew_under_the_hands_of_who_writes(
    open_browser: NewBrowser, ongoing: dict[str, Followed]
) -> None:
    assert "http-equiv" not in (await (await open_browser("anna")).get("/call")).text


async def _size(browser: Browser, address: str) -> str:
    answer = await browser.get(address)
    assert answer.headers["Content-Type"] == "image/png"
    width, height = struct.unpack(">II", (page.STATIC / address[8:].partition("?")[0]).read_bytes()[16:24])
    return f"{width}x{height}"


async def test_a_browser_can_install_it(open_browser: NewBrowser) -> None:
    """The members that Chromium asks for: https://web.dev/articles/install-criteria"""
    stranger, anna = await open_browser(), await open_browser("anna")
    answer = await anna.get("/call.webmanifest")
    assert answer.headers["Content-Type"].startswith("application/manifest+json")
    told = answer.json()
    assert (told["name"], told["start_url"], told["display"]) == ("Call window", "/call", "standalone")
    drawn = [one for one in told["icons"] if one["type"] == "image/png"]
    assert {one["sizes"] for one in drawn} == {"192x192", "512x512"}
    assert [one["purpose"] for one in drawn].count("maskable") == 1
    for one in drawn:
        assert await _size(stranger, one["src"]) == one["sizes"]
    shown = await anna.get("/call")
    assert "manifest-src 'self'" in shown.headers["Content-Security-Policy"]
    assert '<link rel="manifest" href="/call.webmanifest" crossorigin="use-credentials">' in shown.text


async def test_a_supervisor_sees_whose_calls_they_are_without_commands(
    open_browser: NewBrowser, ongoing: dict[str, Followed], world: World
) -> None:
    supervise(world, "bo", "anna", may_annotate=False)
    mine, theirs = str(ongoing["bo"].row.id), str(ongoing["anna"].row.id)
    browser = await open_browser("bo")
    shown = cards(await browser.get("/calls"))
    assert list(shown) == [mine, theirs]  # one's own first, though it began later
    assert '<bdi class="user-name">Anna Andersson</bdi>' in shown[theirs]
    assert offered(shown[theirs]) == []
    assert offered(shown[mine]) == ["pause"]
    assert re.search(r'<details class="jot"[^>]* hidden>', shown[theirs])
    assert not re.search(r'<details class="jot"[^>]* hidden>', shown[mine])
    assert (await submit(browser, f"/calls/{theirs}/pause")).status == 403
    assert (await submit(browser, f"/calls/{theirs}", {"note": "Mine?"})).status == 404
    world.store.write_now(lambda: Supervision.delete().execute())
    assert list(cards(await browser.get("/calls"))) == [mine]
    assert (await submit(browser, f"/calls/{theirs}/pause")).status == 404


async def test_who_has_no_calls_does_not_get_it(open_browser: NewBrowser, live: Live, world: World) -> None:
    follow(world, live, "anna")
    world.change(User, world.ids["anna"], role="auditor")
    assert (await (await open_browser("anna")).get("/call")).status == 403
    gone = await (await open_browser()).get("/call")
    assert (gone.status, gone.headers["Location"]) == (303, "/sign-in?next=/call")
