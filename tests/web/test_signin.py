"""Signing in and out: passwords, sessions that end when they should, forms, and the limit on tries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ari_recorder.web.ratelimit import RateLimit
from yarl import URL

from ari_recorder.store.models import User
from ari_recorder.web import session, signin

from .world import NOON, PASSWORD, Clock, NewBrowser, World, hashed


async def test_a_page_asked_for_signed_out_comes_after_signing_in(open_browser: NewBrowser) -> None:
    browser = await open_browser()
    asked = await browser.get("/recordings/x?a=1&b=%26")
    assert (asked.status, URL(asked.headers["Location"]).path) == (303, "/sign-in")
    form = await browser.get(asked.headers["Location"])
    assert 'name="next" value="/recordings/x?a=1&amp;b=%26"' in form.text
    signed_in = await browser.sign_in("anna", back="/recordings/x?a=1&b=%26")
    assert (signed_in.status, signed_in.headers["Location"]) == (303, "/recordings/x?a=1&b=%26")
    assert (await browser.get("/")).status == 200


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil",
        "/\t/evil",
        "/\n",
        "x",
        "javascript:1",
    ],
)
async def test_nobody_is_sent_to_another_site(open_browser: NewBrowser, elsewhere: str) -> None:
    assert signin.local_path(elsewhere) == "/"
    browser = await open_browser()
    assert (await browser.sign_in("anna", back=elsewhere)).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("login", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("", ""), ("a\0", "\0")]
)
async def test_a_wrong_password_and_an_unknown_login_are_answered_alike(
    open_browser: NewBrowser, login: str, password: str
) -> None:
    browser = await open_browser()
    answer = await browser.sign_in(login, password)
    assert answer.status == 401
    assert "Login or password is not right." in answer.text
    assert (await browser.get("/")).status == 303


async def test_the_cookie_is_hidden_from_scripts_and_other_sites(open_browser: NewBrowser) -> None:
    browser = await open_browser()
    cookie = (await browser.sign_in("anna")).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Max-Age=43200" in cookie
    assert "Secure" not in cookie


async def test_over_https_the_cookie_is_secure(open_browser: NewBrowser) -> None:
    browser = await open_browser()
    fields = {"login": "anna", "password": PASSWORD, "next": "/", "form_token": await browser.form_token()}
    answer = await browser.post("/sign-in", fields, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in answer.headers["Set-Cookie"]


async def test_signing_out(open_browser: NewBrowser) -> None:
    browser = await open_browser("anna")
    out = await browser.post("/sign-out", {"form_token": await browser.form_token("/")})
    assert (out.status, out.headers["Location"]) == (303, "/sign-in")
    assert (await browser.get("/")).status == 303


async def test_a_session_ends_with_its_time(open_browser: NewBrowser, clock: Clock) -> None:
    browser = await open_browser("anna")
    clock.at = NOON + timedelta(hours=11, minutes=59)
    assert (await browser.get("/")).status == 200
    clock.at = NOON + timedelta(hours=12)
    assert (await browser.get("/")).status == 303


async def test_a_deleted_user_is_signed_out_at_once(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("anna")
    world.delete_user(world.ids["anna"])
    assert (await browser.get("/")).status == 303
    assert (await browser.get("/api/v1/recordings")).status == 401


async def test_a_changed_password_ends_the_session(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("anna")
    world.change(User, world.ids["anna"], password_hash=hashed("another"))
    assert (await browser.get("/")).status == 303


async def test_a_changed_role_takes_effect_at_once(open_browser: NewBrowser, world: World) -> None:
    recording = world.recording(world.ids["anna"])
    browser = await open_browser("admin-acme")
    assert (await browser.get(f"/recordings/{recording}")).status == 200
    world.change(User, world.ids["admin-acme"], role="user")
    assert (await browser.get(f"/recordings/{recording}")).status == 404


async def test_a_cookie_of_another_key_is_nobody(open_browser: NewBrowser) -> None:
    browser = await open_browser()
    answer = await browser.get("/", headers={"Cookie": f"{session.COOKIE}=gAAAAABnonsense"})
    assert answer.status == 303


@pytest.mark.parametrize("token", ["", "wrong", "é"])
async def test_a_form_without_its_token_is_refused(open_browser: NewBrowser, token: str) -> None:
    browser = await open_browser("anna")
    assert (await browser.post("/sign-out", {"form_token": token})).status == 403
    assert (await browser.get("/")).status == 200
    fields = {"login": "anna", "password": PASSWORD, "form_token": token}
    signed_out = await open_browser()
    answer = await signed_out.post("/sign-in", fields)
    assert answer.status == 403
    assert "Please sign in again." in answer.text
    assert (await signed_out.get("/")).status == 303


async def test_a_form_sent_by_another_site_is_refused(open_browser: NewBrowser) -> None:
    browser = await open_browser("anna")
    fields = {"form_token": await browser.form_token("/")}
    crossed = await browser.post("/sign-out", fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert crossed.status == 403
    assert (await browser.post("/sign-out", fields, headers={"Sec-Fetch-Site": "same-origin"})).status == 303


async def test_what_is_not_a_form_is_refused(open_browser: NewBrowser) -> None:
    browser = await open_browser()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await browser.request("POST", "/sign-in", data=b"login=\xff\xfe", headers=kind)).status == 400
    assert (await browser.request("POST", "/sign-in", data=b"x" * 70_000, headers=kind)).status == 413


async def test_too_many_tries_have_to_wait(open_browser: NewBrowser, clock: Clock) -> None:
    browser = await open_browser()
    for _ in range(5):
        assert (await browser.sign_in("anna", "wrong")).status == 401
    refused = await browser.sign_in("anna", PASSWORD)
    assert refused.status == 429
    assert "Wait 15 min" in refused.text
    assert refused.headers["Retry-After"] == "900"
    assert (await browser.sign_in("olle", PASSWORD)).status == 303, "others may go on"
    clock.at += timedelta(minutes=15)
    again = await open_browser()
    assert (await again.sign_in("anna", PASSWORD)).status == 303
    other = await open_browser()
    assert (await other.sign_in("anna", PASSWORD)).status == 303


async def test_a_default_password_is_of_no_use_where_others_reach(
    open_browser: NewBrowser, world: World
) -> None:
    here = await open_browser("anna")
    world.change(User, world.ids["anna"], password_is_default=True)
    assert (await here.get("/")).status == 200
    exposed = await open_browser(host="192.0.2.1")
    answer = await exposed.sign_in("anna")
    assert answer.status == 403
    assert "default one" in answer.text
    assert (await exposed.get("/")).status == 303
    world.change(User, world.ids["anna"], password_is_default=False)
    assert (await exposed.sign_in("anna")).status == 303
    world.change(User, world.ids["anna"], password_is_default=True)
    assert (await exposed.get("/")).status == 303, "nor with a session begun before"


def test_the_limit_counts_within_its_window() -> None:
    limit = RateLimit(2, timedelta(seconds=10))
    limit.failed("k", NOON)
    assert limit.wait_s("k", NOON) == 0
    limit.failed("k", NOON + timedelta(seconds=4))
    assert limit.wait_s("k", NOON + timedelta(seconds=4)) == 6
    assert limit.wait_s("k", NOON + timedelta(seconds=10)) == 0
    limit.undo("k")
    limit.failed("k", NOON)
    limit.forget("k")
    assert limit.wait_s("k", NOON) == 0


def test_the_limit_does_not_grow_without_end() -> None:
    limit = RateLimit(2, timedelta(seconds=10), keys_max=100)
    for key in range(1000):
        limit.failed(key, NOON)
    assert len(limit._failures) == 100
