"""Calls now in a real browser: it follows the live feed, on a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from ari_recorder.config import Web
from ari_recorder.live import Changed, Live, Refused
from ari_recorder.policies.commands import Source
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.table import Event, Mode, Reason, Standing, State, decide
from ari_recorder.store import models
from ari_recorder.web import Server, WebContext, start

from .test_browser import eventually, listened
from .test_calls import Followed, follow
from .world import NOON, PASSWORD, World

DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@asynccontextmanager
async def opened(
    chromium: Browser,
    server: Server,
    login: str = "anna",
    *,
    language: str = "en",
    complaints: tuple[str, ...] = (),
    **options: Any,
) -> AsyncIterator[Page]:
    """The page, signed in, with a clock to wind on; only ``complaints`` may have been complained about."""
    context = await chromium.new_context(**{**DESK, **options})
    await context.clock.install()
    page, heard = await listened(context)
    await page.goto(f"{server.url}sign-in?next=/calls&lang={language}")
    await page.locator("#login").fill(login)
    await page.locator("#password").fill(PASSWORD)
    await page.locator("main button[type=submit]").click()
    await expect(page.locator("#calls")).to_be_attached()
    yield page
    assert [text for text in heard if not any(known in text for known in complaints)] == []
    await context.close()


def card(page: Page, followed: Followed) -> Locator:
    return page.locator(f"#call-{followed.row.id}")


def become(followed: Followed, **changes: Any) -> None:
    """The leg is from now on as ``changes`` say, and whoever follows is told."""
    followed.row = replace(followed.row, **changes)
    followed.live.publish(Changed(followed.row))


def happen(followed: Followed, event: Event) -> None:
    become(followed, policy=decide(followed.row.policy, event, NOON).leg)


def end(followed: Followed, recording: UUID | None = None) -> None:
    over = decide(followed.row.policy, Event.HANGUP, NOON).leg
    become(followed, policy=over, ended_at=NOON, recording=recording)
    followed.live.remove(followed)


async def connected(page: Page, live: Live) -> None:
    """Wait until the page follows."""

    async def followers() -> int:
        return len(live._followers)

    await eventually(followers, bool)
    await expect(page.locator("#disconnected")).to_be_hidden()


async def settled(page: Page) -> None:
    """As long after a command that the next one is not taken for the same, pressed twice."""
    await page.clock.run_for(600)


async def test_a_call_comes_changes_and_goes(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    recording = world.recording(world.ids["anna"])
    async with opened(chromium, server) as page:
        await expect(page.get_by_text("No calls now")).to_be_visible()
        await connected(page, live)
        call = follow(world, live, "anna")
        become(call)
        shown = card(page, call)
        await expect(shown.locator(".state-word")).to_have_text("Recording")
        await expect(shown.locator(".since")).to_have_text("since 13:00:00")
        await expect(shown.get_by_role("button", name="Pause")).to_be_visible()
        await expect(page.get_by_text("No calls now")).to_be_hidden()
        become(call, counterpart=Counterpart("0812345678", "Bengt Ek"), direction="outbound")
        await expect(page.get_by_role("article", name="Bengt Ek")).to_contain_text("Outgoing")
        await page.clock.run_for(65_000)
        await expect(shown.locator(".clock")).to_have_text(re.compile("1:0[5-9]"))
        end(call, recording)
        await expect(shown.locator(".state-word")).to_have_text("Call over")
        await expect(shown.get_by_role("link", name="To the recording")).to_have_attribute(
            "href", f"/recordings/{recording}"
        )
        await expect(page.locator("#announcer")).to_have_text("Bengt Ek: Call over")
        await expect(shown.get_by_role("button", name="Pause")).to_be_hidden()
        await page.clock.run_for(5_000)
        await expect(shown).to_be_visible()
        await page.clock.run_for(6_000)
        await expect(shown).to_have_count(0)
        await expect(page.get_by_text("No calls now")).to_be_visible()


async def test_buttons_follow_the_commands_and_the_focus_stays(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    call = follow(world, live, "anna", Mode.ON_DEMAND)
    async with opened(chromium, server) as page:
        await connected(page, live)
        buttons, state = (
            card(page, call).locator(".orders").get_by_role("button"),
            card(page, call).locator("b"),
        )
        await expect(buttons).to_have_text(["Keep the recording", "Pause"])
        await buttons.nth(1).focus()
        await page.keyboard.press("Enter")
        await expect(state).to_have_text("Paused, not kept yet")
        await expect(buttons).to_have_text(["Keep the recording", "Resume"])
        await expect(page.locator("#announcer")).to_have_text("Eva: Paused, not kept yet")
        await expect(buttons.nth(1)).to_be_focused()
        await settled(page)
        await page.keyboard.press("Enter")
        await expect(state).to_have_text("Recording, not kept yet")
        await settled(page)
        await buttons.nth(0).focus()
        await page.keyboard.press("Enter")
        await expect(state).to_have_text("Recording")
        await expect(buttons).to_have_text(["Pause"])
        await expect(buttons).to_be_focused()
        become(call, policy=Standing(Mode.ALWAYS, State.RECORDING, NOON))
        await expect(buttons).to_have_count(0)
        await expect(card(page, call).get_by_role("heading", name="Eva")).to_be_focused()


async def test_a_refusal_is_said_at_the_call_for_some_seconds(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    call = follow(world, live, "anna")
    async with opened(chromium, server, complaints=("409",)) as page:
        await connected(page, live)
        refusal = card(page, call).locator(".refusal")
        live.publish(Refused(call.row, Event.STOP, Source.DIGITS, Reason.NOT_IN_THIS_MODE, NOON))
        by_keys = "Stop recording, by keys: The recording mode of this user does not have this command."
        await expect(refusal).to_have_text(by_keys)
        await expect(page.locator("#announcer")).to_have_text(f"Eva: {by_keys}")
        await page.clock.run_for(5_000)
        await expect(refusal).to_be_visible()
        await page.clock.run_for(5_000)
        await expect(refusal).to_be_hidden()
        live.publish(Refused(call.row, Event.RESUME, Source.DIGITS, Reason.NOT_RECORDING, NOON))
        await expect(refusal).to_be_visible()
        happen(call, Event.PAUSE)
        await expect(refusal).to_be_hidden()
        happen(call, Event.RESUME)
        await expect(card(page, call).get_by_role("button", name="Pause")).to_have_attribute(
            "aria-disabled", "true"
        )
        await settled(page)
        call.row = replace(call.row, policy=Standing(Mode.ALWAYS, State.RECORDING, NOON))  # not told yet
        await card(page, call).get_by_role("button", name="Pause").click()
        await expect(refusal).to_have_text(
            "Pause: The recording mode of this user does not have this command."
        )
        await expect(card(page, call).get_by_role("button", name="Pause")).to_have_count(0)


async def test_the_note_is_saved_and_what_is_typed_is_not_overwritten(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    call = follow(world, live, "anna")
    async with opened(chromium, server, complaints=("400",)) as page:
        await connected(page, live)
        shown = card(page, call)
        await shown.get_by_label("Note").fill("Ring\ntillbaka")
        call.annotated({**call.row.annotations, "note": "of a colleague", "tag2": "4711"})
        await shown.get_by_text("Field 1, Field 2, Field 3").click()
        await expect(shown.get_by_label("Field 2")).to_have_value("4711")
        await expect(shown.get_by_label("Note", exact=True)).to_have_value("Ring\ntillbaka")
        await shown.get_by_label("Mark", exact=True).select_option("Red")
        assert _saved(world, call) == ("", "", "")
        await shown.get_by_label("Field 1").fill("x" * 129)
        await shown.get_by_text("Field 1, Field 2, Field 3").click()
        await shown.get_by_role("button", name="Save").click()
        await expect(shown.get_by_text("Too long: at most 128 characters.")).to_be_visible()
        await expect(shown.get_by_label("Field 1")).to_be_focused()
        await expect(shown.get_by_label("Field 1")).to_have_value("x" * 129)
        await expect(shown.get_by_label("Field 1")).to_have_attribute("aria-invalid", "true")
        assert _saved(world, call) == ("", "", "")
        await shown.get_by_label("Field 1").fill("å" * 128)
        await shown.get_by_role("button", name="Save").click()
        await expect(shown.locator(".saved")).to_have_text("Saved")
        assert _saved(world, call) == ("Ring\ntillbaka", "red", "å" * 128)
        await shown.get_by_label("Note").press("End")
        await shown.get_by_label("Note").press("!")
        await expect(shown.locator(".saved")).to_have_text("")


@pytest.mark.parametrize("over", [False, True])
async def test_what_somebody_else_wrote_meanwhile_is_not_replaced_unseen(
    chromium: Browser, server: Server, world: World, live: Live, over: bool
) -> None:
    call = follow(world, live, "anna")
    async with opened(chromium, server) as page:
        await connected(page, live)
        shown, other = card(page, call), await page.context.new_page()
        await other.goto(f"{server.url}calls")
        await shown.get_by_label("Note").fill("of Anna")
        await card(other, call).get_by_label("Note").fill("of a colleague")
        await card(other, call).get_by_label("Mark", exact=True).select_option("Red")
        if over:
            end(call)
            await expect(shown.locator("b")).to_have_text("Call over")
        await card(other, call).get_by_role("button", name="Save").click()
        await expect(card(other, call).locator(".saved")).to_have_text("Saved")
        await shown.get_by_role("button", name="Save").click()
        await expect(shown.get_by_text("replace what is there: of a colleague")).to_be_visible()
        await expect(shown.get_by_label("Note")).to_be_focused()
        await expect(shown.locator(".saved")).to_have_text("")
        assert _saved(world, call)[:2] == ("of a colleague", "red")
        await shown.get_by_role("button", name="Save").click()
        await expect(shown.locator(".saved")).to_have_text("Saved")
        assert _saved(world, call)[:2] == ("of Anna", "red")


async def test_a_proxy_that_weakens_tags_keeps_nobody_from_saving(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    call = follow(world, live, "anna")
    async with opened(chromium, server) as page:

        async def weaker(route: Route) -> None:
            answer = await route.fetch()
            headers = answer.headers
            if tag := headers.get("etag"):
                headers["etag"] = f"W/{tag}"
            await route.fulfill(response=answer, headers=headers)

        await page.route("**/api/v1/calls/*", weaker)
        await connected(page, live)
        await card(page, call).get_by_label("Note").fill("By way of a proxy")
        await card(page, call).get_by_role("button", name="Save").click()
        await expect(card(page, call).locator(".saved")).to_have_text("Saved")
        assert _saved(world, call)[0] == "By way of a proxy"


async def test_who_signs_in_again_in_another_tab_saves_what_they_typed(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    call = follow(world, live, "anna")
    async with opened(chromium, server, complaints=("401", "403")) as page:
        await connected(page, live)
        shown, other = card(page, call), await page.context.new_page()
        await shown.get_by_label("Note").fill("Not lost")
        await other.goto(server.url)
        await other.get_by_role("button", name="Sign out").click()
        await expect(other.locator("#login")).to_be_visible()
        await shown.get_by_role("button", name="Save").click()
        await expect(
            shown.get_by_text("You have been signed out. Sign in again in another tab")
        ).to_be_visible()
        await other.locator("#login").fill("anna")
        await other.locator("#password").fill(PASSWORD)
        await other.locator("main button[type=submit]").click()
        await expect(other.get_by_role("heading", name="Recordings", exact=True)).to_be_visible()
        await shown.get_by_role("button", name="Save").click()
        await expect(shown.locator(".saved")).to_have_text("Saved")
        assert _saved(world, call)[0] == "Not lost"


async def test_pressed_twice_it_is_done_once(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    call = follow(world, live, "anna")
    async with opened(chromium, server) as page:
        await connected(page, live)
        pause, resume = (card(page, call).get_by_role("button", name=name) for name in ("Pause", "Resume"))
        await page.clock.pause_at(NOON + timedelta(days=365 * 10))
        await pause.click()
        await expect(resume).to_have_attribute("aria-disabled", "true")
        await resume.click(force=True)
        happen(call, Event.RESUME)  # by keys on the phone, at the same moment
        await expect(pause).to_have_attribute("aria-disabled", "true")
        await settled(page)
        await expect(pause).to_have_attribute("aria-disabled", "false")
        happen(call, Event.PAUSE)
        await expect(resume).to_be_visible()
        await resume.click(force=True)
        await settled(page)
        assert call.row.policy.state is State.PAUSED
        await resume.click()
        await expect(pause).to_be_visible()
        assert call.row.policy.state is State.RECORDING


async def test_what_rings_at_several_phones_of_a_user_is_one_call(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    desk, soft, mobile = (follow(world, live, "anna", Mode.ALWAYS) for _ in range(3))
    for call in (desk, soft, mobile):
        ringing = Standing(Mode.ALWAYS, State.RINGING, NOON)
        call.row = replace(call.row, call=desk.row.call, policy=ringing, answered_at=None)
    live.remove(mobile)  # not yet
    for call in (desk, soft):
        become(call)
    async with opened(chromium, server) as page:
        await expect(page.get_by_role("article")).to_have_count(1)
        await connected(page, live)
        live.add(mobile)
        become(mobile)
        await expect(page.get_by_role("article")).to_have_count(1)
        await card(page, desk).get_by_label("Note").fill("The one about the boat")
        await card(page, desk).get_by_role("button", name="Save").click()
        await expect(card(page, desk).locator(".saved")).to_have_text("Saved")
        end(desk)
        await expect(card(page, soft).locator("b")).to_have_text("Ringing")
        become(mobile, policy=Standing(Mode.ALWAYS, State.RECORDING, NOON), answered_at=NOON)
        await expect(card(page, mobile).locator("b")).to_have_text("Recording")
        end(soft)
        await expect(card(page, mobile).locator(".saved")).to_have_text("Saved")
        await expect(page.get_by_role("article")).to_have_count(1)
        assert _saved(world, mobile)[0] == "The one about the boat"


def _saved(world: World, call: Followed) -> tuple[str, str, str]:
    row = world.store.read_now(lambda: models.Leg.get_by_id(call.row.id))
    return row.note, row.mark, row.tag1


async def test_a_call_that_was_missed_says_so(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    call = follow(world, live, "anna")
    become(call, policy=Standing(Mode.ALWAYS, State.RINGING, NOON), answered_at=None)
    async with opened(chromium, server) as page:
        await connected(page, live)
        end(call)
        await expect(card(page, call).get_by_text("It was not answered.")).to_be_visible()


async def test_a_call_that_ends_does_not_take_an_unsaved_note_along(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    call = follow(world, live, "anna")
    async with opened(chromium, server) as page:
        await connected(page, live)
        shown = card(page, call)
        await shown.get_by_label("Note").fill("Not saved")
        end(call)
        await expect(shown.get_by_text("Nothing of it was recorded.")).to_be_visible()
        await shown.get_by_label("Note").blur()
        await page.mouse.move(0, 0)
        await page.clock.run_for(60_000)
        await shown.get_by_role("button", name="Save").click()
        await expect(shown.locator(".saved")).to_have_text("Saved")
        assert _saved(world, call)[0] == "Not saved"
        await shown.get_by_role("button", name="Save").blur()
        await page.mouse.move(0, 0)
        await page.clock.run_for(10_000)
        await expect(shown).to_have_count(0)


async def test_a_recording_that_was_destroyed_has_no_link(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    recording = world.recording(world.ids["anna"], stored=False, state="discarding")
    calls = [follow(world, live, login) for login in ("anna", "bo")]
    for call in calls:
        login = "anna" if call is calls[0] else "bo"
        async with opened(chromium, server, login) as page:
            await connected(page, live)
            end(call, recording)
            over = card(page, call).locator(".over-word")
            await expect(over).to_have_text(
                "The audio is being destroyed, as the recording mode says." * (login == "anna")
            )
            await expect(card(page, call).get_by_role("link")).to_have_count(0)


async def test_it_connects_again_and_says_so_meanwhile(
    chromium: Browser, context: WebContext, world: World, live: Live
) -> None:
    gone, stays = follow(world, live, "anna"), follow(world, live, "anna")
    server = await start(context)
    async with opened(chromium, server, complaints=("Failed to load", "WebSocket")) as page:
        await connected(page, live)
        await page.evaluate("window.kept = true")
        await server.close()
        await expect(page.locator("#disconnected")).to_be_visible()
        await expect(page.locator("#disconnected")).to_contain_text("Trying again")
        end(gone)
        happen(stays, Event.PAUSE)
        server = await start(replace(context, settings=Web(port=server.port)))
        await expect(page.locator("#disconnected")).to_be_hidden()
        await expect(card(page, gone).locator("b")).to_have_text("Call over")
        await expect(card(page, stays).locator("b")).to_have_text("Paused")
        happen(stays, Event.RESUME)
        await expect(card(page, stays).locator("b")).to_have_text("Recording")
        assert await page.evaluate("window.kept")
    await server.close()


async def test_a_follower_that_is_let_go_connects_again(
    chromium: Browser, server: Server, world: World, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = follow(world, live, "anna")
    async with opened(chromium, server) as page:
        await connected(page, live)
        with monkeypatch.context() as patch:
            patch.setattr("ari_recorder.live.WAITING_MAX", 0)
            live.publish(Changed(call.row))
        await expect(page.locator("#disconnected")).to_be_visible()
        await connected(page, live)
        happen(call, Event.PAUSE)
        await expect(card(page, call).locator("b")).to_have_text("Paused")


async def test_who_is_signed_out_is_told_and_keeps_what_they_typed(
    chromium: Browser, server: Server, world: World, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ari_recorder.web.watch.ASKED_AGAIN_S", 0.05)
    call = follow(world, live, "anna")
    async with opened(chromium, server, complaints=("401",)) as page:
        await connected(page, live)
        await card(page, call).get_by_label("Note").fill("Typed")
        world.change(models.User, world.ids["anna"], password_hash=None)
        await expect(page.get_by_role("link", name="Sign in again")).to_be_visible()
        await expect(page.locator("#disconnected")).to_be_hidden()
        await expect(card(page, call).get_by_label("Note")).to_have_value("Typed")


@pytest.mark.parametrize("reduced_motion", ["no-preference", "reduce"])
async def test_on_a_phone_the_indicator_fades_and_comes_back_on_a_tap(
    chromium: Browser, server: Server, world: World, live: Live, reduced_motion: str
) -> None:
    call = follow(world, live, "anna")
    async with opened(chromium, server, **PHONE, reduced_motion=reduced_motion) as page:
        await connected(page, live)
        signal = card(page, call).locator(".signal")
        await page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=10))
        await expect(signal).to_have_css("opacity", "0")
        moves = await signal.evaluate("signal => getComputedStyle(signal).transitionDuration")
        assert (moves == "0s") == (reduced_motion == "reduce")
        assert "text: Recording\n" in (read := await card(page, call).aria_snapshot())
        assert "since 13:00:00" in read
        await signal.tap()
        await page.clock.run_for(2_500)
        await expect(signal).to_have_css("opacity", "1")
        await page.clock.run_for(1_000)
        await expect(signal).to_have_css("opacity", "0")
        happen(call, Event.PAUSE)
        await expect(signal).to_have_css("opacity", "1")
        await expect(signal).to_contain_text("Paused")
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


async def test_on_a_desk_the_indicator_stays(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    call = follow(world, live, "anna")
    async with opened(chromium, server) as page:
        await connected(page, live)
        await page.clock.run_for(10_000)
        await expect(card(page, call).locator(".signal.faded")).to_have_css("opacity", "1")


async def test_an_administrator_sees_whose_calls_they_are_and_commands_none(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    async with opened(chromium, server, "admin-acme", language="sv") as page:
        await connected(page, live)
        calls = [follow(world, live, login) for login in ("anna", "bo", "olle")]
        for call in calls:
            become(call)
        await expect(page.get_by_role("article")).to_have_count(2)
        await expect(card(page, calls[0])).to_contain_text("Anna Andersson 101")
        await expect(card(page, calls[0]).locator("b")).to_have_text("Spelar in")
        await expect(card(page, calls[0]).locator(".since")).to_have_text("sedan 13:00:00")
        await expect(page.locator(".orders button:visible")).to_have_count(0)
        await card(page, calls[1]).get_by_text("Märkning och anteckning").click()
        await card(page, calls[1]).get_by_label("Anteckning").fill("Hej")
        await card(page, calls[1]).get_by_role("button", name="Spara").click()
        await expect(card(page, calls[1]).locator(".saved")).to_have_text("Sparat")


async def test_without_scripts(chromium: Browser, server: Server, world: World, live: Live) -> None:
    call = follow(world, live, "anna")
    async with opened(chromium, server, complaints=("400",), java_script_enabled=False) as page:
        await expect(page.locator("noscript .notice")).to_be_visible()
        await card(page, call).get_by_role("button", name="Pause").click()
        await expect(card(page, call).locator("b")).to_have_text("Paused")
        await card(page, call).get_by_text("Field 1, Field 2, Field 3").click()
        await card(page, call).get_by_label("Field 3").fill("x" * 200)
        await card(page, call).get_by_role("button", name="Save").click()
        await expect(card(page, call).get_by_text("Too long: at most 128")).to_be_visible()
        await expect(card(page, call).get_by_label("Field 3")).to_have_value("x" * 200)
        await card(page, call).get_by_label("Field 3").fill("3")
        await card(page, call).get_by_role("button", name="Save").click()
        await expect(card(page, call).locator(".saved")).to_have_text("Saved")
