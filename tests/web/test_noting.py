"""Note, mark and tags on the page of a recording: a plain form that overwrites nobody's change unseen."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from uuid import UUID

import pytest
from playwright.async_api import Browser, expect

from ari_recorder.store import models
from ari_recorder.store.annotations import may_annotate_recording
from ari_recorder.store.scope import scope_of
from ari_recorder.web import Server

from .test_account_browser import clean
from .test_browser import listened, sign_in
from .world import Answer, Clock, NewBrowser, World
from .world import Browser as Client


@pytest.fixture
def recording(world: World) -> UUID:
    return world.recording(world.ids["anna"], note="")


def form(answer: Answer) -> dict[str, str]:
    """The hidden fields of the form, as a browser would send them."""
    text = answer.text[answer.text.index('<form class="notes"') :]
    return {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text)
    }


def note_of(world: World) -> str:
    return str(world.store.read_now(lambda: models.Leg.select().first().note))


async def save(browser: Client, recording: UUID, hidden: dict[str, str], **typed: str) -> Answer:
    return await browser.post(f"/recordings/{recording}", {**hidden, **typed})


async def test_it_is_saved_and_shown(open_browser: NewBrowser, world: World, recording: UUID) -> None:
    browser = await open_browser("anna")
    hidden = form(await browser.get(f"/recordings/{recording}"))
    answer = await save(
        browser, recording, hidden, note="One\r\ntwo", mark="red", tag1="a", tag2="", tag3="c"
    )
    assert (answer.status, answer.headers["Location"]) == (303, f"/recordings/{recording}?said=saved#notes")
    shown = await browser.get(f"/recordings/{recording}?said=saved")
    assert '<p class="note-full" dir="auto">One\ntwo</p>' in shown.text
    assert '<p class="saved good-text" role="status">Saved</p>' in shown.text
    assert (await browser.get(f"/api/v1/recordings/{recording}")).json()["tag3"] == "c"
    assert form(shown)["version"] != hidden["version"]


async def test_somebody_elses_change_meanwhile_is_told_and_not_overwritten(
    open_browser: NewBrowser, world: World, recording: UUID
) -> None:
    anna, admin = await open_browser("anna"), await open_browser("admin-acme")
    hidden = form(await anna.get(f"/recordings/{recording}"))
    others = form(await admin.get(f"/recordings/{recording}"))
    assert (await save(admin, recording, others, note="<i>Theirs</i>", mark="blue")).status == 303
    refused = await save(anna, recording, hidden, note="x" * 4001)
    assert (refused.status, form(refused)["version"]) == (400, hidden["version"]), "still of the old version"
    told = await save(anna, recording, form(refused), note="Mine", mark="blue")
    assert (told.status, note_of(world)) == (412, "<i>Theirs</i>")
    assert "admin-acme has changed this meanwhile" in told.text
    assert "<li>Note: <bdi>&lt;i&gt;Theirs&lt;/i&gt;</bdi></li>" in told.text
    assert "<li>Mark:" not in told.text, "that is the same"
    assert ">\nMine</textarea>" in told.text
    assert (await save(anna, recording, form(told), note="Mine", mark="blue")).status == 303
    assert note_of(world) == "Mine"


async def test_without_a_version_nothing_is_written(
    open_browser: NewBrowser, world: World, recording: UUID
) -> None:
    browser = await open_browser("anna")
    hidden = form(await browser.get(f"/recordings/{recording}"))
    del hidden["version"]
    assert (await save(browser, recording, hidden, note="x")).status == 412
    assert note_of(world) == ""


async def test_what_is_pasted_along_is_left_out(
    open_browser: NewBrowser, world: World, recording: UUID
) -> None:
    browser = await open_browser("anna")
    hidden = form(await browser.get(f"/recordings/{recording}"))
    assert (await save(browser, recording, hidden, note="\ufeffav\u00adtal\u200e\u200b")).status == 303
    assert note_of(world) == "avtal\u200e"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("note", "x" * 4001, "at most 4000"),
        ("tag2", "a\u202e", "cannot be shown: U+202E at position 2"),
        ("mark", "mauve", "no such"),
    ],
)
async def test_a_wrong_value_is_told_at_its_field(
    open_browser: NewBrowser, world: World, recording: UUID, name: str, value: str, told: str
) -> None:
    browser = await open_browser("anna")
    hidden = form(await browser.get(f"/recordings/{recording}"))
    answer = await save(browser, recording, hidden, **{"tag1": "typed", name: value})
    problem = re.search(rf'<p class="field-problem bad-text" id="{name}-problem">([^<]+)', answer.text)
    assert problem
    assert told in problem[1]
    assert (answer.status, 'value="typed"' in answer.text, note_of(world)) == (400, True, "")
    assert f'aria-invalid="true" aria-describedby="{name}-problem"' in answer.text


async def test_who_may_not_annotate_has_no_form_and_writes_nothing(
    open_browser: NewBrowser, world: World, recording: UUID
) -> None:
    def supervise() -> None:
        acme = models.User.get_by_id(world.ids["anna"]).organisation_id
        group = models.Group.create(organisation=acme, name="Sales")
        models.Membership.create(group=group, user=world.ids["anna"])
        models.Supervision.create(group=group, user=world.ids["sue"], may_listen=True, may_annotate=False)

    hidden = form(await (await open_browser("anna")).get(f"/recordings/{recording}"))
    acme = world.store.read_now(lambda: models.User.get_by_id(world.ids["anna"]).organisation_id)
    world.user("sue", acme, number="103", role="supervisor")
    world.store.write_now(supervise)
    for login, seen in (("sue", 200), ("bo", 404), ("olle", 404)):
        browser = await open_browser(login)
        answer = await browser.get(f"/recordings/{recording}")
        assert (answer.status, '<form class="notes"' in answer.text) == (seen, False), login
        hidden["form_token"] = await browser.form_token("/")
        assert (await save(browser, recording, hidden, note="x")).status == 404, login
        assert (await save(browser, recording, {"version": "*"}, note="x")).status == 403, login
    assert note_of(world) == ""


def test_whose_recordings_may_be_annotated(world: World, recording: UUID) -> None:
    """Bo may annotate his calls, and not see his recordings."""

    def may(login: str, row: UUID) -> bool:
        asker = scope_of(world.ids[login])
        assert asker
        return may_annotate_recording(asker, row)

    bos = world.recording(world.ids["bo"])
    asked = [("anna", recording), ("bo", bos), ("anna", bos), ("admin-acme", bos), ("admin-other", bos)]
    found = [world.store.read_now(may, login, row) for login, row in asked]
    assert found == [True, False, False, True, False]


@pytest.mark.parametrize(("width", "scripts"), [(1280, True), (390, True), (390, False)])
async def test_in_a_browser(
    chromium: Browser,
    server: Server,
    recording: UUID,
    clock: Clock,
    width: int,
    scripts: bool,
) -> None:
    context = await chromium.new_context(
        viewport={"width": width, "height": 844}, java_script_enabled=scripts, locale="en-GB"
    )
    page, complaints = await listened(context)
    await sign_in(page, server)
    await page.goto(f"{server.url}recordings/{recording}")
    await page.locator("#notes summary", has_text="Write a note").click()
    await page.get_by_label("Note", exact=True).fill("Call  back on Friday")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved")).to_be_visible()
    await expect(page.locator(".note-full")).to_have_text("Call  back on Friday")
    clock.at += timedelta(seconds=1)
    await page.get_by_role("radio", name="Red").check()
    if not scripts:
        await page.get_by_role("button", name="Set the mark").click()
    await expect(page.get_by_text("History: 2 changes")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Undone")).to_be_visible()
    await expect(page.get_by_role("radio", name="No mark")).to_be_checked()
    await expect(page.locator(".note-full")).to_have_text("Call  back on Friday")
    assert complaints == []
    if scripts:  # last: what axe does in the player's shadow is blocked, and complained of
        await page.get_by_text("Change the note").click()
        await page.locator(".history > summary").click()
        await clean(page)
    await context.close()
