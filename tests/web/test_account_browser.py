"""A real browser: one's account, a second factor, passkeys; on a desk and on a phone, and clean for axe."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, Page, expect

from ari_recorder.store.models import Organisation, SecondFactor, User
from ari_recorder.web import Server

from .test_browser import listened
from .world import PASSWORD, Clock, World

NEW = "seven yellow umbrellas"
SIZES = [(1280, 900), (390, 844)]


def named(server: Server) -> str:
    """The pages by a name: passkeys belong to one."""
    return f"http://localhost:{server.port}/"


async def sign_in(page: Page, address: str, login: str = "anna", password: str = PASSWORD) -> None:
    await page.goto(f"{address}sign-in?lang=en")
    await page.get_by_label("Login").fill(login)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_load_state()


async def clean(page: Page) -> None:
    """Nothing that axe finds (WCAG 2.2 A and AA, and good practice), and nothing wider than the screen."""
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await page.evaluate(AXE_SCRIPT)
    found = await page.evaluate("axe.run({resultTypes: ['violations']})")
    shown = [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"]]
    assert shown == []


async def picture(page: Page, folder: Path, name: str) -> None:
    """For who looks at how it looks: in pytest's temporary folder."""
    await page.screenshot(path=folder / f"{name}.png", full_page=True)


async def with_passkeys(page: Page) -> Any:
    """A virtual authenticator of the browser (WebDriver, "Web Authentication" extension)."""
    tools = await page.context.new_cdp_session(page)
    await tools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = await tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return tools, made["authenticatorId"]


async def code_now(page: Page, clock: Clock) -> str:
    secret = (await page.locator(".secret code").inner_text()).replace(" ", "")
    return pyotp.TOTP(secret).at(clock.at)


@pytest.mark.parametrize("size", SIZES)
async def test_an_app_is_added_and_used_without_scripts(
    chromium: Browser, server: Server, clock: Clock, size: tuple[int, int], tmp_path: Path
) -> None:
    context = await chromium.new_context(
        java_script_enabled=False, locale="en-GB", viewport={"width": size[0], "height": size[1]}
    )
    page = await context.new_page()
    await sign_in(page, named(server))
    await page.get_by_role("link", name="Anna Andersson").click()
    await page.locator("summary", has_text="Add a passkey").click()
    await expect(page.get_by_text("Passkeys need scripts")).to_be_visible()
    await expect(page.get_by_role("button", name="Make the passkey")).to_be_hidden()
    await page.locator("summary", has_text="Add an authenticator app").click()
    await page.locator("#app-password").fill(PASSWORD)
    await page.get_by_role("button", name="Go on to the QR code").click()
    await expect(page.get_by_role("img", name="QR code for the app")).to_be_visible()
    await picture(page, tmp_path, f"qr-{size[0]}")
    await page.get_by_label("Type the code").fill(await code_now(page, clock))
    secret = (await page.locator(".secret code").inner_text()).replace(" ", "")
    await page.get_by_role("button", name="Add the app").click()
    await expect(page.locator(".codes li")).to_have_count(10)
    await picture(page, tmp_path, f"codes-{size[0]}")
    await page.get_by_role("link", name="I have kept them").click()
    await expect(page.get_by_text("10 codes left")).to_be_visible()
    await page.get_by_role("button", name="Sign out", exact=True).first.click()
    clock.at += timedelta(seconds=30)
    await sign_in(page, named(server))
    await picture(page, tmp_path, f"step-{size[0]}")
    await page.get_by_label("Code of your authenticator app").fill(pyotp.TOTP(secret).at(clock.at))
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("heading", name="Recordings", exact=True)).to_be_visible()


async def test_a_passkey_is_made_and_used(
    chromium: Browser, server: Server, clock: Clock, world: World, tmp_path: Path
) -> None:
    context = await chromium.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page, complaints = await listened(context)
    tools, authenticator = await with_passkeys(page)
    await sign_in(page, named(server))
    await page.goto(f"{named(server)}account")
    await make_passkey(page, "wrong")
    await expect(page.locator("form[data-passkey] [data-problem]")).to_have_text(
        "Your password is not right."
    )
    await make_passkey(page, PASSWORD)
    await expect(page.locator(".codes li")).to_have_count(10)
    await clean(page)
    await page.get_by_role("link", name="I have kept them").click()
    await expect(page.locator(".own-what b", has_text="My phone")).to_be_visible()
    await picture(page, tmp_path, "with-passkey")
    await make_passkey(page, PASSWORD)
    await expect(page.locator("form[data-passkey] [data-problem]")).to_contain_text("has one already")
    await sign_out_and_in(page, server)
    await clean(page)
    await picture(page, tmp_path, "step-passkey")
    await page.get_by_role("button", name="Use the passkey").click()
    await expect(page.get_by_role("heading", name="Recordings", exact=True)).to_be_visible()
    await sign_out_and_in(page, server)
    await tools.send("WebAuthn.clearCredentials", {"authenticatorId": authenticator})
    await page.get_by_role("button", name="Use the passkey").click()
    await expect(page.locator("[data-problem]")).to_contain_text("was not given")
    assert [line for line in complaints if "422" not in line] == []
    assert world.store.read_now(lambda: {row.kind for row in SecondFactor.select()}) == {
        "passkey",
        "recovery",
    }


async def test_what_a_passkey_has_signed_is_taken_once(
    chromium: Browser, server: Server, clock: Clock
) -> None:
    context = await chromium.new_context(locale="en-GB")
    page = await context.new_page()
    await with_passkeys(page)
    await sign_in(page, named(server))
    await page.goto(f"{named(server)}account")
    await make_passkey(page, PASSWORD)
    await page.get_by_role("link", name="I have kept them").click()
    await sign_out_and_in(page, server)
    async with page.expect_request("**/sign-in/second-factor/passkey") as sent:
        await page.get_by_role("button", name="Use the passkey").click()
    body = (await sent.value).post_data_json
    await expect(page.get_by_role("heading", name="Recordings", exact=True)).to_be_visible()
    await sign_out_and_in(page, server)
    token = await page.locator("form[data-passkey] [name=form_token]").get_attribute("value")
    replayed = {"credential": body["credential"], "next": "/", "form_token": token or ""}
    answer = await context.request.post(
        f"{named(server)}sign-in/second-factor/passkey", form=replayed, max_redirects=0
    )
    assert answer.status == 401
    options = {"form_token": token or ""}
    asked = await context.request.post(f"{named(server)}sign-in/second-factor/passkey/options", form=options)
    assert asked.status == 200
    answer = await context.request.post(
        f"{named(server)}sign-in/second-factor/passkey", form=replayed, max_redirects=0
    )
    assert answer.status == 401, "signed for another challenge"


@pytest.mark.parametrize("size", SIZES)
async def test_who_needs_a_second_factor_adds_one_first(
    chromium: Browser, server: Server, clock: Clock, world: World, size: tuple[int, int], tmp_path: Path
) -> None:
    world.store.write_now(lambda: Organisation.update(second_factor="auditor").execute())
    world.change(User, world.ids["anna"], role="auditor")
    context = await chromium.new_context(locale="en-GB", viewport={"width": size[0], "height": size[1]})
    page, complaints = await listened(context)
    await sign_in(page, named(server))
    await expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    await clean(page)
    await picture(page, tmp_path, f"first-{size[0]}")
    await page.get_by_role("button", name="Go on to the QR code").click()
    await clean(page)
    await page.get_by_label("Type the code").fill("000000")
    await page.get_by_role("button", name="Add the app").click()
    await expect(page.get_by_role("alert")).to_contain_text("The code is not right")
    await page.get_by_label("Type the code").fill(await code_now(page, clock))
    await page.get_by_role("button", name="Add the app").click()
    await page.get_by_role("link", name="I have kept them").click()
    await expect(page.get_by_role("heading", name="Audit log", level=1)).to_be_visible()
    await expect(page.get_by_role("link", name="Recordings")).to_have_count(0)
    assert [line for line in complaints if "422" not in line] == []


async def test_by_a_number_or_without_https_it_is_said_why_there_are_no_passkeys(
    chromium: Browser, server: Server
) -> None:
    page = await (await chromium.new_context(locale="en-GB")).new_page()
    await sign_in(page, server.url)
    await page.goto(f"{server.url}account")
    await page.locator("summary", has_text="Add a passkey").click()
    await expect(page.get_by_text("on the machine itself as http://localhost")).to_be_visible()
    await expect(page.get_by_role("button", name="Make the passkey")).to_have_count(0)


async def test_a_password_is_changed_without_scripts(chromium: Browser, server: Server) -> None:
    context = await chromium.new_context(java_script_enabled=False, locale="en-GB")
    page = await context.new_page()
    await sign_in(page, named(server))
    await page.get_by_role("link", name="Anna Andersson").click()
    await page.get_by_label("Your password now").fill(PASSWORD)
    await page.get_by_label("New password", exact=True).fill(NEW)
    await page.get_by_label("New password once more").fill(NEW)
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_role("status")).to_contain_text("Your password was changed.")
    await page.get_by_role("button", name="Sign out", exact=True).first.click()
    await sign_in(page, named(server), password=NEW)
    await expect(page.get_by_role("heading", name="Recordings", exact=True)).to_be_visible()


async def make_passkey(page: Page, password: str) -> None:
    part = page.locator("details", has=page.locator("form[data-passkey]"))
    if not await part.evaluate("part => part.open"):
        await part.locator("summary").click()
    await part.get_by_label("A name for it").fill("My phone")
    await part.get_by_label("Your password, once more").fill(password)
    await part.get_by_role("button", name="Make the passkey").click()


async def sign_out_and_in(page: Page, server: Server) -> None:
    await page.get_by_role("button", name="Sign out", exact=True).first.click()
    await page.wait_for_url("**/sign-in")
    await sign_in(page, named(server))


async def test_codes_that_were_shown_are_not_made_again_by_loading_the_page_anew(
    chromium: Browser, server: Server, world: World
) -> None:
    context = await chromium.new_context(locale="en-GB")
    page, complaints = await listened(context)
    await with_passkeys(page)
    await sign_in(page, named(server))
    await page.goto(f"{named(server)}account")
    await make_passkey(page, PASSWORD)
    await page.get_by_role("link", name="I have kept them").click()
    await page.locator("summary", has_text="New codes").click()
    await page.locator("#codes-password").fill(PASSWORD)
    await page.get_by_role("button", name="Make new codes").click()
    await expect(page.locator(".codes li")).to_have_count(10)
    made = world.store.read_now(lambda: [row.secret for row in SecondFactor.select()])
    await page.reload()
    await expect(page.get_by_text("10 codes left")).to_be_visible()
    assert world.store.read_now(lambda: [row.secret for row in SecondFactor.select()]) == made
    assert complaints == []
    await context.close()
